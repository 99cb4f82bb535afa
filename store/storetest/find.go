package storetest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Find reads whole pages and holds nothing while the loop's body runs.
var _ = register(
	"Find",
	Test{Name: "ReadsAllPages", run: findAllPages},
	Test{Name: "Limit", run: findLimit},
	Test{Name: "BodyMayUseTheRepository", run: findBody},
	Test{Name: "BodyMayUseTheTx", needs: transactions, run: findBodyInTx},
	Test{Name: "BodyMayOpenATx", needs: transactions, run: findBodyOpensTx},
	Test{Name: "BreakEndsIt", run: findBreak},
	Test{Name: "PanicInTheBodyEndsIt", run: findPanic},
	Test{Name: "EachLoopReadsAgain", run: findAgain},
	Test{Name: "RowsThatStayAreSeenOnce", run: findUnderWrites},
	Test{Name: "ErrorEndsIt", run: findError},
	Test{Name: "FirstOfAnOrder", run: findFirst},
	Test{Name: "PagesGrow", run: findPagesGrow},
	Test{Name: "GetManyTakesAnyNumberOfKeys", run: findGetMany},
	Test{Name: "GetManyTakesCompositeKeys", run: findGetManyComposite},
)

// findAllPages reads 131 rows by pages of many sizes. Each row must come once and in order, also at the edges of a
// page.
func findAllPages(e *env) {
	const n = 131
	r := numbered(e, n)
	for _, size := range []int{1, 2, 7, 64, 130, 131, 132, 1000} {
		ours := r.on(e.db, &store.RepositoryOptions{PageSize: size})
		all, err := store.Collect(ours.Find(e.ctx, store.Query{}))
		require.NoError(e, err)
		require.Equal(e, upTo(n), ids(all), "pages of %d: in the order of the key, each once", size)
		all, err = store.Collect(ours.Find(e.ctx, store.Query{}.OrderByDesc("ID")))
		require.NoError(e, err)
		slices.Reverse(all)
		require.Equal(e, upTo(n), ids(all), "pages of %d, descending", size)
		all, err = store.Collect(ours.Find(e.ctx, store.Query{}.OrderBy("Amount")))
		require.NoError(e, err)
		require.Len(e, all, n)
		require.True(e, slices.IsSortedFunc(all, func(a, b account) int {
			return int(1000*(a.Amount-b.Amount) + a.ID - b.ID)
		}), "pages of %d: every order ends in the key", size)
	}
	empty, err := store.Collect(r.Find(e.ctx, store.Where("ID", store.Lt, 0)))
	require.NoError(e, err)
	require.Empty(e, empty)
}

// findPagesGrow counts the requests of a long loop that begins with short pages.
func findPagesGrow(e *env) {
	r := numbered(e, 131)
	db, s := e.spied(store.Options{})
	all, err := store.Collect(r.on(db, &store.RepositoryOptions{PageSize: 3}).Find(e.ctx, store.Query{}))
	require.NoError(e, err)
	require.Len(e, all, 131)
	require.LessOrEqual(e, len(s.list()), 6, "3, 12, and then 48, 192 or 30 again and again")
}

func findLimit(e *env) {
	r := numbered(e, 40)
	ours := r.on(e.db, &store.RepositoryOptions{PageSize: 3})
	for _, limit := range []int{1, 2, 3, 4, 9, 10, 39, 40, 41, 500} {
		all, err := store.Collect(ours.Find(e.ctx, store.Query{}.Limit(limit)))
		require.NoError(e, err)
		require.Equal(e, upTo(int64(min(limit, 40))), ids(all), "limit %d", limit)
		n, err := ours.Count(e.ctx, store.Query{}.Limit(limit))
		require.NoError(e, err)
		require.EqualValues(e, min(limit, 40), n, "Count counts what Find would return")
	}
}

