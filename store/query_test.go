package store

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// stub is a backend that resolves names and does nothing else.
type stub struct{ driver.Database }

func (stub) Info() Info {
	return Info{
		Name: "stub", Transactions: true, AutoKeys: true, AutoVersion: true,
		DecimalDigits: 34, MaxKeys: 5, TimePrecision: time.Millisecond,
	}
}

func (stub) Resolve(f reflect.StructField) driver.Naming {
	if f.Anonymous {
		return driver.Naming{How: driver.Inline}
	}
	return driver.Naming{Name: f.Name, How: driver.Stored}
}

func (stub) Collection(*driver.Spec) (driver.Collection, error) { return nil, nil }

type stubKey struct {
	Season string
	Round  int8
}

type stubEntity struct {
	Snapshot
	ID    stubKey `store:"key"`
	Name  string
	Score *int32
	At    time.Time
	Blob  []byte
	Price string `store:"decimal=6.2"`
	List  []int
}

func stubRepo(t testing.TB) *repo {
	db, err := New(stub{}, nil)
	require.NoError(t, err)
	r, err := NewRepository[stubEntity, stubKey](db, "things", nil)
	require.NoError(t, err)
	return r.repo
}

// text writes a filter so that a test can be read.
func text(f *driver.Filter) string {
	if f == nil {
		return "all"
	}
	name := map[driver.Op]string{
		driver.And: "and", driver.Or: "or", driver.Eq: "=", driver.Ne: "<>",
		driver.Lt: "<", driver.Le: "<=", driver.Gt: ">", driver.Ge: ">=",
		driver.In: "in", driver.NotIn: "not in", driver.Prefix: "prefix", driver.NotPrefix: "not prefix",
		driver.IsNull: "null", driver.NotNull: "not null",
	}[f.Op]
	s := "(" + name
	if f.Field != nil {
		s += " " + f.Field.Name
	}
	for _, sub := range f.Sub {
		s += " " + text(sub)
	}
	return s + ")"
}

func TestCompilePushesNotToTheLeaves(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	a, b := Where("Name", Eq, "x"), Where("Score", Lt, 3)
	for _, tt := range []struct {
		name  string
		query Query
		want  string
	}{
		{"Nothing", Query{}, "all"},
		{"Leaf", a, "(= Name)"},
		{"NotLeaf", Not(a), "(or (<> Name) (null Name))"},
		{"NotNot", Not(Not(b)), "(< Score)"},
		{"NotAnd", Not(a.And("Score", Lt, 3)), "(or (or (<> Name) (null Name)) (or (>= Score) (null Score)))"},
		{"NotOr", Not(AnyOf(a, b)), "(and (or (<> Name) (null Name)) (or (>= Score) (null Score)))"},
		{"NullTest", Where("Score", Eq, nil), "(null Score)"},
		{"NotNullTest", Not(Where("Score", Ne, nil)), "(null Score)"},
		{"NilPointer", Where("Score", Ne, (*int)(nil)), "(not null Score)"},
		{"NothingOf", AnyOf(), "(or)"},
		{"NotNothing", Not(AnyOf()), "(and)"},
		{"Everything", AllOf(), "(and)"},
		{"NotEverything", Not(Query{}), "(or)"},
		{"In", Where("Score", In, []int{1, 2}), "(in Score)"},
		{"NotIn", Not(Where("Score", In, []int{1, 2})), "(or (not in Score) (null Score))"},
		{"InWithNil", Where("Score", In, []any{1, nil}), "(or (in Score) (null Score))"},
		{"NotInWithNil", Not(Where("Score", In, []any{1, nil})), "(not in Score)"},
		{"InNothing", Where("Score", In, []int{}), "(or)"},
		{"NotInNothing", Not(Where("Score", In, []int{})), "(and)"},
		{"NotInNil", Not(Where("Score", In, []any{nil})), "(not null Score)"},
		{"KeyPart", Where("ID.Season", Prefix, "2015"), "(prefix ID.Season)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := r.compile(tt.query)
			require.NoError(t, err)
			assert.Equal(t, tt.want, text(c.filter))
		})
	}
}

