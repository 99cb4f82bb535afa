package mongo_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// named are the outcomes that two backends must agree on.
var named = []error{store.ErrInvalid, store.ErrNotFound, store.ErrExists, store.ErrConflict}

func sameOutcome(t *testing.T, want, have error) {
	t.Helper()
	assert.Equal(t, want == nil, have == nil, "%v, and %v", want, have)
	for _, name := range named {
		assert.Equal(t, errors.Is(want, name), errors.Is(have, name), "%v, and %v", want, have)
	}
}

// text is what a program may take out of a user's JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// FuzzOperatorInjection feeds the values of arbitrary JSON through entities and queries. What they
// mean must be what they mean in memory, where there are no operators.
func FuzzOperatorInjection(f *testing.F) {
	for _, seed := range []string{
		`{"$gt": ""}`, `{"$ne": null}`, `"$balance"`, `["a", {"$where": "sleep(1000)"}]`, `{"$expr": {"$eq": [1, 1]}}`,
		`"^.*"`, `null`, `17`, `-0.5`, `true`, `{"a.b": {"$set": 1}}`, `"\u0000"`, `{"": "", "_id": 1}`, `"a\udbff\udfff"`,
	} {
		f.Add([]byte(seed))
	}
	set := testbed.Mongo(f)
	live, err := store.NewRepository[club, int64](open(f, set.URI(), set.Database(f), nil), "clubs", nil)
	require.NoError(f, err)
	require.NoError(f, live.EnsureSchema(f.Context()))
	f.Fuzz(func(t *testing.T, data []byte) {
		var value any
		if json.Unmarshal(data, &value) != nil {
			t.Skip("not JSON")
		}
		memory, err := store.NewRepository[club, int64](memstore.Open(nil), "clubs", nil)
		require.NoError(t, err)
		ctx := t.Context()
		for _, id := range []int64{1, 2, 3} {
			if err := live.DeleteKey(ctx, id); err != nil {
				require.ErrorIs(t, err, store.ErrNotFound)
			}
		}
		s := text(value)
		entity := func() *club { return &club{ID: 1, Name: s, Nick: &s, Balance: 7, Tags: []string{s}} }
		want := memory.Insert(ctx, entity())
		sameOutcome(t, want, live.Insert(ctx, entity()))
		for id, name := range map[int64]string{2: "a", 3: ""} {
			require.NoError(t, memory.Insert(ctx, &club{ID: id, Name: name}))
			require.NoError(t, live.Insert(ctx, &club{ID: id, Name: name}))
		}
		for _, field := range []string{"Name", "Nick", "Balance", "ID"} {
			for _, op := range []store.Op{
				store.Eq, store.Ne, store.Lt, store.Le, store.Gt, store.Ge, store.In, store.Prefix,
			} {
				for _, operand := range []any{value, s, []any{value}, []string{s}} {
					same(ctx, t, memory, live, store.Where(field, op, operand))
					same(ctx, t, memory, live, store.Not(store.Where(field, op, operand)))
				}
			}
		}
		if want != nil {
			return
		}
		change := func(c *club) error { c.Name += "!"; c.Wages = map[string]int64{"$" + s: 1}; return nil }
		a, err1 := memory.Modify(ctx, 1, change)
		b, err2 := live.Modify(ctx, 1, change)
		if len(s) > 0 && containsNUL(s) { // BSON has no name with a zero byte, and says so
			require.ErrorIs(t, err2, store.ErrInvalid)
			return
		}
		sameOutcome(t, err1, err2)
		assert.Equal(t, a.Name, b.Name)
		assert.Equal(t, a.Wages, b.Wages)
	})
}

func containsNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

func same(ctx context.Context, t *testing.T, memory, live *clubs, q store.Query) {
	t.Helper()
	want, err1 := store.Collect(memory.Find(ctx, q))
	have, err2 := store.Collect(live.Find(ctx, q))
	sameOutcome(t, err1, err2)
	if assert.Len(t, have, len(want)) {
		for i := range want {
			assert.Equal(t, want[i].ID, have[i].ID)
			assert.Equal(t, want[i].Name, have[i].Name)
		}
	}
}
