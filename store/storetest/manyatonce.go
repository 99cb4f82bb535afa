package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Many at once: all or none, each on its own version, and the error names every entity that stood in the way.
var _ = register(
	"ManyAtOnce",
	Test{Name: "SaveManyIsAllOrNone", needs: transactions, run: manySaved},
	Test{Name: "DeleteManyIsAllOrNone", needs: transactions, run: manyDeleted},
	Test{Name: "ModifyManyWritesWhatChanged", needs: transactions, run: manyModified},
	Test{Name: "ModifyManyRunsAgainForThoseThatMoved", needs: transactions, run: manyMoved},
	Test{Name: "ReloadManyIsInPlace", run: manyReloaded},
	Test{Name: "InATx", needs: transactions, run: manyInTx},
	Test{Name: "Misuse", run: manyMisused},
	Test{Name: "RefusedWithoutTransactions", needs: noTransactions, run: manyRefused},
	Test{Name: "EveryKindBySaveMany", needs: transactions, run: func(e *env) { valuesBy(e, valuesSaveMany) }},
	Test{Name: "EveryKindByModifyMany", needs: transactions, run: func(e *env) { valuesBy(e, valuesModifyMany) }},
	Test{Name: "KeysOfOtherKinds", needs: transactions, run: manyKeys},
	Test{Name: "Thousands", needs: transactions, run: manyThousands},
	Test{Name: "ManyWriters", needs: transactions, run: manyWriters},
	Test{Name: "UnknownOutcome", needs: transactions, run: manyUnknown},
)

// manyAccounts makes accounts 1 to n and returns copies of them, the last first, so that no call is handed sorted keys.
func manyAccounts(e *env, n int) (r *accounts, copies []*account) {
	e.Helper()
	r = newAccounts(e)
	for id := n; id > 0; id-- {
		copies = append(copies, &account{ID: int64(id), Amount: 100})
	}
	require.NoError(e, r.InsertMany(e.ctx, copies))
	return r, copies
}

// errorsOf are the errors of single entities in that of a call, by their keys.
func errorsOf(err error) map[string]error {
	found := map[string]error{}
	var collect func(err error)
	collect = func(err error) {
		if one, ok := err.(*store.Error); ok && one.Key != "" {
			found[one.Key] = one
			return
		}
		switch x := err.(type) {
		case interface{ Unwrap() []error }:
			for _, err := range x.Unwrap() {
				collect(err)
			}
		case interface{ Unwrap() error }:
			collect(x.Unwrap())
		}
	}
	collect(err)
	return found
}

// manySaved saves many copies, and then many of which most are stale and one is gone: nothing is written then, and the
// error names each.
func manySaved(e *env) {
	const n = 14
	r, copies := manyAccounts(e, n)
	for i, a := range copies {
		a.Amount += int64(i)
		a.Marks = []int64{int64(i)}
	}
	require.NoError(e, r.SaveMany(e.ctx, copies))
	for _, a := range copies {
		require.EqualValues(e, 2, a.Version)
		require.Equal(e, *a, r.get(a.ID).at(a))
	}

	// Others have written twelve of them and removed one.
	for id := range int64(12) {
		_, err := r.Modify(e.ctx, id+1, credit(1))
		require.NoError(e, err)
	}
	r.remove(13)
	before := make([]account, n)
	for i, a := range copies {
		a.Amount = -1
		before[i] = *a
	}
	stored := amounts(r, 1, 2, 12, 14)
	err := r.SaveMany(e.ctx, copies)
	require.ErrorIs(e, err, store.ErrConflict)
	require.ErrorIs(e, err, store.ErrNotFound)
	require.False(e, store.MayHaveHappened(err))
	require.Equal(e, stored, amounts(r, 1, 2, 12, 14), "nothing was written")
	for i, a := range copies {
		require.Equal(e, before[i], *a, "the entity is as it was")
	}
	all := errorsOf(err)
	require.Len(e, all, 13)
	e.conflict(all["7"], 2, 3)
	e.only(all["13"], store.ErrNotFound)
	require.Contains(e, err.Error(), "13 of 14: ")
	require.Contains(e, err.Error(), `"1" version conflict (have 2, stored 3)`)
	require.Contains(e, err.Error(), "and 3 more")
}

