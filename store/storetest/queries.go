package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
	"github.com/stillframe/stillframe/store/storetest/internal/script"
)

// Queries mean the same everywhere: what they mean is in the oracle, which evaluates them in Go.
var _ = register(
	"Queries",
	Test{Name: "AtTheirBounds", run: queriesAtTheirBounds},
	Test{Name: "AllOperatorsOverAllKinds", run: queriesOperators},
	Test{Name: "NotIsTheExactNegation", run: queriesNot},
	Test{Name: "In", run: queriesIn},
	Test{Name: "OrderPutsNullFirst", run: queriesOrder},
	Test{Name: "KeysetPagingOverNull", run: queriesKeyset},
	Test{Name: "RandomAgainstTheOracle", run: queriesRandom},
	Test{Name: "Prefix", run: queriesPrefix},
	Test{Name: "NullTests", run: queriesNull},
	Test{Name: "MissingIsNull", run: queriesMissing},
	Test{Name: "CompositeKeyParts", run: queriesComposite},
	Test{Name: "ValuesAreBound", run: queriesBound},
	Test{Name: "StringsCompareByCodePoint", run: queriesCodePoint},
	Test{Name: "TranscriptIsThatOfMemstore", run: func(e *env) { transcripts(e, scaled(250, 100), script.Queries) }},
)

type probes = repository[oracle.Probe, int64]

// probed makes a table of probes and what the oracle knows of it.
func probed(e *env, n int) (*probes, []oracle.Probe, []oracle.Column, *rand.Rand) {
	e.Helper()
	random := rand.New(rand.NewPCG(e.seed(), 0))
	all := oracle.Columns(e.info)
	rows := oracle.Probes(all, n, random)
	r := newRepository[oracle.Probe](e, "probe", byID)
	for i := range rows {
		require.NoError(e, r.Insert(e.ctx, &rows[i]))
	}
	return r, rows, all, random
}

// check compares a query with the oracle, by every verb that takes one.
func check(e *env, r *probes, rows []oracle.Probe, c oracle.Condition, terms ...oracle.Order) {
	e.Helper()
	want := oracle.Expected(rows, c, terms)
	q, by := oracle.Ordered(c.Query, terms)
	text := c.Text + by
	var have []int64
	for p, err := range r.Find(e.ctx, q) {
		require.NoError(e, err, text)
		have = append(have, p.ID)
	}
	require.Equal(e, want, append([]int64{}, have...), text)
	n, err := r.Count(e.ctx, q)
	require.NoError(e, err, text)
	require.EqualValues(e, len(want), n, text)
	first, err := r.First(e.ctx, q)
	if len(want) == 0 {
		e.only(err, store.ErrNotFound, text)
		return
	}
	require.NoError(e, err, text)
	require.Equal(e, want[0], first.ID, text)
}

// walk pages through a query and compares with the oracle.
func walk(e *env, r *probes, rows []oracle.Probe, c oracle.Condition, size int, terms ...oracle.Order) {
	e.Helper()
	want := oracle.Expected(rows, c, terms)
	q, by := oracle.Ordered(c.Query, terms)
	have := []int64{}
	for cursor := ""; ; {
		items, next, err := r.Page(e.ctx, q.From(cursor).Limit(size))
		require.NoError(e, err, c.Text+by)
		for _, p := range items {
			have = append(have, p.ID)
		}
		if next == "" || len(have) > len(want) {
			break
		}
		cursor = next
	}
	require.Equal(e, want, have, "%s%s, pages of %d", c.Text, by, size)
}

func queriesOperators(e *env) {
	r, rows, all, _ := probed(e, 40)
	for _, c := range all {
		for _, op := range c.Ops() {
			for _, value := range c.Pool {
				check(e, r, rows, oracle.Compare(c, op, value))
			}
		}
	}
}

