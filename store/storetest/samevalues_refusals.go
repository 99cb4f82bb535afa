package storetest

import (
	"database/sql"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// What cannot be kept is refused before any I/O, as part of SameValues.
var _ = register(
	"SameValues",
	Test{Name: "RefusedBeforeAnyIO", run: refusalsOfValues},
	Test{Name: "SizesCountCharacters", run: refusalsOfSizes},
	Test{Name: "RefusedKeys", run: refusalsOfKeys},
	Test{Name: "UnchangedOldValueIsNotChecked", run: refusalsOfOldValues},
)

const secret = "hunter2"

// badValues are values that no database may be sent. Each names its field.
var badValues = []struct {
	field string
	about string
	set   func(k *kinds)
}{
	{"Uint64", "above int64", func(k *kinds) { k.Uint64 = math.MaxInt64 + 1 }},
	{"Uint", "above int64", func(k *kinds) { k.Uint = math.MaxUint }},
	{"Uint64Null", "above int64", func(k *kinds) { k.Uint64Null = sql.Null[uint64]{V: math.MaxUint64, Valid: true} }},
	{"Float64", "NaN", func(k *kinds) { k.Float64 = math.NaN() }},
	{"Float64", "infinite", func(k *kinds) { k.Float64 = math.Inf(-1) }},
	{"Float32", "infinite", func(k *kinds) { k.Float32 = float32(math.Inf(1)) }},
	{"Float64P", "NaN", func(k *kinds) { k.Float64P = pointer(math.NaN()) }},
	{"FloatNull", "NaN", func(k *kinds) { k.FloatNull = sql.NullFloat64{Float64: math.NaN(), Valid: true} }},
	{"Text", "invalid UTF-8", func(k *kinds) { k.Text = secret + "\xff" }},
	{"Text", "half a surrogate", func(k *kinds) { k.Text = "\xed\xa0\x80" + secret }},
	{"Text", "too long", func(k *kinds) { k.Text = strings.Repeat("x", 94) + secret }},
	{"Text", "too long in characters", func(k *kinds) { k.Text = strings.Repeat("é", 101) }},
	{"TextP", "invalid UTF-8", func(k *kinds) { k.TextP = pointer(secret + "\xc0\x80") }},
	{
		"TextNull", "too long",
		func(k *kinds) { k.TextNull = sql.NullString{String: strings.Repeat("x", 101), Valid: true} },
	},
	{"TextG", "invalid UTF-8", func(k *kinds) { k.TextG = sql.Null[string]{V: "\x80", Valid: true} }},
	{"Title", "too long", func(k *kinds) { k.Title = title(strings.Repeat("x", 101)) }},
	{"Bytes", "too long", func(k *kinds) { k.Bytes = make([]byte, 301) }},
	{"Time", "year 0", func(k *kinds) { k.Time = time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC) }},
	{"Time", "year 10000", func(k *kinds) { k.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
	{"Time", "year 0 in UTC", func(k *kinds) { k.Time = time.Date(1, 1, 1, 0, 30, 0, 0, leicester) }},
	{
		"Time", "year 10000 in UTC",
		func(k *kinds) { k.Time = time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)) },
	},
	{"TimeP", "year 10000", func(k *kinds) { k.TimeP = pointer(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }},
	{"TimeNull", "year -5", func(k *kinds) {
		k.TimeNull = sql.NullTime{Time: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), Valid: true}
	}},
	{"Moment", "year 10000", func(k *kinds) { k.Moment = moment(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }},
	{"Instant", "year 10000", func(k *kinds) { k.Instant = instant{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} }},
	{"Price", "no number", func(k *kinds) { k.Price = secret }},
	{"Price", "empty", func(k *kinds) { k.Price = "" }},
	{"Price", "NaN", func(k *kinds) { k.Price = "NaN" }},
	{"Price", "too many digits after the point", func(k *kinds) { k.Price = "0.00001" }},
	{"Price", "too many digits before the point", func(k *kinds) { k.Price = "1000000000000000" }},
	{"PriceP", "a comma", func(k *kinds) { k.PriceP = pointer("1,5") }},
	{"PriceNull", "spaces", func(k *kinds) { k.PriceNull = sql.NullString{String: " 1", Valid: true} }},
	{"Whole", "a fraction", func(k *kinds) { k.Whole = "1.5" }},
	{"Code", "its own error", func(k *kinds) { k.Code = code{"refuse hunter2"} }},
	{"Code", "invalid UTF-8", func(k *kinds) { k.Code = code{"\xff"} }},
	{"Code", "too long", func(k *kinds) { k.Code = code{strings.Repeat("x", 41)} }},
	{"CodeP", "its own error", func(k *kinds) { k.CodeP = &code{"refuse hunter2"} }},
	{"Ground", "a nested invalid text", func(k *kinds) { k.Ground.Name = secret + "\xff" }},
	{
		"Ground", "a nested time out of range",
		func(k *kinds) { k.Ground.Opened = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	},
	{"Grounds", "deeper", func(k *kinds) { k.Grounds = []ground{{}, {Stands: []string{"\xff"}}} }},
	{"ByName", "a value in a map", func(k *kinds) {
		k.ByName = map[string]*ground{"a": {Opened: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}}
	}},
	{"ByName", "a key in a map", func(k *kinds) { k.ByName = map[string]*ground{"\xff": nil} }},
	{"Tree", "a nested NaN", func(k *kinds) { k.Tree = &tree{Kids: []*tree{{Size: math.NaN()}}} }},
	{"Tree", "one that holds itself", func(k *kinds) { k.Tree = &tree{}; k.Tree.Kids = []*tree{k.Tree} }},
}

// refusalsOfValues writes each value that no database keeps as it is, by every verb: refused before the write, with the
// field's name and without the value.
func refusalsOfValues(e *env) {
	r := newRepository[kinds](e, "kinds", byID)
	base := plainKinds(1)
	base.Time, base.Text = kickoff, "before"
	stored := inserted(r, base)
	want := r.raw(1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	for _, bad := range badValues {
		if bad.field == "Uint" && strconv.IntSize == 32 { // where each fits int64
			continue
		}
		refused := func(verb, calls string, err error) {
			e.Helper()
			e.only(err, store.ErrInvalid, "%s: %s, %s", verb, bad.field, bad.about)
			e.names(err, bad.field)
			if err != nil {
				assert.NotContains(
					e, err.Error(), secret, "%s: %s, %s: a value in the text", verb, bad.field, bad.about,
				)
			}
			assert.Equal(e, calls, spy.take(), "%s: %s, %s: the calls on the backend", verb, bad.field, bad.about)
		}
		fresh := plainKinds(2)
		fresh.TimeP = pointer(kickoff.In(leicester))
		bad.set(&fresh)
		refused("Insert", "", ours.Insert(e.ctx, &fresh))
		require.Zero(e, fresh.Version)
		if bad.field != "TimeP" {
			require.Equal(e, kickoff.In(leicester), *fresh.TimeP, "%s: the entity is as it was", bad.about)
		}
		copied := stored
		bad.set(&copied)
		refused("Save", "", ours.Save(e.ctx, &copied))
		require.EqualValues(e, 1, copied.Version)
		_, err := ours.Modify(e.ctx, 1, func(k *kinds) error { k.Int = 5; bad.set(k); return nil })
		refused("Modify", "get", err)
		_, err = ours.Upsert(e.ctx, 3, func(k *kinds, _ bool) error { *k = plainKinds(3); bad.set(k); return nil })
		refused("Upsert", "get", err)
	}
	require.Equal(e, want, r.raw(1), "nothing was written")
	r.gone(2)
	r.gone(3)
}

func refusalsOfSizes(e *env) {
	r := newClubs(e)
	c := newClub(1)
	c.Name = strings.Repeat("😀", 60)
	c.Logo = make([]byte, 200)
	require.NoError(e, r.Insert(e.ctx, &c))
	require.Equal(e, c.Name, r.get(1).Name)
	c.Name += "x"
	e.only(r.Save(e.ctx, &c), store.ErrInvalid)
	c.Name, c.Logo = "", make([]byte, 201)
	err := r.Save(e.ctx, &c)
	e.only(err, store.ErrInvalid)
	e.names(err, "Logo")
}

// refusalsOfKeys uses keys that some database would cut, pad or reject: refused everywhere, so that no key means one
// row here and another there.
func refusalsOfKeys(e *env) {
	r, seats := newLetters(e), newSeats(e)
	inserted(r, letter{ID: ""})
	inserted(r, letter{ID: " leading"})
	inserted(r, letter{ID: strings.Repeat("é", 120)})
	require.Equal(e, " leading", r.get(" leading").ID)
	require.Empty(e, r.get("").ID)
	db, spy := e.spied(store.Options{})
	ours, theirs := r.on(db, nil), seats.on(db, nil)
	for _, key := range []string{"ends in a space ", " ", "\xff", strings.Repeat("x", 121)} {
		_, get := ours.Get(e.ctx, key)
		_, many := ours.GetMany(e.ctx, []string{"a", key})
		_, modify := ours.Modify(e.ctx, key, func(*letter) error { return nil })
		_, upsert := ours.Upsert(e.ctx, key, func(*letter, bool) error { return nil })
		for verb, err := range map[string]error{
			"Get": get, "GetMany": many, "Modify": modify, "Upsert": upsert,
			"Insert": ours.Insert(e.ctx, &letter{ID: key}), "Reload": ours.Reload(e.ctx, &letter{ID: key}),
			"DeleteKey": ours.DeleteKey(e.ctx, key),
		} {
			e.only(err, store.ErrInvalid, "%s %q", verb, key)
			e.names(err, "ID")
		}
		e.only(theirs.Insert(e.ctx, &seat{ID: seatKey{Season: key}}), store.ErrInvalid, "%q", key)
		_, err := theirs.Get(e.ctx, seatKey{Season: key})
		e.only(err, store.ErrInvalid, "%q", key)
		e.names(err, "Season")
	}
	require.Empty(e, spy.take(), "refused before any I/O")
	n, err := r.Count(e.ctx, store.Query{})
	require.NoError(e, err)
	require.EqualValues(e, 3, n)
}

// refusalsOfOldValues has a row that today's mapping would refuse: Modify of another field goes
// through, since it does not write this one.
func refusalsOfOldValues(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	short := over[clubShort, int64](e, e.db, r.name, nil)
	c, err := short.Modify(e.ctx, 1, func(c *clubShort) error { c.Balance++; return nil })
	require.NoError(e, err)
	require.Equal(e, "Club 1", c.Name)
	_, err = short.Modify(e.ctx, 1, func(c *clubShort) error { c.Name += "!"; return nil })
	e.only(err, store.ErrInvalid)
	require.EqualValues(e, 101, r.number(1, "balance"))
	e.only(short.Save(e.ctx, &c), store.ErrInvalid, "Save writes every field")
}

// clubShort allows shorter names than the table has.
type clubShort struct {
	store.Snapshot `bson:",inline"`

	ID      int64  `db:"id" bson:"_id" store:"key"`
	Name    string `db:"name" bson:"name" store:"size=3"`
	Balance int64  `db:"balance" bson:"balance"`
}