// at is the account with the time of another copy, which is not stored.
func (a account) at(other *account) account {
	a.ReadAt = other.ReadAt
	return a
}

// manyDeleted removes many, of which one was written since it was read, and then all.
func manyDeleted(e *env) {
	r, copies := manyAccounts(e, 6)
	var all []account
	for _, a := range copies {
		all = append(all, *a)
	}
	_, err := r.Modify(e.ctx, 3, credit(1))
	require.NoError(e, err)
	err = r.DeleteMany(e.ctx, all)
	e.only(err, store.ErrConflict)
	require.Len(e, errorsOf(err), 1)
	for id := range int64(6) {
		require.NotNil(e, r.raw(id+1), "nothing was removed")
	}
	all[3] = r.get(3)
	require.NoError(e, r.DeleteMany(e.ctx, all))
	for id := range int64(6) {
		require.Nil(e, r.raw(id+1))
	}
	err = r.DeleteMany(e.ctx, all[:2])
	e.only(err, store.ErrNotFound)
	require.Len(e, errorsOf(err), 2)
}

// manyModified changes different fields of some of the entities, beside a writer that moves no version.
func manyModified(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2, 3, 4, 5)
	keys := []int64{4, 1, 5, 2, 3}
	changed, err := r.ModifyMany(e.ctx, keys, func(c *club) error {
		switch c.ID {
		case 1:
			c.Balance = 7
		case 2:
			r.set(2, Columns{"name": "raw"})
			c.Wages["Kante"] = 90
		case 3, 4:
			c.Balance, c.Nick = c.ID, nil
		}
		return nil
	}, nil)
	require.NoError(e, err)
	require.Len(e, changed, 5)
	for id := range int64(5) {
		have := r.get(id + 1)
		want := changed[id+1]
		require.Equal(e, want.Version, have.Version)
		require.Equal(e, want.Balance, have.Balance)
		require.Equal(e, want.Wages, have.Wages)
		require.Equal(e, want.Nick, have.Nick)
		version := 2
		if id+1 == 5 {
			version = 1
		}
		require.EqualValues(e, version, have.Version, "what was not changed is not written")
	}
	require.Equal(e, "raw", r.get(2).Name, "what was not touched is not rewritten")

	errMine := errors.New("mine")
	_, err = r.ModifyMany(e.ctx, keys, func(c *club) error {
		if c.Balance = 1000; c.ID == 2 {
			return errMine
		}
		return nil
	}, nil)
	require.Equal(e, errMine, err)
	require.EqualValues(e, 7, r.number(1, "balance"))

	_, err = r.ModifyMany(e.ctx, []int64{1, 77, 2, 78}, func(c *club) error { c.Balance++; return nil }, nil)
	e.only(err, store.ErrNotFound)
	require.Len(e, errorsOf(err), 2)
	require.EqualValues(e, 7, r.number(1, "balance"))
	changed, err = r.ModifyMany(e.ctx, []int64{1, 77}, func(c *club) error { c.Balance++; return nil },
		&store.ModifyManyOptions{SkipMissing: true})
	require.NoError(e, err)
	require.Len(e, changed, 1)
	require.EqualValues(e, 8, r.number(1, "balance"))

	for _, change := range []func(c *club){func(c *club) { c.ID++ }, func(c *club) { c.Version++ }} {
		_, err = r.ModifyMany(e.ctx, []int64{1, 2}, func(c *club) error { change(c); return nil }, nil)
		e.only(err, store.ErrInvalid)
	}
}

// manyMoved has another write two of the entities while the functions run.
func manyMoved(e *env) {
	r, _ := manyAccounts(e, 5)
	other := r.on(e.open(store.Options{}), nil)
	runs := map[int64]int{}
	changed, err := r.ModifyMany(e.ctx, []int64{5, 3, 1, 2, 4}, func(a *account) error {
		if runs[a.ID]++; runs[a.ID] == 1 && a.ID%2 == 0 {
			_, err := other.Modify(e.ctx, a.ID, credit(1000))
			require.NoError(e, err)
		}
		a.Amount++
		return nil
	}, nil)
	require.NoError(e, err)
	require.Equal(e, map[int64]int{1: 1, 2: 2, 3: 1, 4: 2, 5: 1}, runs, "only those that moved run again")
	require.Equal(e, []int64{101, 1101, 101, 1101, 101}, amounts(r, 1, 2, 3, 4, 5))
	require.EqualValues(e, 1101, changed[4].Amount)
	require.EqualValues(e, 3, changed[4].Version)
}

