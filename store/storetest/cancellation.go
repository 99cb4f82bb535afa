package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// Cancellation: a context that ended before the call means no I/O; during it, the error is the
// context's error and says whether a write may have landed.
var _ = register(
	"Cancellation",
	Test{Name: "BeforeTheCallMeansNoIO", run: cancelBefore},
	Test{Name: "BeforeTheCallInATx", needs: transactions, run: cancelBeforeInTx},
	Test{Name: "WaitingForALock", needs: transactions, run: cancelInLockWait},
	Test{Name: "WaitingForALockInATx", needs: transactions, run: cancelTxInLockWait},
	Test{Name: "DuringARead", run: cancelDuringRead},
	Test{Name: "DuringAWriteSaysThatItMayHaveLanded", run: cancelDuringWrite},
	Test{Name: "InTheFunctionOfModify", run: cancelInFunction},
	Test{Name: "EndsRetries", run: cancelEndsRetries},
	Test{Name: "DoesNotReachTheCommit", needs: transactions, run: cancelAtCommit},
	Test{Name: "DoesNotReachTheRollback", needs: transactions, run: cancelAtRollback},
)

// overContexts are contexts that are over, with their errors.
func (e *env) overContexts() map[error]context.Context {
	canceled, cancel := context.WithCancel(e.ctx)
	cancel()
	late, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
	e.Cleanup(cancel)
	return map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: late}
}

// cancelBefore makes every call with a context that is over. Nothing reaches the backend, and no function is run.
func cancelBefore(e *env) {
	r := newAccounts(e, 10)
	a := r.get(1)
	want := r.raw(1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	never := func(context.Context, *store.Tx) error { e.Error("the function ran"); return nil }
	for cause, ctx := range e.overContexts() {
		refuseAll(e, ctx, ours, a, spy, cause)
		e.only(ours.EnsureSchema(ctx), cause)
		_, err := ours.CheckSchema(ctx)
		e.only(err, cause)
		if e.info.Transactions {
			e.only(db.Atomic(ctx, nil, never), cause)
		}
		if e.info.Views {
			e.only(db.View(ctx, nil, never), cause)
		}
		require.Empty(e, spy.take())
	}
	require.Equal(e, want, r.raw(1))
	r.gone(77)
}

func cancelBeforeInTx(e *env) {
	r := newAccounts(e, 10)
	a := r.get(1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		inner, cancel := context.WithCancel(ctx)
		cancel()
		refuseAll(e, inner, ours.In(tx), a, spy, context.Canceled)
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err // a context that was over before the call dooms nothing
	}))
	require.EqualValues(e, 11, r.number(1, "amount"))
}

// slow are the options of a Tx that holds its locks while something else is waited for.
var slow = &store.TxOptions{RunTimeout: patience, Timeout: patience}

// cancelInLockWait has a writer give up while another Tx holds the row. Then the lock is freed, and
// only then is it looked at what became of the write: whoever said that nothing happened must be right
// for ever. A server may run an abandoned statement to its end; then the error has to say so.
func cancelInLockWait(e *env) {
	r := newAccounts(e, 10, 20)
	other := r.on(e.open(store.Options{}), nil)
	for _, v := range verbs {
		switch v.name {
		case "save", "touch", "modify", "upsert", "delete": // those that check the version
		default:
			continue
		}
		a := r.get(1)
		a.Amount = 1000
		before := a
		var err error
		require.ErrorIs(e, e.db.Atomic(e.ctx, slow, func(ctx context.Context, tx *store.Tx) error {
			if _, err := r.In(tx).Modify(ctx, 1, credit(1)); err != nil {
				return err
			}
			waiting, cancel := context.WithTimeout(e.ctx, glance)
			defer cancel()
			call := e.async(v.name, func(context.Context) error { return v.call(waiting, other, &a) })
			err = call.Wait(patience / 2)
			return errBoom // frees the lock
		}), errBoom)
		require.ErrorIs(e, err, context.DeadlineExceeded, v.name)
		require.Equal(e, before, a, v.name)
		// Only a write that checks the version settles whether the other one can still land.
		settled, gone := r.Modify(e.ctx, 1, credit(1))
		if !store.MayHaveHappened(err) {
			require.NoError(e, gone, "%s: the cancelled delete landed", v.name)
			require.Equal(e, before.Version+1, settled.Version, "%s: the cancelled write landed", v.name)
			continue
		}
		require.ErrorIs(e, err, store.ErrUnknownOutcome)
		if v.name == "delete" && gone != nil { // it may, and it did
			e.only(gone, store.ErrNotFound)
			inserted(r, account{ID: 1, Amount: 10})
		}
	}
}

// cancelTxInLockWait ends the context of a Tx that waits for another's lock. It returns while the lock is still held,
// and leaves nothing.
func cancelTxInLockWait(e *env) {
	r := newAccounts(e, 10, 20)
	var err error
	require.ErrorIs(e, e.db.Atomic(e.ctx, slow, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(e.ctx, glance)
		defer cancel()
		err = e.await(e.async("the Tx whose context is over", func(context.Context) error {
			return e.db.Atomic(waiting, nil, func(ctx context.Context, tx *store.Tx) error {
				if _, err := r.In(tx).Modify(ctx, 2, credit(100)); err != nil {
					return err
				}
				_, err := r.In(tx).Modify(ctx, 1, credit(100))
				return err
			})
		}))
		return errBoom
	}), errBoom)
	require.ErrorIs(e, err, context.DeadlineExceeded)
	require.False(e, store.MayHaveHappened(err), "no commit was sent")
	free(e, r, 1, 2)
	require.Equal(e, []int64{10, 20}, amounts(r, 1, 2))
}

