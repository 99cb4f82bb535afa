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

	"github.com/stillframe/stillframe/store/driver"
)

// transaction is a session with a transaction in it or, for a View, a snapshot session: all its
// reads are of the one majority-committed moment of the first, and the server holds nothing open
// for it between them.
type transaction struct {
	db         *database
	session    *mongodriver.Session
	isView     bool
	isOver     atomic.Bool
	hasGivenUp atomic.Bool // an operation was given up while it was on its way
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

// The waits between the attempts of a commit.
const (
	firstWait   = 5 * time.Millisecond
	longestWait = 200 * time.Millisecond
)

// Commit implements [driver.Tx]. A commit whose outcome is unknown is sent again until ctx ends: to the server
// it is the same commit, however often it comes. The last tenth of the time is left for the abort by which
// end frees a transaction whose commit has never arrived.
func (t *transaction) Commit(ctx context.Context) error {
	defer t.end(ctx)
	attempts, cancel := context.WithCancel(ctx)
	if end, ok := ctx.Deadline(); ok {
		cancel()
		attempts, cancel = context.WithDeadline(ctx, end.Add(-time.Until(end)/10))
	}
	defer cancel()
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err := t.session.CommitTransaction(attempts)
		if err == nil {
			return nil
		}
		err = &commitError{err}
		if !mayHaveCommitted(err) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-attempts.Done():
			timer.Stop()
			return err
		}
	}
}

// Rollback implements [driver.Tx]. A transaction whose abort does not arrive is ended by the server,
// after its transactionLifetimeLimitSeconds.
func (t *transaction) Rollback(ctx context.Context) error {
	defer t.end(ctx)
	if t.isView {
		return nil
	}
	err := t.session.AbortTransaction(ctx)
	if t.hasGivenUp.Load() {
		err = errors.Join(err, t.supersede(ctx))
	}
	return err
}

// supersede begins and aborts another transaction of the session, for Rollback. An operation that was given
// up on its way can reach the server after the abort and begin the transaction anew, which would then hold
// its locks until transactionLifetimeLimitSeconds. Once the session has a later transaction the server
// answers such an operation with an error, and ends what it has begun.
func (t *transaction) supersede(ctx context.Context) error {
	if err := t.session.StartTransaction(snapshotTx()); err != nil {
		return err
	}
	inner := mongodriver.NewSessionContext(ctx, t.session)
	// The read need not find anything: it is there to bring the new number to the server.
	err := t.db.native.Collection("stillframe").FindOne(inner, bson.D{{Key: keyPath, Value: 0}}).Err()
	if errors.Is(err, mongodriver.ErrNoDocuments) {
		err = nil
	}
	return errors.Join(err, t.session.AbortTransaction(ctx))
}

func (t *transaction) end(ctx context.Context) {
	t.isOver.Store(true)
	t.session.EndSession(ctx)
	t.db.txEnds()
}
