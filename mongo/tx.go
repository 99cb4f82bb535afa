package mongo

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// transaction is a session with a transaction in it or, for a View, a snapshot session: all its
// reads are of the one majority-committed moment of the first, and the server holds nothing open
// for it between them.
type transaction struct {
	db       *database
	session  *mongodriver.Session
	isView   bool
	isOver   atomic.Bool
	isLost   atomic.Bool // an operation was sent, and no server has answered it
	isNative atomic.Bool // the caller has sent operations of its own, of which nothing is known here

	// collection is the one of the last operation, nil before the first. The operation may have begun the transaction
	// at the server.
	collection atomic.Pointer[mongodriver.Collection]
	isSettled  bool // the server has said that the transaction is over
}

var _ driver.Tx = (*transaction)(nil)

// Begin implements [driver.Database]. It does no I/O: the first operation begins the transaction
// at the server.
func (d *database) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !d.info.Transactions {
		return nil, errNoTransactions
	}
	// Snapshots need no causal consistency: they are taken on the primary, which has every
	// acknowledged write.
	s, err := d.client.StartSession(options.Session().SetCausalConsistency(false).SetSnapshot(p.View))
	if err != nil {
		return nil, err
	}
	if !p.View {
		err = s.StartTransaction(snapshotTx())
	}
	if err != nil {
		s.EndSession(ctx)
		return nil, err
	}
	d.txBegins()
	return &transaction{db: d, session: s, isView: p.View}, nil
}

func snapshotTx() *options.TransactionOptionsBuilder {
	return options.Transaction().
		SetReadConcern(readconcern.Snapshot()).
		SetWriteConcern(durable()).
		SetReadPreference(readpref.Primary())
}

// Commit implements [driver.Tx]. The first try is sent by itself, so that its error is known: only by it can the server
// say that the transaction was not committed. A later try may follow one that was done. A commit whose outcome is
// unknown is sent again until ctx ends, where the server may yet know: to it it is the same commit, however often it
// comes. The last tenth of the time is left for ending a transaction whose commit has never arrived.
func (t *transaction) Commit(ctx context.Context) error {
	defer t.end(ctx)
	if t.collection.Load() == nil {
		// Nothing was sent, or by the caller alone: then the driver knows whether there is anything to commit.
		t.isSettled = !t.isNative.Load()
		return tried(t.session.CommitTransaction(ctx), t.isNative.Load())
	}
	tries, cancel := context.WithCancel(ctx)
	if end, ok := ctx.Deadline(); ok {
		cancel()
		tries, cancel = context.WithDeadline(ctx, end.Add(-time.Until(end)/10))
	}
	defer cancel()
	wait := firstWait
	err := t.tell(tries, commitCommand())
	for err != nil && !mayHaveCommitted(err) && isWorthRepeating(err) && pause(tries, wait) {
		wait = min(2*wait, longestWait)
		err = t.tell(tries, commitCommand()) // none was sent yet
	}
	switch {
	case err == nil:
		t.isSettled = true
		return nil
	case !mayHaveCommitted(err):
		t.isSettled = isAnswered(err) && !t.isLost.Load()
		t.supersede(ctx)
		return tried(err, false)
	}
	for again := err; isUnsettled(again) && pause(tries, wait); wait = min(2*wait, longestWait) {
		if again = t.session.CommitTransaction(tries); again == nil {
			t.isSettled = true
			return nil
		}
	}
	t.supersede(ctx)
	return tried(err, true)
}

// Rollback implements [driver.Tx]. The transaction is over when the server says so, and when no operation can arrive
// later: see supersede.
func (t *transaction) Rollback(ctx context.Context) error {
	defer t.end(ctx)
	if t.isView || t.collection.Load() == nil && !t.isNative.Load() {
		t.isSettled = true
		return nil
	}
	err := t.tell(ctx, abortCommand())
	if isCode(err, noSuchTransaction) {
		err = nil // it was aborted already, by the error of an operation
	}
	t.isSettled = err == nil && !t.isLost.Load() && !t.isNative.Load()
	t.supersede(ctx)
	if t.isSettled {
		return nil
	}
	return err
}

const noSuchTransaction = 251

func commitCommand() bson.Raw {
	at, b := beginDocument(nil)
	b = appendInt32(appendHeader(b, bson.TypeInt32, "commitTransaction"), 1)
	return endDocument(appendDurable(b), at)
}

func abortCommand() bson.Raw {
	at, b := beginDocument(nil)
	return endDocument(appendInt32(appendHeader(b, bson.TypeInt32, "abortTransaction"), 1), at)
}

// tell sends the commit or the abort, once. The driver's own methods send both again and again, give out the error of
// the last try of a commit, and none of an abort.
func (t *transaction) tell(ctx context.Context, command bson.Raw) error {
	return t.db.admin.RunCommand(mongodriver.NewSessionContext(ctx, t.session), command).Err()
}

// settle is supersede for the leftovers. It reports whether nothing is left.
func (t *transaction) settle(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	t.supersede(ctx)
	t.forget()
	return t.isSettled
}

// settleLimit bounds the two requests of supersede that run behind a call's end.
const settleLimit = 2 * time.Second

// supersede makes sure that nothing is left of a transaction of which the server has not said that it is over. It
// begins and aborts another one of the session. That ends the first, and an operation of it that was held up on its way
// and arrives later is refused; it would begin the transaction anew, which would then hold its documents until
// transactionLifetimeLimitSeconds. What cannot be done now is left to the database's leftovers.
func (t *transaction) supersede(ctx context.Context) {
	if t.isSettled || ctx.Err() != nil {
		return
	}
	t.forget()
	if err := t.session.StartTransaction(snapshotTx()); err != nil {
		return
	}
	collection := t.collection.Load()
	if collection == nil {
		collection = t.db.native.Collection("stillframe")
	}
	// The read need not find anything: it is there to bring the new number to the server.
	err := collection.FindOne(mongodriver.NewSessionContext(ctx, t.session), bson.D{{Key: keyPath, Value: 0}}).Err()
	if err == nil || errors.Is(err, mongodriver.ErrNoDocuments) {
		t.isSettled = t.tell(ctx, abortCommand()) == nil
	}
}

// forget tells the driver that the session's transaction is over. Under a context that has ended it sends nothing.
func (t *transaction) forget() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = t.session.AbortTransaction(ctx) // its error would be that there is none
}

// end gives up the transaction, for Commit and Rollback, and keeps the session where the server has yet to be told.
func (t *transaction) end(ctx context.Context) {
	t.isOver.Store(true)
	t.forget()
	if t.isSettled || !t.db.leftovers.add(t.settle, t.session.EndSession) {
		t.session.EndSession(ctx)
	}
	t.db.txEnds()
}

// readFailure is the error of a call that only reads, of which nothing can come later but the beginning of a
// transaction.
func readFailure(ctx context.Context, tx driver.Tx, err error) error {
	if err == nil {
		return nil
	}
	return backend.Unsent(failed(ctx, tx, err))
}

// failed is the error of a request. One of a Tx that no server has answered may still reach it, and is noted for
// Rollback.
func failed(ctx context.Context, tx driver.Tx, err error) error {
	if t, ok := tx.(*transaction); ok && !isAnswered(err) && clientFault(err).Sent {
		t.isLost.Store(true)
	}
	return waitForEnd(ctx, err)
}
