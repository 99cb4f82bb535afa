package recipes

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// TestRenameOfAStaleCopy has another program change the club between a read and a write.
func TestRenameOfAStaleCopy(t *testing.T) {
	t.Parallel()
	db, clubs := newClubs(t, nil)
	club, err := clubs.Get(t.Context(), 7)
	require.NoError(t, err)

	native, _ := memstore.Native(db) // the raw rows, by their stored names
	require.NoError(t, native.Put(t.Context(), "clubs", int64(7), map[string]any{"balance": 0, "version": 2}))

	club.Name = "Leicester"
	require.ErrorIs(t, clubs.Save(t.Context(), &club), store.ErrConflict)
	assert.Equal(t, int64(1), club.Version, "on any error the entity is as it was")
}

// TestRenameMayHaveHappened loses the answer to the write.
func TestRenameMayHaveHappened(t *testing.T) {
	t.Parallel()
	_, clubs := newClubs(t, &memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "update" {
			return memstore.ErrLostAfter // or ErrLostBefore, ErrUnavailable, ErrDeadlock, ErrWriteConflict
		}
		return nil
	}})
	_, err := clubs.Modify(t.Context(), 7, func(c *Club) error { c.Name = "Leicester"; return nil })
	assert.True(t, store.MayHaveHappened(err))
	assert.False(t, store.Retryable(err))
}

// TestPayTwice has every function that a conflict may run again run twice, the first time in vain.
func TestPayTwice(t *testing.T) {
	t.Parallel()
	b := newBank(t, memstore.Open(&memstore.Options{Store: store.Options{Rehearse: true}}))
	require.NoError(t, b.Pay(t.Context(), "request 1", 7, 9, 100))
	assert.Equal(t, int64(100), b.balance(t, 9), "the function does no harm when it runs again")
}
