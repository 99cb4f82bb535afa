package sqltest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Club is the entity of most live tests.
type Club struct {
	store.Snapshot
	ID      int64     `db:"id" store:"key"`
	Name    string    `db:"name" store:"size=60"`
	Balance int64     `db:"balance"`
	Founded time.Time `db:"founded"`
}

// Clubs makes the table clubs and fills it with one club for each balance, of the keys 1, 2, 3 …
func Clubs(t testing.TB, db *store.DB, balances ...int64) *store.Repository[Club, int64] {
	t.Helper()
	r, err := store.NewRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	var all []*Club
	for i, balance := range balances {
		all = append(
			all,
			&Club{
				ID:      int64(i + 1),
				Name:    "Leicester",
				Balance: balance,
				Founded: time.Date(1884, 1, 1, 0, 0, 0, 0, time.UTC),
			},
		)
	}
	require.NoError(t, r.InsertMany(t.Context(), all))
	return r
}

// Credit is a change for Modify.
func Credit(amount int64) func(*Club) error {
	return func(c *Club) error {
		c.Balance += amount
		return nil
	}
}

// Transfer moves 1 from club 1 to club 2.
func Transfer(ctx context.Context, db *store.DB, r *store.Repository[Club, int64]) error {
	return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, Credit(-1)); err != nil {
			return err
		}
		_, err := r.In(tx).Modify(ctx, 2, Credit(1))
		return err
	})
}

// Look reads clubs 1 and 2 in one View.
func Look(ctx context.Context, db *store.DB, r *store.Repository[Club, int64]) error {
	return db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Get(ctx, 1); err != nil {
			return err
		}
		_, err := r.In(tx).Get(ctx, 2)
		return err
	})
}
