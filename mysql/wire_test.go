package mysql_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// onEachWire runs a test on each server, through a proxy.
func onEachWire(t *testing.T, test func(t *testing.T, p *testbed.Proxy, dsn string)) {
	t.Helper()
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			dsn := s.Database(t)
			test(t, testbed.NewProxy(t, s.Addr()), dsn)
		})
	}
}

// TestRoundTrips counts what each call costs on the wire, on a connection that has met its
// statements before.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		t.Run("Open", func(t *testing.T) {
			db := open(t, p.DSN(dsn), &mysql.Options{Connections: 1})
			countTrips(t, p, db, 6)
		})
		t.Run("New", func(t *testing.T) {
			pool := direct(t, p.DSN(dsn))
			pool.SetMaxOpenConns(1)
			db, err := mysql.New(t.Context(), pool, nil)
			require.NoError(t, err)
			_, err = store.MustRepository[sqltest.Club, int64](db, "clubs", nil).GetMany(t.Context(), []int64{1})
			require.NoError(t, err)
			countTrips(t, p, db, 7)
		})
	})
}

// trips is how many round trips a call takes.
type trips struct {
	name string
	want int
	call func() error
}

// onceCalls are calls of Once whose function makes one insert: an Atomic of that, which takes three trips less than one
// of two Modify, and the receipt's; one more for a result. A repeat meets the receipt and then reads it; MariaDB is
// also asked which table has refused the insert.
func onceCalls(t *testing.T, db *store.DB, r *store.Repository[sqltest.Club, int64], atomic int) []trips {
	ctx := t.Context()
	receipts, err := store.Receipts(db)
	require.NoError(t, err)
	require.NoError(t, receipts.EnsureSchema(ctx))
	n := int64(1000 * atomic) // other keys than those of the other database of the test
	one := atomic - 3
	repeated := one + 1
	if strings.Contains(t.Name(), "MariaDB") {
		repeated++
	}
	key := func() string { return t.Name() + strconv.FormatInt(n, 10) }
	insert := func(ctx context.Context, tx *store.Tx) error { return r.In(tx).Insert(ctx, &sqltest.Club{ID: n}) }
	return []trips{
		{"AtomicOfOne", one, func() error { n++; return db.Atomic(ctx, nil, insert) }},
		{"Once", one + 1, func() error { n++; _, err := store.Once(ctx, db, key(), nil, insert); return err }},
		{"OnceRepeated", repeated, func() error { _, err := store.Once(ctx, db, key(), nil, insert); return err }},
		{"OnceValue", one + 2, func() error {
			n++
			_, _, err := store.OnceValue(ctx, db, key(), nil, func(ctx context.Context, tx *store.Tx) (int64, error) {
				return n, insert(ctx, tx)
			})
			return err
		}},
	}
}

// countTrips counts the round trips of each call, after each has been made once: what is prepared then costs
// nothing more. atomic is how many an Atomic of two writes takes, which depends on whose pool it is.
func countTrips(t *testing.T, p *testbed.Proxy, db *store.DB, atomic int) {
	ctx := t.Context()
	r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
	require.NoError(t, r.EnsureSchema(ctx))
	keys := make([]int64, 100)
	for i := range keys {
		keys[i] = int64(i + 1)
		if err := r.DeleteKey(ctx, keys[i]); err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		require.NoError(t, r.Insert(ctx, &sqltest.Club{ID: keys[i]}))
	}
	next := int64(1000)
	nothing := func(*sqltest.Club) error { return nil }
	calls := []trips{
		{"Get", 1, func() error { _, err := r.Get(ctx, 1); return err }},
		{"Insert", 1, func() error { next++; return r.Insert(ctx, &sqltest.Club{ID: next}) }},
		{"Save", 2, func() error {
			c, err := r.Get(ctx, 1)
			if err != nil {
				return err
			}
			return r.Save(ctx, &c) // 1 of the 2
		}},
		{"Modify", 2, func() error { _, err := r.Modify(ctx, 1, sqltest.Credit(1)); return err }},
		{"ModifyNothing", 1, func() error { _, err := r.Modify(ctx, 1, nothing); return err }},
		{"GetMany", 1, func() error { _, err := r.GetMany(ctx, keys); return err }},
		{"First", 1, func() error { _, err := r.First(ctx, store.Where("Balance", store.Ge, 0)); return err }},
		{"Count", 1, func() error { _, err := r.Count(ctx, store.Query{}); return err }},
		{"DeleteKey", 1, func() error { return r.DeleteKey(ctx, next) }},
		{"Atomic", atomic, func() error { return sqltest.Transfer(ctx, db, r) }},
		{"View", 5, func() error { return sqltest.Look(ctx, db, r) }}, // SET, BEGIN, two reads, ROLLBACK
	}
	calls = append(calls, onceCalls(t, db, r, atomic)...)
	for _, measured := range []bool{false, true} {
		for _, c := range calls {
			p.Reset()
			require.NoError(t, c.call(), c.name)
			if measured {
				assert.Equal(t, c.want, p.Count(), c.name)
			}
		}
	}
}
