package storetest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// When the function of Atomic runs again, how long, and what OnCommit makes of it, as part of Atomic.
var _ = register(
	"Atomic",
	Test{Name: "OnCommit", needs: transactions, run: atomicOnCommit},
	Test{Name: "OnCommitIsNotCalledWithoutCommit", needs: transactions, run: atomicNoOnCommit},
	Test{Name: "RunsAgainOnConflict", needs: transactions, run: atomicReruns},
	Test{Name: "OutsideConflictIsReturnedAtOnce", needs: transactions, run: atomicOutsideConflict},
	Test{Name: "RunDeadline", needs: transactions, run: atomicDeadline},
	Test{Name: "BoundOfAllRuns", needs: transactions, run: atomicBound},
)

// atomicOnCommit registers functions in a run that conflicts and in one that commits. Those of the latter alone are
// called, in order, after the commit.
func atomicOnCommit(e *env) {
	r := newAccounts(e, 10, 20)
	var calls []string
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		in := r.In(tx)
		tx.OnCommit(func() {
			calls = append(calls, "first")
			require.EqualValues(e, 21, r.get(2).Amount) // the commit has happened
			_, err := in.Get(e.ctx, 2)
			require.ErrorIs(e, err, store.ErrTxDone, "and the Tx is over")
		})
		tx.OnCommit(nil)
		if runs == 1 {
			return clash(ctx, r, tx, 1)
		}
		_, err := in.Modify(ctx, 2, credit(1))
		tx.OnCommit(func() { calls = append(calls, "second") })
		require.Empty(e, calls, "called before the commit")
		return err
	})
	require.Equal(e, 2, runs, "a conflict on what this Tx read runs it again")
	require.Equal(e, []string{"first", "second"}, calls, "once, in order, and only those of the run that committed")
}

// atomicNoOnCommit registers a function in each kind of Tx that does not commit, and in one that is over: it is never
// called.
func atomicNoOnCommit(e *env) {
	r := newAccounts(e, 10)
	fail := func() { e.Error("OnCommit was called without a commit") }
	_ = e.db.Atomic(e.ctx, nil, func(_ context.Context, tx *store.Tx) error { tx.OnCommit(fail); return errBoom })
	_ = e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		tx.OnCommit(fail)
		_ = r.In(tx).Insert(ctx, &account{ID: 1})
		return nil
	})
	require.Panics(e, func() {
		_ = e.db.Atomic(e.ctx, nil, func(_ context.Context, tx *store.Tx) error { tx.OnCommit(fail); panic("boom") })
	})
	var left *store.Tx
	e.atomic(func(_ context.Context, tx *store.Tx) error { left = tx; return nil })
	left.OnCommit(fail)
}

// atomicReruns has another writer change, in each of the first runs, what this Tx has read.
func atomicReruns(e *env) {
	r := newAccounts(e, 10, 20)
	runs := 0
	var seen []*store.Tx
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		require.NotContains(e, seen, tx, "each run is a transaction of its own")
		seen = append(seen, tx)
		if _, err := r.In(tx).Modify(ctx, 2, credit(1)); err != nil {
			return err
		}
		if runs <= 3 {
			return clash(ctx, r, tx, 1)
		}
		a, err := r.In(tx).Get(ctx, 1)
		if err != nil {
			return err
		}
		require.EqualValues(e, 310, a.Amount)
		a.Amount++
		return r.In(tx).Save(ctx, &a)
	})
	require.Equal(e, 4, runs)
	require.Equal(e, []int64{311, 21}, amounts(r, 1, 2), "each run before the last left nothing")
	require.EqualValues(e, 2, r.number(2, "version"))
}

// atomicOutsideConflict writes a copy that was read outside of the Tx and has become stale. Its conflict ends the
// Atomic at once.
func atomicOutsideConflict(e *env) {
	r := newAccounts(e, 10, 20)
	for _, v := range verbs {
		if v.name != "save" && v.name != "touch" && v.name != "delete" {
			continue
		}
		stale := r.get(1)
		moved := r.modify(1, func(a *account) { a.Amount++ })
		before := stale
		runs := 0
		err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			if _, err := r.In(tx).Modify(ctx, 2, credit(1)); err != nil {
				return err
			}
			return v.call(ctx, r.In(tx), &stale)
		})
		e.conflict(err, before.Version, moved.Version)
		require.Equal(e, 1, runs, "%s: running it again cannot help a copy from outside", v.name)
		require.Equal(e, before, stale)
		require.EqualValues(e, 20, r.number(2, "amount"))
	}
}

// atomicDeadline lets a run outlast RunTimeout: its context ends, and nothing is committed, even when the function
// reports success.
func atomicDeadline(e *env) {
	r := newAccounts(e, 10, 20, 30)
	o := &store.TxOptions{RunTimeout: time.Second, Timeout: time.Second}
	err := e.db.Atomic(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, writeAll(ctx, r.In(tx)))
		select {
		case <-ctx.Done():
		case <-time.After(patience):
			e.Error("the run has no deadline")
		}
		_, err := r.In(tx).Get(ctx, 1)
		require.ErrorIs(e, err, context.DeadlineExceeded)
		return err
	})
	require.ErrorIs(e, err, context.DeadlineExceeded)
	untouched(e, r)
	err = e.db.Atomic(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, writeAll(ctx, r.In(tx)))
		<-ctx.Done()
		return nil // as if nothing had happened
	})
	require.Error(e, err, "a run that is past its deadline does not commit")
	require.ErrorIs(e, err, context.DeadlineExceeded)
	untouched(e, r)
	e.only(
		e.db.Atomic(e.ctx, &store.TxOptions{RunTimeout: -1}, func(context.Context, *store.Tx) error { return nil }),
		store.ErrInvalid,
	)
}

// atomicBound conflicts in every run, until TxOptions.Timeout ends it. The number of runs is the machine's; what is
// stored tells that none of them committed.
func atomicBound(e *env) {
	r := newAccounts(e, 10, 20, 30)
	runs := 0
	o := &store.TxOptions{Timeout: 250 * time.Millisecond}
	err := e.db.Atomic(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
		runs++
		return clash(ctx, r, tx, 1)
	})
	require.Error(e, err)
	require.Positive(e, runs)
	require.False(e, store.MayHaveHappened(err))
	others := r.number(1, "version") - 1 // the last run may have ended before the other writer came
	require.LessOrEqual(e, others, int64(runs))
	require.Equal(e, 10+100*others, r.number(1, "amount"), "another's writes, and none of ours")
}
