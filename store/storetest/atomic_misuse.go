package storetest

import (
	"context"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// What a Tx must refuse, as part of Atomic.
var _ = register(
	"Atomic",
	Test{Name: "NestedIsInvalid", needs: transactions, run: misuseNested},
	Test{Name: "ContextWithoutInIsInvalid", needs: transactions, run: misuseWithoutIn},
	Test{Name: "TxAfterItsEnd", needs: transactions, run: misuseAfterEnd},
	Test{Name: "TxByTwoGoroutines", needs: transactions, run: misuseTwoGoroutines},
	Test{Name: "GoroutineThatIsLeftBehind", needs: transactions, run: misuseLeftBehind},
	Test{Name: "RepositoryOfAnotherDatabase", needs: transactions, run: misuseOtherDatabase},
	Test{Name: "TwoDatabasesAtOnce", needs: transactions, run: misuseTwoDatabases},
	Test{Name: "SchemaIsNoPartOfIt", needs: transactions, run: misuseSchema},
)

// misuseNested calls Atomic and View inside of Atomic with its context. A second transaction would wait for the first
// one's locks for ever, so both are refused, and the outer one goes on.
func misuseNested(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := ours.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		spy.take()
		never := func(context.Context, *store.Tx) error { e.Error("the function ran"); return nil }
		for _, err := range []error{db.Atomic(ctx, nil, never), db.View(ctx, nil, never)} {
			e.only(err, store.ErrInvalid)
			e.names(err, "In(")
		}
		require.Empty(e, spy.take(), "refused before any I/O")
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.EqualValues(e, 12, r.number(1, "amount"), "the outer one goes on")
}

// misuseWithoutIn uses a repository inside of Atomic without In(tx), with the Tx's context or one made of it. The call
// would not be part of the transaction, so it is refused.
func misuseWithoutIn(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	a := r.get(1)
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		refuseAll(e, ctx, ours, a, spy, store.ErrInvalid)
		_, err := ours.Get(ctx, 1)
		e.names(err, "In(tx)")
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		_, err = ours.Get(inner, 1)
		e.only(err, store.ErrInvalid, "a context that descends from it")
		_, err = ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.EqualValues(e, 11, r.number(1, "amount"))
	r.gone(77)
}

// misuseAfterEnd keeps a Tx beyond its function, after a commit and after a rollback: nothing takes it any more.
func misuseAfterEnd(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	a := r.get(1)
	var left *store.Tx
	keep := func(_ context.Context, tx *store.Tx) error { left = tx; return nil }
	require.NoError(e, db.Atomic(e.ctx, nil, keep))
	refuseAll(e, e.ctx, ours.In(left), a, spy, store.ErrTxDone)
	require.ErrorIs(
		e, db.Atomic(e.ctx, nil, func(_ context.Context, tx *store.Tx) error { left = tx; return errBoom }), errBoom,
	)
	refuseAll(e, e.ctx, ours.In(left), a, spy, store.ErrTxDone)
	_, err := ours.In(nil).Get(e.ctx, 1)
	require.Error(e, err, "a nil Tx is not the same as none")
	require.EqualValues(e, 1, r.number(1, "version"))
}

// misuseTwoGoroutines holds one operation of a Tx at the backend and tries a second one.
func misuseTwoGoroutines(e *env) {
	r := newAccounts(e, 10, 20)
	var armed atomic.Bool
	reached, release := make(chan struct{}), make(chan struct{})
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Get && armed.CompareAndSwap(true, false) {
			close(reached)
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return next(ctx)
	})
	ours := r.on(db, nil)
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		armed.Store(true)
		first := e.async("the first operation", func(context.Context) error {
			_, err := ours.In(tx).Get(ctx, 1)
			return err
		})
		soon(e, reached, "the first operation")
		for _, v := range verbs {
			a := r.get(2)
			second := e.async(v.name, func(context.Context) error { return v.call(ctx, ours.In(tx), &a) })
			e.only(e.await(second), store.ErrInvalid, v.name)
		}
		close(release)
		require.NoError(e, e.await(first))
		_, err := ours.In(tx).Modify(ctx, 1, credit(1))
		return err
	}))
	require.Equal(e, []int64{11, 20}, amounts(r, 1, 2))
	r.gone(77)
}

// misuseLeftBehind returns from the function while a goroutine of its own still works in the Tx: what
// that does must not be half in the commit.
func misuseLeftBehind(e *env) {
	r := newAccounts(e, 10, 20)
	var armed atomic.Bool
	reached := make(chan struct{})
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Update && armed.CompareAndSwap(true, false) {
			close(reached)
			<-ctx.Done()
			return ctx.Err()
		}
		return next(ctx)
	})
	ours := r.on(db, nil)
	var left *tasks.Task
	err := db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := ours.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		armed.Store(true)
		left = e.async("the operation of the other goroutine", func(context.Context) error {
			_, err := ours.In(tx).Modify(ctx, 2, credit(1))
			return err
		})
		soon(e, reached, "the operation of the other goroutine")
		return nil
	})
	e.only(err, store.ErrInvalid)
	require.Error(e, e.await(left))
	require.Equal(e, []int64{10, 20}, amounts(r, 1, 2))
	free(e, r, 1, 2)
}

func misuseOtherDatabase(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	foreign := r.on(db, nil)
	a := r.get(1)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		refuseAll(e, e.ctx, foreign.In(tx), a, spy, store.ErrInvalid)
		refuseAll(e, ctx, foreign.In(tx), a, spy, store.ErrInvalid)
		_, err := r.In(tx).Modify(ctx, 1, credit(1))
		return err
	})
	require.EqualValues(e, 11, r.number(1, "amount"))
}

// misuseTwoDatabases is no misuse: a context belongs to the Tx of one database, and another database
// takes it as any other context.
func misuseTwoDatabases(e *env) {
	r, other := newAccounts(e, 10), newAccounts(e, 20)
	second := e.open(store.Options{})
	there := other.on(second, nil)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		if _, err := there.Get(ctx, 1); err != nil {
			return err
		}
		return second.Atomic(ctx, nil, func(ctx context.Context, inner *store.Tx) error {
			if _, err := there.In(inner).Modify(ctx, 1, credit(1)); err != nil {
				return err
			}
			_, err := r.In(tx).Modify(ctx, 1, credit(1))
			return err
		})
	})
	require.EqualValues(e, 12, r.number(1, "amount"))
	require.EqualValues(e, 21, other.number(1, "amount"))
}

func misuseSchema(e *env) {
	r := newAccounts(e, 10)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		e.only(r.In(tx).EnsureSchema(ctx), store.ErrInvalid)
		_, err := r.In(tx).CheckSchema(ctx)
		e.only(err, store.ErrInvalid)
		e.only(r.EnsureSchema(ctx), store.ErrInvalid)
		_, err = r.In(tx).Modify(ctx, 1, credit(1))
		return err
	})
	require.EqualValues(e, 11, r.number(1, "amount"))
}
