package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// ReloadAndModifyInTx: both are current. No Tx that commits has written an entity over a version
// that it did not see.
var _ = register(
	"ReloadAndModifyInTx",
	Test{Name: "ReloadIsCurrent", needs: transactions, run: currentReload},
	Test{Name: "ModifyIsCurrent", needs: transactions, run: currentModify},
	Test{Name: "UpsertIsCurrent", needs: transactions, run: currentUpsert},
	Test{Name: "CurrentWithoutARerunWhereReadsLock", needs: lockingReads, run: currentWithoutRerun},
	Test{Name: "RowIsKeptAfterReload", needs: lockingReads, run: keptAfterReload},
	Test{Name: "RowIsKeptAfterModify", needs: lockingReads, run: keptAfterModify},
	Test{Name: "WrittenRowIsNobodyElses", needs: transactions, run: keptAfterWrite},
	Test{Name: "SaveOfACopyReadInTheTx", needs: transactions, run: currentSave},
	Test{Name: "NothingIsWrittenOverTheUnseen", needs: transactions, run: currentUnseen},
	Test{Name: "TouchStopsWriteSkew", needs: transactions, run: currentWriteSkew},
	Test{Name: "OppositeOrderBothFinish", needs: transactions, run: currentOppositeOrder},
	Test{Name: "DeletedMeanwhile", needs: transactions, run: currentDeleted},
)

// currentReload has another writer commit after the Tx's first read and before its Reload. The run
// that commits must have seen that: by a locking read, or by running again on a newer snapshot.
func currentReload(e *env) {
	r := newAccounts(e, 10, 20)
	a := r.get(1)
	runs := 0
	var seen account
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if _, err := in.Get(ctx, 2); err != nil { // where there is a snapshot, it is taken now
			return err
		}
		if runs++; runs == 1 {
			r.modify(1, func(a *account) { a.Amount = 11 })
		}
		if err := in.Reload(ctx, &a); err != nil {
			return err
		}
		seen = a
		_, err := in.Modify(ctx, 2, func(b *account) error { b.Amount = a.Amount; return nil })
		return err
	})
	require.EqualValues(e, 11, seen.Amount)
	require.EqualValues(e, 2, seen.Version)
	require.Equal(e, []int64{11, 11}, amounts(r, 1, 2))
}

// currentModify changes a row after the Tx has taken its snapshot. Modify must work on the row as it is now, or run
// again, and not on the snapshot.
func currentModify(e *env) {
	r := newAccounts(e, 10, 20)
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if _, err := in.Get(ctx, 2); err != nil {
			return err
		}
		if runs++; runs == 1 {
			r.modify(1, func(a *account) { a.Amount = 11 })
		}
		_, err := in.Modify(ctx, 1, credit(100))
		return err
	})
	require.EqualValues(e, 111, r.number(1, "amount"))
	require.EqualValues(e, 3, r.number(1, "version"))
}

// currentUpsert does the same for Upsert, also for a row that was made after the snapshot.
func currentUpsert(e *env) {
	r := newAccounts(e, 10, 20)
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if _, err := in.Get(ctx, 2); err != nil {
			return err
		}
		if runs++; runs == 1 {
			inserted(r, account{ID: 5, Amount: 50})
			r.modify(1, func(a *account) { a.Amount = 11 })
		}
		for _, id := range []int64{1, 5} {
			more := func(a *account, _ bool) error { a.Amount += 100; return nil }
			if _, err := in.Upsert(ctx, id, more); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(e, []int64{111, 150}, amounts(r, 1, 5))
}

// currentWithoutRerun tells a locking read from an optimistic one that is saved by its rerun: where
// reads lock, the newest state is seen at once.
func currentWithoutRerun(e *env) {
	r := newAccounts(e, 10, 20)
	a := r.get(1)
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		in := r.In(tx)
		if _, err := in.Get(ctx, 1); err != nil {
			return err
		}
		r.modify(1, func(a *account) { a.Amount = 11 })
		r.modify(2, func(a *account) { a.Amount = 21 })
		if err := in.Reload(ctx, &a); err != nil {
			return err
		}
		require.EqualValues(e, 11, a.Amount, "Reload")
		_, err := in.Modify(ctx, 2, func(a *account) error {
			require.EqualValues(e, 21, a.Amount, "Modify")
			a.Amount++
			return nil
		})
		return err
	})
	require.Equal(e, 1, runs)
	require.Equal(e, []int64{11, 22}, amounts(r, 1, 2))
}