// queriesNot negates every comparison, and junctions of them: NULL makes SQL's NOT different from the oracle's, which
// this finds.
func queriesNot(e *env) {
	r, rows, all, _ := probed(e, 30)
	for _, c := range all {
		for _, op := range c.Ops() {
			value := c.Pool[len(c.Pool)/2]
			check(e, r, rows, oracle.Not(oracle.Compare(c, op, value)))
			check(e, r, rows, oracle.Not(oracle.Not(oracle.Compare(c, op, value))))
		}
	}
	num, text := oracle.ColumnOf(all, "NumN"), oracle.ColumnOf(all, "TextN")
	inner := oracle.Junction(true, []oracle.Condition{
		oracle.Compare(num, store.Ge, int64(0)), oracle.Compare(text, store.Ne, "a"),
	})
	check(e, r, rows, oracle.Not(inner))
	check(e, r, rows, oracle.Not(oracle.Junction(false, []oracle.Condition{inner, oracle.Compare(num, store.Eq, nil)})))
	check(e, r, rows, oracle.Not(oracle.Junction(true, nil)))
	check(e, r, rows, oracle.Not(oracle.Junction(false, nil)))
	deep := oracle.Compare(num, store.Lt, int64(1))
	for range 40 {
		deep = oracle.Not(oracle.Junction(true, []oracle.Condition{deep, oracle.Everything()}))
	}
	check(e, r, rows, deep)
}

// queriesIn compares with lists: empty, with NULL, with a value twice, of other types, and as long as the backend
// takes.
func queriesIn(e *env) {
	r, rows, all, _ := probed(e, 30)
	for _, c := range all {
		lists := [][]any{nil, {}, {c.Pool[0]}, {c.Pool[0], c.Pool[0]}, c.Pool, append(slices.Clone(c.Pool), c.Pool...)}
		if c.Nullable {
			lists = append(lists, []any{nil}, []any{nil, nil, c.Pool[1]}, append([]any{nil}, c.Pool...))
		}
		for _, list := range lists {
			list = list[:min(len(list), e.info.MaxKeys)]
			check(e, r, rows, oracle.Compare(c, store.In, append([]any{}, list...)))
			check(e, r, rows, oracle.Not(oracle.Compare(c, store.In, append([]any{}, list...))))
		}
	}
	// A typed slice, and an array, are lists as well.
	for _, list := range []any{[]int32{0, 1}, []int{0, 1}, [2]int64{0, 1}, []any{0, int8(1)}} {
		n, err := r.Count(e.ctx, store.Where("Num", store.In, list))
		require.NoError(e, err)
		zeroOrOne := oracle.Compare(oracle.ColumnOf(all, "Num"), store.In, []any{int32(0), int32(1)})
		require.EqualValues(e, len(oracle.Expected(rows, zeroOrOne, nil)), n)
	}
	long := make([]int64, e.info.MaxKeys)
	for i := range long {
		long[i] = int64(i + 20)
	}
	n, err := r.Count(e.ctx, store.Where("ID", store.In, long))
	require.NoError(e, err, "a list of Info.MaxKeys is taken")
	require.EqualValues(e, 11, n)
	n, err = r.Count(e.ctx, store.Not(store.Where("ID", store.In, long)))
	require.NoError(e, err)
	require.EqualValues(e, 19, n)
	_, err = r.Count(e.ctx, store.Where("ID", store.In, append(long, 1)))
	e.only(err, store.ErrInvalid, "a longer one is refused, never cut")
	e.names(err, "ID")
}

// queriesOrder orders by every column that can be, in both directions and by several: NULL sorts first.
func queriesOrder(e *env) {
	r, rows, all, _ := probed(e, 40)
	for _, c := range all {
		if !c.Ordered {
			continue
		}
		for _, desc := range []bool{false, true} {
			check(e, r, rows, oracle.Everything(), oracle.Order{Column: c, Desc: desc})
		}
	}
	num, flag, text := oracle.ColumnOf(all, "NumN"), oracle.ColumnOf(all, "FlagN"), oracle.ColumnOf(all, "Null")
	key := oracle.ColumnOf(all, "ID")
	check(e, r, rows, oracle.Everything(), oracle.Desc(flag), oracle.Asc(num))
	check(e, r, rows, oracle.Everything(), oracle.Asc(flag), oracle.Desc(text), oracle.Desc(num))
	check(e, r, rows, oracle.Everything(), oracle.Asc(flag), oracle.Desc(key))
	check(e, r, rows, oracle.Everything(), oracle.Desc(key), oracle.Asc(flag))
	check(e, r, rows, oracle.Compare(num, store.Eq, nil), oracle.Desc(num))
}

