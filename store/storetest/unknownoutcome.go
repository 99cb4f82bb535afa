package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// UnknownOutcome: when a connection breaks so that a write may or may not have happened, the error
// says so, and nobody repeats the write.
var _ = register(
	"UnknownOutcome",
	Test{Name: "OfAWrite", run: unknownWrite},
	Test{Name: "OfACommit", needs: transactions, run: unknownCommit},
	Test{Name: "IsSettledByAVersionedWrite", run: unknownSettled},
	Test{Name: "OfAReadThereIsNone", run: unknownRead},
	Test{Name: "OfAnOperationInATxThereIsNone", needs: transactions, run: unknownInTx},
	Test{Name: "OfABeginThereIsNone", needs: transactions, run: unknownBegin},
	Test{Name: "DeadlockIsTransient", run: unknownDeadlock},
)

// faulty opens a handle whose connection can be broken, by the harness or else between package store
// and the backend.
func (e *env) faulty() (*store.DB, func(Fault)) {
	if e.h.Faults != nil {
		db, arm := e.h.Faults(e, store.Options{})
		e.Cleanup(func() { _ = db.Close() })
		return db, arm
	}
	return madeUpFaults(e, e.open(store.Options{}))
}

// madeUpFaults is a handle over another one, and what arms a fault between package store and the backend.
// The fault meets the next write outside a Tx, or the next commit, and no other call.
func madeUpFaults(tb testing.TB, db *store.DB) (*store.DB, func(Fault)) {
	var armed atomic.Pointer[Fault]
	hook := func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		f := armed.Load()
		switch {
		case f == nil, f.Commit != (c.Op == intercept.Commit), !f.Commit && (!c.Write() || c.Tx != nil):
			return next(ctx)
		case !armed.CompareAndSwap(f, nil):
			return next(ctx)
		}
		switch {
		case f.Landed:
			if err := next(ctx); err != nil {
				return err
			}
		case f.Commit:
			_ = c.Tx.Rollback(ctx)
		}
		if w, ok := c.Result.(*driver.WriteResult); ok {
			*w = driver.WriteResult{}
		}
		return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
	}
	broken, err := store.New(intercept.New(db.Driver(), hook), nil)
	require.NoError(tb, err)
	return broken, func(f Fault) { armed.Store(&f) }
}

// unknown asserts what a call that met a fault has come to: an unknown outcome, or success where the
// backend's client has proved that it happened, or has done it again safely. It reports which.
func (e *env) unknown(err error, about string) bool {
	e.Helper()
	if err == nil {
		require.NotNil(e, e.h.Faults, "%s: a fault was made up and nobody noticed", about)
		return false
	}
	e.only(err, store.ErrUnknownOutcome, about)
	require.True(e, store.MayHaveHappened(err), about)
	require.False(e, store.Retryable(err), "%s: nobody may just do it again", about)
	return true
}

// unknownWrite loses the answer of every write, once after the server has done it and once before. It is not sent
// again, and the caller is told that nobody knows.
func unknownWrite(e *env) {
	r := newAccounts(e, 10)
	db, arm := e.faulty()
	ours := r.on(db, nil)
	for i, landed := range []bool{true, false} {
		id := int64(100 * (i + 1))
		arm(Fault{Landed: landed})
		fresh := account{ID: id, Amount: 5}
		if e.unknown(ours.Insert(e.ctx, &fresh), "Insert") {
			require.Equal(e, account{ID: id, Amount: 5}, fresh, "the entity is as it was")
			require.Equal(e, landed, r.raw(id) != nil, "Insert")
		} else {
			require.NotNil(e, r.raw(id))
		}
		for _, v := range verbs {
			if v.write && v.name != "insert" && v.name != "insert many" {
				unknownOf(e, r, ours, v, func() { arm(Fault{Landed: landed}) }, landed)
			}
		}
	}
	// The function of Modify is not run again either.
	runs := 0
	if r.raw(1) == nil {
		inserted(r, account{ID: 1, Amount: 10})
	}
	amount := r.number(1, "amount")
	arm(Fault{Landed: true})
	a, err := ours.Modify(e.ctx, 1, func(a *account) error { runs++; a.Amount++; return nil })
	if e.unknown(err, "Modify") {
		require.Equal(e, account{}, a)
	}
	require.Equal(e, 1, runs)
	require.Equal(e, amount+1, r.number(1, "amount"))
}

// unknownOf loses the answer of one write on account 1, and looks at what became of the row: the write was done
// once where it landed, and else not at all.
func unknownOf(e *env, r *accounts, ours *accountRepository, v verb, arm func(), landed bool) {
	e.Helper()
	about := fmt.Sprintf("%s, landed: %t", v.name, landed)
	if r.raw(1) == nil {
		inserted(r, account{ID: 1, Amount: 10})
	}
	a := r.get(1)
	before := a
	arm()
	if e.unknown(v.call(e.ctx, ours, &a), about) {
		require.Equal(e, before, a, about)
	} else {
		landed = true
	}
	row := r.raw(1)
	if v.name == "delete" || v.name == "delete key" {
		require.Equal(e, landed, row == nil, about)
		return
	}
	want := before.Version
	if landed {
		want++
	}
	require.Equal(e, want, integer(e, row["version"]), "%s: it was done again, or not at all", about)
}