// findBody works on the same repository, through a handle of one connection, in each turn.
func findBody(e *env) {
	r := numbered(e, 20)
	single := e.h.OpenSingle(e, store.Options{})
	e.Cleanup(func() { require.NoError(e, single.Close()) })
	ours := r.on(single, &store.RepositoryOptions{PageSize: 3})
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	turns := 0
	for a, err := range ours.Find(ctx, store.Query{}) {
		require.NoError(e, err)
		turns++
		_, err = ours.Get(ctx, 1)
		require.NoError(e, err)
		_, err = ours.Modify(ctx, a.ID, credit(100))
		require.NoError(e, err)
		for b, err := range ours.Find(ctx, store.Where("ID", store.Le, 4)) { // a loop in the loop
			require.NoError(e, err)
			require.LessOrEqual(e, b.ID, int64(4))
		}
		a.Amount = -1
		e.only(ours.Save(ctx, &a), store.ErrConflict)
	}
	require.Equal(e, 20, turns)
	n, err := ours.Count(ctx, store.Where("Amount", store.Ge, 100))
	require.NoError(e, err)
	require.EqualValues(e, 20, n)
}

// findBodyInTx writes each row in the body of the loop that reads them, and reads others. A cursor that is kept open
// would hold the connection that the writes need.
func findBodyInTx(e *env) {
	r := numbered(e, 20)
	ours := r.on(e.db, &store.RepositoryOptions{PageSize: 3})
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := ours.In(tx)
		for a, err := range in.Find(ctx, store.Query{}) {
			if err != nil {
				return err
			}
			if a.ID%2 == 0 {
				a.Amount += 100
				err = in.Save(ctx, &a)
			} else {
				_, err = in.Modify(ctx, a.ID, credit(100))
			}
			if err != nil {
				return err
			}
			if _, err := store.Collect(in.Find(ctx, store.Where("ID", store.Lt, a.ID))); err != nil {
				return err
			}
		}
		return nil
	})
	n, err := r.Count(e.ctx, store.Where("Amount", store.Ge, 100).And("Version", store.Eq, 2))
	require.NoError(e, err)
	require.EqualValues(e, 20, n)
}

func findBodyOpensTx(e *env) {
	r := numbered(e, 10)
	ours := r.on(e.db, &store.RepositoryOptions{PageSize: 2})
	for a, err := range ours.Find(e.ctx, store.Query{}) {
		require.NoError(e, err)
		e.atomic(func(ctx context.Context, tx *store.Tx) error {
			_, err := ours.In(tx).Modify(ctx, a.ID, credit(100))
			return err
		})
	}
	n, err := r.Count(e.ctx, store.Where("Amount", store.Ge, 100))
	require.NoError(e, err)
	require.EqualValues(e, 10, n)
}

// findBreak leaves the loop at the end of the first page: the second was never asked for, and nothing is left open.
func findBreak(e *env) {
	r := numbered(e, 20)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, &store.RepositoryOptions{PageSize: 4})
	turns := 0
	for a, err := range ours.Find(e.ctx, store.Query{}) {
		require.NoError(e, err)
		if turns++; turns == 4 {
			require.EqualValues(e, 4, a.ID)
			break
		}
	}
	require.Equal(e, "find", spy.take(), "no page was read in advance")
	free(e, r, upTo(20)...)
}

func findPanic(e *env) {
	r := numbered(e, 5)
	require.PanicsWithValue(e, "boom", func() {
		for range r.Find(e.ctx, store.Query{}) { //stalecheck:ignore the loop is what is tested
			panic("boom")
		}
	})
	free(e, r, upTo(5)...)
}

func findAgain(e *env) {
	r := numbered(e, 3)
	db, spy := e.spied(store.Options{})
	seq := r.on(db, nil).Find(e.ctx, store.Query{})
	require.Empty(e, spy.take(), "nothing is read before the loop")
	all, err := store.Collect(seq)
	require.NoError(e, err)
	require.Len(e, all, 3)
	r.remove(2)
	all, err = store.Collect(seq)
	require.NoError(e, err)
	require.Equal(e, []int64{1, 3}, ids(all))
}

// findUnderWrites deletes and inserts rows before and behind the place of the loop. By offsets, rows
// would be left out and seen twice.
func findUnderWrites(e *env) {
	r := numbered(e, 40)
	ours := r.on(e.db, &store.RepositoryOptions{PageSize: 2})
	seen := map[int64]int{}
	for a, err := range ours.Find(e.ctx, store.Where("ID", store.Le, 40)) {
		require.NoError(e, err)
		seen[a.ID]++
		if a.ID%2 == 0 {
			require.NoError(e, r.DeleteKey(e.ctx, a.ID)) // one that was passed
			inserted(r, account{ID: -a.ID})              // before everything
			r.modify(min(a.ID+11, 39), func(a *account) { a.Amount++ })
		}
	}
	for id := int64(1); id <= 40; id++ {
		require.Equal(e, 1, seen[id], "account %d was there all the time", id)
	}
	require.Len(e, seen, 40)
}