// queriesKeyset walks page by page over columns with NULL and with equal values, where a cursor that compares wrongly
// leaves rows out or repeats them.
func queriesKeyset(e *env) {
	r, rows, all, _ := probed(e, 23)
	small := r.on(e.db, &store.RepositoryOptions{PageSize: 2})
	for _, c := range all {
		if !c.Ordered {
			continue
		}
		for _, desc := range []bool{false, true} {
			walk(e, r, rows, oracle.Everything(), 3, oracle.Order{Column: c, Desc: desc})
			q, text := oracle.Ordered(store.Query{}, []oracle.Order{{Column: c, Desc: desc}})
			var have []int64
			for p, err := range small.Find(e.ctx, q) {
				require.NoError(e, err, text)
				have = append(have, p.ID)
			}
			want := oracle.Expected(rows, oracle.Everything(), []oracle.Order{{Column: c, Desc: desc}})
			require.Equal(e, want, have, "Find by small pages,%s", text)
		}
	}
	flag, num, text := oracle.ColumnOf(all, "FlagN"), oracle.ColumnOf(all, "NumN"), oracle.ColumnOf(all, "TextN")
	for _, size := range []int{1, 2, 5, 22, 23, 24} {
		walk(e, r, rows, oracle.Everything(), size, oracle.Asc(flag), oracle.Desc(num), oracle.Asc(text))
		walk(e, r, rows, oracle.Everything(), size, oracle.Desc(flag), oracle.Asc(text))
		walk(e, r, rows, oracle.Compare(num, store.Eq, nil), size, oracle.Desc(flag), oracle.Desc(num))
		walk(e, r, rows, oracle.Not(oracle.Compare(flag, store.Eq, true)), size, oracle.Desc(text))
	}
}

func queriesRandom(e *env) {
	r, rows, all, random := probed(e, 60)
	for i := range scaled(600, 150) {
		c := oracle.RandomCondition(all, 3, random)
		terms := oracle.RandomOrder(all, random)
		if i%2 == 0 {
			check(e, r, rows, c, terms...)
		} else {
			walk(e, r, rows, c, 1+random.IntN(9), terms...)
		}
	}
}

