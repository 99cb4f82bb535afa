package mongo_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// TestPausedServerKeepsNothing has a server stand still while transactions run. When it goes on it works through what
// it was sent, of calls that have long returned. The server itself would end nothing of it within this test.
func TestPausedServerKeepsNothing(t *testing.T) {
	t.Parallel()
	set := testbed.StartMongo(t, 1)
	node := set.Nodes()[0]
	behind := direct(t, node.DSN()).Database("admin")
	never := doc("setParameter", 1, "transactionLifetimeLimitSeconds", 3600)
	require.NoError(t, behind.RunCommand(t.Context(), never).Err())
	db := open(t, set.URI(), set.Database(t), nil)
	r := newClubs(t, db)
	const workers = 4
	for id := range int64(2 * workers) {
		require.NoError(t, r.Insert(t.Context(), &club{ID: id}))
	}
	// Half of the transactions have written when the server stops, the other half begin then.
	var written, all sync.WaitGroup
	written.Add(workers)
	stopped := make(chan struct{})
	for id := range int64(2 * workers) {
		all.Go(func() {
			if id >= workers {
				<-stopped
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			o := &store.TxOptions{EndTimeout: 200 * time.Millisecond}
			_ = db.Atomic(ctx, o, func(ctx context.Context, tx *store.Tx) error {
				_, err := r.In(tx).Modify(ctx, id, func(c *club) error { c.Balance++; return nil })
				if id < workers {
					written.Done()
					<-stopped
				}
				return err
			})
		})
	}
	written.Wait()
	require.NoError(t, node.Pause())
	close(stopped)
	all.Wait()
	require.NoError(t, node.Resume())
	require.Eventually(t, func() bool { return openTransactions(t, behind) == 0 },
		testbed.Patience, 20*time.Millisecond, "a transaction of a call that has returned is open")
	for id := range int64(2 * workers) {
		_, err := r.Modify(t.Context(), id, func(c *club) error { c.Balance++; return nil })
		require.NoError(t, err)
	}
	require.Zero(t, openTransactions(t, behind))
}

// openTransactions counts the transactions that a server holds open, those of which nothing is running too.
func openTransactions(t *testing.T, admin *mongodriver.Database) int {
	t.Helper()
	cursor, err := admin.Aggregate(t.Context(), bson.A{
		doc("$currentOp", doc("idleSessions", true)), doc("$match", doc("transaction.parameters.autocommit", false)),
	})
	require.NoError(t, err)
	var open []bson.Raw
	require.NoError(t, cursor.All(t.Context(), &open))
	return len(open)
}

// TestEveryRequestHasADeadline looks at what is sent by calls whose context has none, an error on the way included.
func TestEveryRequestHasADeadline(t *testing.T) {
	t.Parallel()
	node := singleNode(t)
	p := testbed.NewProxy(t, node.Addr())
	var isLate, killed atomic.Bool
	db := open(t, p.URI(), testbed.Mongo(t).Database(t), nil)
	r := newClubs(t, db)
	for id := range int64(5) {
		require.NoError(t, r.Insert(t.Context(), &club{ID: id, Tags: []string{strings.Repeat("x", 5<<20)}}))
	}
	p.OnClient(func(data []byte) testbed.Action {
		switch {
		case bytes.Contains(data, []byte("\x12getMore\x00")):
			return testbed.Stall
		case bytes.Contains(data, []byte("\x02killCursors\x00")):
			killed.Store(true)
			isLate.Store(!bytes.Contains(data, []byte("maxTimeMS\x00")))
		}
		return testbed.Pass
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := store.Collect(r.Find(ctx, store.Query{}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.True(t, killed.Load(), "the cursor is open")
	assert.False(t, isLate.Load(), "killCursors has no deadline")
}

// TestAtomicThatWaitsForItself writes with the outer context, inside Atomic, what the transaction has written, on a
// pool of one connection. It ends within the bounds of both, and says which they are.
func TestAtomicThatWaitsForItself(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	o := &mongo.Options{WriteTimeout: 300 * time.Millisecond}
	db := open(t, with(set.URI(), "maxPoolSize=1"), set.Database(t), o)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	credit := func(c *club) error { c.Balance++; return nil }
	bounds := &store.TxOptions{RunTimeout: 2 * time.Second, Timeout: 2 * time.Second}
	err := db.Atomic(t.Context(), bounds, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, credit); err != nil {
			return err
		}
		_, err := r.Modify(t.Context(), 1, credit)
		return err
	})
	require.ErrorIs(t, err, store.ErrUnknownOutcome)
	assert.ErrorContains(t, err, "WriteTimeout")
	assert.ErrorContains(t, err, "use In(tx)")

	bounds.RunTimeout = 100 * time.Millisecond
	err = db.Atomic(t.Context(), bounds, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, credit); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
	require.ErrorIs(t, err, store.ErrTransient)
	assert.ErrorContains(t, err, "TxOptions: RunTimeout 100ms, Timeout 2s")
	c, err := r.Modify(t.Context(), 1, credit)
	require.NoError(t, err)
	assert.EqualValues(t, 1, c.Balance)
}
