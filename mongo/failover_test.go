package mongo_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// ledger holds the ids of the writes that it has met.
type ledger struct {
	store.Snapshot `bson:",inline"`

	ID     int64    `bson:"_id" store:"key"`
	Writes []string `bson:"writes"`
}

// outcomes are what the callers were told of each write.
type outcomes struct {
	mu           sync.Mutex
	acknowledged map[string]bool
	unknown      map[string]bool
	failed       map[string]bool
	unnamed      []error
	// old counts the answers that a ledger is missing, although none is ever deleted. A primary that
	// was elected a moment ago may not know yet that the ledger's insert is committed: the reads of
	// this test are not linearizable.
	old int
}

// note remembers what the caller of one write was told, under the write's own id.
func (o *outcomes) note(id string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.acknowledged[id] = true
	case store.MayHaveHappened(err):
		o.unknown[id] = true
	case errors.Is(err, store.ErrTransient), errors.Is(err, store.ErrConflict):
		o.failed[id] = true
	case errors.Is(err, store.ErrNotFound):
		o.failed[id] = true
		o.old++
	default:
		o.failed[id] = true
		o.unnamed = append(o.unnamed, err)
	}
}

// strikes is how often each test takes the primary away.
var strikes = flag.Int("strikes", 2, "how often the tests of failovers take the primary away")

// TestFailover takes the primary away again and again under load. Every acknowledged write must be
// there once, no failed one may be, and an unknown one is either. Both ways run at once, since they
// mostly wait for elections, and before the tests that keep the processors busy.
func TestFailover(t *testing.T) {
	t.Run("PrimaryIsKilled", func(t *testing.T) {
		t.Parallel()
		failover(t, func(ctx context.Context, primary *testbed.Server) (restore func() error, err error) {
			return func() error { return primary.Restart(ctx) }, primary.Kill()
		})
	})
	t.Run("PrimaryIsPaused", func(t *testing.T) {
		t.Parallel()
		failover(t, func(_ context.Context, primary *testbed.Server) (restore func() error, err error) {
			return primary.Resume, primary.Pause()
		})
	})
}

// failover writes to a few documents from many goroutines while strike takes the primary away, and then
// compares what is stored with what each caller was told.
func failover(t *testing.T, strike func(context.Context, *testbed.Server) (func() error, error)) {
	t.Helper()
	const workers, ledgers = 8, 4
	set := testbed.StartMongoFailover(t, 3)
	database := set.Database(t)
	db := open(t, set.URI(), database, &mongo.Options{WriteTimeout: 3 * time.Second})
	r, err := store.NewRepository[ledger, int64](db, "ledgers", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	for id := range int64(ledgers) {
		require.NoError(t, r.Insert(t.Context(), &ledger{ID: id}))
	}
	told := &outcomes{acknowledged: map[string]bool{}, unknown: map[string]bool{}, failed: map[string]bool{}}
	var missing sync.Once
	progress := make(chan struct{}, 1)
	done := make(chan struct{})
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", w, n)
				err := enter(t.Context(), db, r, int64(w%ledgers), id, w%2 == 0)
				if errors.Is(err, store.ErrNotFound) { // none is ever deleted
					missing.Do(func() { logLedgers(t, set, database) })
				}
				told.note(id, err)
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	for range *strikes {
		for range 5 { // some writes between two strikes
			<-progress
		}
		restore, err := strike(t.Context(), set.Primary(t))
		require.NoError(t, err)
		set.Primary(t) // another one was elected
		for range 5 {
			<-progress
		}
		require.NoError(t, restore())
	}
	close(done)
	all.Wait()
	t.Logf(
		"%d acknowledged, %d unknown, %d failed, %d of them by an old answer", len(told.acknowledged),
		len(told.unknown), len(told.failed), told.old,
	)
	require.NotEmpty(t, told.acknowledged)
	require.Empty(t, told.unnamed, "every error has a name")
	times := map[string]int{}
	for id := range int64(ledgers) {
		var l ledger
		require.Eventually(t, func() bool { l, err = r.Get(t.Context(), id); return err == nil },
			testbed.Patience, 50*time.Millisecond)
		for _, write := range slices.Compact(slices.Sorted(slices.Values(l.Writes))) {
			times[write] = 0
		}
		for _, write := range l.Writes {
			times[write]++
		}
		assert.EqualValues(t, len(l.Writes)+1, l.Version)
	}
	for id, n := range times {
		assert.Equal(t, 1, n, "%s is there more than once", id)
		assert.False(t, told.failed[id], "%s is there and was said to have failed", id)
	}
	for id := range told.acknowledged {
		assert.Contains(t, times, id, "an acknowledged write is lost")
	}
}

// logLedgers logs what each node holds, by itself and without regard to the others: which of them has
// lost a document, and whether it takes itself for the primary.
func logLedgers(t *testing.T, set *testbed.MongoSet, database string) {
	for _, node := range set.Nodes() {
		client := direct(t, "mongodb://"+node.Addr()+"/?directConnection=true&timeoutMS=5000")
		var hello, ledgers bson.M
		helloErr := client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
		err := client.Database(database).RunCommand(t.Context(), bson.D{
			{Key: "find", Value: "ledgers"}, {Key: "projection", Value: bson.D{{Key: "version", Value: 1}}},
		}).Decode(&ledgers)
		t.Logf(
			"node %s: primary: %v, last write: %v, %v; ledgers: %v, %v", node.Addr(),
			hello["isWritablePrimary"], hello["lastWrite"], helloErr, ledgers["cursor"], err,
		)
	}
}

// enter writes an id into a ledger, by Modify alone or in a transaction.
func enter(
	ctx context.Context, db *store.DB, r *store.Repository[ledger, int64], key int64, id string, atomic bool,
) error {
	add := func(l *ledger) error { l.Writes = append(l.Writes, id); return nil }
	if !atomic {
		_, err := r.Modify(ctx, key, add)
		return err
	}
	return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := r.In(tx).Modify(ctx, key, add)
		return err
	})
}
