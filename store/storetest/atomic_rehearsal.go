package storetest

import (
	"context"
	"errors"
	"runtime"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// Options.Rehearse runs the function of Atomic twice, and leaves nothing of the first run.
var _ = register(
	"Atomic",
	Test{Name: "Rehearsed", needs: transactions, run: rehearseAtomic},
	Test{Name: "RehearsedEnds", needs: transactions, run: rehearseEnds},
)

// rehearseAtomic has a function work on an entity of its caller and forget that it may run again.
func rehearseAtomic(e *env) {
	r := newAccounts(e, 10, 20)
	db := e.open(store.Options{Rehearse: true})
	ours := r.on(db, nil)
	reloaded := r.get(1)
	mine := r.modify(1, func(a *account) { a.Amount++ }) // so that reloaded has something to learn
	var forgotten []int64
	commits, modified := 0, 0
	fresh := account{ID: 3, Amount: 1}
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := ours.In(tx)
		forgotten = append(forgotten, mine.Version, reloaded.Version, fresh.Version)
		tx.OnCommit(func() { commits++ })
		if err := in.Reload(ctx, &reloaded); err != nil {
			return err
		}
		mine.Amount = 50
		err := errors.Join(in.Save(ctx, &mine), in.Insert(ctx, &fresh))
		if err != nil {
			return err
		}
		_, err = in.Modify(ctx, 2, func(a *account) error { modified++; a.Amount++; return nil })
		return err
	}))
	require.Equal(e, []int64{2, 1, 0, 2, 1, 0}, forgotten, "the second run finds every entity as the first one did")
	require.Equal(e, 1, commits)
	require.Equal(e, 2, modified, "once in each run: a Tx is rehearsed whole")
	require.Equal(e, []int64{50, 21, 1}, amounts(r, 1, 2, 3))
	require.EqualValues(e, 3, mine.Version)
	require.EqualValues(e, 1, fresh.Version)
}

// rehearseEnds ends a rehearsed function in each way that is not a commit, and then lets the second run conflict: it
// runs again as it does without a rehearsal.
func rehearseEnds(e *env) {
	r := newAccounts(e, 10)
	db := e.open(store.Options{Rehearse: true})
	ours := r.on(db, nil)
	runs := 0
	err := db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		runs++
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return errors.Join(err, errBoom)
	})
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, 2, runs)
	require.PanicsWithValue(e, "boom", func() {
		_ = db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			_, _ = ours.In(tx).Modify(ctx, 1, credit(1))
			panic("boom")
		})
	})
	gone := e.async("a Tx whose goroutine ends", func(ctx context.Context) error {
		return db.Atomic(ctx, nil, func(context.Context, *store.Tx) error { runtime.Goexit(); return nil })
	})
	require.ErrorIs(e, e.await(gone), tasks.ErrExited)
	require.EqualValues(e, 10, r.number(1, "amount"), "nothing was written")

	// A conflict in the run itself runs it again, as ever.
	runs = 0
	rehearsed := *r
	rehearsed.Repository = ours
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 2 {
			return clash(ctx, &rehearsed, tx, 1)
		}
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.Equal(e, 3, runs)
}
