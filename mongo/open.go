package mongo

import (
	"context"
	"reflect"
	"strings"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Open connects to the deployment that uri names, in the form of the MongoDB driver, and opens a
// database of it. It asks the primary once what the deployment is. Reads and writes use the
// majority and the primary, whatever the uri says; w=0 is ErrInvalid, as is a uri that cannot be
// read. No error holds the uri or the password. A nil o means defaults. Close disconnects; now and
// then the driver waits in it for the next heartbeat of a server, 10 s by its default.
//
// The connections are encrypted and the servers' certificates are checked, unless all hosts are unix sockets or
// loopback or the uri says tls=false or tlsInsecure=true, of which Options.Store.Logger is warned. tlsCAFile names a CA
// of one's own.
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
	refusals, warnings := secure(client, uri)
	if len(refusals) > 0 {
		return nil, opening.Error(backend.Invalidf("the connection string: %s", strings.Join(refusals, "; ")))
	}
	backend.Warn(ctx, settings.Store.Logger, "mongo", warnings)
	client.Timeout = nil // each call brings a deadline of its own
	w := &watching{client: settings.ChangeClient}
	if w.client == nil {
		w.connect = func() (*mongodriver.Client, error) {
			o := options.Client().ApplyURI(uri).SetMinPoolSize(0).SetMaxPoolSize(100)
			_, _ = secure(o, uri) // which has been told of the first client
			o.Timeout = nil
			return mongodriver.Connect(o)
		}
	}
	c, err := mongodriver.Connect(client)
	if err != nil {
		return nil, opening.Error(backend.Invalidf("the connection string cannot be used"))
	}
	db, err := newDB(ctx, c, database, settings, true, w)
	if err != nil {
		_ = disconnect(c)
		return nil, err
	}
	return db, nil
}

// New opens a database over a client that the caller has made and goes on owning: Close leaves it
// connected. The client's own read and write concerns, read preference, registry and retryWrites are
// not used. A client with w=0 is ErrInvalid. Whether it checks its servers by TLS is the caller's concern: the driver
// does not tell. A nil o means defaults.
func New(ctx context.Context, client *mongodriver.Client, database string, o *Options) (*store.DB, error) {
	settings, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	if client == nil {
		return nil, opening.Error(backend.Invalidf("the *mongo.Client is nil"))
	}
	if isUnacknowledged(writeConcernOf(client)) {
		return nil, opening.Error(errUnacknowledged)
	}
	return newDB(ctx, client, database, settings, false, &watching{client: settings.ChangeClient})
}

var errUnacknowledged = backend.Invalidf("the write concern is w=0, which hides conflicts and failures: use w=majority")

func isUnacknowledged(wc *writeconcern.WriteConcern) bool { return wc != nil && !wc.Acknowledged() }

// writeConcernOf reads for New what the caller's client was made with. The driver has no function for that, so that
// its field is read. A setting that is not found where it is in the driver's present form counts as safe: the handles
// of this package state the write concern themselves.
func writeConcernOf(client *mongodriver.Client) (wc *writeconcern.WriteConcern) {
	v := reflect.ValueOf(client).Elem()
	concern := reflect.TypeFor[*writeconcern.WriteConcern]()
	if f := v.FieldByName("writeConcern"); f.IsValid() && f.Type() == concern && !f.IsNil() {
		wc = &writeconcern.WriteConcern{}
		w := f.Elem().FieldByName("W")
		if w.IsValid() && w.Kind() == reflect.Interface && !w.IsNil() && w.Elem().CanInt() {
			wc.W = int(w.Elem().Int())
		}
		if j := f.Elem().FieldByName("Journal"); j.IsValid() && j.Kind() == reflect.Pointer && !j.IsNil() {
			journal := j.Elem().Bool()
			wc.Journal = &journal
		}
	}
	return wc
}

// newDB makes the DB of Open and New.
func newDB(
	ctx context.Context, client *mongodriver.Client, name string, o Options, ownsClient bool,
	w *watching,
) (*store.DB, error) {
	if name == "" || strings.ContainsAny(name, "/\\. \"$\x00") {
		return nil, opening.Error(backend.Invalidf("%q cannot be the name of a database", name))
	}
	found, err := identify(ctx, client, o)
	if ended := ctx.Err(); err != nil && ended != nil {
		return nil, &store.Error{Op: "open", Err: ended}
	}
	if err != nil {
		return nil, opening.Error(untrusted(err))
	}
	return store.New(newDatabase(client, name, o, found, ownsClient, w), &o.Store)
}

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