// manyReloaded brings copies up to date of which one is as it was, two have changed and one is gone.
func manyReloaded(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2, 3, 4)
	copies := make([]*club, 4)
	for i := range copies {
		c := r.get(int64(4 - i))
		c.Scratch = "kept"
		copies[i] = &c
	}
	wages := copies[3].Wages
	r.set(1, Columns{"balance": 5, "version": 2})
	_, err := r.Modify(e.ctx, 2, func(c *club) error { c.Balance++; c.Nick = nil; return nil })
	require.NoError(e, err)
	r.remove(3)
	gone := *copies[1]
	changes, err := r.ReloadMany(e.ctx, copies)
	require.NoError(e, err)
	require.Equal(e, []store.Change[int64]{
		{Key: 3, Gone: true}, {Key: 2, Fields: []string{"Balance", "Nick"}}, {Key: 1, Fields: []string{"Balance"}},
	}, changes)
	require.Equal(e, gone, *copies[1], "what is gone is as it was")
	require.EqualValues(e, 5, copies[3].Balance)
	require.EqualValues(e, 2, copies[3].Version)
	require.Nil(e, copies[2].Nick)
	require.Equal(e, "kept", copies[3].Scratch)
	wages["mine"] = 1
	require.NotContains(e, copies[3].Wages, "mine", "containers are new")
	changes, err = r.ReloadMany(e.ctx, copies[2:])
	require.NoError(e, err)
	require.Empty(e, changes)
}

// manyInTx makes the calls in a Tx: a conflict leaves nothing of the call in it, and a Tx that does not commit leaves
// nothing of either.
func manyInTx(e *env) {
	r, copies := manyAccounts(e, 4)
	stale := r.get(2)
	_, err := r.Modify(e.ctx, 2, credit(1))
	require.NoError(e, err)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		one := r.get(1)
		one.Amount, stale.Amount = -1, -1
		err := in.SaveMany(ctx, []*account{&one, &stale})
		e.only(err, store.ErrConflict)
		require.EqualValues(e, 1, one.Version)
		_, err = in.ModifyMany(ctx, []int64{3, 1}, credit(5), nil)
		return err
	})
	require.Equal(e, []int64{105, 101, 105, 100}, amounts(r, 1, 2, 3, 4))

	errBack := errors.New("back")
	four := *copies[0]
	err = e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		four.Amount = 7
		if err := r.In(tx).SaveMany(ctx, []*account{&four}); err != nil {
			return err
		}
		require.EqualValues(e, 2, four.Version)
		if err := r.In(tx).DeleteMany(ctx, []account{r.get(3)}); err != nil {
			return err
		}
		return errBack
	})
	require.Equal(e, errBack, err)
	require.EqualValues(e, 1, four.Version)
	require.Equal(e, []int64{105, 101, 105, 100}, amounts(r, 1, 2, 3, 4))
}

// manyMisused gives the calls what they refuse before anything is sent, and nothing at all, which is no error.
func manyMisused(e *env) {
	r := newAccounts(e, 1, 2)
	one, two := r.get(1), r.get(2)
	require.NoError(e, r.SaveMany(e.ctx, nil))
	require.NoError(e, r.DeleteMany(e.ctx, nil))
	changed, err := r.ModifyMany(e.ctx, nil, credit(1), nil)
	require.NoError(e, err)
	require.Empty(e, changed)
	again := one
	for name, err := range map[string]error{
		"nil":        r.SaveMany(e.ctx, []*account{&one, nil}),
		"twice":      r.SaveMany(e.ctx, []*account{&one, &two, &again}),
		"never read": r.SaveMany(e.ctx, []*account{{ID: 1}}),
		"deleted":    r.DeleteMany(e.ctx, []account{one, one}),
	} {
		e.only(err, store.ErrInvalid, name)
	}
	_, err = r.ModifyMany(e.ctx, []int64{1, 1}, credit(1), nil)
	e.only(err, store.ErrInvalid)
	_, err = r.ModifyMany(e.ctx, []int64{1}, nil, nil)
	e.only(err, store.ErrInvalid)
	_, err = r.ReloadMany(e.ctx, []*account{&one, nil})
	e.only(err, store.ErrInvalid)
	_, err = r.ReloadMany(e.ctx, []*account{&one, &one})
	e.only(err, store.ErrInvalid)
	require.Equal(e, []int64{1, 2}, amounts(r, 1, 2))
}

