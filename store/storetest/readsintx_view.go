package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
)

// A View is of one moment, and refuses writes, as part of ReadsInTx.
var _ = register(
	"ReadsInTx",
	Test{Name: "ViewIsOneMoment", needs: views, run: viewOneMoment},
	Test{Name: "ViewBeginsWithItsFirstRead", needs: views, run: viewBegins},
	Test{Name: "ViewRefusesWrites", needs: views, run: viewRefusesWrites},
	Test{Name: "ViewReturnsTheFunctionsError", needs: views, run: viewErrors},
	Test{Name: "ViewBlocksNoWriter", needs: views, run: viewBlocksNobody},
	Test{Name: "ViewNeverShowsTornSums", needs: transactionsAndViews, run: viewTornSums},
	Test{Name: "ViewRefusedWithoutViews", needs: noViews, run: viewRefused},
	Test{Name: "RehearsedView", needs: views, run: rehearseView},
	Test{Name: "HistoryOfViews", needs: transactionsAndViews, run: historyOfViews},
)

// viewOneMoment has others change, delete and insert rows while a View reads by every verb, on two tables: it shows
// none of it.
func viewOneMoment(e *env) {
	r, others := newAccounts(e, 10, 20, 30), newMembers(e)
	inserted(others, member{ID: 1, Email: "a@example.org", Age: 1})
	small := r.on(e.db, &store.RepositoryOptions{PageSize: 1})
	require.NoError(e, e.db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := small.In(tx)
		first, err := in.Get(ctx, 1)
		require.NoError(e, err)
		require.EqualValues(e, 10, first.Amount)

		r.modify(1, func(a *account) { a.Amount = -1 })
		r.modify(2, func(a *account) { a.Amount = -2 })
		r.remove(3)
		inserted(r, account{ID: 4})
		others.modify(1, func(m *member) { m.Age = -1 })

		check := func(what string, all ...account) {
			require.Len(e, all, 3, what)
			for i, a := range all {
				require.EqualValues(e, i+1, a.ID, what)
				require.EqualValues(e, 10*(i+1), a.Amount, what)
				require.EqualValues(e, 1, a.Version, what)
			}
		}
		second, err := in.Get(ctx, 2)
		require.NoError(e, err)
		many, err := in.GetMany(ctx, []int64{2, 3, 4})
		require.NoError(e, err)
		require.Len(e, many, 2)
		check("Get and GetMany", first, second, many[3])
		all, err := store.Collect(in.Find(ctx, store.Query{}))
		require.NoError(e, err)
		check("Find, page by page", all...)
		require.NoError(e, in.Reload(ctx, &first), "Reload is a read like the others here")
		check("Reload", first, second, many[3])
		n, err := in.Count(ctx, store.Where("Amount", store.Gt, 0))
		require.NoError(e, err)
		require.EqualValues(e, 3, n)
		stale, err := in.IsStale(ctx, second)
		require.NoError(e, err)
		require.False(e, stale)
		m, err := others.In(tx).Get(ctx, 1)
		require.NoError(e, err)
		require.EqualValues(e, 1, m.Age, "one moment over several tables")
		return nil
	}))
	require.EqualValues(e, -1, r.get(1).Amount)
}

// viewBegins states when the moment is: not before the first read.
func viewBegins(e *env) {
	r := newAccounts(e, 10)
	require.NoError(e, e.db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		r.modify(1, func(a *account) { a.Amount = 11 })
		a, err := r.In(tx).Get(ctx, 1)
		require.NoError(e, err)
		require.EqualValues(e, 11, a.Amount)
		return nil
	}))
}

// viewRefusesWrites makes every write in a View: refused before any I/O, and the View goes on.
func viewRefusesWrites(e *env) {
	r := newAccounts(e, 10)
	want := r.raw(1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	require.NoError(e, db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := ours.In(tx)
		a, err := in.Get(ctx, 1)
		require.NoError(e, err)
		for _, v := range verbs {
			if !v.write {
				continue
			}
			mine := a
			spy.take()
			e.only(v.call(ctx, in, &mine), store.ErrInvalid, v.name)
			require.Empty(e, spy.take(), "%s: refused before any I/O", v.name)
			require.Equal(e, a, mine, v.name)
		}
		_, err = in.Get(ctx, 1)
		require.NoError(e, err, "the View goes on")
		return nil
	}))
	require.Equal(e, want, r.raw(1))
	r.gone(77)
}

