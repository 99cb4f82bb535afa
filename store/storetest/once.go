package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// Once: the function's writes happen once for a key, whatever is lost and whoever calls.
var _ = register(
	"Once",
	Test{Name: "RepeatsHaveTheSameAnswer", needs: transactions, run: onceRepeats},
	Test{Name: "ManyCallers", needs: transactions, run: onceMany},
	Test{Name: "AnErrorStoresNothing", needs: transactions, run: onceErrors},
	Test{Name: "AnAnswerIsLost", needs: transactions, run: onceLost},
	Test{Name: "ADuplicateIsNoAnswer", needs: transactions, run: onceDuplicate},
	Test{Name: "AnotherRequest", needs: transactions, run: onceRequest},
	Test{Name: "OldReceiptsAreRemoved", needs: transactions, run: onceRemoved},
)

// receipts is a table of receipts of the test's own.
type receipts = repository[store.OnceReceipt, string]

func newReceipts(e *env) *receipts {
	e.Helper()
	return newRepository[store.OnceReceipt](e, "receipt", func(key string) Columns {
		return Columns{"id": key}
	})
}

// onceIn are the options of a call by way of db.
func onceIn(r *receipts, db *store.DB) *store.OnceOptions {
	return &store.OnceOptions{Receipts: r.on(db, nil)}
}

// payment is a result that holds a little of everything.
type payment struct {
	Note   string
	Amount int64
	Marks  []int64
}

// onceRepeats calls with one key by two handles: the function runs once, and everybody has its value.
func onceRepeats(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 10)
	runs := 0
	want := payment{Note: "ann \x00 \U0010ffff", Amount: 1 << 60, Marks: []int64{1, 2}}
	for i := range 4 {
		db := e.db
		if i%2 == 1 {
			db = e.open(store.Options{})
		}
		in := accounts.on(db, nil)
		got, first, err := store.OnceValue(e.ctx, db, "key", onceIn(r, db),
			func(ctx context.Context, tx *store.Tx) (payment, error) {
				runs++
				_, err := in.In(tx).Modify(ctx, 1, credit(1))
				return want, err
			})
		require.NoError(e, err)
		require.Equal(e, i == 0, first)
		require.Equal(e, want, got)
	}
	require.Equal(e, 1, runs)
	require.EqualValues(e, 11, accounts.get(1).Amount)
	require.EqualValues(e, 2, accounts.get(1).Version)
	receipt := r.get("key")
	require.False(e, receipt.Created.IsZero())
}

// onceMany has many callers on several handles ask for each of some keys: each key's effect is there once, and all
// callers have the result of the run that made it.
func onceMany(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 0)
	const workers, keys = 6, 8
	dbs := []*store.DB{e.db, e.open(store.Options{}), e.open(store.Options{})}
	var results [keys]atomic.Int64
	var firsts, serial atomic.Int64
	e.parallel(workers, keys, func(ctx context.Context, w, turn int) error {
		db := dbs[w%len(dbs)]
		in := accounts.on(db, nil)
		got, first, err := store.OnceValue(ctx, db, fmt.Sprintf("key %d", turn), onceIn(r, db),
			func(ctx context.Context, tx *store.Tx) (int64, error) {
				n := serial.Add(1)
				_, err := in.In(tx).Modify(ctx, 1, func(a *account) error {
					a.Amount++
					a.Marks = append(a.Marks, int64(turn))
					return nil
				})
				return n, err
			})
		if err != nil {
			return err
		}
		if first {
			firsts.Add(1)
		}
		if !results[turn].CompareAndSwap(0, got) && results[turn].Load() != got {
			return fmt.Errorf("key %d has the results %d and %d", turn, results[turn].Load(), got)
		}
		return nil
	})
	a := accounts.get(1)
	require.EqualValues(e, keys, a.Amount)
	require.Len(e, a.Marks, keys)
	require.EqualValues(e, keys, firsts.Load(), "each key has one first caller")
}

var errPoor = errors.New("there is too little in the account")

// onceErrors has the function fail, also by a duplicate of its own: nothing is stored, the key is free.
func onceErrors(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 10)
	_, err := store.Once(e.ctx, e.db, "key", onceIn(r, e.db), func(ctx context.Context, tx *store.Tx) error {
		if _, err := accounts.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		return errPoor
	})
	require.ErrorIs(e, err, errPoor)
	_, err = store.Once(e.ctx, e.db, "key", onceIn(r, e.db), func(ctx context.Context, tx *store.Tx) error {
		return accounts.In(tx).Insert(ctx, &account{ID: 1})
	})
	require.ErrorIs(e, err, store.ErrExists, "of the function's own insert")
	require.EqualValues(e, 10, accounts.get(1).Amount)
	_, err = r.Get(e.ctx, "key")
	require.ErrorIs(e, err, store.ErrNotFound)
	first, err := store.Once(e.ctx, e.db, "key", onceIn(r, e.db), func(ctx context.Context, tx *store.Tx) error {
		_, err := accounts.In(tx).Modify(ctx, 1, credit(1))
		return err
	})
	require.NoError(e, err)
	require.True(e, first)
	require.EqualValues(e, 11, accounts.get(1).Amount)
}

