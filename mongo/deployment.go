package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/store"
)

// deployment is what the server says that it is.
type deployment struct {
	version string
	hasTx   bool // it has sessions with transactions
	text    string
}

// oldestWire is the wire version of MongoDB 5.0, the oldest server with snapshot reads and with
// field names that may hold dots and dollars.
const oldestWire = 13

// identify asks the primary once what the deployment is, for newDB: whether it has transactions is a fact for
// package store, and a server that is too old would accept a read of a snapshot and answer it otherwise.
func identify(ctx context.Context, client *mongodriver.Client, o Options) (deployment, error) {
	ctx, cancel := context.WithTimeout(ctx, o.ReadTimeout)
	defer cancel()
	var hello struct {
		SetName string `bson:"setName"`
		Msg     string `bson:"msg"`
		Wire    int    `bson:"maxWireVersion"`
	}
	admin := client.Database("admin")
	if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return deployment{}, err
	}
	var build struct {
		Version string `bson:"version"`
	}
	if err := admin.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return deployment{}, err
	}
	if hello.Wire < oldestWire {
		return deployment{}, fmt.Errorf("%w: MongoDB %s is older than 5.0", store.ErrUnsupported, build.Version)
	}
	d := deployment{version: build.Version, hasTx: true}
	switch {
	case hello.Msg == "isdbgrid":
		d.text = "sharded cluster"
	case hello.SetName != "":
		d.text = "replica set " + hello.SetName
	default:
		d.text, d.hasTx = "standalone", false
	}
	return d, nil
}

func (d deployment) String() string { return fmt.Sprintf("MongoDB %s (%s)", d.version, d.text) }
