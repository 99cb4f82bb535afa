package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// A query that is larger than its bounds is refused, however it is written, and a long one is not a deep one.
func TestQueryHasBounds(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	leaf := Where("Score", Eq, 1)
	grow := func(n int, around func(i int, q Query) Query) Query {
		q := leaf
		for i := range n {
			q = around(i, q)
		}
		return q
	}
	and := func(_ int, q Query) Query { return q.And("Score", Ne, 1) }
	not := func(_ int, q Query) Query { return Not(q) }
	all := func(_ int, q Query) Query { return AllOf(q) }
	twice := func(_ int, q Query) Query { return AllOf(q, q) }
	turns := func(i int, q Query) Query {
		if i%2 == 0 {
			return AllOf(q, leaf)
		}
		return AnyOf(q, leaf)
	}
	negated := func(_ int, q Query) Query { return Not(AllOf(q, leaf)) }
	list := Where("Score", In, make([]int, 1000))
	lists := func(_ int, q Query) Query { return AllOf(q, list, leaf) }
	for name, q := range map[string]Query{
		"AllOf": grow(2_000_000, all), "Not": grow(2_000_000, not), "And": grow(1000, and), "Same": grow(64, twice),
		"Turns": grow(mostDepth+1, turns), "Negated": grow(mostDepth+1, negated),
		"Wide": AnyOf(make([]Query, 1_000_000)...), "Values": grow(16, lists),
	} {
		if name == "Values" {
			q = AllOf(q, list)
		}
		_, err := r.compile(q)
		require.ErrorIs(t, err, ErrInvalid, name)
		require.NotErrorIs(t, err, ErrUnsupported, name)
		assert.Less(t, len(err.Error()), 200, name)
		assert.Less(t, len(fmt.Sprintf("%v %+v %#v", q, q, q)), 10_000, name)
	}
	for name, q := range map[string]Query{
		"And": grow(900, and), "Turns": grow(mostDepth, turns), "Not": grow(5000, not), "AllOf": grow(5000, all),
	} {
		c, err := r.compile(q)
		require.NoError(t, err, name)
		assert.LessOrEqual(t, depthOf(c.conditions), mostDepth+nestedDepth+1, name)
	}
}

func depthOf(f *driver.Filter) int {
	deepest := 0
	for _, sub := range f.Sub {
		deepest = max(deepest, depthOf(sub))
	}
	return deepest + 1
}

// No way to print an error shows the driver's, and what is not printable is quoted.
func TestErrorIsDiscreet(t *testing.T) {
	t.Parallel()
	err := &Error{
		Op: "insert", Entity: "a\nb", Key: "k", Constraint: "x\x1b[2J", Err: ErrExists,
		cause: errors.New("secret of the server"),
	}
	marshaled, e := json.Marshal(map[string]any{"err": err})
	require.NoError(t, e)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err)
	for _, text := range []string{
		fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), string(marshaled), log.String(),
	} {
		assert.NotContains(t, text, "secret")
		assert.Contains(t, text, "already exists")
		assert.NotContains(t, text, "\x1b")
		assert.NotContains(t, text, "a\nb")
	}
	d := Difference{Table: "a\x1b", Name: "b\n", Problem: "c\u202e", Statements: []string{"D\r"}}
	assert.NotContains(t, d.String(), "\x1b")
	for _, c := range []string{"\n", "\u202e", "\r"} {
		assert.NotContains(t, d.String(), c)
	}
}

// A page is bounded where the options say so, and means the same with the largest Limit.
func TestPageHasBounds(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	r.db.options.MostRows = 3
	repository := &Repository[stubEntity, stubKey]{repo: r}
	_, _, err := repository.Page(t.Context(), Query{}.Limit(4))
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "Options.MostRows is 3")
}
