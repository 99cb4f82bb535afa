package memstore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func TestLockQueueIsFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		holder := f.begin()
		f.mustUpdate(holder, 1, 1, 100)
		// Each waiter expects the version that the one before it leaves.
		results := make([]driver.WriteResult, 5)
		for i := range results {
			go func() { results[i], _ = f.update(nil, 1, int64(i)+2, 0) }()
			synctest.Wait()
			require.Equal(t, i+1, f.raw().Waiting())
		}
		f.commit(holder)
		synctest.Wait()
		for i, result := range results {
			assert.Equal(t, driver.WriteResult{Outcome: driver.Applied, Stored: int64(i) + 3}, result)
		}
		version, err := f.accounts.Version(t.Context(), &driver.VersionParams{Key: int64(1)})
		require.NoError(t, err)
		assert.EqualValues(t, 7, version.Version)
	})
}

func TestLockWaitEnds(t *testing.T) {
	tests := []struct {
		name      string
		end       func(f *fixture, cancel context.CancelFunc)
		wantClass driver.Class
		wantErr   error
	}{
		{"Canceled", func(_ *fixture, cancel context.CancelFunc) { cancel() }, driver.Canceled, context.Canceled},
		{"Timeout", func(*fixture, context.CancelFunc) {}, driver.LockFailure, ErrDeadlock},
		{"Close", func(f *fixture, _ context.CancelFunc) { require.NoError(f, f.engine.Close()) }, driver.Closed, nil},
	}
	for _, test := range tests {
		for _, inTx := range []bool{false, true} {
			name := test.name
			if inTx {
				name += "InTx"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := setup(t, settings{lockTimeout: time.Minute})
					holder := f.begin()
					f.mustUpdate(holder, 1, 1, 100)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var tx driver.Tx
					if inTx {
						tx = f.begin()
						f.mustUpdate(tx, 2, 1, 200)
					}
					done := make(chan error, 1)
					go func() {
						_, err := f.accounts.Delete(ctx, &driver.DeleteParams{Tx: tx, Key: int64(1), Any: true})
						done <- err
					}()
					synctest.Wait()
					test.end(f, cancel)
					err := <-done // while all wait, the bubble's clock goes on to the next timer
					assert.Equal(t, test.wantClass, f.class(err))
					assert.False(t, f.engine.Classify(err).Sent)
					if test.wantErr != nil {
						require.ErrorIs(t, err, test.wantErr)
					}
					if tx != nil {
						_ = tx.Rollback(t.Context())
					}
					_ = holder.Rollback(t.Context())
					synctest.Wait()
					for id := range int64(3) {
						row, found := f.raw().Row("accounts", id+1)
						assert.True(t, found, "nothing of a write that failed may come later")
						assert.EqualValues(t, 0, row["balance"])
					}
				})
			})
		}
	}
}

// A caller whose context ended must not see its write happen, even where the lock is granted at the
// same moment.
func TestLockGrantLosesAgainstCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		holder := f.begin()
		f.mustUpdate(holder, 1, 1, 100)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := f.accounts.Delete(ctx, &driver.DeleteParams{Key: int64(1), Any: true})
			done <- err
		}()
		synctest.Wait()
		f.engine.mu.Lock()
		cancel()
		f.engine.commit(holder.(*transaction)) // grants while the waiter cannot look
		f.engine.mu.Unlock()
		require.ErrorIs(t, <-done, context.Canceled)
		assert.EqualValues(t, 100, f.balance(nil, 1))
	})
}

