package sqltest

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// cursorRow is what NativeCursors pages through.
type cursorRow struct {
	store.Snapshot
	ID   int64  `db:"id" store:"key"`
	Name string `db:"name" store:"size=60"`
}

// word is stored as its text by its own method.
type word struct{ text string }

// Value implements [sqldriver.Valuer].
func (w word) Value() (sqldriver.Value, error) { return w.text, nil }

// NativeCursors has the cursor of a native condition go on where text and arguments are the same, and nowhere else: it
// is ErrInvalid there, and nothing is sent. The server is one that answers whatever it is asked.
func NativeCursors(t *testing.T, r *Recorder, openOver func(pool *sql.DB) *store.DB, b Backend) {
	t.Helper()
	r.Answer = func(text string) [][]sqldriver.Value {
		if !strings.Contains(text, "name") {
			return nil
		}
		return [][]sqldriver.Value{{int64(1), int64(1), "a"}, {int64(2), int64(1), "b"}, {int64(3), int64(1), "c"}}
	}
	pool := sql.OpenDB(r)
	t.Cleanup(func() { _ = pool.Close() })
	rows := store.MustRepository[cursorRow, int64](openOver(pool), "rows", nil)
	at := time.Date(2016, 5, 2, 20, 46, 0, 1000, time.UTC)
	text, seven := "x", 7
	lists := [][]any{
		nil,
		{1},
		{2},
		{int64(1)},
		{uint8(1)},
		{1.0},
		{"1"},
		{true},
		{nil},
		{"x"},
		{[]byte("x")},
		{"x", 1},
		{1, "x"},
		{"x", "1"},
		{`x" string "1`},
		{"x string 1"},
		{7},
		{at},
		{at.Add(time.Microsecond)},
		{at.Format(time.RFC3339Nano)},
		{""},
		{"", ""},
		{"X"},
		{"x "},
		{sql.NullString{String: "null"}},
		{sql.NullString{String: "y", Valid: true}},
		{word{"z"}},
	}
	same := map[int][]any{ // the same arguments in another form
		9: {&text}, 16: {&seven}, 17: {at.In(time.FixedZone("", 3600))}, 24: {nil}, 25: {"y"}, 26: {&word{"z"}},
	}
	alike := map[[2]int]bool{{8, 24}: true, {24, 8}: true} // NULL is NULL
	where := func(text string, args []any) store.Query {
		return b.Where(b.bind(text+strings.Repeat(" AND name <> ?", len(args))), args...)
	}
	conditions := func(args []any) store.Query { return where("name = name", args).Limit(2) }
	for i, args := range lists {
		what := fmt.Sprintf("%#v", args)
		_, next, err := rows.Page(t.Context(), conditions(args))
		require.NoError(t, err, what)
		require.NotEmpty(t, next, what)
		for _, again := range [][]any{args, same[i]} {
			if again == nil {
				continue
			}
			_, _, err = rows.Page(t.Context(), conditions(again).From(next))
			assert.NoError(t, err, "%s by %#v", what, again)
		}
		r.texts = nil
		for k, other := range lists {
			if k == i || alike[[2]int{i, k}] {
				continue
			}
			_, _, err = rows.Page(t.Context(), conditions(other).From(next))
			require.ErrorIs(t, err, store.ErrInvalid, "the cursor of %s is taken by %#v", what, other)
		}
		for _, q := range []store.Query{
			where("name  = name", args), where("name = name AND 1 = 1", args), store.Where("Name", store.Ne, ""),
			{},
			store.AllOf(where("name = name", args), where("name = name", args)), conditions(args).OrderBy("Name"),
		} {
			_, _, err = rows.Page(t.Context(), q.Limit(2).From(next))
			require.ErrorIs(t, err, store.ErrInvalid, what)
		}
		require.Empty(t, r.texts, "something was sent")
	}
}
