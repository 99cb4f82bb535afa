package sqltest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// LoseCommit saves held in a transaction whose COMMIT has no answer: the call says so, no hook runs,
// and the copy in memory is as it was before the Save.
func LoseCommit(t *testing.T, db *store.DB, held Club, about string) {
	t.Helper()
	r := store.MustRepository[Club, int64](db, "clubs", nil)
	before := held
	hooks := 0
	err := db.Atomic(
		t.Context(),
		&store.TxOptions{EndTimeout: 300 * time.Millisecond},
		func(ctx context.Context, tx *store.Tx) error {
			tx.OnCommit(func() { hooks++ })
			held.Balance += 10
			return r.In(tx).Save(ctx, &held)
		},
	)
	require.ErrorIs(t, err, store.ErrUnknownOutcome, about)
	assert.True(t, store.MayHaveHappened(err), about)
	assert.Zero(t, hooks, about)
	before.Balance = held.Balance
	assert.Equal(t, before, held, "%s: the copy in memory moved", about)
}

// WriteIsNeverSentTwice cuts a write before and after the server has it. Arm has the connection of db
// break at the next write.
func WriteIsNeverSentTwice(t *testing.T, db *store.DB, behind *sql.DB, arm func(landed bool)) {
	r := Clubs(t, db, 100)
	for _, landed := range []bool{false, true} {
		c, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		_, err = r.Modify(t.Context(), 1, Credit(0))
		require.NoError(t, err)
		arm(landed)
		err = r.Touch(t.Context(), &c)
		require.ErrorIs(t, err, store.ErrUnknownOutcome)
		require.EqualValues(t, c.Version+int64(map[bool]int{true: 1}[landed]), Version(t, behind, 1))
	}
}
