package mongo

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/stillframe/stillframe/store/driver"
)

// database is one open database.
type database struct {
	client     *mongodriver.Client
	native     *mongodriver.Database // majority, primary, and the driver's own codecs
	handle     *mongodriver.Database // the same with the client's codecs, or Options.Registry, for Native
	admin      *mongodriver.Database
	options    Options
	info       driver.Info
	ownsClient bool
	sender     sender
	leftovers  leftovers
	watching   *watching
	hasImages  bool // change streams can be asked for images from before

	mu       sync.Mutex
	open     int // transactions that have not ended
	isClosed bool
}

var _ driver.Database = (*database)(nil)

// mostKeys bounds the keys and list elements of one command, far below its 48 MB.
const mostKeys = 1000

// newDatabase makes what newDB gives to store.New. The handle states the read and write concerns and the
// read preference, since those of a caller's client are not what the guarantees need.
func newDatabase(
	client *mongodriver.Client, name string, o Options, found deployment, ownsClient bool, w *watching,
) *database {
	handle := options.Database().
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(durable())
	plain := plainCodecs().
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(durable())
	if o.Registry != nil {
		handle.SetRegistry(o.Registry)
	}
	native := client.Database(name, plain)
	return &database{
		client: client, native: native, handle: client.Database(name, handle),
		admin: client.Database("admin", plainCodecs()), options: o, ownsClient: ownsClient,
		watching: w, hasImages: found.major() >= 6,
		sender: sender{database: native, isSharded: found.isSharded, isSingle: !found.hasTx},
		info: driver.Info{
			Name:           "mongo",
			Server:         found.String(),
			System:         "mongodb",
			Database:       name,
			Transactions:   found.hasTx,
			Views:          found.hasTx,
			SnapshotTx:     true,
			Changes:        found.hasTx && (w.connect != nil || w.client != nil),
			TimePrecision:  time.Millisecond,
			DecimalDigits:  34,
			MaxKeys:        mostKeys,
			TrailingSpaces: true,
			CodePointOrder: true,
			UUIDOrder:      true,
			NestedPaths:    true,
			Native:         reflect.TypeFor[bson.D](),
			NativeText:     func(native any) ([]byte, error) { return nativeText(native, o.Registry) },
			NestedCodec:    func(t reflect.Type) bool { return isNestedCodec(t, o.Registry) },
			NestedForm:     func(t reflect.Type) func(reflect.Value) ([]byte, error) { return formOf(t, o.Registry) },
		},
	}
}

// durable acknowledges a write when the majority has it in its journal, which on a standalone
// server is that server's own.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

// Info implements [driver.Database].
func (d *database) Info() driver.Info { return d.info }

// Classify implements [driver.Database].
func (d *database) Classify(err error) driver.Fault { return classify(err) }

// Close implements [driver.Database]. While transactions are open the client stays connected, since
// each must still be aborted: the last to end disconnects it.
func (d *database) Close() error {
	d.leftovers.close()
	d.watching.close()
	if !d.ownsClient {
		return nil
	}
	d.mu.Lock()
	d.isClosed = true
	open := d.open
	d.mu.Unlock()
	if open > 0 {
		return nil
	}
	return d.disconnect()
}

// txBegins counts a transaction, for Close.
func (d *database) txBegins() {
	d.mu.Lock()
	d.open++
	d.mu.Unlock()
}

// txEnds counts it no longer. The last one disconnects a client that Close has left connected for it.
func (d *database) txEnds() {
	d.mu.Lock()
	d.open--
	last := d.open == 0 && d.isClosed
	d.mu.Unlock()
	if last {
		_ = d.disconnect()
	}
}

// disconnect ends the client of Open, for Close and txEnds.
func (d *database) disconnect() error {
	d.sender.end(context.Background())
	return disconnect(d.client)
}

// disconnectLimit bounds the wait for connections that are still in use.
const disconnectLimit = 5 * time.Second

// disconnect ends a client of our own. It may take longer than disconnectLimit: the driver interrupts the check of each
// server that is under way, misses one that is just beginning, and then waits for its answer, whatever the context
// says. A server answers it with its next heartbeat, and one that is paused is given up after 40 s.
func disconnect(client *mongodriver.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), disconnectLimit)
	defer cancel()
	if err := client.Disconnect(ctx); !errors.Is(err, mongodriver.ErrClientDisconnected) {
		return err
	}
	return nil
}

// closeLimit bounds the closing of a cursor, which asks the server only where an error has kept it from being read to
// its end. The server closes it by itself after ten minutes.
const closeLimit = time.Second

// closeCursor closes a cursor also when ctx has ended.
func closeCursor(ctx context.Context, cursor *mongodriver.Cursor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	_ = cursor.Close(ctx)
}

// bounded gives a call a deadline, where it has no sooner one. The driver tells it to the server
// as maxTimeMS.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= limit {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// edge is how long before the end of a context the driver and the server may already give up, since
// they leave time for the answer.
const edge = 100 * time.Millisecond

// waitForEnd returns the error of a call. The driver and the server give up a little before the caller's
// context ends, to leave time for the answer: such an error is held back until the context has ended. Package
// store looks at the context to tell the end of the caller's time from a server that is slow, and would
// otherwise report the wrong one of the two.
func waitForEnd(ctx context.Context, err error) error {
	if err == nil || !mongodriver.IsTimeout(err) {
		return err
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < edge {
		<-ctx.Done()
	}
	return err
}