// onceLost loses the answer of the commit, once after it has happened and once before. The call finds out which, does
// its work once, and calls the hooks of the run that is stored.
func onceLost(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 10)
	db, arm := e.faulty()
	in := accounts.on(db, nil)
	for i, landed := range []bool{true, false} {
		arm(Fault{Commit: true, Landed: landed})
		hooks, runs := 0, 0
		key := fmt.Sprintf("key %d", i)
		got, first, err := store.OnceValue(e.ctx, db, key, onceIn(r, db),
			func(ctx context.Context, tx *store.Tx) (int, error) {
				runs++
				tx.OnCommit(func() { hooks++ })
				_, err := in.In(tx).Modify(ctx, 1, credit(1))
				return runs, err
			})
		require.NoError(e, err, "landed: %v", landed)
		require.True(e, first, "the work is that of this call")
		require.Equal(e, runs, got)
		require.Equal(e, 1, hooks, "of the run that is stored, landed: %v", landed)
		require.EqualValues(e, 11+i, accounts.get(1).Amount, "landed: %v", landed)
	}
}

// onceDuplicate is told that the receipt exists when it does not, as a server tells it of a write that is taken back
// later. The call does not take that for an answer: it reads, and does the work.
func onceDuplicate(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 10)
	var lies, reads atomic.Int64
	lies.Store(2)
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Insert && c.Spec.Table == r.name && lies.Add(-1) >= 0 {
			return &intercept.Error{Fault: driver.Fault{Class: driver.Duplicate}}
		}
		if p, ok := c.Params.(*driver.GetParams); ok && p.Confirmed {
			reads.Add(1)
			require.Nil(e, p.Tx)
		}
		return next(ctx)
	})
	in := accounts.on(db, nil)
	first, err := store.Once(e.ctx, db, "key", onceIn(r, db), func(ctx context.Context, tx *store.Tx) error {
		_, err := in.In(tx).Modify(ctx, 1, credit(1))
		return err
	})
	require.NoError(e, err)
	require.True(e, first)
	require.EqualValues(e, 2, reads.Load(), "a receipt counts when a confirmed read shows it")
	require.EqualValues(e, 11, accounts.get(1).Amount)
	require.Equal(e, "key", r.get("key").Key)
}

// onceRequest uses a key for two requests: the second is refused, and nothing is done.
func onceRequest(e *env) {
	r, accounts := newReceipts(e), newAccounts(e, 10)
	call := func(request any) error {
		o := onceIn(r, e.db)
		o.Request = request
		_, err := store.Once(e.ctx, e.db, "key", o, func(ctx context.Context, tx *store.Tx) error {
			_, err := accounts.In(tx).Modify(ctx, 1, credit(1))
			return err
		})
		return err
	}
	require.NoError(e, call(payment{Note: "rent", Amount: 5}))
	require.NoError(e, call(payment{Note: "rent", Amount: 5}))
	require.NoError(e, call(nil), "who says nothing of a request gets the answer")
	err := call(payment{Note: "rent", Amount: 6})
	require.ErrorIs(e, err, store.ErrOtherRequest)
	require.ErrorIs(e, err, store.ErrInvalid)
	require.ErrorIs(e, call("rent"), store.ErrOtherRequest)
	require.EqualValues(e, 11, accounts.get(1).Amount)
}

// onceRemoved removes receipts by the time of their making. A key whose receipt is gone can happen again.
func onceRemoved(e *env) {
	r := newReceipts(e)
	nothing := func(context.Context, *store.Tx) error { return nil }
	for i := range 5 {
		_, err := store.Once(e.ctx, e.db, fmt.Sprintf("key %d", i), onceIn(r, e.db), nothing)
		require.NoError(e, err)
	}
	created := r.get("key 0").Created
	n, err := r.DeleteWhere(e.ctx, store.Where("Created", store.Lt, created), 2)
	require.NoError(e, err)
	require.Zero(e, n)
	n, err = r.DeleteWhere(e.ctx, store.Where("Created", store.Ge, created), 2)
	require.NoError(e, err)
	require.EqualValues(e, 5, n)
	first, err := store.Once(e.ctx, e.db, "key 0", onceIn(r, e.db), nothing)
	require.NoError(e, err)
	require.True(e, first)
}
