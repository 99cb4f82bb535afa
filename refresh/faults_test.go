package refresh_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

// strikes is how often a test takes a server away.
var strikes = flag.Int("strikes", 1, "how often the tests of faults take the server away")

// onMongo is two programs on a replica set, and a client that does harm.
func onMongo(t *testing.T, set *testbed.MongoSet) (two, *mongodriver.Database) {
	t.Helper()
	name := set.Database(t)
	b := connect(t, func() (*store.DB, error) { return mongo.Open(t.Context(), set.URI(), name, nil) })
	client, err := mongodriver.Connect(options.Client().ApplyURI(set.URI()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Disconnect(context.Background())) })
	return b, client.Database(name)
}

// streams are the cursors on the clubs of a database.
func streams(t *testing.T, db *mongodriver.Database) (ids []int64) {
	t.Helper()
	cursor, err := db.Client().Database("admin").Aggregate(t.Context(), mongodriver.Pipeline{
		{{Key: "$currentOp", Value: bson.D{{Key: "idleCursors", Value: true}}}},
		{{Key: "$match", Value: bson.D{{Key: "ns", Value: db.Name() + ".clubs"}}}},
	})
	require.NoError(t, err)
	var found []struct {
		Cursor struct {
			ID int64 `bson:"cursorId"`
		} `bson:"cursor"`
	}
	require.NoError(t, cursor.All(t.Context(), &found))
	for _, op := range found {
		if op.Cursor.ID != 0 {
			ids = append(ids, op.Cursor.ID)
		}
	}
	return ids
}

// killStreams ends them, and returns how many there were.
func killStreams(t *testing.T, db *mongodriver.Database) int {
	t.Helper()
	ids := streams(t, db)
	for _, id := range ids {
		require.NoError(t, db.RunCommand(t.Context(), bson.D{
			{Key: "killCursors", Value: "clubs"}, {Key: "cursors", Value: bson.A{id}},
		}).Err())
	}
	return len(ids)
}

// failOnce has the server answer the next command of a name with an error.
func failOnce(t *testing.T, db *mongodriver.Database, command string, code int) {
	t.Helper()
	require.NoError(t, db.Client().Database("admin").RunCommand(t.Context(), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{
			{Key: "failCommands", Value: bson.A{command}},
			{Key: "errorCode", Value: code},
			{Key: "namespace", Value: db.Name() + ".clubs"},
		}},
	}).Err())
}

// TestChangeStreamGoesOn breaks the stream between writes of which nothing else tells.
func TestChangeStreamGoesOn(t *testing.T) {
	t.Parallel()
	b, db := onMongo(t, testbed.StartMongo(t, 1))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, b.away.Insert(ctx, &club{ID: 1}))
	killed := 0
	harm := []func(){
		func() { killed += killStreams(t, db) },
		func() { killed += killStreams(t, db) },
		func() { failOnce(t, db, "getMore", 286) }, // the oplog has rolled over
		func() { failOnce(t, db, "getMore", 280) },
		func() { failOnce(t, db, "getMore", 43) },
		func() { failOnce(t, db, "getMore", 89) },
	}
	last, i := int64(0), 0
	for c, err := range refresh.Watch(ctx, b.here, 1, never) {
		require.NoError(t, err)
		require.Greater(t, c.Version, last)
		if last = c.Version; i == 3*len(harm) {
			break
		}
		if i >= len(harm) { // by then the stream stands
			harm[i%len(harm)]()
		}
		pay(t, b.away, 1, 1)
		i++
	}
	assert.NotZero(t, killed, "no stream was there to be killed")
}

