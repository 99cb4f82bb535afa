package sqltest

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Kinds has a field of every kind.
type Kinds struct {
	store.Snapshot
	ID       int64               `db:"id" store:"key,auto"`
	Bool     bool                `db:"bool"`
	Int8     int8                `db:"int8"`
	Uint64   uint64              `db:"uint64"`
	Float    float64             `db:"float"`
	Float32  float32             `db:"float32"`
	Name     string              `db:"name" store:"size=60,unique"`
	Text     string              `db:"text"`
	Bytes    []byte              `db:"bytes" store:"size=40"`
	Blob     []byte              `db:"blob"`
	UUID     [16]byte            `db:"uuid" store:"index"`
	Hash     [20]byte            `db:"hash"`
	Time     time.Time           `db:"time"`
	Decimal  string              `db:"decimal" store:"decimal=19.4"`
	Tags     map[string]int      `db:"tags" store:"json"`
	Maybe    *int64              `db:"maybe"`
	MaybeID  *[16]byte           `db:"maybe_id"`
	MaybeOn  *bool               `db:"maybe_on"`
	MaybeAt  *float64            `db:"maybe_at"`
	MaybeSum *string             `db:"maybe_sum" store:"decimal=9.2"`
	Null     sql.Null[string]    `db:"null" store:"size=9"`
	NullTime sql.Null[time.Time] `db:"nulltime"`
}

// CreatedTables has CheckSchema find nothing in what EnsureSchema and DDL make, and NULL come back
// from every field that can hold it. It returns the rows of the table kinds.
func CreatedTables(t *testing.T, db *store.DB, behind *sql.DB) []*Kinds {
	r := store.MustRepository[Kinds, int64](db, "kinds", nil)
	missing, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	require.Len(t, missing, 1)
	require.Equal(t, "the table does not exist", missing[0].Problem)
	for range 2 {
		require.NoError(t, r.EnsureSchema(t.Context()))
		found, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		require.Empty(t, found)
	}
	Do(t, behind, "DROP TABLE kinds")
	for _, text := range r.DDL() {
		Do(t, behind, text)
	}
	found, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	var all []*Kinds
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, &Kinds{Name: name, Decimal: "1.5", UUID: [16]byte{0xff, 0, 0x20, 15: 0}})
	}
	require.NoError(t, r.InsertMany(t.Context(), all))
	for _, want := range all {
		got, err := r.Get(t.Context(), want.ID)
		require.NoError(t, err)
		got.Snapshot = want.Snapshot
		require.Equal(t, *want, got)
	}
	return all
}

// Adopted is a mapping over the table adopted, which somebody else has made.
type Adopted struct {
	store.Snapshot
	ID      int64     `db:"id" store:"key"`
	Name    string    `db:"name" store:"size=60,unique=adopted_name"`
	Balance int64     `db:"balance"`
	Founded time.Time `db:"founded"`
}

// AdoptedTable gives the definition of a table. Change has the first word of a line of right, and the
// line in its place.
func AdoptedTable(right []string, change map[string]string, more ...string) string {
	lines := slices.Concat(right, more)
	for i, line := range lines {
		word, _, _ := strings.Cut(line, " ")
		if other, ok := change[word]; ok {
			lines[i] = other
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), ", ")
}

// AdoptedRow gives the statement that inserts a row into the columns which a change leaves. Name is a
// literal.
func AdoptedRow(change map[string]string, name string) string {
	columns, values := "id, name", "1, "+name
	for column, value := range map[string]string{"balance": "0", "founded": "'1984-01-01'"} {
		if other, ok := change[column]; !ok || other != "" {
			columns, values = columns+", "+column, values+", "+value
		}
	}
	return "INSERT INTO adopted (" + columns + ") VALUES (" + values + ")"
}

// Problems has CheckSchema name each problem of a table, and find nothing where it has none.
func Problems[T any](t *testing.T, r *store.Repository[T, int64], problems ...string) []store.Difference {
	t.Helper()
	found, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	var said []string
	for _, d := range found {
		said = append(said, d.String())
	}
	all := strings.Join(said, "\n")
	assert.Equal(t, len(problems) == 0, len(found) == 0, all)
	for _, p := range problems {
		assert.Contains(t, all, p)
	}
	return found
}

// Mend runs the fixes of what CheckSchema has found, after which it finds nothing that has one. It reports whether
// nothing is left that must be mended: what no statement mends is for the mapping.
func Mend[T any](t *testing.T, r *store.Repository[T, int64], behind *sql.DB, found []store.Difference) bool {
	t.Helper()
	for _, d := range found {
		for _, text := range d.Statements {
			Do(t, behind, text)
		}
	}
	found, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	isMended := true
	for _, d := range found {
		require.Empty(t, d.Statements, "the fix has not mended it: %s", d)
		isMended = isMended && d.Severity != store.SeverityMust
	}
	return isMended
}

// Adopt changes the row that was in the table adopted before it was mended.
func Adopt(t *testing.T, r *store.Repository[Adopted, int64]) {
	t.Helper()
	got, err := r.Modify(t.Context(), 1, func(a *Adopted) error { a.Balance--; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Version)
}
