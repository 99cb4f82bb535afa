package mongo_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

type club struct {
	store.Snapshot `bson:",inline"`

	ID      int64            `bson:"_id" store:"key"`
	Name    string           `bson:"name" store:"size=60"`
	Balance int64            `bson:"balance"`
	Nick    *string          `bson:"nick" store:"size=60"`
	Wages   map[string]int64 `bson:"wages"`
	Tags    []string         `bson:"tags,omitempty"`
}

type clubs = store.Repository[club, int64]

// newClubs makes an empty collection of the test's own.
func newClubs(t testing.TB, db *store.DB) *clubs {
	t.Helper()
	r, err := store.NewRepository[club, int64](db, "clubs", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	return r
}

// TestRoundTrips counts what goes over the wire, the driver's monitoring aside.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	if len(set.Nodes()) != 1 {
		t.Skip("the address of the server is not known")
	}
	p := testbed.NewProxy(t, set.Nodes()[0].Addr())
	p.Ignore(testbed.IsMongoHello)
	db := open(t, p.URI(), set.Database(t), nil)
	r := newClubs(t, db)
	for id := range int64(9) {
		require.NoError(t, r.Insert(t.Context(), &club{ID: id, Name: "Foxes"}))
	}
	saved, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	stale := saved
	credit := func(c *club) error { c.Balance++; return nil }
	for _, tt := range []struct {
		name string
		want int
		call func(ctx context.Context) error
	}{
		{"Get", 1, func(ctx context.Context) error { _, err := r.Get(ctx, 1); return err }},
		{"GetMany", 1, func(ctx context.Context) error { _, err := r.GetMany(ctx, []int64{1, 2, 3, 99}); return err }},
		{"Insert", 1, func(ctx context.Context) error { return r.Insert(ctx, &club{ID: 100}) }},
		{"InsertMany", 2, func(ctx context.Context) error { return r.InsertMany(ctx, []*club{{ID: 101}, {ID: 102}}) }},
		{"Save", 1, func(ctx context.Context) error { return r.Save(ctx, &saved) }},
		{"SaveStale", 2, func(ctx context.Context) error {
			if err := r.Save(ctx, &stale); !assert.ErrorIs(t, err, store.ErrConflict) {
				return err
			}
			return nil
		}},
		{"Touch", 1, func(ctx context.Context) error { return r.Touch(ctx, &saved) }},
		{"Modify", 2, func(ctx context.Context) error { _, err := r.Modify(ctx, 2, credit); return err }},
		{"ModifyOfNothing", 1, func(ctx context.Context) error {
			_, err := r.Modify(ctx, 2, func(*club) error { return nil })
			return err
		}},
		{"IsStale", 1, func(ctx context.Context) error { _, err := r.IsStale(ctx, saved); return err }},
		{"Find", 1, func(ctx context.Context) error {
			_, err := store.Collect(r.Find(ctx, store.Where("Balance", store.Lt, 10)))
			return err
		}},
		{"FindExactly", 1, func(ctx context.Context) error {
			all, err := store.Collect(r.Find(ctx, store.Query{}.Limit(5)))
			assert.Len(t, all, 5)
			return err
		}},
		{"Page", 1, func(ctx context.Context) error {
			_, next, err := r.Page(ctx, store.Query{}.Limit(3))
			assert.NotEmpty(t, next)
			return err
		}},
		{"Count", 1, func(ctx context.Context) error { _, err := r.Count(ctx, store.Query{}); return err }},
		{"Delete", 1, func(ctx context.Context) error { return r.Delete(ctx, saved) }},
		{"AtomicWithTwoModify", 5, func(ctx context.Context) error {
			return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
				if _, err := r.In(tx).Modify(ctx, 2, credit); err != nil {
					return err
				}
				_, err := r.In(tx).Modify(ctx, 3, credit)
				return err
			})
		}},
		{"AtomicOfNothing", 0, func(ctx context.Context) error {
			return db.Atomic(ctx, nil, func(context.Context, *store.Tx) error { return nil })
		}},
		{"ViewOfTwo", 2, func(ctx context.Context) error {
			return db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
				if _, err := r.In(tx).Get(ctx, 2); err != nil {
					return err
				}
				_, err := r.In(tx).Get(ctx, 3)
				return err
			})
		}},
	} {
		p.Reset()
		require.NoError(t, tt.call(t.Context()), tt.name)
		assert.Equal(t, tt.want, p.Count(), tt.name)
	}
}