// TestCollectionIsDropped and made again under a Follow, and under a Watch.
func TestCollectionIsDropped(t *testing.T) {
	t.Parallel()
	b, db := onMongo(t, testbed.Mongo(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, b.away.Insert(ctx, &club{ID: 1}))
	steps := []func(){
		func() { pay(t, b.away, 1, 1) },
		func() { require.NoError(t, db.Collection("clubs").Drop(ctx)) },
		func() { require.NoError(t, b.away.Insert(ctx, &club{ID: 1})) },
		func() { pay(t, b.away, 1, 1) },
		func() { require.NoError(t, db.Collection("clubs").Drop(ctx)) },
	}
	want := []int{1, 1, 0, 1, 1, 0}
	i := 0
	for p, err := range refresh.Follow(ctx, b.here, store.Query{}.Limit(5), never) {
		require.NoError(t, err)
		require.Len(t, p.Items, want[i])
		if i == len(steps) {
			break
		}
		steps[i]()
		i++
	}
	require.NoError(t, b.away.Insert(ctx, &club{ID: 1}))
	var ended error
	for c, err := range refresh.Watch(ctx, b.here, 1, never) {
		if ended = err; err == nil && c.Version == 1 {
			pay(t, b.away, 1, 1)
		} else if err == nil {
			require.NoError(t, db.Collection("clubs").Drop(ctx))
		}
	}
	require.ErrorIs(t, ended, store.ErrNotFound)
}

// underStrikes has watchers follow what writers do while a server goes away and comes back: each sees versions that
// rise, and the last one, and nothing is gone that is there.
func underStrikes(t *testing.T, b two, strike func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	const entities, perEntity, writers = 4, 3, 4
	for id := range int64(entities) {
		require.NoError(t, b.away.Insert(ctx, &club{ID: id}))
	}
	var isOver atomic.Bool
	var work, writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for n := i; !isOver.Load() && ctx.Err() == nil; n++ {
				_, err := b.away.Modify(ctx, int64(n%entities), func(c *club) error { c.Budget++; return nil })
				if errors.Is(err, store.ErrNotFound) { // a primary that is new may not know yet what is committed
					continue
				}
				if err != nil && !errors.Is(err, store.ErrTransient) && !store.MayHaveHappened(err) {
					assert.NoError(t, err)
				}
			}
		})
	}
	var last [entities]atomic.Int64 // the version that each has in the end
	for i := range entities * perEntity {
		id := i % entities
		work.Go(func() {
			seen := int64(0)
			for c, err := range refresh.Watch(ctx, b.here, int64(id), nil) {
				if !assert.NoError(t, err) || !assert.Greater(t, c.Version, seen) {
					return
				}
				if seen = c.Version; c.Budget < 0 {
					last[id].CompareAndSwap(0, seen)
					assert.Equal(t, last[id].Load(), seen)
					return
				}
			}
		})
	}
	for range *strikes {
		if !assert.NoError(t, strike(ctx)) {
			break
		}
	}
	isOver.Store(true)
	writing.Wait()
	for id := range int64(entities) { // which every watcher is to see
		for ctx.Err() == nil {
			_, err := b.away.Modify(ctx, id, func(c *club) error { c.Budget = -1; return nil })
			if err == nil {
				break
			}
		}
	}
	work.Wait()
}

// TestPrimaryIsKilled takes the primary away under Watches.
func TestPrimaryIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: three nodes")
	}
	t.Parallel()
	set := testbed.StartMongoFailover(t, 3)
	b, _ := onMongo(t, set)
	underStrikes(t, b, func(ctx context.Context) error {
		primary := set.Primary(t)
		if err := primary.Kill(); err != nil {
			return err
		}
		return primary.Restart(ctx)
	})
}

// TestServerIsRestarted takes MariaDB away under Watches.
func TestServerIsRestarted(t *testing.T) {
	t.Parallel()
	server := testbed.StartMariaDB(t)
	dsn := server.Database(t)
	b := connect(t, func() (*store.DB, error) { return mysql.Open(t.Context(), dsn, nil) })
	underStrikes(t, b, func(ctx context.Context) error {
		if err := server.Kill(); err != nil {
			return err
		}
		return server.Restart(ctx)
	})
}

// TestNothingStays ends a crowd of Watches at random moments: no hub is left, and no cursor at the server.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	b, db := onMongo(t, testbed.Mongo(t))
	require.NoError(t, b.away.Insert(t.Context(), &club{ID: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var writing, watching sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			if _, err := b.away.Modify(ctx, 1, func(c *club) error { c.Budget++; return nil }); ctx.Err() == nil {
				assert.NoError(t, err)
			}
		}
	})
	for range 100 {
		watching.Go(func() {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			left := rand.IntN(10)
			for _, err := range refresh.Watch(ctx, b.here, 1, nil) {
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				if left--; left < 0 {
					cancel()
				}
			}
		})
	}
	watching.Wait()
	cancel()
	writing.Wait()
	assert.Zero(t, refresh.HubsOf(b.here.DB()))
	for end := time.Now().Add(20 * time.Second); len(streams(t, db)) > 0; {
		// The server ends a cursor that waits for events when it looks at it next.
		require.True(t, time.Now().Before(end), "a stream is left")
	}
}
