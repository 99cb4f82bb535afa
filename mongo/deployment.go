package mongo

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/store"
)

// deployment is what the server says that it is.
type deployment struct {
	version string
	hasTx   bool // it has sessions with transactions
	text    string

	isSharded bool
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
	admin := client.Database("admin", plainCodecs())
	if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return deployment{}, err
	}
	build := struct {
		Version string `bson:"version"`
	}{wireVersion(hello.Wire)}
	// Stable API version 1, where a client is strict about it, has no such command.
	err := admin.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build)
	if err != nil && !isAnswered(err) {
		return deployment{}, err
	}
	if hello.Wire < oldestWire {
		return deployment{}, fmt.Errorf("%w: MongoDB %s is older than 5.0", store.ErrUnsupported, build.Version)
	}
	d := deployment{version: build.Version, hasTx: true}
	switch {
	case hello.Msg == "isdbgrid":
		d.text, d.isSharded = "sharded cluster", true
	case hello.SetName != "":
		d.text = "replica set " + hello.SetName
	default:
		d.text, d.hasTx = "standalone", false
	}
	return d, nil
}

// plainCodecs are the options of a handle that reads what the server says of itself, and writes commands, by the
// driver's own codecs: those of a caller's client may have another form for strings and numbers.
func plainCodecs() *options.DatabaseOptionsBuilder {
	return options.Database().SetRegistry(bson.NewRegistry()).SetBSONOptions(&options.BSONOptions{})
}

// wireVersion is the oldest version of the server that speaks a version of the wire protocol, as the release notes
// have it, for a server that does not tell its own.
func wireVersion(n int) string {
	for _, known := range []struct {
		wire    int
		version string
	}{{27, "8.2"}, {26, "8.1"}, {25, "8.0"}, {21, "7.0"}, {17, "6.0"}, {oldestWire, "5.0"}} {
		if n >= known.wire {
			return known.version
		}
	}
	return "4"
}

// major is the number before the first dot of the version, 0 where there is none.
func (d deployment) major() int {
	text, _, _ := strings.Cut(d.version, ".")
	n, _ := strconv.Atoi(text)
	return n
}

func (d deployment) String() string { return fmt.Sprintf("MongoDB %s (%s)", d.version, d.text) }