// findError ends the context inside of the loop, which hands out the page that it has, then the error once, and ends by
// itself.
func findError(e *env) {
	r := numbered(e, 10)
	ours := r.on(e.db, &store.RepositoryOptions{PageSize: 2})
	ctx, cancel := context.WithCancel(e.ctx)
	var errs []error
	turns := 0
	for a, err := range ours.Find(ctx, store.Query{}) {
		if err != nil {
			require.Equal(e, account{}, a, "an error comes with the zero value")
			errs = append(errs, err)
			continue // it must end by itself
		}
		turns++
		cancel()
	}
	cancel()
	require.Len(e, errs, 1)
	require.ErrorIs(e, errs[0], context.Canceled)
	require.Equal(e, 2, turns, "the page that was read is handed out")
	all, err := store.Collect(ours.Find(ctx, store.Query{}))
	require.ErrorIs(e, err, context.Canceled)
	require.Nil(e, all)
}

// findFirst asks for the first row in several orders: the key decides where the order does not.
func findFirst(e *env) {
	r := numbered(e, 12)
	a, err := r.First(e.ctx, store.Query{})
	require.NoError(e, err)
	require.EqualValues(e, 1, a.ID)
	a, err = r.First(e.ctx, store.Query{}.OrderByDesc("Amount"))
	require.NoError(e, err)
	require.EqualValues(e, 4, a.ID, "the greatest amount, then the least key")
	a, err = r.First(e.ctx, store.Where("Amount", store.Eq, 2).OrderByDesc("ID"))
	require.NoError(e, err)
	require.EqualValues(e, 12, a.ID)
	a, err = r.First(e.ctx, store.Where("Amount", store.Eq, 99))
	e.only(err, store.ErrNotFound)
	require.Equal(e, account{}, a)
}

// findGetMany asks for more keys than one statement can carry.
func findGetMany(e *env) {
	r := numbered(e, 30)
	var keys []int64
	for i := range int64(2*e.info.MaxKeys + 7) {
		keys = append(keys, i%1_000_000+1, i%3+1) // with repetitions
	}
	many, err := r.GetMany(e.ctx, keys)
	require.NoError(e, err)
	require.Len(e, many, 30)
	for id, a := range many {
		require.Equal(e, id, a.ID)
		require.EqualValues(e, 1, a.Version)
		require.False(e, a.ReadAt.IsZero())
	}
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	for _, none := range [][]int64{nil, {}} {
		many, err = ours.GetMany(e.ctx, none)
		require.NoError(e, err)
		require.NotNil(e, many)
		require.Empty(e, many)
	}
	require.Empty(e, spy.take(), "no keys are no question")
	_, err = ours.GetMany(e.ctx, []int64{1, 2, 3, 1})
	require.NoError(e, err)
	require.Equal(e, "find", spy.take(), "one round trip")
}

// findGetManyComposite reads by keys of two parts. A backend that asks for each part by itself would find rows that
// nobody asked for.
func findGetManyComposite(e *env) {
	r := newSeats(e)
	var keys []seatKey
	for _, season := range []string{"2014-15", "2015-16"} {
		for club := range int64(4) {
			key := seatKey{season, club}
			keys = append(keys, key)
			if club != 3 {
				inserted(r, seat{ID: key, Points: club})
			}
		}
	}
	// Each part of these is there, and the whole is not.
	keys = append(keys, seatKey{"2015-16", 9}, seatKey{"2014-15", -1}, seatKey{"1999-00", 1})
	many, err := r.GetMany(e.ctx, append(keys, keys[0]))
	require.NoError(e, err)
	require.Len(e, many, 6)
	for key, s := range many {
		require.Equal(e, key, s.ID)
		require.Equal(e, key.Club, s.Points)
	}
}