// kept asserts that a row which hold has taken in a Tx cannot be written by another until the end.
func kept(e *env, r *accounts, hold func(ctx context.Context, in *accountRepository) error) {
	e.Helper()
	var over atomic.Bool
	var other *tasks.Task
	var early atomic.Bool
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		if err := hold(ctx, r.In(tx)); err != nil {
			return err
		}
		other = e.async("the other writer", func(ctx context.Context) error {
			a, err := r.Get(ctx, 1)
			if err == nil {
				a.Amount = 1000
				err = r.Save(ctx, &a)
			}
			early.Store(!over.Load())
			return err
		})
		within(other.Done())
		a, err := r.In(tx).Get(ctx, 1)
		require.NoError(e, err)
		require.Less(e, a.Amount, int64(1000), "another wrote the row while this Tx held it")
		over.Store(true)
		return nil
	})
	err := e.await(other)
	require.False(e, early.Load(), "the other writer did not wait")
	if err != nil { // it read before the commit and was then too late
		require.ErrorIs(e, err, store.ErrConflict)
	}
}

func keptAfterReload(e *env) {
	r := newAccounts(e, 10)
	a := r.get(1)
	kept(e, r, func(ctx context.Context, in *accountRepository) error { return in.Reload(ctx, &a) })
	require.EqualValues(e, 1000, r.number(1, "amount"))
}

func keptAfterModify(e *env) {
	r := newAccounts(e, 10)
	kept(e, r, func(ctx context.Context, in *accountRepository) error {
		_, err := in.Modify(ctx, 1, func(*account) error { return nil })
		return err
	})
	require.EqualValues(e, 1000, r.number(1, "amount"), "a Modify that changed nothing has read all the same")
}

// keptAfterWrite holds on every backend: what a Tx has written, no other can write before its end.
func keptAfterWrite(e *env) {
	r := newAccounts(e, 10)
	var other *tasks.Task
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, credit(1)); err != nil {
			return err
		}
		other = e.async("the other writer", func(ctx context.Context) error {
			_, err := r.Modify(ctx, 1, credit(100))
			return err
		})
		require.False(e, within(other.Done()), "another wrote over an uncommitted write")
		return nil
	})
	require.NoError(e, e.await(other))
	require.EqualValues(e, 111, r.number(1, "amount"), "both writes are there")
	require.EqualValues(e, 3, r.number(1, "version"))
}

// currentSave saves a copy that the Tx has read and another has changed since: it runs again, and the other's change
// stays.
func currentSave(e *env) {
	r := newAccounts(e, 10)
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		a, err := r.In(tx).Get(ctx, 1)
		if err != nil {
			return err
		}
		if runs++; runs == 1 {
			r.modify(1, func(a *account) { a.Amount += 100 })
		}
		a.Amount++
		return r.In(tx).Save(ctx, &a)
	})
	require.EqualValues(e, 111, r.number(1, "amount"), "another's change was overwritten")
	require.EqualValues(e, 3, r.number(1, "version"))
}

