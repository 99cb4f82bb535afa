package benchmarks

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestCompareOnce measures store.Once against the Atomic that does the same without a receipt: a first call, one with a
// result, and a repeat.
func TestCompareOnce(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		db, err := mysql.Open(t.Context(), server.Database(t), nil)
		require.NoError(t, err)
		compareOnce(t, server.Product()+" "+server.Version(), db)
	}
	set := testbed.Mongo(t)
	db, err := mongo.Open(t.Context(), set.URI(), set.Database(t), nil)
	require.NoError(t, err)
	compareOnce(t, "MongoDB "+set.Version(), db)
}

// compareOnce prints the ratios of one database.
func compareOnce(t *testing.T, title string, db *store.DB) {
	t.Cleanup(func() { _ = db.Close() })
	ctx := t.Context()
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, clubs.EnsureSchema(ctx))
	require.NoError(t, clubs.Insert(ctx, &Club{ID: 1}))
	receipts, err := store.Receipts(db)
	require.NoError(t, err)
	require.NoError(t, receipts.EnsureSchema(ctx))
	pay := func(ctx context.Context, tx *store.Tx) error {
		_, err := clubs.In(tx).Modify(ctx, 1, func(c *Club) error { c.Balance++; return nil })
		return err
	}
	atomic := func() error { return db.Atomic(ctx, nil, pay) }
	n := 0
	next := func() string { n++; return fmt.Sprint("key ", n) }
	first := func() error { _, err := store.Once(ctx, db, next(), nil, pay); return err }
	result := func() error {
		_, _, err := store.OnceValue(ctx, db, next(), nil, func(ctx context.Context, tx *store.Tx) (int, error) {
			return n, pay(ctx, tx)
		})
		return err
	}
	repeat := func() error { _, err := store.Once(ctx, db, "key 1", nil, pay); return err }
	var rows []row
	for _, p := range []pair{
		{"Once, first call", first, atomic, func() {}},
		{"OnceValue, first call", result, atomic, func() {}},
		{"Once, repeat", repeat, atomic, func() {}},
	} {
		rows = append(rows, compare(t, p))
	}
	printRows(title+", by hand Atomic", rows)
}
