package memstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

var errOwn = errors.New("an error of the user's own")

func TestFaultOfUpdate(t *testing.T) {
	lost := driver.Fault{Class: driver.Unavailable, Code: "connection lost", Sent: true}
	tests := []struct {
		name     string
		err      error
		want     driver.Fault
		wantDone bool
		wantOver bool // the transaction is gone
	}{
		{"Unavailable", ErrUnavailable, driver.Fault{Class: driver.Unavailable, Code: "unavailable"}, false, false},
		{"Deadlock", ErrDeadlock, driver.Fault{Class: driver.LockFailure, Code: "deadlock"}, false, true},
		{"Conflict", ErrWriteConflict, driver.Fault{Class: driver.Conflict, Code: "write conflict"}, false, true},
		{"LostBefore", ErrLostBefore, lost, false, false},
		{"LostAfter", ErrLostAfter, lost, true, false},
		{"Wrapped", fmt.Errorf("now: %w", ErrLostAfter), lost, true, false},
		{"Own", errOwn, driver.Fault{}, false, false},
		{"ContextOfTheHook", context.DeadlineExceeded, driver.Fault{Class: driver.Canceled}, false, false},
	}
	for _, test := range tests {
		hook := func(_ context.Context, c Call) error {
			if c.Op == "update" {
				return test.err
			}
			return nil
		}
		t.Run(test.name, func(t *testing.T) {
			f := setup(t, settings{fault: hook})
			result, err := f.update(nil, 1, 1, 100)
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want, f.engine.Classify(err))
			assert.Zero(t, result)
			assert.Equal(t, test.wantDone, f.balance(nil, 1) == 100)
		})
		t.Run(test.name+"InTx", func(t *testing.T) {
			f := setup(t, settings{fault: hook})
			tx := f.begin()
			require.NoError(t, f.insert(tx, account{ID: 4}))
			_, err := f.update(tx, 2, 1, 100)
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want, f.engine.Classify(err))
			if test.wantOver {
				assert.Zero(t, f.raw().Transactions())
				assert.Equal(t, driver.Other, f.class(tx.Commit(t.Context())))
				return
			}
			assert.Equal(t, test.wantDone, f.balance(tx, 2) == 100)
			assert.Zero(t, f.balance(nil, 2))
			f.rollback(tx)
			assert.Zero(t, f.balance(nil, 2))
		})
	}
}

func TestFaultOfCommit(t *testing.T) {
	lost := driver.Fault{Class: driver.Unavailable, Code: "connection lost", Sent: true}
	tests := []struct {
		name     string
		err      error
		want     driver.Fault
		wantDone bool
	}{
		{"Unavailable", ErrUnavailable, driver.Fault{Class: driver.Unavailable, Code: "unavailable"}, false},
		{"Deadlock", ErrDeadlock, driver.Fault{Class: driver.LockFailure, Code: "deadlock"}, false},
		{"Conflict", ErrWriteConflict, driver.Fault{Class: driver.Conflict, Code: "write conflict"}, false},
		{"LostBefore", ErrLostBefore, lost, false},
		{"LostAfter", ErrLostAfter, lost, true},
		{"Own", errOwn, driver.Fault{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := setup(t, settings{fault: func(_ context.Context, c Call) error {
				if c.Op == "commit" {
					return test.err
				}
				return nil
			}})
			tx := f.begin()
			f.mustUpdate(tx, 1, 1, 100)
			f.mustUpdate(tx, 2, 1, 100)
			err := tx.Commit(t.Context())
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want, f.engine.Classify(err))
			assert.Equal(t, test.wantDone, f.balance(nil, 1) == 100)
			assert.Equal(t, test.wantDone, f.balance(nil, 2) == 100)
			assert.Zero(t, f.raw().Transactions())
		})
	}
}

