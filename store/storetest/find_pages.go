package storetest

import (
	"fmt"
	"math"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Page and its tokens, as part of Find.
var _ = register(
	"Find",
	Test{Name: "PagesMeetWithoutAGap", run: findPages},
	Test{Name: "PageTokens", run: findTokens},
	Test{Name: "HugeLimits", run: findHuge},
)

// findPages reads page by page with cursors. What they give together is what Find gives, for every order and every size
// of a page.
func findPages(e *env) {
	const n = 23
	r := numbered(e, n)
	queries := map[string]store.Query{
		"by key":       {},
		"descending":   store.Query{}.OrderByDesc("ID"),
		"by amount":    store.Query{}.OrderBy("Amount"),
		"two orders":   store.Query{}.OrderByDesc("Amount").OrderByDesc("ID"),
		"with a where": store.Where("Amount", store.Ne, 3).OrderBy("Amount"),
	}
	for name, q := range queries {
		want, err := store.Collect(r.Find(e.ctx, q))
		require.NoError(e, err)
		for _, size := range []int{1, 2, 5, 22, 23, 24} {
			var have []account
			var pages int
			for cursor := ""; ; pages++ {
				items, next, err := r.Page(e.ctx, q.From(cursor).Limit(size))
				require.NoError(e, err)
				require.LessOrEqual(e, len(items), size)
				have = append(have, items...)
				if next == "" {
					break
				}
				require.Len(e, items, size, "a page before the last is full")
				require.LessOrEqual(e, pages, n, "the pages do not end")
				cursor = next
			}
			require.Equal(e, ids(want), ids(have), "%s, pages of %d", name, size)
		}
	}
	items, next, err := r.on(e.db, &store.RepositoryOptions{PageSize: 9}).Page(e.ctx, store.Query{})
	require.NoError(e, err)
	require.Len(e, items, 9, "the page is PageSize where the query has no limit")
	require.NotEmpty(e, next)
	items, next, err = r.Page(e.ctx, store.Where("ID", store.Lt, 0))
	require.NoError(e, err)
	require.Empty(e, items)
	require.Empty(e, next)
}

// findHuge asks for as many rows as can be said, of which a backend that looks for one more than that must
// not make a negative number.
func findHuge(e *env) {
	const n = 7
	r := numbered(e, n)
	for _, huge := range []int{math.MaxInt, math.MaxInt - 1, math.MaxInt32, math.MaxInt32 - 1, math.MaxInt >> 9} {
		for _, size := range []int{3, huge} {
			ours := r.on(e.db, &store.RepositoryOptions{PageSize: size})
			all := store.Query{}
			for _, q := range []store.Query{all, all.Limit(huge), all.OrderByDesc("Amount").Limit(huge)} {
				found, err := store.Collect(ours.Find(e.ctx, q))
				require.NoError(e, err, "limit %d, pages of %d", huge, size)
				require.ElementsMatch(e, upTo(n), ids(found))
			}
			items, next, err := ours.Page(e.ctx, all.Limit(huge))
			require.NoError(e, err, "limit %d", huge)
			require.Equal(e, upTo(n), ids(items))
			require.Empty(e, next)
			_, next, err = ours.Page(e.ctx, all.Limit(2))
			require.NoError(e, err)
			items, next, err = ours.Page(e.ctx, all.Limit(huge).From(next))
			require.NoError(e, err)
			require.Len(e, items, n-2)
			require.Empty(e, next)
		}
		count, err := r.Count(e.ctx, store.Query{}.Limit(huge))
		require.NoError(e, err)
		require.EqualValues(e, n, count)
	}
}

// findTokens gives Page tokens that are not its own.
func findTokens(e *env) {
	r := numbered(e, 9)
	q := store.Where("Amount", store.Ge, 1).OrderBy("Amount").Limit(2)
	_, next, err := r.Page(e.ctx, q)
	require.NoError(e, err)
	require.NotEmpty(e, next)
	again := r.on(e.open(store.Options{}), nil) // a token outlives the handle
	_, _, err = again.Page(e.ctx, q.From(next))
	require.NoError(e, err)
	_, _, err = r.Page(e.ctx, q.From(next).Limit(5))
	require.NoError(e, err, "the size of the page is no part of the query")

	other := newAccounts(e, 1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	refused := func(name string, err error) {
		e.Helper()
		e.only(err, store.ErrInvalid, name)
		require.Empty(e, spy.take(), "%s: refused before any I/O", name)
	}
	for name, wrong := range map[string]store.Query{
		"another value":    store.Where("Amount", store.Ge, 2).OrderBy("Amount"),
		"another operator": store.Where("Amount", store.Gt, 1).OrderBy("Amount"),
		"another field":    store.Where("ID", store.Ge, 1).OrderBy("Amount"),
		"no condition":     store.Query{}.OrderBy("Amount"),
		"another order":    store.Where("Amount", store.Ge, 1).OrderBy("ID"),
		"descending":       store.Where("Amount", store.Ge, 1).OrderByDesc("Amount"),
		"no order":         store.Where("Amount", store.Ge, 1),
	} {
		_, _, err := ours.Page(e.ctx, wrong.From(next))
		refused(name, err)
	}
	_, _, err = over[account, int64](e, db, other.name, nil).Page(e.ctx, q.From(next))
	refused("another table", err)
	for i, garbage := range []string{
		"x", "AAAA", "!", " ", next[:len(next)-3], next[1:], next + "A", next + next, "eyJ9", "bnVsbA", "e30", "\xff",
	} {
		_, _, err := ours.Page(e.ctx, q.From(garbage))
		refused(fmt.Sprintf("garbage %d", i), err)
	}
	_, err = store.Collect(ours.Find(e.ctx, q.From("garbage")))
	refused("Find", err)
	_, err = ours.Count(e.ctx, q.From("garbage"))
	refused("Count", err)
	_, err = ours.First(e.ctx, q.From("garbage"))
	refused("First", err)
}