// manyRefused has no transactions: one entity can be written, two cannot be written together.
func manyRefused(e *env) {
	r := newAccounts(e, 1, 2)
	one, two := r.get(1), r.get(2)
	one.Amount = 5
	e.only(r.SaveMany(e.ctx, []*account{&one, &two}), store.ErrUnsupported)
	_, err := r.ModifyMany(e.ctx, []int64{1, 2}, credit(1), nil)
	e.only(err, store.ErrUnsupported)
	require.Equal(e, []int64{1, 2}, amounts(r, 1, 2))
	require.NoError(e, r.SaveMany(e.ctx, []*account{&one}))
	_, err = r.ModifyMany(e.ctx, []int64{2}, credit(1), nil)
	require.NoError(e, err)
	require.Equal(e, []int64{5, 3}, amounts(r, 1, 2))
	require.NoError(e, r.DeleteMany(e.ctx, []account{r.get(2)}))
	require.Nil(e, r.raw(2))
}

// companion is another row that is written with the one of which the value is tried.
func companion(e *env, r *kindTable, id int64) kinds {
	e.Helper()
	return inserted(r, plainKinds(id+100_000))
}

func valuesSaveMany(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	old, other := inserted(r, plainKinds(k.ID)), companion(e, r, k.ID)
	k.Snapshot = old.Snapshot
	require.NoError(e, r.SaveMany(e.ctx, []*kinds{&other, &k}))
	require.EqualValues(e, 2, other.Version)
	require.NoError(e, r.DeleteMany(e.ctx, []kinds{other}))
	return k
}

// valuesModifyMany writes the values of an entity by ModifyMany, together with another row.
func valuesModifyMany(e *env, r *kindTable, k kinds) kinds {
	e.Helper()
	inserted(r, plainKinds(k.ID))
	other := companion(e, r, k.ID)
	changed, err := r.ModifyMany(e.ctx, []int64{other.ID, k.ID}, func(old *kinds) error {
		fresh := k
		fresh.ID, fresh.Snapshot = old.ID, old.Snapshot
		*old = fresh
		return nil
	}, nil)
	require.NoError(e, err)
	have := changed[other.ID]
	require.NoError(e, r.DeleteMany(e.ctx, []kinds{have}))
	return changed[k.ID]
}

// manyKeys writes entities whose keys are composite, and some whose keys hold text.
func manyKeys(e *env) {
	seats := newSeats(e)
	var all []*seat
	for _, season := range []string{"2016-17", "2015-16", "'; DROP", "ä😀\\\"", "2015-16 "} {
		for club := range int64(3) {
			if season != "2015-16 " {
				all = append(all, &seat{ID: seatKey{season, 3 - club}})
			}
		}
	}
	require.NoError(e, seats.InsertMany(e.ctx, all))
	for i, s := range all {
		s.Points, s.Note = int64(i), pointer(fmt.Sprint("note ", i))
	}
	require.NoError(e, seats.SaveMany(e.ctx, all))
	keys := make([]seatKey, len(all))
	for i, s := range all {
		keys[i] = s.ID
		require.EqualValues(e, 2, s.Version)
	}
	changed, err := seats.ModifyMany(e.ctx, keys, func(s *seat) error { s.Points *= 10; return nil }, nil)
	require.NoError(e, err)
	for i, key := range keys {
		require.EqualValues(e, 10*i, changed[key].Points)
		have, err := seats.Get(e.ctx, key)
		require.NoError(e, err)
		require.EqualValues(e, 10*i, have.Points)
		require.Equal(e, fmt.Sprint("note ", i), *have.Note)
	}
	stale := *all[1]
	require.NoError(e, seats.Reload(e.ctx, all[1]))
	err = seats.SaveMany(e.ctx, []*seat{all[1], {ID: keys[2], Snapshot: stale.Snapshot}})
	e.only(err, store.ErrConflict)
	require.Len(e, errorsOf(err), 1)
}

