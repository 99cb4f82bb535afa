package memstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// player is the entity of these tests, which ask how many rows a query goes past.
type player struct {
	store.Snapshot
	ID    int64   `store:"key"`
	Email *string `store:"unique,size=40"`
	City  string  `store:"index,size=40"`
	Score int64
	Rank  *int64
}

type league struct {
	*store.Repository[player, int64]
	t      *testing.T
	db     *store.DB
	engine *engine
	all    []player // what is stored, by ID
}

// newLeague stores n players, whose scores and cities repeat.
func newLeague(t *testing.T, o *Options, n int) *league {
	db := Open(o)
	l := &league{t: t, db: db, engine: db.Driver().(*engine)}
	l.Repository = store.MustRepository[player, int64](db, "players", &store.RepositoryOptions{PageSize: 20})
	random := rand.New(rand.NewPCG(uint64(n), 5))
	var batch []*player
	for id := range int64(n) {
		p := player{ID: id, Score: random.Int64N(10), City: fmt.Sprintf("c%02d", random.IntN(50))}
		if email := fmt.Sprintf("%d@x", id*7919%int64(n)); id%3 > 0 {
			p.Email = &email
		}
		if rank := random.Int64N(1000) - 500; id%4 > 0 {
			p.Rank = &rank
		}
		l.all = append(l.all, p)
		batch = append(batch, &p)
	}
	require.NoError(t, l.InsertMany(t.Context(), batch))
	return l
}

// looked returns how many rows a function makes the database go past.
func (l *league) looked(fn func()) int {
	before := l.engine.looked.Load()
	fn()
	return int(l.engine.looked.Load() - before)
}

// want returns the keys of the players that meet a condition, in an order.
func (l *league) want(meets func(player) bool, order func(a, b player) int) []int64 {
	found := slices.DeleteFunc(slices.Clone(l.all), func(p player) bool { return !meets(p) })
	slices.SortStableFunc(found, order)
	return keysOfPlayers(found)
}

func keysOfPlayers(players []player) []int64 {
	keys := []int64{}
	for _, p := range players {
		keys = append(keys, p.ID)
	}
	return keys
}

// found returns the keys of a whole Find.
func (l *league) found(ctx context.Context, in *store.Repository[player, int64], q store.Query) []int64 {
	l.t.Helper()
	all, err := store.Collect(in.Find(ctx, q))
	require.NoError(l.t, err)
	return keysOfPlayers(all)
}

// paged returns the keys of all pages.
func (l *league) paged(ctx context.Context, in *store.Repository[player, int64], q store.Query) []int64 {
	l.t.Helper()
	keys := []int64{}
	for cursor := ""; ; {
		items, next, err := in.Page(ctx, q.From(cursor))
		require.NoError(l.t, err)
		keys = append(keys, keysOfPlayers(items)...)
		if cursor = next; next == "" {
			return keys
		}
	}
}

// compareNull compares as an order does: NULL is first.
func compareNull[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil || b == nil:
		return compareBools(a != nil, b != nil)
	}
	return cmp.Compare(*a, *b)
}

func compareBools(a, b bool) int { return number(a) - number(b) }

