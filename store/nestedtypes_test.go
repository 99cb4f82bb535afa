package store_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// limits and rank write themselves by methods with pointer receivers, as JSON and as text.
type limits struct{ Most int }

func (l *limits) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"limit": l.Most}) }

func (l *limits) UnmarshalJSON(data []byte) error {
	var m map[string]int
	err := json.Unmarshal(data, &m)
	l.Most = m["limit"]
	return err
}

type rank struct{ n int }

func (r *rank) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "R%d", r.n), nil }
func (r *rank) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "R%d", &r.n)
	return err
}

// grade is a key of maps, with methods of the value.
type grade struct{ n int }

func (g grade) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "G%d", g.n), nil }
func (g *grade) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "G%d", &g.n)
	return err
}

// shout is a string whose text form is another.
type shout string

func (s shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }
func (s *shout) UnmarshalText(text []byte) error {
	*s = shout(strings.ToLower(string(text)))
	return nil
}

type holding[V any] struct {
	store.Snapshot
	ID int64 `store:"key"`
	V  V     `store:"json"`
}

// comesBack stores a value, reads it, and has a Modify that changes nothing write nothing.
func comesBack[V any](t *testing.T, v V) {
	t.Helper()
	r, err := store.NewRepository[holding[V], int64](memstore.Open(nil), "held", nil)
	require.NoError(t, err, "%T", v)
	h := holding[V]{ID: 1, V: v}
	require.NoError(t, r.Insert(t.Context(), &h), "%T", v)
	got, err := r.Get(t.Context(), 1)
	require.NoError(t, err, "%T", v)
	assert.Equal(t, v, got.V, "%T", v)
	same, err := r.Modify(t.Context(), 1, func(*holding[V]) error { return nil })
	require.NoError(t, err, "%T", v)
	assert.EqualValues(t, 1, same.Version, "%T", v)
	require.NoError(t, r.Save(t.Context(), &got), "%T", v)
	require.NoError(t, r.Reload(t.Context(), &got), "%T", v)
	assert.Equal(t, v, got.V, "%T after Save", v)
}

// isNamed has NewRepository refuse a value, by a text that says why.
func isNamed[V any](t *testing.T, why string) {
	t.Helper()
	_, err := store.NewRepository[holding[V], int64](memstore.Open(nil), "held", nil)
	require.ErrorIs(t, err, store.ErrInvalid, "%T", *new(V))
	assert.ErrorContains(t, err, ".V: ")
	assert.ErrorContains(t, err, why)
}

// TestCodecsAtEveryPosition has codecs of both receivers come back from each position in a nested
// value, or be refused by name.
func TestCodecsAtEveryPosition(t *testing.T) {
	comesBack(t, limits{9})
	comesBack(t, []limits{{9}})
	comesBack(t, []*limits{{9}})
	comesBack(t, [2]limits{{9}, {8}})
	comesBack(t, map[string]*limits{"a": {9}})
	comesBack(t, map[string][]limits{"a": {{9}}})
	comesBack(t, struct{ L limits }{limits{9}})
	comesBack(t, struct{ L *limits }{&limits{9}})
	comesBack(t, struct{ N sql.Null[limits] }{sql.Null[limits]{V: limits{9}, Valid: true}})
	comesBack(t, []rank{{9}})
	comesBack(t, struct{ R rank }{rank{9}})
	comesBack(t, struct{ B big.Int }{*big.NewInt(9)})
	comesBack(t, map[grade]int{{9}: 1})

	pointer := "use a map of pointers"
	isNamed[map[string]limits](t, pointer)
	isNamed[map[string]rank](t, pointer)
	isNamed[map[string]big.Int](t, pointer)
	isNamed[map[string][1]limits](t, pointer)
	isNamed[map[string]struct{ L limits }](t, pointer)
	isNamed[map[string]sql.Null[limits]](t, pointer)
	isNamed[[]map[string]limits](t, pointer)
	isNamed[map[rank]int](t, "pointer receiver")
	isNamed[map[shout]int](t, "a string with text methods")
}

type signed struct {
	time.Time
	By string
}

type twice struct {
	A int `json:"B"`
	B int
}

type half struct {
	A int
	b int
}

type cached struct {
	A int
	B int `json:"-"`
	c int `json:"-"` //nolint // a field that says itself that it is not stored
}

type inner struct{ X int }

type embedding struct {
	*inner
	Y int
}

type tagged struct {
	A int `store:"unique"`
}

// TestWhatWouldBeDroppedIsNamed has NewRepository refuse nested types of which something would be lost.
func TestWhatWouldBeDroppedIsNamed(t *testing.T) {
	_ = half{b: 1}
	_ = cached{c: 1}
	isNamed[signed](t, "the fields beside it would be lost")
	isNamed[[]signed](t, "the fields beside it would be lost")
	isNamed[twice](t, `have one JSON name, "B"`)
	isNamed[half](t, "field b is not exported")
	isNamed[map[string]half](t, "field b is not exported")
	isNamed[embedding](t, "embeds *store_test.inner by pointer")
	isNamed[tagged](t, "field A has a store tag")
	comesBack(t, cached{A: 1})
	comesBack(t, struct{ time.Time }{time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)})
}

type withArgument struct {
	store.Snapshot
	ID int64 `store:"key"`
}

func (*withArgument) Validate(context.Context) error { return nil }

type withoutError struct {
	store.Snapshot
	ID int64 `store:"key"`
}

func (withoutError) Validate() {}

// TestEntitiesThatStoreLessThanTheySay has NewRepository name an embedded type that is one value, and a
// Validate that would never be called.
func TestEntitiesThatStoreLessThanTheySay(t *testing.T) {
	db := memstore.Open(nil)
	type event struct {
		store.Snapshot
		ID int64 `store:"key"`
		time.Time
	}
	_, err := store.NewRepository[event, int64](db, "events", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "event.Time: embeds time.Time, which stores itself as one value")

	_, err = store.NewRepository[withArgument, int64](db, "a", nil)
	require.ErrorContains(t, err, "withArgument.Validate: would never be called")
	_, err = store.NewRepository[withoutError, int64](db, "b", nil)
	require.ErrorContains(t, err, "withoutError.Validate: would never be called")
}
