package sqltest

import (
	"context"
	"database/sql"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Isolation has Atomic see what others commit meanwhile, and a View not. The level of a View does
// not stay with its connection.
func Isolation(t *testing.T, db *store.DB) {
	r := Clubs(t, db, 100)
	balances := func(ctx context.Context, tx *store.Tx) (seen []int64) {
		for range 2 {
			c, err := r.In(tx).Get(ctx, 1)
			require.NoError(t, err)
			seen = append(seen, c.Balance)
			_, err = r.Modify(t.Context(), 1, Credit(1))
			require.NoError(t, err)
		}
		return seen
	}
	require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		assert.Equal(t, []int64{100, 101}, balances(ctx, tx))
		return nil
	}))
	require.NoError(t, db.View(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		assert.Equal(t, []int64{102, 102}, balances(ctx, tx))
		return nil
	}))
	require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		assert.Equal(t, []int64{104, 105}, balances(ctx, tx), "the level of a View outlived it")
		return nil
	}))
}

// Deadlock locks two rows in opposite order: one side is the victim, and both finish.
func Deadlock(t *testing.T, db *store.DB) {
	r := Clubs(t, db, 100, 100)
	var met, all sync.WaitGroup
	met.Add(2)
	var mu sync.Mutex
	runs := 0
	for i := range int64(2) {
		all.Go(func() {
			first := true
			assert.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
				mu.Lock()
				runs++
				mu.Unlock()
				if _, err := r.In(tx).Modify(ctx, 1+i, Credit(-1)); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				_, err := r.In(tx).Modify(ctx, 2-i, Credit(1))
				return err
			}))
		})
	}
	all.Wait()
	assert.Greater(t, runs, 2, "there was no deadlock")
	for id := range int64(2) {
		c, err := r.Get(t.Context(), id+1)
		require.NoError(t, err)
		assert.EqualValues(t, 100, c.Balance)
		assert.EqualValues(t, 3, c.Version)
	}
}

// LockTimeout has a wait for a lock end the transaction, which runs again. It returns the error of
// the wait. A statement of db waits for a lock briefly.
func LockTimeout(t *testing.T, db *store.DB, behind *sql.DB) (waited error) {
	r := Clubs(t, db, 100, 100)
	holder := Hold(t, behind, 2)
	runs := 0
	require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 2 {
			require.NoError(t, holder.Rollback())
		}
		if _, err := r.In(tx).Modify(ctx, 1, Credit(-1)); err != nil {
			return err
		}
		_, err := r.In(tx).Modify(ctx, 2, Credit(1))
		if runs == 1 {
			require.ErrorIs(t, err, store.ErrTransient)
			waited = err
			return nil // swallowed, and still the Tx must not commit
		}
		return err
	}))
	assert.Equal(t, 2, runs)
	c, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.EqualValues(t, 99, c.Balance)
	return waited
}