// leagueQueries are queries with what they must find.
var leagueQueries = []struct {
	name  string
	query store.Query
	meets func(player) bool
	order func(a, b player) int
}{
	{name: "by key"},
	{
		name: "by key, descending", query: store.Query{}.OrderByDesc("ID"),
		order: func(a, b player) int { return cmp.Compare(b.ID, a.ID) },
	},
	{
		name: "by an indexed field", query: store.Query{}.OrderBy("City"),
		order: func(a, b player) int { return cmp.Compare(a.City, b.City) },
	},
	{
		name: "by a unique field that may be NULL", query: store.Query{}.OrderByDesc("Email"),
		order: func(a, b player) int { return compareNull(b.Email, a.Email) },
	},
	{
		name: "by a field of few values", query: store.Query{}.OrderBy("Score"),
		order: func(a, b player) int { return cmp.Compare(a.Score, b.Score) },
	},
	{
		name: "both ways", query: store.Query{}.OrderByDesc("Score").OrderBy("Rank").OrderByDesc("ID"),
		order: func(a, b player) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), compareNull(a.Rank, b.Rank), cmp.Compare(b.ID, a.ID))
		},
	},
	{
		name: "with a condition", query: store.Where("Score", store.Ge, 7).OrderByDesc("Rank"),
		meets: func(p player) bool { return p.Score >= 7 },
		order: func(a, b player) int { return compareNull(b.Rank, a.Rank) },
	},
	{
		name: "within bounds", query: store.Where("Rank", store.Gt, -300).And("Rank", store.Le, 200).OrderBy("Rank"),
		meets: func(p player) bool { return p.Rank != nil && *p.Rank > -300 && *p.Rank <= 200 },
		order: func(a, b player) int { return compareNull(a.Rank, b.Rank) },
	},
	{
		name: "within bounds, descending", query: store.Where("Rank", store.Lt, 100).OrderByDesc("Rank"),
		meets: func(p player) bool { return p.Rank != nil && *p.Rank < 100 },
		order: func(a, b player) int { return compareNull(b.Rank, a.Rank) },
	},
	{
		name: "by a prefix", query: store.Where("City", store.Prefix, "c1").OrderByDesc("City"),
		meets: func(p player) bool { return strings.HasPrefix(p.City, "c1") },
		order: func(a, b player) int { return cmp.Compare(b.City, a.City) },
	},
	{
		name: "of one city", query: store.Where("City", store.Eq, "c07").OrderByDesc("Score"),
		meets: func(p player) bool { return p.City == "c07" },
		order: func(a, b player) int { return cmp.Compare(b.Score, a.Score) },
	},
	{
		name: "with a native condition", query: store.AllOf(
			Where(func(row map[string]any) bool { return row["score"].(int64)%2 == 0 }),
		).OrderBy("Score"),
		meets: func(p player) bool { return p.Score%2 == 0 },
		order: func(a, b player) int { return cmp.Compare(a.Score, b.Score) },
	},
	{
		name: "any of", query: store.AnyOf(store.Where("Score", store.Eq, 3), store.Where("Rank", store.Eq, nil)),
		meets: func(p player) bool { return p.Score == 3 || p.Rank == nil },
	},
}

// check finds and pages a query, and holds it to the number of rows that it may go past.
func (l *league) check(ctx context.Context, in *store.Repository[player, int64], i, most int) {
	q := leagueQueries[i]
	meets, order := q.meets, q.order
	if meets == nil {
		meets = func(player) bool { return true }
	}
	if order == nil {
		order = func(player, player) int { return 0 }
	}
	want := l.want(meets, order)
	looked := l.looked(func() { require.Equal(l.t, want, l.found(ctx, in, q.query), q.name) })
	assert.LessOrEqual(l.t, looked, most, "Find %s of %d", q.name, len(l.all))
	looked = l.looked(func() { require.Equal(l.t, want, l.paged(ctx, in, q.query), q.name) })
	assert.LessOrEqual(l.t, looked, most, "Page %s of %d", q.name, len(l.all))
}

// A whole Find goes past each row a few times, however many pages there are: once for the first page of an
// order, which is not sorted yet, once to sort, once to read, and once a page to see whether there are more.
func TestWholeFindIsLinear(t *testing.T) {
	for _, n := range []int{100, 1000, 5000} {
		l := newLeague(t, nil, n)
		for i := range leagueQueries {
			l.check(t.Context(), l.Repository, i, 4*n)
		}
	}
}

// The same holds where others write between the pages, with the rows that they write.
func TestFindBetweenWritesIsLinear(t *testing.T) {
	const n = 3000
	for _, q := range leagueQueries {
		l, writes := newLeague(t, nil, n), 0
		last := int64(-1)
		looked := l.looked(func() {
			for p, err := range l.Find(t.Context(), q.query) {
				require.NoError(t, err)
				if last = p.ID; last%3 != 0 {
					continue
				}
				_, err := l.Modify(t.Context(), (last*31+7)%n, func(p *player) error {
					p.Score = -p.Score - 1
					return nil
				})
				require.NoError(t, err)
				writes++
			}
		})
		assert.LessOrEqual(t, looked, 5*n+40*writes, q.name)
	}
}

