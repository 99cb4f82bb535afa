package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/entity"
	"github.com/stillframe/stillframe/store/storetest/internal/oracle"
)

// What a query must refuse, and what it may be given, as part of Queries.
var _ = register(
	"Queries",
	Test{Name: "MistakesAreInvalid", run: queriesMistakes},
	Test{Name: "ForeignNativeConditionIsUnsupported", run: queriesNative},
	Test{Name: "ValuesConvertWithoutLoss", run: queriesConversions},
	Test{Name: "TimesAreCutLikeStoredOnes", run: queriesTimes},
	Test{Name: "AreValues", run: queriesAreValues},
)

// stranger is a native condition of no backend.
type stranger struct{}

// queriesMistakes has one mistake in each query: every verb refuses it before any I/O, names the field and shows no
// value.
func queriesMistakes(e *env) {
	r := newRepository[oracle.Probe](e, "probe", byID)
	inserted(r, oracle.Probe{ID: 1, Price: "0"})
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	for _, c := range []struct {
		name  string
		q     store.Query
		words []string
	}{
		{"unknown field", store.Where("Balance", store.Eq, 1), []string{"Balance"}},
		{"stored name", store.Where("num_n", store.Eq, 1), []string{"num_n"}},
		{"unmapped field", store.Where("Readonly", store.Eq, secret), []string{"Readonly"}},
		{"time of reading", store.Where("ReadAt", store.Lt, kickoff), []string{"ReadAt"}},
		{"part of no key", store.Where("ID.Season", store.Eq, secret), []string{"ID.Season"}},
		{"empty name", store.Where("", store.Eq, 1), nil},
		{"text for a number", store.Where("Num", store.Eq, secret), []string{"Num"}},
		{"number for a text", store.Where("Text", store.Eq, 7), []string{"Text"}},
		{"float for an integer", store.Where("Num", store.Eq, 1.5), []string{"Num"}},
		{"text for a time", store.Where("At", store.Lt, secret), []string{"At"}},
		{"number for a bool", store.Where("Flag", store.Eq, 1), []string{"Flag"}},
		{"too large for its type", store.Where("Num", store.Eq, int64(math.MaxInt32)+1), []string{"Num"}},
		{"negative for an unsigned", store.Where("Pos", store.Eq, -1), []string{"Pos"}},
		{"beyond int64", store.Where("PosN", store.Eq, uint64(math.MaxInt64)+1), []string{"PosN"}},
		{"NaN", store.Where("Real", store.Lt, math.NaN()), []string{"Real"}},
		{"infinite", store.Where("Real", store.Lt, math.Inf(1)), []string{"Real"}},
		{"invalid UTF-8", store.Where("Text", store.Eq, secret+"\xff"), []string{"Text"}},
		{
			"time out of range", store.Where("At", store.Lt, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
			[]string{"At"},
		},
		{"no decimal", store.Where("Price", store.Eq, secret), []string{"Price"}},
		{"too many digits", store.Where("Price", store.Eq, "0.00001"), []string{"Price"}},
		{"shorter array", store.Where("UUID", store.Eq, [12]byte{}), []string{"UUID"}},
		{"a struct", store.Where("Text", store.Eq, struct{ A string }{secret}), []string{"Text"}},
		{"a map of operators", store.Where("Text", store.Eq, map[string]any{"$gt": ""}), []string{"Text"}},
		{"nested field", store.Where("Comment", store.Eq, []string{secret}), []string{"Comment"}},
		{"NULL of a nested field", store.Where("Comment", store.Eq, nil), []string{"Comment"}},
		{"nil by Lt", store.Where("NumN", store.Lt, nil), []string{"NumN"}},
		{"nil by Prefix", store.Where("TextN", store.Prefix, nil), []string{"TextN"}},
		{"Lt of bytes", store.Where("Data", store.Lt, []byte(secret)), []string{"Data"}},
		{"Prefix of a number", store.Where("Num", store.Prefix, 1), []string{"Num"}},
		{"In without a list", store.Where("Num", store.In, 1), []string{"Num"}},
		{"In of nil", store.Where("Num", store.In, nil), []string{"Num"}},
		{"In with another type", store.Where("Num", store.In, []any{1, secret}), []string{"Num"}},
		{"no operator", store.Where("Num", 0, 1), []string{"Num"}},
		{"unknown operator", store.Where("Num", 99, 1), []string{"Num"}},
		{"limit 0", store.Query{}.Limit(0), []string{"Limit"}},
		{"limit -1", store.Query{}.Limit(-1), []string{"Limit"}},
		{"order by an unknown field", store.Query{}.OrderBy("Num", "Nonsense"), []string{"Nonsense"}},
		{"order by a nested field", store.Query{}.OrderBy("Comment"), []string{"Comment"}},
		{"order by bytes", store.Query{}.OrderByDesc("Data"), []string{"Data"}},
		{
			"deep inside", store.Not(store.AnyOf(store.AllOf(store.Where("Nonsense", store.Eq, 1)))),
			[]string{"Nonsense"},
		},
		{
			"deep inside what selects nothing", store.AllOf(store.AnyOf(), store.Where("Nonsense", store.Eq, 1)),
			[]string{"Nonsense"},
		},
		{"order inside", store.AllOf(store.Query{}.OrderBy("Num")), nil},
		{"limit inside", store.Not(store.Where("Num", store.Eq, 1).Limit(1)), nil},
	} {
		calls := map[string]func() error{
			"First": func() error { _, err := ours.First(e.ctx, c.q); return err },
			"Find":  func() error { _, err := store.Collect(ours.Find(e.ctx, c.q)); return err },
			"Page":  func() error { _, _, err := ours.Page(e.ctx, c.q); return err },
			"Count": func() error { _, err := ours.Count(e.ctx, c.q); return err },
		}
		for verb, call := range calls {
			err := call()
			if !e.only(err, store.ErrInvalid, "%s: %s", verb, c.name) {
				continue
			}
			e.names(err, c.words...)
			assert.NotContains(e, err.Error(), secret, "%s: a value in the text", c.name)
			assert.Empty(e, spy.take(), "%s: refused before any I/O", c.name)
		}
	}
}

func queriesNative(e *env) {
	r := newAccounts(e, 10)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	for _, native := range []any{stranger{}, nil, "1 = 1"} {
		_, err := store.Collect(ours.Find(e.ctx, store.Native(native)))
		e.only(err, store.ErrUnsupported)
		_, err = ours.Count(e.ctx, store.AllOf(store.Native(native)))
		e.only(err, store.ErrUnsupported)
	}
	_, err := ours.Count(e.ctx, store.Not(store.Native(stranger{})))
	require.True(e, isRefusal(err), "%v", err)
	require.Empty(e, spy.take(), "refused before any I/O")
}

// queriesConversions compares each field with the same value in other types that hold it.
func queriesConversions(e *env) {
	r := newRepository[oracle.Probe](e, "probe", byID)
	inserted(r, oracle.Probe{
		ID: 1, Num: 7, NumN: pointer(int64(7)), Level: 7, Pos: 7, PosN: sql.Null[uint64]{V: 7, Valid: true}, Real: 7,
		Text: "seven", TextN: pointer("seven"), Null: sql.NullString{String: "seven", Valid: true}, Price: "7",
		PriceN: pointer("7"), Money: entity.AmountOf(70_000), Points: entity.PointsOf(7),
		PointsN: pointer(entity.PointsOf(7)), At: kickoff, AtN: sql.NullTime{Time: kickoff, Valid: true}, UUID: uuid{7},
		Hash: [12]byte{7}, Data: []byte("seven"),
	})
	type text string
	type bytes []byte
	for field, values := range map[string][]any{
		"Num": {7, int8(7), uint16(7), level(7), pointer(7), uint64(7)},
		"NumN": {
			7, int32(7), pointer(int64(7)), sql.NullInt64{Int64: 7, Valid: true}, sql.Null[int64]{V: 7, Valid: true},
		},
		"Level": {7, level(7), int64(7)},
		"Pos":   {7, uint8(7), int64(7)},
		"PosN":  {7, uint64(7), sql.Null[uint64]{V: 7, Valid: true}},
		"Real":  {7, 7.0, float32(7), int8(7)},
		"Text":  {"seven", text("seven"), pointer("seven"), sql.NullString{String: "seven", Valid: true}},
		"TextN": {"seven", text("seven"), pointer("seven")},
		"Null":  {"seven", sql.NullString{String: "seven", Valid: true}},
		"Price": {"7", "7.0", "7.0000", "+7", "07", "0.7e1", 7},
		"Money": {entity.AmountOf(70_000), pointer(entity.AmountOf(70_000)), "7"},
		"At":    {kickoff, kickoff.In(time.FixedZone("", 3600)), &kickoff},
		"UUID":  {uuid{7}, [16]byte{7}, &uuid{7}},
		"Hash":  {[12]byte{7}},
		"Data":  {[]byte("seven"), bytes("seven")},
	} {
		for _, value := range values {
			n, err := r.Count(e.ctx, store.Where(field, store.Eq, value))
			if assert.NoError(e, err, "%s %T", field, value) {
				assert.EqualValues(e, 1, n, "%s = %#v", field, value)
			}
		}
	}
}

// queriesTimes looks for a time as the program has it, with all its nanoseconds.
func queriesTimes(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	require.Equal(e, e.cut(kickoff), c.Founded)
	for _, q := range []store.Query{
		store.Where("Founded", store.Eq, kickoff), store.Where("Founded", store.In, []time.Time{kickoff}),
		store.Where("Founded", store.Le, kickoff),
	} {
		n, err := r.Count(e.ctx, q)
		require.NoError(e, err)
		require.EqualValues(e, 1, n)
	}
	// A time that lies between what is stored and the next that could be is later than what is stored.
	between := c.Founded.Add(time.Nanosecond)
	if e.cut(between) == between {
		return // the database keeps every time
	}
	for op, want := range map[store.Op]bool{
		store.Lt: true, store.Le: true, store.Gt: false, store.Ge: false,
	} {
		q := store.Where("Founded", op, between)
		n, err := r.Count(e.ctx, q)
		require.NoError(e, err)
		not, err := r.Count(e.ctx, store.Not(q))
		require.NoError(e, err)
		require.Equal(e, want, n == 1, "%v", op)
		require.EqualValues(e, 1, n+not, "%v and its Not", op)
	}
}

// queriesAreValues derives queries from each other: none may change another.
func queriesAreValues(e *env) {
	r := numbered(e, 10)
	list := func(q store.Query) []int64 {
		e.Helper()
		all, err := store.Collect(r.Find(e.ctx, q))
		require.NoError(e, err)
		return ids(all)
	}
	base := store.Where("ID", store.Le, 6).OrderBy("Amount")
	want := list(base)
	one := base.And("Amount", store.Eq, 1).OrderBy("ID").Limit(1)
	two := base.And("Amount", store.Eq, 2).OrderByDesc("ID")
	three := base.OrderByDesc("ID").From("garbage")
	require.Equal(e, []int64{1}, list(one))
	require.Equal(e, []int64{2}, list(two))
	_, err := store.Collect(r.Find(e.ctx, three))
	e.only(err, store.ErrInvalid)
	require.Equal(e, want, list(base))
	fields := []string{"Amount", "ID"}
	sorted := store.Query{}.OrderBy(fields...)
	fields[0] = "Nonsense"
	parts := []store.Query{store.Where("ID", store.Eq, 1)}
	joined := store.AllOf(parts...)
	parts[0] = store.Where("Nonsense", store.Eq, 1)
	require.Len(e, list(sorted), 10)
	require.Equal(e, []int64{1}, list(joined))
	values := []int64{1, 2}
	in := store.Where("ID", store.In, values)
	require.Equal(e, []int64{1, 2}, list(in))
	e.parallel(4, 1, func(ctx context.Context, _, _ int) error {
		all, err := store.Collect(r.Find(ctx, base))
		if err == nil && !slices.Equal(want, ids(all)) {
			err = fmt.Errorf("found %v, want %v: a query is safe for concurrent use", ids(all), want)
		}
		return err
	})
}
