package storetest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// ReadsInTx: reads in a Tx see its own writes; their moments are those that Info states; a View is
// of one moment, and refuses writes.
var _ = register(
	"ReadsInTx",
	Test{Name: "SeeItsOwnWrites", needs: transactions, run: readsOwnWrites},
	Test{Name: "OfOneRowAfterItsDelete", needs: transactions, run: readsOwnDelete},
	Test{Name: "EachHasItsOwnMoment", needs: perReadMoments, run: readsOwnMoment},
	Test{Name: "AllShareTheMomentOfTheTx", needs: snapshotTx, run: readsOneMoment},
	Test{Name: "LockNothing", needs: transactions, run: readsLockNothing},
)

// readsOwnWrites reads by every verb inside of the Tx that has just written: all of them show its writes.
func readsOwnWrites(e *env) {
	r := newAccounts(e, 10, 20, 30)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if err := writeAll(ctx, in); err != nil {
			return err
		}
		want := map[int64]int64{1: 11, 2: 22, 9: 10}
		check := func(what string, all []account) {
			have := map[int64]int64{}
			for _, a := range all {
				have[a.ID] = a.Amount
				require.EqualValues(e, 2, a.Version, what)
			}
			require.Equal(e, want, have, what)
		}
		var got []account
		for id := range want {
			a, err := in.Get(ctx, id)
			require.NoError(e, err)
			got = append(got, a)
		}
		check("Get", got)
		_, err := in.Get(ctx, 3)
		e.only(err, store.ErrNotFound)
		many, err := in.GetMany(ctx, []int64{1, 2, 3, 9})
		require.NoError(e, err)
		got = nil
		for _, a := range many {
			got = append(got, a)
		}
		check("GetMany", got)
		got, err = store.Collect(in.Find(ctx, store.Query{}))
		require.NoError(e, err)
		check("Find", got)
		got, _, err = in.Page(ctx, store.Query{})
		require.NoError(e, err)
		check("Page", got)
		n, err := in.Count(ctx, store.Where("Amount", store.Ge, 10))
		require.NoError(e, err)
		require.EqualValues(e, 3, n)
		first, err := in.First(ctx, store.Where("Amount", store.Eq, 22))
		require.NoError(e, err)
		require.EqualValues(e, 2, first.ID)
		stale, err := in.IsStale(ctx, first)
		require.NoError(e, err)
		require.False(e, stale)
		first.Version = 1
		stale, err = in.IsStale(ctx, first)
		require.NoError(e, err)
		require.True(e, stale)
		require.NoError(e, in.Reload(ctx, &first))
		check("Reload", append(got[:0:0], got[0], first, got[2]))
		return nil
	})
}

// readsOwnDelete deletes a row inside of a Tx: for the rest of it the row is gone, and its key is free.
func readsOwnDelete(e *env) {
	r := newAccounts(e, 10, 20)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		a, err := in.Get(ctx, 1)
		require.NoError(e, err)
		require.NoError(e, in.Delete(ctx, a))
		e.only(in.Save(ctx, &a), store.ErrNotFound)
		e.only(in.Reload(ctx, &a), store.ErrNotFound)
		_, err = in.Modify(ctx, 1, credit(1))
		e.only(err, store.ErrNotFound)
		fresh := account{ID: 1, Amount: 5}
		require.NoError(e, in.Insert(ctx, &fresh), "its key is free again")
		require.EqualValues(e, 1, fresh.Version)
		_, err = in.Modify(ctx, 1, credit(1))
		require.NoError(e, err)
		return in.DeleteKey(ctx, 2)
	})
	require.EqualValues(e, 6, r.number(1, "amount"))
	r.gone(2)
}

// readsOwnMoment changes rows between the reads of a Tx.
func readsOwnMoment(e *env) {
	r := newAccounts(e, 10, 20)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		for i := range int64(3) {
			a, err := in.Get(ctx, 1)
			require.NoError(e, err)
			require.Equal(e, 10+i, a.Amount, "each read sees what is committed at its start")
			n, err := in.Count(ctx, store.Where("Amount", store.Eq, 20+i))
			require.NoError(e, err)
			require.EqualValues(e, 1, n)
			r.modify(1, func(a *account) { a.Amount++ })
			r.modify(2, func(a *account) { a.Amount++ })
		}
		return nil
	})
}

// readsOneMoment has others write between the reads of a Tx: all reads show the moment of the first one.
func readsOneMoment(e *env) {
	r := newAccounts(e, 10, 20)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		r.modify(1, func(a *account) { a.Amount = 11 })
		for range 3 {
			for id, want := range map[int64]int64{1: 11, 2: 20} {
				a, err := in.Get(ctx, id)
				require.NoError(e, err)
				require.Equal(e, want, a.Amount, "all reads are of the moment of the first")
			}
			n, err := in.Count(ctx, store.Query{})
			require.NoError(e, err)
			require.EqualValues(e, 2, n)
			r.modify(1, func(a *account) { a.Amount++ })
			r.modify(2, func(a *account) { a.Amount++ })
			_, err = r.Upsert(e.ctx, 50, func(a *account, _ bool) error { a.Amount++; return nil })
			require.NoError(e, err)
		}
		return nil
	})
}

// readsLockNothing has a Tx read every row in every way, Reload and Modify excepted, and others
// write them meanwhile.
func readsLockNothing(e *env) {
	r := newAccounts(e, 10, 20)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		for _, v := range verbs {
			if v.write || v.name == "reload" {
				continue
			}
			a := r.get(1)
			require.NoError(e, v.call(ctx, in, &a), v.name)
			outside, cancel := context.WithTimeout(e.ctx, patience)
			_, err := r.Modify(outside, 1, credit(1))
			cancel()
			require.NoError(e, err, "after %s", v.name)
		}
		return nil
	})
}