func TestCompileNamesMistakes(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	foreign := base64.RawURLEncoding.EncodeToString([]byte(`{"q":"x","l":[]}`))
	for _, tt := range []struct {
		name  string
		query Query
		err   error
		want  string
	}{
		{"UnknownField", Where("name", Eq, "x"), ErrInvalid, `no stored field "name"`},
		{"UnknownOrder", Query{}.OrderBy("Nam"), ErrInvalid, `"Nam"`},
		{"WrongType", Where("Name", Eq, 5), ErrInvalid, "Name: a value of type int does not convert to string"},
		{"Overflow", Where("ID.Round", Eq, 300), ErrInvalid, "ID.Round"},
		{"Fraction", Where("Score", Eq, 1.5), ErrInvalid, "Score"},
		{"BadUTF8", Where("Name", Eq, "\xff"), ErrInvalid, "UTF-8"},
		{"FarTime", Where("At", Lt, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)), ErrInvalid, "At: time"},
		{"BadDecimal", Where("Price", Lt, "1.234"), ErrInvalid, "Price"},
		{"CompositeKey", Where("ID", Eq, stubKey{}), ErrInvalid, `"ID.Season"`},
		{"Nested", Where("List", Eq, []int{1}), ErrInvalid, "List cannot be compared"},
		{"OrderedBytes", Where("Blob", Lt, []byte{1}), ErrInvalid, "Blob"},
		{"SortedByBytes", Query{}.OrderBy("Blob"), ErrInvalid, "Blob"},
		{"PrefixOfNumber", Where("Score", Prefix, "1"), ErrInvalid, "Score"},
		{"LessThanNil", Where("Score", Lt, nil), ErrInvalid, "nil"},
		{"InNoSlice", Where("Score", In, 5), ErrInvalid, "slice"},
		{"InTooMany", Where("Score", In, []int{1, 2, 3, 4, 5, 6}), ErrInvalid, "at most 5"},
		{"UnknownOp", Where("Score", Op(99), 5), ErrInvalid, "operator"},
		{"LimitZero", Query{}.Limit(0), ErrInvalid, "Limit"},
		{"LimitNegative", Query{}.Limit(-3), ErrInvalid, "Limit"},
		{"NestedLimit", AnyOf(Query{}.Limit(3)), ErrInvalid, "conditions alone"},
		{"Native", Native("sql"), ErrUnsupported, "native"},
		{"NativeNil", Native(nil), ErrUnsupported, "native"},
		{"GarbageCursor", Query{}.From("%%%"), ErrInvalid, "From"},
		{"ForeignCursor", Query{}.From(foreign), ErrInvalid, "another query"},
		{"LongCursor", Query{}.From(strings.Repeat("A", mostCursor+1)), ErrInvalid, "characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.compile(tt.query)
			require.ErrorIs(t, err, tt.err)
			assert.Contains(t, err.Error(), tt.want)
		})
	}
}

func TestQueriesAreValues(t *testing.T) {
	t.Parallel()
	base := Where("Name", Eq, "x").OrderBy("Score")
	_, _, _ = base.OrderBy("Name"), base.OrderByDesc("At"), base.And("Score", Lt, 1)
	assert.Len(t, base.order, 1)
	first, second := base.OrderBy("Name"), base.OrderBy("At")
	assert.Equal(t, "Name", first.order[1].field)
	assert.Equal(t, "At", second.order[1].field)
}

func TestCursorGoesBehindTheLastRow(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	const behindKey = "(or (> ID.Season) (and (= ID.Season) (> ID.Round)))"
	for _, tt := range []struct {
		name string
		last []any // of Score, ID.Season, ID.Round
		desc bool
		want string
	}{
		{
			"Ascending",
			[]any{int64(3), "a", int64(1)},
			false,
			"(and (or (> Score) (and (= Score) " + behindKey + ")) (>= Score))",
		},
		{
			"AscendingNull",
			[]any{nil, "a", int64(1)},
			false,
			"(and (or (not null Score) (and (null Score) " + behindKey + ")))",
		},
		{
			"Descending",
			[]any{int64(3), "a", int64(1)},
			true,
			"(and (or (or (< Score) (null Score)) (and (= Score) " + behindKey + ")))",
		},
		{
			"DescendingNull",
			[]any{nil, "a", int64(1)},
			true,
			"(and (or (or) (and (null Score) " + behindKey + ")))",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := Query{}.OrderBy("Score")
			if tt.desc {
				q = Query{}.OrderByDesc("Score")
			}
			c, err := r.compile(q)
			require.NoError(t, err)
			cursor, err := c.cursorBehind(tt.last)
			require.NoError(t, err)
			next, err := r.compile(q.From(cursor))
			require.NoError(t, err)
			assert.Equal(t, tt.want, text(next.filter))
			_, err = r.compile(q.OrderBy("Name").From(cursor))
			require.ErrorIs(t, err, ErrInvalid)
		})
	}
}

// Whatever a client sends back as a cursor, it is a cursor or an ErrInvalid.
func FuzzCursor(f *testing.F) {
	r := stubRepo(f)
	q := Query{}.OrderBy("Score", "At", "Price", "Name")
	c, err := r.compile(q)
	require.NoError(f, err)
	good, err := c.cursorBehind([]any{nil, time.Unix(5, 0), "12.50", "né", "2015", int64(3)})
	require.NoError(f, err)
	f.Add(good)
	f.Add("e30")
	f.Fuzz(func(t *testing.T, cursor string) {
		if _, err := r.compile(q.From(cursor)); err != nil {
			require.ErrorIs(t, err, ErrInvalid)
		}
	})
}