// viewErrors ends a View by an error and by a panic: what it reloaded is put back.
func viewErrors(e *env) {
	err := e.db.View(e.ctx, nil, func(context.Context, *store.Tx) error { return errBoom })
	require.Equal(e, errBoom, err)
	require.PanicsWithValue(e, "boom", func() {
		_ = e.db.View(e.ctx, nil, func(context.Context, *store.Tx) error { panic("boom") })
	})
	r := newAccounts(e, 10)
	a := r.get(1)
	before := a
	r.modify(1, func(a *account) { a.Amount = 99 })
	err = e.db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(r.In(tx).Reload(ctx, &a), errBoom)
	})
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, before, a, "what a View reloaded is put back when it fails")
}

// viewBlocksNobody writes the rows that a View has read, while it goes on: no writer waits for a reader.
func viewBlocksNobody(e *env) {
	r := newAccounts(e, 10, 20)
	require.NoError(e, e.db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		for range 3 {
			_, err := store.Collect(in.Find(ctx, store.Query{}))
			require.NoError(e, err)
			outside, cancel := context.WithTimeout(e.ctx, patience)
			_, err = r.Modify(outside, 1, credit(1))
			require.NoError(e, err)
			require.NoError(e, r.DeleteKey(outside, 2))
			require.NoError(e, r.Insert(outside, &account{ID: 2, Amount: 20}))
			cancel()
		}
		return nil
	}))
	require.EqualValues(e, 13, r.number(1, "amount"))
}

// viewTornSums moves money between accounts all the time. Whoever adds up their amounts in a View
// must find all of it, by whatever reads.
func viewTornSums(e *env) {
	const total = 400
	r := newAccounts(e, 100, 100, 100, 100)
	small := r.at(e)
	small.Repository = r.on(e.db, &store.RepositoryOptions{PageSize: 1})
	var transfers atomic.Int64
	var turns [2]int64
	move := func(ctx context.Context, worker int) error {
		w, i := int64(worker), turns[worker]
		turns[worker]++
		from, to := (w+i)%4+1, (w+2*i+1)%4+1
		if from == to {
			return nil
		}
		err := e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			return transfer(ctx, r.In(tx), from, to, 1)
		})
		transfers.Add(1)
		return err
	}
	e.meanwhile(len(turns), move, func(ctx context.Context) {
		for name, sum := range map[string]summing{
			"Get by Get": sumByGet(4), "Find with small pages": sumByFind, "mixed": sumMixed,
		} {
			enough, end := transfers.Load()+int64(scaled(100, 20)), time.Now().Add(patience)
			isDone := func(n int) bool { return n >= scaled(100, 20) && transfers.Load() >= enough }
			for n := 0; !isDone(n) && time.Now().Before(end) && ctx.Err() == nil; n++ {
				require.NoError(e, sumInView(ctx, e.db, small, sum, total), name)
			}
		}
	})
}

// sumByFind reads all accounts in one loop.
func sumByFind(ctx context.Context, in *accountRepository) (sum int64, err error) {
	for a, err := range in.Find(ctx, store.Query{}) {
		if err != nil {
			return 0, err
		}
		sum += a.Amount
	}
	return sum, nil
}

// sumMixed reads four accounts by three verbs.
func sumMixed(ctx context.Context, in *accountRepository) (int64, error) {
	many, err := in.GetMany(ctx, []int64{1, 2})
	if err != nil {
		return 0, err
	}
	third, err := in.First(ctx, store.Where("ID", store.Eq, 3))
	if err != nil {
		return 0, err
	}
	page, _, err := in.Page(ctx, store.Where("ID", store.Eq, 4))
	if err != nil {
		return 0, err
	}
	return many[1].Amount + many[2].Amount + third.Amount + page[0].Amount, nil
}

func viewRefused(e *env) {
	db, spy := e.spied(store.Options{})
	err := db.View(e.ctx, nil, func(context.Context, *store.Tx) error { e.Error("the function ran"); return nil })
	e.only(err, store.ErrUnsupported)
	require.Empty(e, spy.take(), "refused before any I/O")
}

// rehearseView runs the function of a View twice under Options.Rehearse: what it gathers outside of
// itself it gathers twice.
func rehearseView(e *env) {
	r := newAccounts(e, 10, 20)
	db := e.open(store.Options{Rehearse: true})
	ours := r.on(db, nil)
	var seen []int64
	require.NoError(e, db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		for a, err := range ours.In(tx).Find(ctx, store.Query{}.OrderBy("ID")) {
			if err != nil {
				return err
			}
			seen = append(seen, a.Amount)
		}
		return nil
	}))
	require.Equal(e, slices.Repeat([]int64{10, 20}, 2), seen, "a function that gathers outside gathers twice")
}

// historyOfViews adds Views to that, which see one moment between their start and their end.
func historyOfViews(e *env) {
	r := newAccounts(e)
	played(e, r, accountShape, 4, 1, draw.Spread(map[string]int{
		"atomic": 5, "view": 5, "get": 1, "modify": 2, "touch": 1, "save": 1, "delete key": 1,
	}))
}
