package sqlserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// club is the entity of most live tests.
type club struct {
	store.Snapshot
	ID      int64     `db:"id" store:"key"`
	Name    string    `db:"name" store:"size=60"`
	Balance int64     `db:"balance"`
	Founded time.Time `db:"founded"`
}

// clubs makes the table of clubs and fills it.
func clubs(t testing.TB, db *store.DB, balances ...int64) *store.Repository[club, int64] {
	t.Helper()
	r, err := store.NewRepository[club, int64](db, "clubs", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	var all []*club
	for i, balance := range balances {
		all = append(all, &club{ID: int64(i + 1), Name: "Leicester", Balance: balance, Founded: time.Date(1884, 1, 1, 0, 0, 0, 0, time.UTC)})
	}
	require.NoError(t, r.InsertMany(t.Context(), all))
	return r
}

// credit is a change for Modify.
func credit(amount int64) func(*club) error {
	return func(c *club) error {
		c.Balance += amount
		return nil
	}
}