// Reads, begin and rollback change nothing, so that a lost answer of theirs is never "may have
// happened"; and a transaction whose begin or rollback failed is not left open.
func TestFaultElsewhere(t *testing.T) {
	for _, lost := range []error{ErrLostBefore, ErrLostAfter} {
		ops := map[string]bool{}
		f := setup(t, settings{fault: func(_ context.Context, c Call) error {
			ops[c.Op] = true
			if c.Op == "rollback" || c.Op == "begin" && len(ops) > 1 || c.Op == "get" || c.Op == "schema" {
				return lost
			}
			return nil
		}})
		tx := f.begin()
		f.mustUpdate(tx, 1, 1, 100)
		err := tx.Rollback(t.Context())
		assert.Equal(t, driver.Fault{Class: driver.Unavailable, Code: "connection lost"}, f.engine.Classify(err))
		assert.Zero(t, f.raw().Locks())
		assert.Zero(t, f.raw().Transactions())

		_, err = f.engine.Begin(t.Context(), &driver.BeginParams{})
		assert.Equal(t, driver.Fault{Class: driver.Unavailable, Code: "connection lost"}, f.engine.Classify(err))
		assert.Zero(t, f.raw().Transactions())

		var a account
		_, err = f.accounts.Get(t.Context(), &driver.GetParams{Key: int64(1), Into: driver.RecordOf(&a)})
		assert.False(t, f.engine.Classify(err).Sent)
		assert.Zero(t, a)
		_, err = f.accounts.Schema(t.Context(), &driver.SchemaParams{})
		assert.False(t, f.engine.Classify(err).Sent)
		_, err = f.accounts.Schema(t.Context(), &driver.SchemaParams{Create: true})
		assert.True(t, f.engine.Classify(err).Sent)
	}
}

func TestFaultSeesCalls(t *testing.T) {
	var calls []Call
	f := setup(t, settings{fault: func(_ context.Context, c Call) error {
		calls = append(calls, c)
		return nil
	}})
	tx := f.begin()
	require.NoError(t, f.insert(tx, account{ID: 7}))
	require.NoError(t, f.insert(tx, account{ID: 8}, account{ID: 9}))
	f.get(tx, 7)
	f.mustUpdate(tx, 7, 1, 1)
	_, err := f.delete(tx, 7)
	require.NoError(t, err)
	_, err = f.accounts.Count(t.Context(), &driver.CountParams{Tx: tx})
	require.NoError(t, err)
	_, err = f.accounts.Version(t.Context(), &driver.VersionParams{Tx: tx, Key: int64(7)})
	require.NoError(t, err)
	_, err = f.accounts.Find(t.Context(), &driver.FindParams{Tx: tx, Keys: []any{int64(7)}})
	require.NoError(t, err)
	f.commit(tx)
	assert.Equal(t, []Call{
		{Op: "begin"},
		{Op: "insert", Table: "accounts", Key: int64(7)},
		{Op: "insert", Table: "accounts"},
		{Op: "get", Table: "accounts", Key: int64(7)},
		{Op: "update", Table: "accounts", Key: int64(7)},
		{Op: "delete", Table: "accounts", Key: int64(7)},
		{Op: "count", Table: "accounts"},
		{Op: "version", Table: "accounts", Key: int64(7)},
		{Op: "find", Table: "accounts"},
		{Op: "commit"},
	}, calls)
}

func TestFaultMayBlockAndUseTheRawStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		f = setup(t, settings{fault: func(ctx context.Context, c Call) error {
			if c.Op == "delete" {
				<-ctx.Done()
				return nil
			}
			return f.raw().Put(ctx, "accounts", 1, map[string]any{"balance": 7})
		}})
		assert.EqualValues(t, 7, f.balance(nil, 1))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := f.accounts.Delete(ctx, &driver.DeleteParams{Key: int64(1), Any: true})
			done <- err
		}()
		synctest.Wait()
		cancel()
		err := <-done
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, driver.Fault{Class: driver.Canceled}, f.engine.Classify(err))
		_, found := f.get(nil, 1)
		assert.True(t, found)
	})
}