// held opens a handle on which the calls named op wait for the end of their context.
func (e *env) held(op string, answer func(ctx context.Context, next intercept.Next) error) *store.DB {
	return e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op != op {
			return next(ctx)
		}
		return answer(ctx, next)
	})
}

// cancelDuringRead ends the context while a read is on its way. The caller sees the end of the context, whatever the
// client makes of it, and its copy is as it was.
func cancelDuringRead(e *env) {
	r := newAccounts(e, 10)
	for _, op := range []string{intercept.Get, intercept.Find, intercept.Count, intercept.Version} {
		ours := r.on(e.held(op, func(ctx context.Context, _ func(context.Context) error) error {
			<-ctx.Done()
			// What a client makes of it.
			return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
		}), nil)
		failed := 0
		for _, v := range verbs {
			if v.write {
				continue
			}
			a := r.get(1)
			before := a
			ctx, cancel := context.WithTimeout(e.ctx, 20*time.Millisecond)
			if err := v.call(ctx, ours, &a); err != nil {
				failed++
				e.only(err, context.DeadlineExceeded, "%s while %s was on its way", v.name, op)
				require.Equal(e, before, a)
			}
			cancel()
		}
		require.Positive(e, failed, "no verb uses %s", op)
	}
}

// cancelDuringWrite ends the context of a write that the server has, and of one that it never got. Only the first may
// have happened.
func cancelDuringWrite(e *env) {
	r := newAccounts(e, 10)
	for _, sent := range []bool{true, false} {
		ctx, cancel := context.WithCancel(e.ctx)
		ours := r.on(e.held(intercept.Update, func(ctx context.Context, next intercept.Next) error {
			if sent {
				if err := next(ctx); err != nil {
					return err
				}
			}
			cancel()
			return &intercept.Error{Fault: driver.Fault{Class: driver.Canceled, Sent: sent}}
		}), nil)
		a := r.get(1)
		before := a
		a.Amount++
		err := ours.Save(ctx, &a)
		cancel()
		require.ErrorIs(e, err, context.Canceled)
		require.Equal(e, sent, store.MayHaveHappened(err))
		require.False(e, store.Retryable(err) && sent)
		require.Equal(e, before.Version, a.Version)
		if !sent {
			e.only(err, context.Canceled)
		}
	}
	require.EqualValues(e, 11, r.number(1, "amount"))
}

func cancelInFunction(e *env) {
	r := newAccounts(e, 10)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	_, err := r.Modify(ctx, 1, func(a *account) error { cancel(); a.Amount = 99; return nil })
	require.ErrorIs(e, err, context.Canceled)
	require.False(e, store.MayHaveHappened(err), "nothing was sent")
	require.EqualValues(e, 10, r.number(1, "amount"))
	require.EqualValues(e, 1, r.number(1, "version"))
}

// cancelEndsRetries ends the context in the third run of a function that always conflicts: there is no fourth, in
// Modify and in Atomic.
func cancelEndsRetries(e *env) {
	r := newAccounts(e, 10)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	runs := 0
	_, err := r.Modify(ctx, 1, func(a *account) error {
		if runs++; runs == 3 {
			cancel()
		}
		r.modify(1, func(a *account) { a.Amount++ })
		a.Amount = -1
		return nil
	})
	require.ErrorIs(e, err, context.Canceled)
	require.Equal(e, 3, runs)
	require.EqualValues(e, 13, r.number(1, "amount"))
	if !e.info.Transactions {
		return
	}
	ctx, cancel = context.WithCancel(e.ctx)
	defer cancel()
	runs = 0
	err = e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		err := clash(ctx, r, tx, 1)
		if runs++; runs == 3 {
			cancel()
		}
		return err
	})
	require.Error(e, err)
	require.Equal(e, 3, runs)
	require.True(e, errors.Is(err, context.Canceled) || errors.Is(err, store.ErrConflict), "%v", err)
}

// cancelAtCommit ends the caller's context when the commit is on its way. A commit that was sent must
// be waited for, under a deadline of its own.
func cancelAtCommit(e *env) {
	r := newAccounts(e, 10)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	var commit ended
	db := e.held(intercept.Commit, func(end context.Context, next intercept.Next) error {
		cancel()
		commit.under(end)
		return next(end)
	})
	ours := r.on(db, nil)
	called := false
	require.NoError(e, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		tx.OnCommit(func() { called = true })
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.True(e, called)
	commit.check(e, 1)
	require.EqualValues(e, 11, r.number(1, "amount"))
}

// ended notes the contexts under which transactions were ended, which may be on any goroutine.
type ended struct {
	mu        sync.Mutex
	errs      []error
	unbounded int
}

// under notes one of them.
func (n *ended) under(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.errs = append(n.errs, ctx.Err())
	if _, hasDeadline := ctx.Deadline(); !hasDeadline {
		n.unbounded++
	}
}

// check asserts that so many were ended, each under a context of its own and with a deadline.
func (n *ended) check(e *env, times int) {
	e.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	require.Equal(e, make([]error, times), n.errs, "the context of the end is not the caller's")
	require.Zero(e, n.unbounded, "the end of a Tx has a deadline")
}

// cancelAtRollback looks at the context of a rollback after the caller's was canceled. With the caller's own the
// rollback would not be sent, and the locks would stay.
func cancelAtRollback(e *env) {
	r := newAccounts(e, 10)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	var rollback ended
	db := e.held(intercept.Rollback, func(end context.Context, next intercept.Next) error {
		rollback.under(end)
		return next(end)
	})
	ours := r.on(db, nil)
	err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		cancel()
		return err
	})
	require.ErrorIs(e, err, context.Canceled)
	rollback.check(e, 1)
	require.EqualValues(e, 10, r.number(1, "amount"))
	free(e, r, 1)
}
