package storetest

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Types whose values may be stored as NULL, as part of Queries: such a value is NULL in every condition and order.
var _ = register(
	"Queries",
	Test{Name: "ValuersThatStoreNull", run: queriesBlanks},
)

type (
	// blankText is stored as NULL where it is empty.
	blankText string
	// blankNumber is stored as NULL where it is below 0.
	blankNumber int64
	// blankRate is stored as NULL where it is below 0.
	blankRate float64
	// blankAnswer is false, true, or NULL where it is 2.
	blankAnswer uint8
	// blankMoment is stored as NULL where it is the moment of no time.
	blankMoment struct{ t time.Time }
	// blankSum is a decimal, and NULL where it is empty.
	blankSum struct{ text string }
)

var noTime = time.Unix(0, 0).UTC()

// Value implements [sqldriver.Valuer].
func (b blankText) Value() (sqldriver.Value, error) { return orNil(string(b), b == "") }

// Scan implements [sql.Scanner].
func (b *blankText) Scan(src any) error {
	var s sql.NullString
	err := s.Scan(src)
	*b = blankText(s.String)
	return err
}

// Value implements [sqldriver.Valuer].
func (b blankNumber) Value() (sqldriver.Value, error) { return orNil(int64(b), b < 0) }

// Scan implements [sql.Scanner].
func (b *blankNumber) Scan(src any) error {
	n := sql.NullInt64{}
	err := n.Scan(src)
	if *b = blankNumber(n.Int64); !n.Valid {
		*b = -1
	}
	return err
}

// Value implements [sqldriver.Valuer].
func (b blankRate) Value() (sqldriver.Value, error) { return orNil(float64(b), b < 0) }

// Scan implements [sql.Scanner].
func (b *blankRate) Scan(src any) error {
	n := sql.NullFloat64{}
	err := n.Scan(src)
	if *b = blankRate(n.Float64); !n.Valid {
		*b = -1
	}
	return err
}

// Value implements [sqldriver.Valuer].
func (b blankAnswer) Value() (sqldriver.Value, error) { return orNil(b == 1, b == 2) }

// Scan implements [sql.Scanner].
func (b *blankAnswer) Scan(src any) error {
	n := sql.NullBool{}
	err := n.Scan(src)
	switch {
	case !n.Valid:
		*b = 2
	case n.Bool:
		*b = 1
	default:
		*b = 0
	}
	return err
}

// Value implements [sqldriver.Valuer].
func (b blankMoment) Value() (sqldriver.Value, error) { return orNil(b.t, b.t.Equal(noTime)) }

// Scan implements [sql.Scanner].
func (b *blankMoment) Scan(src any) error {
	n := sql.NullTime{}
	err := n.Scan(src)
	if b.t = n.Time; !n.Valid {
		b.t = noTime
	}
	return err
}

// Value implements [sqldriver.Valuer].
func (b blankSum) Value() (sqldriver.Value, error) { return orNil(b.text, b.text == "") }

// Scan implements [sql.Scanner].
func (b *blankSum) Scan(src any) error {
	var s sql.NullString
	err := s.Scan(src)
	b.text = s.String
	return err
}

func orNil(value sqldriver.Value, isNil bool) (sqldriver.Value, error) {
	if isNil {
		return nil, nil
	}
	return value, nil
}

// blanks has a field of each type whose values may be NULL.
type blanks struct {
	store.Snapshot `bson:",inline"`

	ID      int64               `db:"id" bson:"_id" store:"key"`
	Text    blankText           `db:"text_v" bson:"text_v" store:"size=20"`
	TextP   *blankText          `db:"text_p" bson:"text_p" store:"size=20"`
	TextN   sql.Null[blankText] `db:"text_n" bson:"text_n" store:"size=20"`
	Number  blankNumber         `db:"number_v" bson:"number_v"`
	Rate    blankRate           `db:"rate" bson:"rate"`
	Answer  blankAnswer         `db:"answer" bson:"answer"`
	Moment  blankMoment         `db:"moment" bson:"moment"`
	Sum     blankSum            `db:"sum_v" bson:"sum_v" store:"decimal=9.2"`
	String  sql.NullString      `db:"string_v" bson:"string_v" store:"size=20"`
	Int64   sql.NullInt64       `db:"int64_v" bson:"int64_v"`
	Int16   sql.NullInt16       `db:"int16_v" bson:"int16_v"`
	Float64 sql.NullFloat64     `db:"float64_v" bson:"float64_v"`
	Bool    sql.NullBool        `db:"bool_v" bson:"bool_v"`
	Time    sql.NullTime        `db:"time_v" bson:"time_v"`
}

