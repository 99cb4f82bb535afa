package storetest

import (
	"context"
	"errors"
	"runtime"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// Atomic commits if and only if the function returned nil and no operation of the Tx failed.
var _ = register(
	"Atomic",
	Test{Name: "CommitsAll", needs: transactions, run: atomicCommits},
	Test{Name: "RollsBackOnError", needs: transactions, run: atomicError},
	Test{Name: "RollsBackOnPanic", needs: transactions, run: atomicPanic},
	Test{Name: "RollsBackOnGoexit", needs: transactions, run: atomicGoexit},
	Test{Name: "ErrExistsDooms", needs: transactions, run: atomicDoomed},
	Test{Name: "AnswersLeaveItUsable", needs: transactions, run: atomicAnswers},
	Test{Name: "DoomedErrorIsJoined", needs: transactions, run: atomicJoined},
	Test{Name: "CancelledCallerRollsBack", needs: transactions, run: atomicCancelled},
	Test{Name: "OverSeveralRepositories", needs: transactions, run: atomicSeveral},
	Test{Name: "RefusedWithoutTransactions", needs: noTransactions, run: atomicRefused},
)

// atomicCommits makes every kind of write in one Atomic, which runs once and leaves all of them, with one new version
// each. A Tx without any write commits too.
func atomicCommits(e *env) {
	r := newAccounts(e, 10, 20, 30)
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		return writeAll(ctx, r.In(tx))
	})
	require.Equal(e, 1, runs)
	require.Equal(e, []int64{11, 22, 10}, amounts(r, 1, 2, 9))
	r.gone(3)
	require.EqualValues(e, 2, r.number(1, "version"))
	require.EqualValues(e, 2, r.number(2, "version"))
	require.EqualValues(e, 2, r.number(9, "version"))
	e.atomic(func(context.Context, *store.Tx) error { return nil })
}

func atomicError(e *env) {
	r := newAccounts(e, 10, 20, 30)
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(e, writeAll(ctx, r.In(tx)))
		return errBoom
	})
	require.Equal(e, errBoom, err, "the function's error is returned as it is")
	require.False(e, store.MayHaveHappened(err))
	untouched(e, r)
}

func atomicPanic(e *env) {
	r := newAccounts(e, 10, 20, 30)
	require.PanicsWithValue(e, "boom", func() {
		_ = e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			require.NoError(e, writeAll(ctx, r.In(tx)))
			panic("boom")
		})
	})
	untouched(e, r)
}

// atomicGoexit ends the goroutine inside of the function, as t.FailNow does: Atomic never returns, and still rolls
// back.
func atomicGoexit(e *env) {
	r := newAccounts(e, 10, 20, 30)
	exits := e.async("a Tx whose goroutine ends", func(ctx context.Context) error {
		return e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if err := writeAll(ctx, r.In(tx)); err != nil {
				return err
			}
			runtime.Goexit() // as t.FailNow does
			return nil
		})
	})
	require.ErrorIs(e, e.await(exits), tasks.ErrExited, "Atomic returned")
	untouched(e, r)
}

// atomicDoomed swallows the error of a statement. A server may have rolled back the whole transaction with it, so the
// Tx takes nothing more and does not commit.
func atomicDoomed(e *env) {
	r := newAccounts(e, 10, 20, 30)
	runs := 0
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		runs++
		in := r.In(tx)
		require.NoError(e, writeAll(ctx, in))
		e.only(in.Insert(ctx, &account{ID: 1}), store.ErrExists)
		_, err := in.Get(ctx, 2)
		require.ErrorIs(e, err, store.ErrTxDone, "a doomed Tx takes no read")
		require.ErrorIs(e, err, store.ErrExists, "and says why")
		require.ErrorIs(e, in.Insert(ctx, &account{ID: 10}), store.ErrTxDone)
		_, err = in.Modify(ctx, 2, credit(1))
		require.ErrorIs(e, err, store.ErrTxDone)
		return nil
	})
	e.only(err, store.ErrExists)
	require.Equal(e, 1, runs)
	untouched(e, r)
	r.gone(10)
}