func TestClassify(t *testing.T) {
	wrap := func(err error) error { return errors.Join(errOwn, fmt.Errorf("wrapped: %w", err)) }
	tests := []struct {
		name string
		err  error
		want driver.Class
	}{
		{"Nil", nil, driver.Other},
		{"Own", errOwn, driver.Other},
		{"NoRows", sql.ErrNoRows, driver.Other},
		{"Value", &driver.ValueError{Field: "Name"}, driver.Refused},
		{"ValueOfCanceledCodec", &driver.ValueError{Field: "Name", Err: context.Canceled}, driver.Refused},
		{"Canceled", context.Canceled, driver.Canceled},
		{"Deadline", context.DeadlineExceeded, driver.Canceled},
		{"CanceledHere", canceled(context.Canceled), driver.Canceled},
		{"Duplicate", duplicate("x"), driver.Duplicate},
		{"Victim", errVictim, driver.LockFailure},
		{"LockTimeout", errLockTimeout, driver.LockFailure},
		{"Written", errWritten, driver.Conflict},
		{"Closed", errClosed, driver.Closed},
		{"NoTransactions", errNoTransactions, driver.Unsupported},
		{"ReadOnly", errReadOnly, driver.Unsupported},
		{"Over", errOver, driver.Other},
		{"ErrUnavailable", ErrUnavailable, driver.Unavailable},
		{"ErrDeadlock", ErrDeadlock, driver.LockFailure},
		{"ErrWriteConflict", ErrWriteConflict, driver.Conflict},
		{"ErrLostBefore", ErrLostBefore, driver.Unavailable},
		{"ErrLostAfter", ErrLostAfter, driver.Unavailable},
	}
	e := newEngine(settings{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, e.Classify(test.err).Class)
			if test.err != nil {
				assert.Equal(t, test.want, e.Classify(wrap(test.err)).Class)
				assert.Equal(t, e.Classify(test.err), e.Classify(wrap(test.err)))
			}
		})
	}
}

func TestEveryCallAfterClose(t *testing.T) {
	f := setup(t, settings{})
	tx := f.begin()
	f.mustUpdate(tx, 1, 1, 1)
	require.NoError(t, f.engine.Close())
	ctx := t.Context()
	record := driver.RecordOf(&account{ID: 1})
	calls := map[string]func() error{
		"Get": func() error {
			_, err := f.accounts.Get(ctx, &driver.GetParams{Key: int64(1), Into: record})
			return err
		},
		"Find": func() error {
			_, err := f.accounts.Find(ctx, &driver.FindParams{Keys: []any{int64(1)}})
			return err
		},
		"Count": func() error { _, err := f.accounts.Count(ctx, &driver.CountParams{}); return err },
		"Version": func() error {
			_, err := f.accounts.Version(ctx, &driver.VersionParams{Key: int64(1)})
			return err
		},
		"Insert":   func() error { return f.insert(nil, account{ID: 9}) },
		"Update":   func() error { _, err := f.update(nil, 1, 1, 1); return err },
		"Delete":   func() error { _, err := f.delete(nil, 1); return err },
		"Schema":   func() error { _, err := f.accounts.Schema(ctx, &driver.SchemaParams{}); return err },
		"Begin":    func() error { _, err := f.engine.Begin(ctx, &driver.BeginParams{}); return err },
		"Commit":   func() error { return tx.Commit(ctx) },
		"Rollback": func() error { return tx.Rollback(ctx) },
		"Put":      func() error { return f.raw().Put(ctx, "accounts", 1, nil) },
		"Remove":   func() error { return f.raw().Remove(ctx, "accounts", 1) },
		"Close":    func() error { return f.engine.Close() },
	}
	for name, call := range calls {
		t.Run(name, func(*testing.T) { assert.Equal(t, driver.Closed, f.class(call())) })
	}
	row, _ := f.raw().Row("accounts", 1)
	assert.EqualValues(t, 0, row["balance"], "the open transaction was rolled back")
}