// unknownCommit loses the answer of a commit. The function is not run again, since its first run may have been stored.
func unknownCommit(e *env) {
	for _, landed := range []bool{true, false} {
		r := newAccounts(e, 10, 20)
		db, arm := e.faulty()
		ours := r.on(db, nil)
		saved, fresh := r.get(2), account{ID: 3, Amount: 30}
		saved.Amount = 21
		want := []account{saved, fresh}
		runs, called := 0, 0
		arm(Fault{Commit: true, Landed: landed})
		err := db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			tx.OnCommit(func() { called++ })
			in := ours.In(tx)
			if _, err := in.Modify(ctx, 1, credit(1)); err != nil {
				return err
			}
			if err := in.Save(ctx, &saved); err != nil {
				return err
			}
			return in.Insert(ctx, &fresh)
		})
		require.Equal(e, 1, runs, "the function was run again although the first run may have happened")
		if e.unknown(err, "Atomic") {
			require.Zero(e, called, "OnCommit is for a commit that is known")
			require.Equal(e, want, []account{saved, fresh}, "the entities are as they were")
		} else {
			landed = true
			require.Equal(e, 1, called)
		}
		if landed {
			require.Equal(e, []int64{11, 21, 30}, amounts(r, 1, 2, 3))
		} else {
			require.Equal(e, []int64{10, 20}, amounts(r, 1, 2))
			r.gone(3)
		}
		free(e, r, 1, 2)
	}
}

// unknownSettled saves the same copy again after an unknown outcome: a conflict tells that the first one was stored.
func unknownSettled(e *env) {
	for _, landed := range []bool{true, false} {
		r := newAccounts(e, 10)
		db, arm := e.faulty()
		ours := r.on(db, nil)
		a := r.get(1)
		a.Amount = 11
		arm(Fault{Landed: landed})
		if !e.unknown(ours.Save(e.ctx, &a), "Save") {
			continue
		}
		err := ours.Save(e.ctx, &a)
		if landed {
			e.conflict(err, 1, 2)
		} else {
			require.NoError(e, err)
		}
		require.EqualValues(e, 11, r.number(1, "amount"))
		require.EqualValues(e, 2, r.number(1, "version"))
	}
}

// unknownRead fails every read: that is never an unknown outcome, not even in a Modify, which then has written nothing.
func unknownRead(e *env) {
	r := newAccounts(e, 10)
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		switch c.Op {
		case intercept.Get, intercept.Find, intercept.Count, intercept.Version:
			return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
		}
		return next(ctx)
	})
	ours := r.on(db, &store.RepositoryOptions{ModifyAttempts: 2})
	a := r.get(1)
	before := a
	for _, v := range verbs {
		if v.write {
			continue
		}
		err := v.call(e.ctx, ours, &a)
		e.only(err, store.ErrTransient, v.name)
		require.True(e, store.Retryable(err), v.name)
		require.Equal(e, before, a)
	}
	_, err := ours.Modify(e.ctx, 1, credit(1))
	require.Error(e, err)
	require.False(e, store.MayHaveHappened(err), "a Modify that could not read has written nothing")
}

// unknownInTx breaks each operation of a Tx: nothing can have happened, so the function runs again.
func unknownInTx(e *env) {
	for _, op := range []string{
		intercept.Get, intercept.Find, intercept.Update, intercept.Insert, intercept.Delete, intercept.Count,
		intercept.Version,
	} {
		r := newAccounts(e, 10, 20, 30)
		var broken atomic.Int32
		db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if c.Op == op && c.Tx != nil && broken.Add(1) <= 2 {
				_ = next(ctx)
				if w, ok := c.Result.(*driver.WriteResult); ok {
					*w = driver.WriteResult{}
				}
				return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
			}
			return next(ctx)
		})
		ours := r.on(db, nil)
		runs := 0
		require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			in := ours.In(tx)
			if _, err := in.Count(ctx, store.Query{}); err != nil {
				return err
			}
			first, err := in.First(ctx, store.Query{})
			if err != nil {
				return err
			}
			if _, err := in.IsStale(ctx, first); err != nil {
				return err
			}
			return writeAll(ctx, in)
		}), op)
		require.Equal(e, 3, runs, op)
		require.Equal(e, []int64{11, 22, 10}, amounts(r, 1, 2, 9), op)
		require.EqualValues(e, 2, r.number(1, "version"), "%s: once", op)
	}
}

// unknownBegin fails to begin a transaction: nothing can have happened, so Atomic tries again, and the function runs
// once.
func unknownBegin(e *env) {
	r := newAccounts(e, 10)
	begins := 0
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Begin {
			if begins++; begins <= 2 {
				return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
			}
		}
		return next(ctx)
	})
	ours := r.on(db, nil)
	runs := 0
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		runs++
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.Equal(e, 3, begins)
	require.Equal(e, 1, runs)
	require.EqualValues(e, 11, r.number(1, "amount"))
}

// unknownDeadlock has single calls meet deadlocks and write conflicts, as they do without a Tx too.
func unknownDeadlock(e *env) {
	for _, class := range []driver.Class{driver.LockFailure, driver.Conflict} {
		r := newAccounts(e, 10)
		var failures atomic.Int32
		db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
			if c.Op == intercept.Update && failures.Add(-1) >= 0 {
				return &intercept.Error{Fault: driver.Fault{Class: class}}
			}
			return next(ctx)
		})
		ours := r.on(db, nil)
		failures.Store(2)
		runs := 0
		_, err := ours.Modify(e.ctx, 1, func(a *account) error { runs++; a.Amount++; return nil })
		require.NoError(e, err, "Modify tries again")
		require.Equal(e, 3, runs)
		require.EqualValues(e, 11, r.number(1, "amount"))

		failures.Store(1)
		a := r.get(1)
		before := a
		a.Amount++
		if err := ours.Save(e.ctx, &a); err != nil { // it may also try again by itself
			e.only(err, store.ErrTransient)
			require.True(e, store.Retryable(err))
			require.Equal(e, before.Version, a.Version)
			require.NoError(e, ours.Save(e.ctx, &a))
		}
		require.EqualValues(e, 12, r.number(1, "amount"))
		require.EqualValues(e, 3, a.Version)
	}
}