// currentUnseen runs many Tx on few rows. Each writes into a row the id of the write, and remembers
// which ids it saw there. If one was written over unseen, the row's list has lost it.
func currentUnseen(e *env) {
	r := newAccounts(e, 0, 0, 0)
	var done collector
	workers, each := scaled(8, 4), scaled(25, 8)
	e.parallel(workers, each, func(ctx context.Context, w, turn int) error {
		mark := int64(w*1000 + turn + 1)
		err := e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			for _, id := range []int64{int64(w)%3 + 1, int64(w+turn)%3 + 1} {
				if err := markUnseen(ctx, r.In(tx), id, mark, turn%2 == 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			done.add(mark)
		}
		return err
	})
	have := map[int64]bool{}
	for id := range int64(3) {
		a := r.get(id + 1)
		require.EqualValues(e, len(a.Marks), a.Amount)
		require.EqualValues(e, len(a.Marks)+1, a.Version, "one version a write")
		for _, mark := range a.Marks {
			have[mark] = true
		}
	}
	require.Len(e, have, workers*each, "a committed write was written over")
	for _, mark := range done.values {
		require.True(e, have[mark], "write %d was acknowledged and is gone", mark)
	}
}

// markUnseen adds a mark to an account in a Tx, by Save of what it has read or by Modify, unless the Tx has
// done so before.
func markUnseen(ctx context.Context, in *accountRepository, id, mark int64, bySave bool) error {
	add := func(a *account) error {
		a.Marks = append(a.Marks, mark)
		a.Amount++
		return nil
	}
	a, err := in.Get(ctx, id)
	switch {
	case err != nil, slices.Contains(a.Marks, mark):
		return err
	case bySave:
		return errors.Join(add(&a), in.Save(ctx, &a))
	}
	_, err = in.Modify(ctx, id, add)
	return err
}

// currentWriteSkew lets two doctors go off duty at once, each because the other is there. Each Tx
// touches what it only read, so one of them must see the other's change.
func currentWriteSkew(e *env) {
	writeSkew(e, nil, func(ctx context.Context, in *store.Repository[account, int64], read *account) error {
		return in.Touch(ctx, read)
	})
}

// unchangedWriteSkew is currentWriteSkew where each Tx saves what it only read, with SkipUnchanged: in a Tx such a Save
// is a write all the same.
func unchangedWriteSkew(e *env) {
	writeSkew(e, skipUnchanged, func(ctx context.Context, in *store.Repository[account, int64], read *account) error {
		return in.Save(ctx, read)
	})
}

// pinFunc writes what a Tx has only read, so that another one which changes it is met.
type pinFunc func(ctx context.Context, in *store.Repository[account, int64], read *account) error

func writeSkew(e *env, o *store.RepositoryOptions, pin pinFunc) {
	for range scaled(20, 5) {
		r := newAccounts(e, 1, 1)
		start := newMeeting(2)
		ours := r.on(e.db, o)
		e.parallel(2, 1, func(ctx context.Context, w, _ int) error {
			return e.db.Atomic(ctx, nil, goOffDuty(ctx, ours, int64(w+1), int64(2-w), start, pin))
		})
		have := amounts(r, 1, 2)
		slices.Sort(have)
		require.Equal(e, []int64{0, 1}, have, "exactly one may go")
	}
}

// goOffDuty is the Tx of a doctor who goes off duty when another is there. In its first run both have read
// before either writes.
func goOffDuty(
	outside context.Context, r *store.Repository[account, int64], own, other int64, start *meeting, pin pinFunc,
) txFunc {
	isFirst := true
	return func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		mine, err := in.Get(ctx, own)
		if err != nil {
			return err
		}
		theirs, err := in.Get(ctx, other)
		if err != nil {
			return err
		}
		if isFirst {
			isFirst = false
			start.arrive(outside)
		}
		if theirs.Amount == 0 {
			return nil
		}
		if err := pin(ctx, in, &theirs); err != nil {
			return err
		}
		mine.Amount = 0
		return in.Save(ctx, &mine)
	}
}

// currentOppositeOrder has two Tx write the same two rows in opposite order, each after the other
// has its first: one of them must give way, run again, and finish.
func currentOppositeOrder(e *env) {
	r := newAccounts(e, 0, 0)
	start := newMeeting(2)
	var runs [2]int
	e.parallel(2, 1, func(outside context.Context, w, _ int) error {
		first, second := int64(w+1), int64(2-w)
		return e.db.Atomic(outside, nil, func(ctx context.Context, tx *store.Tx) error {
			runs[w]++
			if _, err := r.In(tx).Modify(ctx, first, credit(1)); err != nil {
				return err
			}
			if runs[w] == 1 {
				start.arrive(outside)
			}
			_, err := r.In(tx).Modify(ctx, second, credit(1))
			return err
		})
	})
	assert.Greater(e, runs[0]+runs[1], 2, "one of them ran again")
	require.Equal(e, []int64{2, 2}, amounts(r, 1, 2))
	require.EqualValues(e, 3, r.number(1, "version"), "the run that gave way left nothing")
}

// currentDeleted reloads a row that was deleted after the Tx has taken its snapshot: it is gone, and the copy is as it
// was.
func currentDeleted(e *env) {
	r := newAccounts(e, 10, 20)
	a := r.get(1)
	before := a
	runs := 0
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if _, err := in.Get(ctx, 2); err != nil {
			return err
		}
		if runs++; runs == 1 {
			r.remove(1)
		}
		return in.Reload(ctx, &a)
	})
	e.only(err, store.ErrNotFound)
	require.Equal(e, before, a)
	r.gone(1)
}