// A View and a Tx with changes of its own find as fast, and what they see: the state of their start, or what
// is committed now, with their own changes.
func TestFindInTxIsLinear(t *testing.T) {
	const n = 1000
	for _, snapshotReads := range []bool{false, true} {
		l := newLeague(t, &Options{SnapshotReads: snapshotReads}, n)
		before := slices.Clone(l.all)
		for i := range leagueQueries[:4] { // some orders are kept, some are not
			l.check(t.Context(), l.Repository, i, 4*n)
		}
		require.NoError(t, l.db.View(t.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
			in := l.In(tx)
			_, err := in.Get(ctx, 1)
			require.NoError(t, err)
			for id := range int64(100) {
				l.change(t.Context(), l.Repository, id*13)
			}
			after := l.all
			for i := range leagueQueries {
				l.all = before
				l.check(ctx, in, i, 5*n)
				l.all = after
				l.check(t.Context(), l.Repository, i, 5*n)
			}
			return nil
		}))
		require.ErrorIs(t, l.db.Atomic(t.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
			in, committed := l.In(tx), slices.Clone(l.all)
			for id := range int64(100) {
				l.change(ctx, in, id*11+1)
			}
			for i := range leagueQueries {
				l.check(ctx, in, i, 6*n)
				if i%4 == 0 {
					l.change(ctx, in, int64(i)*11+1)
				}
			}
			own := l.all
			l.all = committed
			for i := range leagueQueries {
				l.check(t.Context(), l.Repository, i, 5*n)
			}
			l.all = own
			if !snapshotReads { // what others commit meanwhile is seen too
				l.change(t.Context(), l.Repository, 5)
				for i := range leagueQueries {
					l.check(ctx, in, i, 6*n)
				}
			}
			return errGivenUp
		}), errGivenUp)
	}
}

var errGivenUp = errors.New("given up")

// patient are the bounds of a transaction in which a test does all its work.
var patient = store.TxOptions{RunTimeout: time.Hour, Timeout: time.Hour}

// change changes, deletes or makes a player, by its key.
func (l *league) change(ctx context.Context, in *store.Repository[player, int64], id int64) {
	l.t.Helper()
	l.all = slices.Clone(l.all)
	i, found := slices.BinarySearchFunc(l.all, id, func(p player, id int64) int { return cmp.Compare(p.ID, id) })
	switch {
	case !found:
		p := player{ID: id, Score: id % 10, City: "c07"}
		require.NoError(l.t, in.Insert(ctx, &p))
		l.all = slices.Insert(l.all, i, p)
	case id%5 == 0:
		require.NoError(l.t, in.DeleteKey(ctx, id))
		l.all = slices.Delete(l.all, i, i+1)
	default:
		p, err := in.Modify(ctx, id, func(p *player) error {
			p.Score, p.Rank, p.City = (p.Score+3)%10, nil, "c1"
			return nil
		})
		require.NoError(l.t, err)
		l.all[i] = p
	}
}

// A condition that leads to few rows goes past few.
func TestConditionsLeadToTheirRows(t *testing.T) {
	const n = 2000
	l := newLeague(t, nil, n)
	inCity := len(l.want(func(p player) bool { return p.City == "c07" }, func(player, player) int { return 0 }))
	tests := []struct {
		name   string
		query  store.Query
		most   int
		want   int
		before int // how often the query must have been used
	}{
		{"the key", store.Where("ID", store.Eq, 77), 1, 1, 0},
		{"the key and more", store.Where("ID", store.Eq, 77).And("Score", store.Lt, 0), 1, 0, 0},
		{"no such key", store.Where("ID", store.Eq, -1).OrderBy("Score"), 0, 0, 0},
		{"a range of keys", store.Where("ID", store.Ge, 100).And("ID", store.Lt, 120), 20, 20, 0},
		{"the last keys", store.Where("ID", store.Gt, n-11).OrderByDesc("ID"), 10, 10, 0},
		{"a unique value", store.Where("Email", store.Eq, *l.all[1].Email), 1, 1, 0},
		{"no such value", store.Where("Email", store.Eq, "nobody"), 0, 0, 0},
		{"an index", store.Where("City", store.Eq, "c07"), inCity, inCity, 2},
		{"an index and an order", store.Where("City", store.Eq, "c07").OrderByDesc("Rank"), inCity, inCity, 2},
	}
	for _, test := range tests {
		for range test.before { // an index that is not unique is sorted when it is used again
			_, err := l.Count(t.Context(), test.query)
			require.NoError(t, err)
			_, err = store.Collect(l.Find(t.Context(), test.query))
			require.NoError(t, err)
		}
		looked := l.looked(func() {
			found := l.found(t.Context(), l.Repository, test.query)
			assert.Len(t, found, test.want, test.name)
		})
		assert.LessOrEqual(t, looked, test.most+test.want/20+1, test.name)
		looked = l.looked(func() {
			count, err := l.Count(t.Context(), test.query)
			require.NoError(t, err)
			assert.EqualValues(t, test.want, count, test.name)
		})
		assert.LessOrEqual(t, looked, test.most, "Count by %s", test.name)
	}
	assert.Zero(t, l.looked(func() {
		count, err := l.Count(t.Context(), store.Query{})
		require.NoError(t, err)
		assert.EqualValues(t, n, count)
	}), "a table knows its size")
	first := store.Query{}.OrderByDesc("Rank").Limit(10)
	for range 2 {
		_ = l.found(t.Context(), l.Repository, first)
	}
	assert.LessOrEqual(t, l.looked(func() { _ = l.found(t.Context(), l.Repository, first) }), 10)
}

