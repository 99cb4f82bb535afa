package mongo

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Open connects to the deployment that uri names, in the form of the MongoDB driver, and opens a
// database of it. It asks the primary once what the deployment is. Reads and writes use the
// majority and the primary, whatever the uri says; w=0, and retryWrites=false where there is a
// replica set, are ErrInvalid, as is a uri that cannot be read. No error holds the uri or the
// password. A nil o means defaults. Close disconnects.
func Open(ctx context.Context, uri, database string, o *Options) (*store.DB, error) {
	settings, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	client := options.Client().ApplyURI(uri)
	if client.Validate() != nil {
		return nil, opening.Error(backend.Invalidf("the connection string cannot be read"))
	}
	if isUnacknowledged(client.WriteConcern) {
		return nil, opening.Error(errUnacknowledged)
	}
	// Each call brings a deadline of its own. A timeout of the client would let the driver repeat
	// a write any number of times and forget the error of the first.
	client.Timeout = nil
	c, err := mongodriver.Connect(client)
	if err != nil {
		return nil, opening.Error(backend.Invalidf("the connection string cannot be used"))
	}
	retries := client.RetryWrites == nil || *client.RetryWrites
	db, err := newDB(ctx, c, database, settings, retries, true)
	if err != nil {
		_ = disconnect(c)
		return nil, err
	}
	return db, nil
}

// New opens a database over a client that the caller has made and goes on owning: Close leaves it
// connected. The client's own read and write concerns and read preference are not used. A client
// with w=0, or with retryWrites=false where there is a replica set, is ErrInvalid. A nil o means
// defaults.
func New(ctx context.Context, client *mongodriver.Client, database string, o *Options) (*store.DB, error) {
	settings, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	if client == nil {
		return nil, opening.Error(backend.Invalidf("the *mongo.Client is nil"))
	}
	wc, retries := settingsOf(client)
	if isUnacknowledged(wc) {
		return nil, opening.Error(errUnacknowledged)
	}
	return newDB(ctx, client, database, settings, retries, false)
}

var errUnacknowledged = backend.Invalidf("the write concern is w=0, which hides conflicts and failures: use w=majority")

func isUnacknowledged(wc *writeconcern.WriteConcern) bool { return wc != nil && !wc.Acknowledged() }

// settingsOf reads what a client was made with, for which the driver has no functions. A setting
// that is not found where it is in the driver's present form counts as safe: the handles of this
// package state the write concern themselves, and without retried writes a lost answer is an
// unknown outcome, as it is for any other write.
func settingsOf(client *mongodriver.Client) (wc *writeconcern.WriteConcern, retries bool) {
	v := reflect.ValueOf(client).Elem()
	if f := v.FieldByName("writeConcern"); f.IsValid() && f.Type() == reflect.TypeFor[*writeconcern.WriteConcern]() && !f.IsNil() {
		wc = &writeconcern.WriteConcern{}
		if w := f.Elem().FieldByName("W"); w.IsValid() && w.Kind() == reflect.Interface && !w.IsNil() && w.Elem().CanInt() {
			wc.W = int(w.Elem().Int())
		}
		if j := f.Elem().FieldByName("Journal"); j.IsValid() && j.Kind() == reflect.Pointer && !j.IsNil() {
			journal := j.Elem().Bool()
			wc.Journal = &journal
		}
	}
	f := v.FieldByName("retryWrites")
	return wc, !f.IsValid() || f.Kind() != reflect.Bool || f.Bool()
}

// deployment is what the server says that it is.
type deployment struct {
	version     string
	transaction bool // it has sessions with transactions
	text        string
}

func newDB(ctx context.Context, client *mongodriver.Client, name string, o Options, retries, owned bool) (*store.DB, error) {
	if name == "" || strings.ContainsAny(name, "/\\. \"$\x00") {
		return nil, opening.Error(backend.Invalidf("%q cannot be the name of a database", name))
	}
	found, err := identify(ctx, client, o)
	if ended := ctx.Err(); err != nil && ended != nil {
		return nil, &store.Error{Op: "open", Err: ended}
	}
	if err != nil {
		return nil, opening.Error(err)
	}
	if found.transaction && !retries {
		return nil, opening.Error(backend.Invalidf("retryWrites is false: a write whose answer is lost at an election could not be told from one that never arrived; set retryWrites=true"))
	}
	return store.New(newDatabase(client, name, o, found, owned), &o.Store)
}

// oldestWire is the wire version of MongoDB 5.0, the oldest server with snapshot reads and with
// field names that may hold dots and dollars.
const oldestWire = 13

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
	d := deployment{version: build.Version, transaction: true}
	switch {
	case hello.Msg == "isdbgrid":
		d.text = "sharded cluster"
	case hello.SetName != "":
		d.text = "replica set " + hello.SetName
	default:
		d.text, d.transaction = "standalone", false
	}
	return d, nil
}

func (d deployment) String() string { return fmt.Sprintf("MongoDB %s (%s)", d.version, d.text) }

// opening tells the errors of Open and New. The end of the caller's ctx is told by newDB: any other is the
// driver's own deadline, for a server that is not there.
var opening = backend.Opening{
	Backend: "mongo", Closed: "the client is disconnected",
	Classify: func(err error) driver.Fault {
		f := classify(err)
		if f.Class == driver.Canceled {
			f.Class = driver.Unavailable
		}
		return f
	},
}