// queriesPrefix compares beginnings that hold what LIKE, GLOB and regular expressions give a meaning to, and letters
// that a collation would fold.
func queriesPrefix(e *env) {
	r := newRepository[oracle.Probe](e, "probe", byID)
	var rows []oracle.Probe
	stored := []string{
		"", "a", "A", "ab", "aB", "a%", "a%b", "a_", "a_b", "a[", "a[b]", "a]", "a^", `a\`, `a\%`, `\`, `\\`, "%", "%a",
		"_", "[a]", "[", "a'b", "a*b", "a.b", "(a", "á", "áb", "日本語", "😀", "😀a", "😁", "^a", "$a", "a|b", "a-z", "a\nb",
	}
	for i, s := range stored {
		p := oracle.Probe{ID: int64(i + 1), Text: s, TextN: pointer(s), Price: "0", PriceN: nil}
		rows = append(rows, inserted(r, p))
	}
	rows = append(rows, inserted(r, oracle.Probe{ID: 1000, Text: "NULL follows", Price: "0"}))
	all := oracle.Columns(e.info)
	for _, name := range []string{"Text", "TextN"} {
		c := oracle.ColumnOf(all, name)
		for _, s := range stored {
			check(e, r, rows, oracle.Compare(c, store.Prefix, s))
			check(e, r, rows, oracle.Not(oracle.Compare(c, store.Prefix, s)))
		}
	}
	n, err := r.Count(e.ctx, store.Where("TextN", store.Prefix, ""))
	require.NoError(e, err)
	require.EqualValues(e, len(stored), n, "every string starts with the empty one, and NULL does not")
}

// queriesNull compares with NULL in each form in which Go has it.
func queriesNull(e *env) {
	r, rows, all, _ := probed(e, 30)
	for _, c := range all {
		// A field that cannot hold NULL takes the question too, and answers that it never does.
		for _, op := range []store.Op{store.Eq, store.Ne} {
			check(e, r, rows, oracle.Compare(c, op, nil))
			check(e, r, rows, oracle.Not(oracle.Compare(c, op, nil)))
		}
	}
	want := len(oracle.Expected(rows, oracle.Compare(oracle.ColumnOf(all, "TextN"), store.Eq, nil), nil))
	for _, none := range []any{(*string)(nil), nil} {
		n, err := r.Count(e.ctx, store.Where("TextN", store.Eq, none))
		require.NoError(e, err)
		require.EqualValues(e, want, n, "%T", none)
	}
	n, err := r.Count(e.ctx, store.Where("TextN", store.Eq, pointer("a")))
	require.NoError(e, err)
	a := oracle.Compare(oracle.ColumnOf(all, "TextN"), store.Eq, "a")
	require.EqualValues(e, len(oracle.Expected(rows, a, nil)), n, "a pointer is its value")
}

// queriesMissing takes the columns away behind the library's back.
func queriesMissing(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2, 3)
	r.unset(1, "nick")
	r.set(2, Columns{"nick": nil})
	count := func(q store.Query) int64 {
		e.Helper()
		n, err := r.Count(e.ctx, q)
		require.NoError(e, err)
		return n
	}
	require.EqualValues(e, 2, count(store.Where("Nick", store.Eq, nil)))
	require.EqualValues(e, 1, count(store.Where("Nick", store.Ne, nil)))
	require.EqualValues(e, 1, count(store.Where("Nick", store.Ne, "other")), "a comparison with NULL is false")
	require.EqualValues(e, 2, count(store.Not(store.Where("Nick", store.Ne, "other"))))
	require.EqualValues(e, 3, count(store.Not(store.Where("Nick", store.Eq, "other"))))
	require.EqualValues(e, 2, count(store.Where("Nick", store.In, []any{nil, "other"})))
	all, err := store.Collect(r.Find(e.ctx, store.Query{}.OrderBy("Nick")))
	require.NoError(e, err)
	require.EqualValues(
		e, []int64{1, 2, 3}, []int64{all[0].ID, all[1].ID, all[2].ID}, "missing is NULL, and NULL is first",
	)
	all, next, err := r.Page(e.ctx, store.Query{}.OrderBy("Nick").Limit(1))
	require.NoError(e, err)
	require.EqualValues(e, 1, all[0].ID)
	all, _, err = r.Page(e.ctx, store.Query{}.OrderBy("Nick").Limit(2).From(next))
	require.NoError(e, err)
	require.Len(e, all, 2)
}

// queriesComposite filters and orders by the parts of a composite key. As a whole it has no place in a query.
func queriesComposite(e *env) {
	r := newSeats(e)
	want := map[string][]string{}
	for _, season := range []string{"2014-15", "2015-16", "2016-17"} {
		for _, club := range []int64{-1, 0, 3, 20} {
			inserted(r, seat{ID: seatKey{season, club}, Points: club * 2})
			want[season] = append(want[season], fmt.Sprint(club))
		}
	}
	list := func(q store.Query) []seatKey {
		e.Helper()
		all, err := store.Collect(r.on(e.db, &store.RepositoryOptions{PageSize: 2}).Find(e.ctx, q))
		require.NoError(e, err)
		keys := []seatKey{}
		for _, s := range all {
			keys = append(keys, s.ID)
		}
		return keys
	}
	bySeason := list(store.Where("ID.Season", store.Eq, "2015-16"))
	require.Equal(e, []seatKey{{"2015-16", -1}, {"2015-16", 0}, {"2015-16", 3}, {"2015-16", 20}}, bySeason)
	above := list(store.Where("ID.Club", store.Gt, 3))
	require.Equal(e, []seatKey{{"2014-15", 20}, {"2015-16", 20}, {"2016-17", 20}}, above)
	both := list(store.Where("ID.Club", store.Eq, 3).And("ID.Season", store.Prefix, "2016"))
	require.Equal(e, []seatKey{{"2016-17", 3}}, both)
	require.Len(e, list(store.Query{}), 12)
	require.Equal(e, seatKey{"2014-15", -1}, list(store.Query{})[0], "its order is that of its parts")
	require.Equal(e, seatKey{"2016-17", 20}, list(store.Query{}.OrderByDesc("ID"))[0])
	byClub := list(store.Query{}.OrderByDesc("ID.Club").OrderBy("ID.Season"))
	require.Equal(e, []seatKey{{"2014-15", 20}, {"2015-16", 20}, {"2016-17", 20}, {"2014-15", 3}}, byClub[:4])
	byPoints := list(store.Query{}.OrderByDesc("Points"))
	require.Equal(e, byClub[:4], byPoints[:4], "every order ends in the whole key")
	_, err := r.Count(e.ctx, store.Where("ID", store.Eq, seatKey{"2015-16", 3}))
	e.only(err, store.ErrInvalid)
	e.names(err, "ID")
}

// queriesBound stores and looks for what would do harm in the text of a statement or as an operator.
func queriesBound(e *env) {
	r := newLetters(e)
	harmful := []string{
		"'; DROP TABLE letters; --", `" OR "1"="1`, "1' OR '1'='1", `{"$gt": ""}`, "$where", "$body", "\\'; --",
		"%s %d", "?", "@p1", ":1", "`id`", "/* */", "#", "\u2028",
	}
	for _, s := range harmful {
		inserted(r, letter{ID: s, Body: "x"})
	}
	for _, s := range harmful {
		for _, op := range []store.Op{store.Eq, store.Prefix} {
			all, err := store.Collect(r.Find(e.ctx, store.Where("ID", op, s)))
			require.NoError(e, err, s)
			require.Len(e, all, 1, s)
			require.Equal(e, s, all[0].ID)
		}
		require.Equal(e, s, r.get(s).ID)
		n, err := r.Count(e.ctx, store.Where("Body", store.Eq, s))
		require.NoError(e, err)
		require.Zero(e, n, s)
	}
	n, err := r.Count(e.ctx, store.Where("ID", store.In, harmful))
	require.NoError(e, err)
	require.EqualValues(e, len(harmful), n)
}

// queriesCodePoint has keys that a folding collation takes for one another.
func queriesCodePoint(e *env) {
	r := newLetters(e)
	keys := []string{
		"a", "A", "á", "Á", "a\u0301", "ａ", "ß", "ss", "ı", "i", "I", "İ", "œ", "oe", "ﬁ", "fi", "æ", "K", "\u212a",
	}
	for _, key := range keys {
		inserted(r, letter{ID: key, Body: key})
	}
	for _, key := range keys {
		require.Equal(e, key, r.get(key).Body)
		all, err := store.Collect(r.Find(e.ctx, store.Where("Body", store.Eq, key)))
		require.NoError(e, err)
		require.Len(e, all, 1, key)
	}
	_, err := r.Get(e.ctx, "SS")
	e.only(err, store.ErrNotFound)
	all, err := store.Collect(r.Find(e.ctx, store.Query{}.OrderBy("Body")))
	require.NoError(e, err)
	slices.Sort(keys)
	for i := range all {
		require.Equal(e, keys[i], all[i].Body)
	}
	if e.info.TrailingSpaces {
		spaced := newRepository[letter](e, "spaced", byText)
		inserted(spaced, letter{ID: "1", Body: "a"})
		inserted(spaced, letter{ID: "2", Body: "a "})
		n, err := spaced.Count(e.ctx, store.Where("Body", store.Eq, "a"))
		require.NoError(e, err)
		require.EqualValues(e, 1, n, "Info.TrailingSpaces says that they count")
	}
}
