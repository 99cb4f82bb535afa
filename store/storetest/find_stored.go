package storetest

import (
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// What other programs have stored, as part of Find: orders, pages and conditions over it.
var _ = register(
	"Find",
	Test{Name: "StoredBehindTheBack", run: findStored},
)

// lowered reads what is stored in lower case.
type lowered string

// Value implements [sqldriver.Valuer].
func (l lowered) Value() (sqldriver.Value, error) { return string(l), nil }

// Scan implements [sql.Scanner].
func (l *lowered) Scan(src any) error {
	*l = ""
	switch x := src.(type) {
	case string:
		*l = lowered(strings.ToLower(x))
	case []byte:
		*l = lowered(strings.ToLower(string(x)))
	}
	return nil
}

// foreign is an entity whose columns other programs write too.
type foreign struct {
	store.Snapshot `bson:",inline"`

	ID     int64     `db:"id" bson:"_id" store:"key"`
	Flag   bool      `db:"flag" bson:"flag"`
	Number int64     `db:"number" bson:"number"`
	Single float32   `db:"single" bson:"single"`
	Text   string    `db:"text_value" bson:"text_value" store:"size=400"`
	Low    lowered   `db:"low" bson:"low" store:"size=40"`
	At     time.Time `db:"at" bson:"at"`
}

// foreignValues are what stands in the columns of a foreign, nil for NULL. As read, some are other values, or the
// same as others.
var foreignValues = []struct {
	field, column string
	values        []any
	of            func(f *foreign) any
	isFolded      bool // what is read is not what is stored, so that no condition finds it
}{
	{"Flag", "flag", []any{int64(0), int64(1), int64(2), nil}, func(f *foreign) any { return f.Flag }, false},
	{"Number", "number", []any{int64(-1), nil, int64(0), int64(1)}, func(f *foreign) any { return f.Number }, false},
	{
		"Single", "single",
		[]any{0.1, 0.10000000149011612, 0.25, 0.3, nil},
		func(f *foreign) any { return f.Single }, false,
	},
	{
		"Text", "text_value",
		[]any{
			"a", nil, "a\x00", "", "a\x00\x00", "B", strings.Repeat("x", 350) + "2", strings.Repeat("x", 350) + "1",
			"ann", "ann😀",
		},
		func(f *foreign) any { return f.Text }, false,
	},
	{"Low", "low", []any{"b", "B", "a", nil, "A", "C"}, func(f *foreign) any { return f.Low }, true},
	{
		"At", "at",
		[]any{
			time.Date(2015, 8, 8, 12, 45, 0, 0, time.UTC), nil, time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC),
		},
		func(f *foreign) any { return f.At }, false,
	},
}

// findStored stores values that no entity of the repository would write, and reads them in every order, by pages of
// each size: each row comes once, as in one page. A backend may refuse what it cannot read or sort, by the
// field's name. What was read finds its row, and a condition and its Not select each row once.
func findStored(e *env) {
	for _, column := range foreignValues {
		r := newRepository[foreign](e, "foreign", byID)
		n := 4 * len(column.values)
		isNull := map[int64]bool{}
		for i := range n {
			id, value := int64(i*7919%n), column.values[i%len(column.values)]
			inserted(r, foreign{ID: id, At: time.Date(2015, 8, 8, 0, 0, 0, 0, time.UTC)})
			if isNull[id] = value == nil; isNull[id] {
				r.unset(id, column.column)
			} else {
				r.set(id, Columns{column.column: value})
			}
		}
		by := store.Query{}.OrderBy(column.field)
		back := store.Query{}.OrderByDesc(column.field)
		whole := r.on(e.db, &store.RepositoryOptions{PageSize: 2 * n})
		for _, q := range []store.Query{by, back, back.OrderByDesc("ID"), by.OrderByDesc("ID")} {
			all, err := store.Collect(whole.Find(e.ctx, q))
			if err != nil {
				e.only(err, store.ErrInvalid, column.field)
				require.ErrorContains(e, err, column.field, "what a column holds is refused by the field's name")
				break
			}
			want := foreignIDs(all)
			require.Len(e, slices.Compact(slices.Sorted(slices.Values(want))), n, "%s", column.field)
			for _, size := range []int{1, 3} {
				what := fmt.Sprintf("%s by %d", column.field, size)
				require.Equal(e, want, foundStored(e, r.on(e.db, &store.RepositoryOptions{PageSize: size}), q, n, what))
				require.Equal(e, want, pagedStored(e, r, q.Limit(size), n, what))
			}
			for i := range all {
				foundByValue(e, r, &all[i], column.field, column.of(&all[i]), !column.isFolded && !isNull[all[i].ID], n)
			}
		}
	}
}

// foundByValue looks for a row by what was read of it, and for all others.
func foundByValue(e *env, r *repository[foreign, int64], row *foreign, field string, value any, isFound bool, n int) {
	e.Helper()
	q := store.Where(field, store.Eq, value)
	found, err := store.Collect(r.Find(e.ctx, q))
	require.NoError(e, err, field)
	others, err := r.Count(e.ctx, store.Not(q))
	require.NoError(e, err, field)
	require.EqualValues(e, n, int64(len(found))+others, "%s: Eq and its Not", field)
	if isFound {
		require.Contains(e, foreignIDs(found), row.ID, "%s: Eq of what was read", field)
	}
}

// foundStored reads a query by Find, which must end.
func foundStored(e *env, r *store.Repository[foreign, int64], q store.Query, n int, what string) []int64 {
	e.Helper()
	var found []int64
	for row, err := range r.Find(e.ctx, q) {
		require.NoError(e, err, what)
		found = append(found, row.ID)
		require.LessOrEqual(e, len(found), n, "%s: Find does not end", what)
	}
	return found
}

// pagedStored reads a query page by page.
func pagedStored(e *env, r *repository[foreign, int64], q store.Query, n int, what string) []int64 {
	e.Helper()
	var paged []int64
	for cursor := ""; ; {
		items, next, err := r.Page(e.ctx, q.From(cursor))
		require.NoError(e, err, what)
		paged = append(paged, foreignIDs(items)...)
		require.LessOrEqual(e, len(paged), n, "%s: the pages do not end", what)
		if cursor = next; next == "" {
			return paged
		}
	}
}

func foreignIDs(rows []foreign) []int64 {
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return ids
}