func TestCanceledBeforeTheCall(t *testing.T) {
	f := setup(t, settings{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.accounts.Delete(ctx, &driver.DeleteParams{Key: int64(1), Any: true})
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.engine.Begin(ctx, &driver.BeginParams{})
	require.ErrorIs(t, err, context.Canceled)
	tx := f.begin()
	f.mustUpdate(tx, 1, 1, 1)
	err = tx.Commit(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, f.engine.Classify(err).Sent)
	assert.Zero(t, f.balance(nil, 1))
}

func TestTransactionOfAnotherDatabase(t *testing.T) {
	f, other := setup(t, settings{}), setup(t, settings{})
	tx := other.begin()
	_, err := f.update(tx, 1, 1, 1)
	require.ErrorIs(t, err, errForeignTx)
	other.rollback(tx)
}

func TestNoTransactions(t *testing.T) {
	f := setup(t, settings{noTransactions: true})
	info := f.engine.Info()
	assert.False(t, info.Transactions || info.Views || info.LockingReads || info.SnapshotTx)
	_, err := f.engine.Begin(t.Context(), &driver.BeginParams{})
	assert.Equal(t, driver.Unsupported, f.class(err))
}

func TestFailNext(t *testing.T) {
	f := setup(t, settings{fault: func(_ context.Context, c Call) error {
		if c.Op == "delete" {
			return errOwn
		}
		return nil
	}})
	raw := f.raw()
	require.NoError(t, raw.FailNext("update", nil, ErrDeadlock, ErrLostAfter))
	require.NoError(t, raw.FailNext("get", ErrUnavailable))
	require.Equal(t, 4, raw.Unmet())
	f.mustUpdate(nil, 1, 1, 10)
	_, err := f.update(nil, 1, 2, 20)
	assert.Equal(t, driver.LockFailure, f.class(err))
	_, err = f.update(nil, 1, 2, 30)
	require.ErrorIs(t, err, ErrLostAfter)
	_, err = f.accounts.Get(t.Context(), &driver.GetParams{Key: int64(1), Into: driver.RecordOf(&account{})})
	assert.Equal(t, driver.Unavailable, f.class(err))
	require.Zero(t, raw.Unmet())
	assert.EqualValues(t, 30, f.balance(nil, 1), "the answer was lost, not the write")
	f.mustUpdate(nil, 1, 3, 40)

	require.NoError(t, raw.FailNext("", ErrUnavailable, ErrUnavailable))
	_, err = f.delete(nil, 1)
	assert.Equal(t, driver.Unavailable, f.class(err))
	require.NoError(t, raw.FailNext("update"))
	require.Equal(t, 1, raw.Unmet(), "those of another kind stay")
	require.NoError(t, raw.FailNext(""))
	f.mustUpdate(nil, 1, 4, 50)
	_, err = f.delete(nil, 1)
	require.ErrorIs(t, err, errOwn, "the hook is asked too")

	err = raw.FailNext("save", ErrUnavailable)
	require.ErrorContains(t, err, `"save"`)
	require.ErrorContains(t, err, "update")

	require.NoError(t, raw.FailNext("commit", ErrLostBefore))
	tx := f.begin()
	f.mustUpdate(tx, 2, 1, 10)
	require.ErrorIs(t, tx.Commit(t.Context()), ErrLostBefore)
	assert.Zero(t, f.balance(nil, 2))
}

// A hook that panics, or ends its goroutine, leaves no lock behind.
func TestHookThatPanics(t *testing.T) {
	for _, op := range []string{"update", "commit", "rollback"} {
		f := setup(t, settings{fault: func(_ context.Context, c Call) error {
			if c.Op == op {
				panic("the hook")
			}
			return nil
		}})
		end := driver.Tx.Commit
		if op == "rollback" {
			end = driver.Tx.Rollback
		}
		tx := f.begin()
		_, err := f.delete(tx, 1)
		require.NoError(t, err)
		if op == "update" {
			assert.Panics(t, func() { _, _ = f.update(tx, 2, 1, 10) })
			f.rollback(tx)
		} else {
			assert.Panics(t, func() { _ = end(tx, t.Context()) })
		}
		assert.Zero(t, f.raw().Locks(), op)
		assert.Zero(t, f.raw().Transactions(), op)
		assert.Zero(t, f.balance(nil, 1), "nothing is left of it")
	}
}