// blankValues are the values of each field: the first is stored as NULL, the others are in their order. A second
// value that is stored as NULL too stands in also.
var blankValues = []struct {
	field  string
	values []any
	also   any
}{
	{"Text", []any{blankText(""), blankText("a"), blankText("b ")}, nil},
	{"TextP", []any{(*blankText)(nil), pointer(blankText("a")), pointer(blankText("b"))}, pointer(blankText(""))},
	{
		"TextN",
		[]any{sql.Null[blankText]{}, sql.Null[blankText]{
			V:     "a",
			Valid: true,
		}, sql.Null[blankText]{V: "b", Valid: true}},
		sql.Null[blankText]{Valid: true},
	},
	{"Number", []any{blankNumber(-1), blankNumber(0), blankNumber(7)}, blankNumber(-9)},
	{"Rate", []any{blankRate(-1), blankRate(0), blankRate(0.5)}, blankRate(-9)},
	{"Answer", []any{blankAnswer(2), blankAnswer(0), blankAnswer(1)}, nil},
	{"Moment", []any{blankMoment{noTime}, blankMoment{}, blankMoment{kickoff.Truncate(time.Hour)}}, nil},
	{"Sum", []any{blankSum{""}, blankSum{"0.00"}, blankSum{"1.50"}}, nil},
	{"String", []any{sql.NullString{}, sql.NullString{Valid: true}, sql.NullString{String: "a", Valid: true}}, nil},
	{"Int64", []any{sql.NullInt64{}, sql.NullInt64{Int64: -1, Valid: true}, sql.NullInt64{Valid: true}}, nil},
	{"Int16", []any{sql.NullInt16{}, sql.NullInt16{Int16: -1, Valid: true}, sql.NullInt16{Valid: true}}, nil},
	{"Float64", []any{sql.NullFloat64{}, sql.NullFloat64{Valid: true}, sql.NullFloat64{Float64: 1, Valid: true}}, nil},
	{"Bool", []any{sql.NullBool{}, sql.NullBool{Valid: true}, sql.NullBool{Bool: true, Valid: true}}, nil},
	{
		"Time",
		[]any{sql.NullTime{}, sql.NullTime{Valid: true}, sql.NullTime{Time: kickoff.Truncate(time.Hour), Valid: true}},
		nil,
	},
}

// queriesBlanks asks by each value and sorts by each field: a value that is stored as NULL is NULL, whichever type it
// has.
func queriesBlanks(e *env) {
	r := newRepository[blanks](e, "blanks", byID)
	const n = 9
	for id := range int64(n) {
		row := blanks{ID: id}
		for _, c := range blankValues {
			reflect.ValueOf(&row).Elem().FieldByName(c.field).Set(reflect.ValueOf(c.values[id*5%n%3]))
		}
		want := row
		inserted(r, row)
		got := r.get(id)
		want.Snapshot = got.Snapshot
		require.Equal(e, want, got)
	}
	place := func(id int64) int { return int(id * 5 % n % 3) } // of the value
	for _, c := range blankValues {
		for at, value := range c.values {
			is := func(id int64) bool { return place(id) == at }
			blanksFound(e, r, c.field, store.Where(c.field, store.Eq, value), is)
			blanksFound(e, r, c.field, store.Where(c.field, store.Ne, value), func(id int64) bool {
				return !is(id) && place(id) > 0
			})
			blanksFound(e, r, c.field, in(c.field, value), is)
			blanksFound(e, r, c.field, in(c.field, value, c.values[0]), func(id int64) bool {
				return is(id) || place(id) == 0
			})
			least, most := store.Where(c.field, store.Le, value), store.Where(c.field, store.Gt, value)
			if at == 0 {
				_, err := r.Count(e.ctx, least)
				e.only(err, store.ErrInvalid)
				e.names(err, c.field)
				continue
			}
			blanksFound(e, r, c.field, least, func(id int64) bool { return place(id) > 0 && place(id) <= at })
			blanksFound(e, r, c.field, most, func(id int64) bool { return place(id) > at })
		}
		if c.also != nil {
			isNull := func(id int64) bool { return place(id) == 0 }
			blanksFound(e, r, c.field, store.Where(c.field, store.Eq, c.also), isNull)
			blanksFound(e, r, c.field, in(c.field, c.also), isNull)
		}
		blanksSorted(e, r, c.field, place, n)
	}
}

// in is a condition on a list of values of one type.
func in(field string, values ...any) store.Query {
	list := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(values[0])), 0, len(values))
	for _, v := range values {
		list = reflect.Append(list, reflect.ValueOf(v))
	}
	return store.Where(field, store.In, list.Interface())
}

// blanksFound checks a condition, and its negation, by Find and Count.
func blanksFound(e *env, r *repository[blanks, int64], field string, q store.Query, is func(id int64) bool) {
	e.Helper()
	for _, isNegated := range []bool{false, true} {
		if isNegated {
			q = store.Not(q)
		}
		want := []int64{}
		for id := range int64(9) {
			if is(id) != isNegated {
				want = append(want, id)
			}
		}
		have := []int64{}
		for row, err := range r.Find(e.ctx, q) {
			require.NoError(e, err, field)
			have = append(have, row.ID)
		}
		require.Equal(e, want, have, "%s, negated: %v", field, isNegated)
		count, err := r.Count(e.ctx, q)
		require.NoError(e, err, field)
		require.EqualValues(e, len(want), count, field)
	}
}

// blanksSorted checks an order and its reverse, whole and by pages of each size.
func blanksSorted(e *env, r *repository[blanks, int64], field string, place func(id int64) int, n int) {
	e.Helper()
	for _, isDesc := range []bool{false, true} {
		want := []int64{}
		for at := range 3 {
			if isDesc {
				at = 2 - at
			}
			for id := range int64(n) {
				if place(id) == at {
					want = append(want, id)
				}
			}
		}
		q := store.Query{}.OrderBy(field)
		if isDesc {
			q = store.Query{}.OrderByDesc(field)
		}
		for size := 1; size <= n; size += 2 {
			what := fmt.Sprintf("%s by %d, descending: %v", field, size, isDesc)
			have := []int64{}
			for cursor := ""; ; {
				rows, next, err := r.Page(e.ctx, q.Limit(size).From(cursor))
				require.NoError(e, err, what)
				for i := range rows {
					have = append(have, rows[i].ID)
				}
				require.LessOrEqual(e, len(have), n, what)
				if cursor = next; next == "" {
					break
				}
			}
			require.Equal(e, want, have, what)
			found, err := store.Collect(r.on(e.db, &store.RepositoryOptions{PageSize: size}).Find(e.ctx, q))
			require.NoError(e, err, what)
			require.True(e, slices.EqualFunc(want, found, func(id int64, b blanks) bool { return id == b.ID }), what)
		}
	}
}