// manyThousands writes more rows than one statement carries values.
func manyThousands(e *env) {
	n := repeated(10_000, 1_500)
	r, copies := manyAccounts(e, n)
	rand.Shuffle(n, func(i, j int) { copies[i], copies[j] = copies[j], copies[i] })
	for _, a := range copies {
		a.Amount = a.ID
	}
	require.NoError(e, r.SaveMany(e.ctx, copies))
	keys := make([]int64, n)
	for i, a := range copies {
		keys[i] = a.ID
	}
	changed, err := r.ModifyMany(e.ctx, keys, func(a *account) error {
		if a.ID%2 == 0 {
			a.Amount = -a.ID
		}
		return nil
	}, nil)
	require.NoError(e, err)
	require.Len(e, changed, n)
	found, err := r.GetMany(e.ctx, keys)
	require.NoError(e, err)
	for id, a := range found {
		want, version := id, int64(2)
		if id%2 == 0 {
			want, version = -id, 3
		}
		require.Equal(e, want, a.Amount)
		require.Equal(e, version, a.Version)
	}
}

// manyWriters has writers that overlap, each with its keys in an order of its own. What they add up to shows that each
// of their calls was all or none, once.
func manyWriters(e *env) {
	const rows = 12
	r, _ := manyAccounts(e, rows)
	workers, each := scaled(6, 4), repeated(40, 10)
	handles := []*accountRepository{r.on(e.db, patient), r.on(e.open(store.Options{}), patient)}
	var written, conflicts collector
	e.parallel(workers, each, func(ctx context.Context, w, turn int) error {
		keys := make([]int64, 0, 5)
		for _, i := range rand.Perm(rows)[:5] {
			keys = append(keys, int64(i+1))
		}
		if turn%2 == 0 {
			_, err := handles[w%2].ModifyMany(ctx, keys, credit(1), nil)
			written.add(int64(len(keys)))
			return err
		}
		found, err := handles[w%2].GetMany(ctx, keys)
		if err != nil {
			return err
		}
		var copies []*account
		for _, key := range keys {
			a := found[key]
			a.Amount++
			copies = append(copies, &a)
		}
		switch err := handles[w%2].SaveMany(ctx, copies); {
		case errors.Is(err, store.ErrConflict):
			conflicts.add(1)
			if len(errorsOf(err)) == 0 {
				return fmt.Errorf("a conflict that names nobody: %w", err)
			}
		case err != nil:
			return err
		default:
			written.add(int64(len(keys)))
		}
		return nil
	})
	var want, amount, version int64
	for _, n := range written.values {
		want += n
	}
	for id := range int64(rows) {
		amount += r.number(id+1, "amount") - 100
		version += r.number(id+1, "version") - 1
	}
	e.Logf("%d conflicts", len(conflicts.values))
	require.Equal(e, want, amount)
	require.Equal(e, want, version)
}

// manyUnknown loses the answer of the commit: it happened for all or for none, and no entity pretends to know.
func manyUnknown(e *env) {
	r, copies := manyAccounts(e, 3)
	db, arm := e.faulty()
	ours := r.on(db, nil)
	for _, landed := range []bool{true, false} {
		require.NoError(e, r.reload(copies))
		before := make([]account, len(copies))
		for i, a := range copies {
			a.Amount++
			before[i] = *a
		}
		arm(Fault{Commit: true, Landed: landed})
		err := ours.SaveMany(e.ctx, copies)
		if !e.unknown(err, "SaveMany") {
			continue
		}
		for i, a := range copies {
			require.Equal(e, before[i], *a, "the entity is as it was")
			stored := r.number(a.ID, "version")
			require.Equal(e, landed, stored == a.Version+1)
		}
	}
}

func (r *repository[T, K]) reload(copies []*T) error {
	_, err := r.ReloadMany(r.e.ctx, copies)
	return err
}