func TestDeadlockOfThree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{lockTimeout: time.Hour})
		var txs []driver.Tx
		for id := int64(1); id <= 3; id++ {
			tx := f.begin()
			f.mustUpdate(tx, id, 1, 10*id)
			txs = append(txs, tx)
		}
		done := make([]chan error, 3)
		for i := range 2 {
			done[i] = make(chan error, 1)
			go func() {
				_, err := f.update(txs[i], int64(i)+2, 2, 0) // the next one's
				done[i] <- err
			}()
			synctest.Wait()
		}
		require.Equal(t, 2, f.raw().Waiting(), "a chain is no circle")

		_, err := f.update(txs[2], 1, 2, 0)
		assert.Equal(t, driver.LockFailure, f.class(err), "who closes the circle is the victim, at once")
		require.ErrorIs(t, err, ErrDeadlock)
		require.NoError(t, <-done[1], "the victim's lock is free")
		_, found := f.get(nil, 3)
		require.True(t, found)
		assert.Zero(t, f.balance(txs[1], 3), "the victim's write is undone")

		err = txs[2].Commit(t.Context())
		assert.Equal(t, driver.Other, f.class(err))
		f.commit(txs[1])
		require.NoError(t, <-done[0])
		f.commit(txs[0])
		assert.EqualValues(t, 10, f.balance(nil, 1))
	})
}

// The lock that the head of a queue is granted can close a circle later, with one who waited behind it.
func TestDeadlockAfterGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{lockTimeout: time.Hour})
		a, b, c := f.begin(), f.begin(), f.begin()
		f.mustUpdate(a, 1, 1, 1)
		f.mustUpdate(c, 3, 1, 1)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := f.update(b, 1, 2, 2); first <- err }()
		synctest.Wait()
		go func() { _, err := f.update(c, 1, 3, 2); second <- err }()
		synctest.Wait()
		f.commit(a)
		require.NoError(t, <-first)
		_, err := f.update(b, 3, 1, 3)
		assert.Equal(t, driver.LockFailure, f.class(err))
		require.NoError(t, <-second)
		f.rollback(b)
		f.rollback(c)
	})
}

func TestLockedReadSeesNewestAndHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		holder, reader := f.begin(), f.begin()
		f.mustUpdate(holder, 1, 1, 100)
		assert.Zero(t, f.balance(reader, 1), "a plain read does not wait")
		var a account
		read := make(chan error, 1)
		go func() {
			_, err := f.accounts.Get(t.Context(), &driver.GetParams{
				Tx: reader, Key: int64(1), Lock: true, Into: driver.RecordOf(&a),
			})
			read <- err
		}()
		synctest.Wait()
		require.Equal(t, 1, f.raw().Waiting())
		f.commit(holder)
		require.NoError(t, <-read)
		assert.EqualValues(t, 100, a.Balance)

		written := make(chan driver.WriteResult, 1)
		go func() { result, _ := f.update(nil, 1, 2, 300); written <- result }()
		synctest.Wait()
		require.Equal(t, 1, f.raw().Waiting(), "the row is kept")
		f.mustUpdate(reader, 1, 2, 200)
		f.rollback(reader)
		assert.Equal(t, driver.Applied, (<-written).Outcome)
		assert.EqualValues(t, 300, f.balance(nil, 1))
	})
}

func TestLockOfMissingKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		a := f.begin()
		require.NoError(t, f.insert(a, account{ID: 9}))
		_, found := f.get(nil, 9)
		require.False(t, found)
		done := make(chan error, 1)
		go func() { done <- f.insert(nil, account{ID: 9}) }()
		synctest.Wait()
		f.commit(a)
		fault := f.engine.Classify(<-done)
		assert.Equal(t, driver.Duplicate, fault.Class)
		assert.Equal(t, "PRIMARY", fault.Constraint)
	})
}

// A write that finds nothing to write keeps no lock, as at a server under READ COMMITTED.
func TestLockOfStaleWriteIsGivenBack(t *testing.T) {
	f := setup(t, settings{})
	tx := f.begin()
	result, err := f.update(tx, 1, 7, 0)
	require.NoError(t, err)
	assert.Equal(t, driver.WriteResult{Outcome: driver.Stale, Stored: 1}, result)
	result, err = f.update(tx, 99, 1, 0)
	require.NoError(t, err)
	assert.Equal(t, driver.WriteResult{Outcome: driver.Missing}, result)
	assert.Zero(t, f.raw().Locks())
	f.mustUpdate(nil, 1, 1, 5)
	f.commit(tx)
}
