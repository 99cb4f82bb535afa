package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// rowsInTable is how many rows the comparisons work on.
const rowsInTable = 10_000

// byHand is the work of the comparisons in hand-written code.
type byHand interface {
	read(ctx context.Context, id int64) (Club, error)
	save(ctx context.Context, c *Club) error
	modify(ctx context.Context, id, amount int64) error
	transfer(ctx context.Context, from, to int64) error
	readMany(ctx context.Context, ids []int64) (map[int64]Club, error)
	readAll(ctx context.Context) (int, error)
	pool() *sql.DB // nil where database/sql has none
}

// compareWith fills a table, compares each pair and prints the ratios. pool is the library's own, nil
// where database/sql has none. hand makes the other side when the table is there.
func compareWith(t *testing.T, title string, db *store.DB, pool *sqlx.DB, hand func() byHand) {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, clubs.EnsureSchema(t.Context()))
	batch := make([]*Club, rowsInTable)
	for i := range batch {
		batch[i] = &Club{ID: int64(i + 1), Name: fmt.Sprint("club ", i), City: "Leicester"}
	}
	require.NoError(t, clubs.InsertMany(t.Context(), batch))
	other := hand()
	var rows []row
	for _, p := range pairs(t, db, clubs, other) {
		p.renew = func() {
			if pool != nil {
				dropIdle(pool.DB)
				dropIdle(other.pool())
			}
		}
		rows = append(rows, compare(t, p))
	}
	printRows(title, rows)
}

// dropIdle closes the connections of a pool that nobody uses.
func dropIdle(pool *sql.DB) {
	pool.SetMaxIdleConns(-1)
	pool.SetMaxIdleConns(2) // database/sql's own default
}

// pairs returns what is measured: each call of the library beside the same work by hand, with the same rows and the
// same results, which both sides check.
func pairs(t *testing.T, db *store.DB, clubs *store.Repository[Club, int64], hand byHand) []pair {
	ctx := t.Context()
	keys := make([]int64, 100)
	for i := range keys {
		keys[i] = int64(i*7 + 1)
	}
	club, err := clubs.Get(ctx, 501) // both sides save the same one
	require.NoError(t, err)
	debit := func(c *Club) error { c.Balance--; return nil }
	credit := func(c *Club) error { c.Balance++; return nil }
	expect := func(n, want int, err error) error {
		if err == nil && n != want {
			err = fmt.Errorf("%d rows, not %d", n, want)
		}
		return err
	}
	return []pair{
		{
			name: "Get", library: func() error { _, err := clubs.Get(ctx, 3); return err },
			hand: func() error { _, err := hand.read(ctx, 3); return err },
		},
		{
			name: "Save", library: func() error { club.Balance++; return clubs.Save(ctx, &club) },
			hand: func() error { club.Balance++; return hand.save(ctx, &club) },
		},
		{
			name: "Modify", library: func() error { _, err := clubs.Modify(ctx, 5, credit); return err },
			hand: func() error { return hand.modify(ctx, 5, 1) },
		},
		{
			name: "Atomic of two",
			library: func() error {
				return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
					if _, err := clubs.In(tx).Modify(ctx, 7, debit); err != nil {
						return err
					}
					_, err := clubs.In(tx).Modify(ctx, 8, credit)
					return err
				})
			},
			hand: func() error { return hand.transfer(ctx, 7, 8) },
		},
		{
			name:    "GetMany(100)",
			library: func() error { found, err := clubs.GetMany(ctx, keys); return expect(len(found), 100, err) },
			hand:    func() error { found, err := hand.readMany(ctx, keys); return expect(len(found), 100, err) },
		},
		{
			name: "Find of 10,000",
			library: func() error {
				n := 0
				for _, err := range clubs.Find(ctx, store.Query{}) {
					if err != nil {
						return err
					}
					n++
				}
				return expect(n, rowsInTable, nil)
			},
			hand: func() error { n, err := hand.readAll(ctx); return expect(n, rowsInTable, err) },
		},
	}
}
