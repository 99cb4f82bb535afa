package sqlserver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
)

// TestRoundTrips counts what each call costs on the wire.
func TestRoundTrips(t *testing.T) {
	s := server(t)
	dsn := s.Database(t)
	p := testbed.NewProxy(t, s.Addr())
	t.Run("Open", func(t *testing.T) {
		countTrips(t, p, open(t, p.DSN(dsn), &sqlserver.Options{Connections: 1}))
	})
	t.Run("New", func(t *testing.T) {
		pool := direct(t, p.DSN(dsn))
		pool.SetMaxOpenConns(1)
		db, err := sqlserver.New(t.Context(), pool, nil)
		require.NoError(t, err)
		countTrips(t, p, db)
	})
}

// countTrips counts the round trips of each call, after each has been made once: what is prepared then costs
// nothing more. atomic is how many an Atomic of two writes takes, which depends on whose pool it is.
func countTrips(t *testing.T, p *testbed.Proxy, db *store.DB) {
	ctx := t.Context()
	r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
	require.NoError(t, r.EnsureSchema(ctx))
	many := make([]int64, 3000)
	for i := range many {
		many[i] = int64(i + 1)
	}
	for key := range int64(2) {
		if err := r.DeleteKey(ctx, key+1); err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		require.NoError(t, r.Insert(ctx, &sqltest.Club{ID: key + 1}))
	}
	next := int64(100_000)
	var held sqltest.Club
	calls := []struct {
		name string
		want int
		call func() error
	}{
		{"Get", 1, func() (err error) { held, err = r.Get(ctx, 1); return err }},
		{"Insert", 1, func() error { next++; return r.Insert(ctx, &sqltest.Club{ID: next}) }},
		{"Save", 1, func() error { return r.Save(ctx, &held) }},
		{"Touch", 1, func() error { return r.Touch(ctx, &held) }},
		{"Modify", 2, func() error { _, err := r.Modify(ctx, 1, sqltest.Credit(1)); return err }},
		{"ModifyNothing", 1, func() error { _, err := r.Modify(ctx, 1, sqltest.Credit(0)); return err }},
		{"GetMany", 1, func() error { _, err := r.GetMany(ctx, many[:100]); return err }},
		{"GetMany3000", 2, func() error { _, err := r.GetMany(ctx, many); return err }},
		{"First", 1, func() error { _, err := r.First(ctx, store.Where("Balance", store.Ge, 0)); return err }},
		{"Count", 1, func() error { _, err := r.Count(ctx, store.Query{}); return err }},
		{"DeleteKey", 1, func() error { return r.DeleteKey(ctx, next) }},
		{"Atomic", 6, func() error { return sqltest.Transfer(ctx, db, r) }}, // BEGIN, two reads, two writes, COMMIT
		{"View", 4, func() error { return sqltest.Look(ctx, db, r) }},       // BEGIN, two reads, ROLLBACK
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