// atomicAnswers swallows the errors that are answers: a missing row, a moved version, a call refused before any I/O.
// They leave the Tx as it was, which goes on and commits.
func atomicAnswers(e *env) {
	r := newAccounts(e, 10, 20, 30)
	stale := r.get(1)
	r.modify(1, func(a *account) { a.Amount = 15 })
	gone := r.get(3)
	require.NoError(e, r.Delete(e.ctx, gone))
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		in := r.In(tx)
		_, err := in.Get(ctx, 99)
		e.only(err, store.ErrNotFound, "Get")
		_, err = in.Modify(ctx, 99, credit(1))
		e.only(err, store.ErrNotFound, "Modify")
		e.only(in.Reload(ctx, &account{ID: 99}), store.ErrNotFound, "Reload")
		e.only(in.Save(ctx, &gone), store.ErrNotFound, "Save")
		e.only(in.DeleteKey(ctx, 99), store.ErrNotFound, "DeleteKey")
		e.conflict(in.Save(ctx, &stale), 1, 2)
		e.conflict(in.Touch(ctx, &stale), 1, 2)
		e.conflict(in.Delete(ctx, stale), 1, 2)
		e.only(in.Save(ctx, &account{ID: 1}), store.ErrInvalid, "never read")
		_, err = in.First(ctx, store.Where("Nonsense", store.Eq, 1))
		e.only(err, store.ErrInvalid, "First")
		_, err = in.Modify(ctx, 2, func(a *account) error { a.Amount = 0; return errBoom })
		require.ErrorIs(e, err, errBoom)
		_, err = in.Modify(ctx, 2, credit(1))
		return err
	})
	require.Equal(e, 1, runs)
	require.Equal(e, []int64{15, 21}, amounts(r, 1, 2))
}

func atomicJoined(e *env) {
	r := newAccounts(e, 10, 20, 30)
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_ = r.In(tx).Insert(ctx, &account{ID: 1})
		return errBoom
	})
	require.ErrorIs(e, err, errBoom)
	require.ErrorIs(e, err, store.ErrExists, "what doomed the Tx is not lost")
	untouched(e, r)
}

// atomicCancelled cancels the context inside of the function, which then returns nil or an error of its own. Neither
// commits.
func atomicCancelled(e *env) {
	r := newAccounts(e, 10, 20, 30)
	for _, answer := range []error{nil, errBoom} {
		ctx, cancel := context.WithCancel(e.ctx)
		err := e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			require.NoError(e, writeAll(ctx, r.In(tx)))
			cancel()
			_, err := r.In(tx).Get(ctx, 1)
			require.ErrorIs(e, err, context.Canceled)
			return answer
		})
		cancel()
		if answer == nil {
			require.ErrorIs(e, err, context.Canceled)
		} else {
			require.ErrorIs(e, err, answer)
		}
		require.False(e, store.MayHaveHappened(err), "it was rolled back before the commit")
		untouched(e, r)
	}
}

// atomicSeveral writes through repositories of three entity types over two tables: all of it is one transaction.
func atomicSeveral(e *env) {
	accounts, members := newAccounts(e, 10, 20), newMembers(e)
	amounts := over[accountAmount, int64](e, e.db, accounts.name, nil)
	work := func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(
			members.In(tx).Insert(ctx, &member{ID: 1, Email: "a@example.org"}),
			accounts.In(tx).Insert(ctx, &account{ID: 5}),
			amounts.In(tx).Insert(ctx, &accountAmount{ID: 6, Amount: 6}),
		)
	}
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(work(ctx, tx), errBoom)
	})
	require.ErrorIs(e, err, errBoom)
	members.gone(1)
	accounts.gone(5)
	accounts.gone(6)
	e.atomic(work)
	require.NotNil(e, members.raw(1))
	require.NotNil(e, accounts.raw(5))
	require.EqualValues(e, 6, accounts.number(6, "amount"))
}

// accountAmount is a projection of account.
type accountAmount struct {
	store.Snapshot `bson:",inline"`

	ID     int64 `db:"id" bson:"_id" store:"key"`
	Amount int64 `db:"amount" bson:"amount"`
}

func atomicRefused(e *env) {
	db, spy := e.spied(store.Options{})
	err := db.Atomic(e.ctx, nil, func(context.Context, *store.Tx) error { e.Error("the function ran"); return nil })
	e.only(err, store.ErrUnsupported)
	require.Empty(e, spy.take(), "refused before any I/O")
}
