package sqlserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed/tsql"
	"github.com/stillframe/stillframe/store"
)

// TestDeclaredTypesHaveNoLengths writes and reads texts of every length: the server sees one statement with one list of
// declared types each, for which it makes one plan. Compared with a column, a text has a type of which an index is
// searched.
func TestDeclaredTypesHaveNoLengths(t *testing.T) {
	t.Parallel()
	type text struct {
		store.Snapshot
		Name string `db:"name" store:"key,size=60"`
		Code string `db:"code" store:"size=60,varchar"`
		Note string `db:"note"`
		Cost string `db:"cost" store:"decimal=38.4"`
	}
	fake, pool := pretend(t)
	db, err := New(t.Context(), pool, nil)
	require.NoError(t, err)
	r := store.MustRepository[text, string](db, "texts", nil)
	calls := func(n int) []tsql.Statement {
		var sent []tsql.Statement
		fake.keep = func(s tsql.Statement) { sent = append(sent, s) }
		fake.matched = 1
		word, cost := strings.Repeat("x", n), strings.Repeat("1", n)
		entity := text{Snapshot: store.SnapshotAt(1), Name: word, Code: word, Note: word, Cost: cost}
		e := entity
		require.NoError(t, r.Insert(t.Context(), &e))
		other := text{Name: word + "y", Note: "z", Cost: cost}
		e = entity
		require.NoError(t, r.InsertMany(t.Context(), []*text{&e, &other}))
		e = entity
		require.NoError(t, r.Save(t.Context(), &e))
		require.NoError(t, r.Delete(t.Context(), e))
		for _, q := range []store.Query{
			store.Where("Name", store.Eq, word), store.Where("Code", store.Prefix, word),
			store.Where("Note", store.In, []string{word, word}), store.Where("Cost", store.Lt, cost),
		} {
			_, err := r.Count(t.Context(), q)
			require.NoError(t, err)
		}
		return sent
	}
	want := calls(1)
	require.Len(t, want, 8)
	for _, n := range []int{2, 30} {
		require.Equal(t, want, calls(n))
	}
	for _, s := range want {
		hasLength := func(p string) bool { return strings.Contains(p, "CHAR(") && !strings.Contains(p, "(MAX)") }
		assert.False(t, slices.ContainsFunc(s.Params, hasLength), s)
		if at := strings.Index(s.Text, "WHERE [name] ="); at >= 0 {
			assert.Contains(t, s.Text[at:], "= CAST(@p")
		}
	}
	assert.Contains(t, want[4].Text, "WHERE [name] = CAST(@p1 AS NVARCHAR(4000))")
	assert.Contains(t, want[5].Text, "[code] LIKE CAST(@p1 AS VARCHAR(8000))")
}

// TestZeroCharacters takes a text with a zero character where the server stores it, and names the field where not.
func TestZeroCharacters(t *testing.T) {
	t.Parallel()
	type text struct {
		store.Snapshot
		ID   int64  `db:"id" store:"key"`
		Note string `db:"note"`
	}
	for _, babelfish := range []any{nil, "4.3.0"} {
		fake, pool := pretend(t)
		fake.audit[2] = babelfish
		db, err := New(t.Context(), pool, nil)
		require.NoError(t, err)
		r := store.MustRepository[text, int64](db, "texts", nil)
		err = r.Insert(t.Context(), &text{ID: 1, Note: "a\x00b"})
		if babelfish == nil {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, store.ErrInvalid)
		require.ErrorContains(t, err, "Note: has a zero character")
	}
}

// TestLongTextsAreComparedWhole compares a text that is longer than what a CAST would leave of it.
func TestLongTextsAreComparedWhole(t *testing.T) {
	t.Parallel()
	type text struct {
		store.Snapshot
		ID   int64  `db:"id" store:"key"`
		Note string `db:"note"`
	}
	fake, pool := pretend(t)
	db, err := New(t.Context(), pool, nil)
	require.NoError(t, err)
	r := store.MustRepository[text, int64](db, "texts", nil)
	for _, n := range []int{4000, 4001} {
		fake.sent = nil
		_, err := r.Count(t.Context(), store.Where("Note", store.Eq, strings.Repeat("x", n)))
		require.NoError(t, err)
		assert.Equal(t, n == 4000, strings.Contains(fake.sent[0], "CAST"), "%d", n)
	}
	fake.sent = nil
	long := strings.Repeat("x", 3<<20)
	require.NoError(t, r.InsertMany(t.Context(), []*text{{ID: 1, Note: long}, {ID: 2, Note: long}}))
	inserts := slices.DeleteFunc(fake.sent, func(s string) bool { return !strings.Contains(s, "INSERT INTO") })
	assert.Len(t, inserts, 2, "no statement carries more than it should")
}
