package refresh_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

// two is two programs over one database of a real server.
type two struct{ here, away *clubs }

// connect makes two of a backend's Open.
func connect(t *testing.T, dial func() (*store.DB, error)) two {
	t.Helper()
	var b two
	for _, repo := range []**clubs{&b.here, &b.away} {
		db, err := dial()
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		*repo = store.MustRepository[club, int64](db, "clubs", nil)
	}
	require.NoError(t, b.here.EnsureSchema(t.Context()))
	return b
}

// onServers runs a test on each backend: on MongoDB with change streams, and without, where it looks.
func onServers(t *testing.T, test func(t *testing.T, b two)) {
	sql := func(server func(testing.TB) *testbed.Server) func(t *testing.T) func() (*store.DB, error) {
		return func(t *testing.T) func() (*store.DB, error) {
			dsn := server(t).Database(t)
			return func() (*store.DB, error) { return mysql.Open(t.Context(), dsn, nil) }
		}
	}
	document := func(set func(testing.TB) *testbed.MongoSet) func(t *testing.T) func() (*store.DB, error) {
		return func(t *testing.T) func() (*store.DB, error) {
			s := set(t)
			name := s.Database(t)
			return func() (*store.DB, error) { return mongo.Open(t.Context(), s.URI(), name, nil) }
		}
	}
	for name, dial := range map[string]func(t *testing.T) func() (*store.DB, error){
		"MariaDB":         sql(testbed.MariaDB),
		"MySQL":           sql(testbed.MySQL),
		"Mongo":           document(testbed.Mongo),
		"MongoStandalone": document(testbed.MongoStandalone),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, connect(t, dial(t)))
		})
	}
}

// TestWritesOfOthers has another program write, of which the database tells where it can, and which a look finds where
// it cannot.
func TestWritesOfOthers(t *testing.T) {
	onServers(t, func(t *testing.T, b two) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, b.away.Insert(ctx, &club{ID: 1}))
		require.NoError(t, b.away.Insert(ctx, &club{ID: 2}))
		var work sync.WaitGroup
		for id := range int64(2) {
			work.Go(func() {
				last := int64(0)
				for c, err := range refresh.Watch(ctx, b.here, id+1, nil) {
					if !assert.NoError(t, err) || !assert.Greater(t, c.Version, last) {
						return
					}
					if last = c.Version; last == 11 {
						return
					}
					pay(t, b.away, id+1, 1)
				}
			})
		}
		work.Go(func() {
			for p, err := range refresh.Follow(ctx, b.here, store.Query{}.Limit(5), nil) {
				if !assert.NoError(t, err) || len(p.Items) == 2 && p.Items[0].Version+p.Items[1].Version == 22 {
					return
				}
			}
		})
		work.Wait()
		work.Go(func() { assert.NoError(t, refresh.Gone(ctx, b.here, 1, nil)) })
		require.NoError(t, b.away.DeleteKey(ctx, 1))
		work.Wait()
	})
}

// TestChangesAreTold has nothing but the database tell, for an hour.
func TestChangesAreTold(t *testing.T) {
	set := testbed.Mongo(t)
	name := set.Database(t)
	b := connect(t, func() (*store.DB, error) { return mongo.Open(t.Context(), set.URI(), name, nil) })
	require.True(t, b.here.DB().Info().Changes)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, b.away.Insert(ctx, &club{ID: 1}))
	last := int64(0)
	for c, err := range refresh.Watch(ctx, b.here, 1, never) {
		require.NoError(t, err)
		require.Greater(t, c.Version, last)
		if last = c.Version; last > 20 {
			break
		}
		pay(t, b.away, 1, 1)
	}
}