// A table keeps a few orders, those that were used last, and none that is older than all of its rows.
func TestOrdersAreBounded(t *testing.T) {
	const n = 200
	l := newLeague(t, nil, n)
	orders := &l.engine.tables["players"].orders
	fields := []string{"Score", "Rank", "City", "Email"}
	for _, a := range fields {
		for _, b := range fields {
			for range 2 {
				_ = l.found(t.Context(), l.Repository, store.Query{}.OrderBy(a).OrderByDesc(b))
				require.LessOrEqual(t, len(orders.kept), mostOrders)
			}
		}
	}
	require.Len(t, orders.kept, mostOrders)
	for range 3 {
		for id := range int64(n) {
			_, err := l.Modify(t.Context(), id, func(p *player) error { p.Score++; return nil })
			require.NoError(t, err)
		}
	}
	for _, kept := range orders.kept {
		assert.Nil(t, kept.newest.Load())
	}
}

// What an open View sees is kept by it alone: a write costs what it costs without, however many rows were
// written since, and so does the end of another View.
func TestOpenViewCostsOthersNothing(t *testing.T) {
	const n = 2000
	cost := func(isOpen bool) (write, view float64) {
		l := newLeague(t, nil, n)
		measure := func() {
			for id := range int64(n) {
				_, err := l.Modify(t.Context(), id, func(p *player) error { p.Score++; return nil })
				require.NoError(t, err)
			}
			write = testing.AllocsPerRun(50, func() {
				_, _ = l.Modify(t.Context(), 7, func(p *player) error { p.Score++; return nil })
			})
			view = testing.AllocsPerRun(50, func() {
				_ = l.db.View(t.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
					_, err := l.In(tx).Get(ctx, 7)
					return err
				})
			})
		}
		if !isOpen {
			measure()
			return write, view
		}
		require.NoError(t, l.db.View(t.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
			_, err := l.In(tx).Get(ctx, 7)
			require.NoError(t, err)
			measure()
			assert.Empty(t, l.engine.snapshots, "a view is nobody else's affair")
			assert.Equal(t, keysOfPlayers(l.all), l.found(ctx, l.In(tx), store.Query{}))
			return nil
		}))
		return write, view
	}
	write, view := cost(false)
	writeBeside, viewBeside := cost(true)
	assert.InDelta(t, write, writeBeside, 2)
	assert.InDelta(t, view, viewBeside, 2)
}

// Nothing that only reads, outside a transaction or in a View, waits for the database's lock. A read that
// did would wait here until the test's own deadline.
func TestReadsTakeNoLock(t *testing.T) {
	l := newLeague(t, nil, 100)
	read := func(ctx context.Context, in *store.Repository[player, int64]) {
		_, err := in.Get(ctx, 1)
		require.NoError(t, err)
		many, err := in.GetMany(ctx, []int64{1, 2, 3})
		require.NoError(t, err)
		require.Len(t, many, 3)
		for range 2 {
			require.Len(t, l.found(ctx, in, store.Query{}.OrderBy("Rank")), 100)
			require.Len(t, l.paged(ctx, in, store.Query{}.OrderByDesc("ID")), 100)
		}
		count, err := in.Count(ctx, store.Where("Score", store.Ge, 0))
		require.NoError(t, err)
		require.EqualValues(t, 100, count)
		stale, err := in.IsStale(ctx, player{ID: 1, Snapshot: store.Snapshot{Version: 1, ReadAt: kickoff}})
		require.NoError(t, err)
		require.False(t, stale)
	}
	require.NoError(t, l.db.View(t.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		read(ctx, l.In(tx))
		read(t.Context(), l.Repository)
		return nil
	}))
}

var kickoff = time.Date(2015, 8, 8, 12, 45, 0, 0, time.UTC)
