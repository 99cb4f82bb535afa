package mysql_test

import (
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
	calls := []struct {
		name string
		want int
		call func() error
	}{
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
