package store

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

var lastValues = []any{
	nil, true, false, int64(-3), uint64(1 << 63), 0.1, "né\x00",
	[]byte{0, 1},
	time.Unix(-62135596800, 5).UTC(),
	driver.Number("12.50"),
}

// seals makes the seals of a key, each byte of which is b.
func sealsOf(t testing.TB, b byte, old ...[]byte) cursorSeals {
	t.Helper()
	seals, err := newCursorSeals(bytes.Repeat([]byte{b}, 32), old)
	require.NoError(t, err)
	return seals
}

// A cursor gives back each stored value with its type, to whoever has its key.
func TestCursorHoldsStoredValues(t *testing.T) {
	t.Parallel()
	of := []byte("query")
	cursor, err := sealsOf(t, 1).seal(of, lastValues)
	require.NoError(t, err)
	order := make([]driver.Order, len(lastValues))
	for _, seals := range []cursorSeals{sealsOf(t, 1), sealsOf(t, 2, bytes.Repeat([]byte{1}, 32))} {
		last, err := seals.open(cursor, of, order)
		require.NoError(t, err)
		assert.Equal(t, lastValues, last)
	}
	_, err = sealsOf(t, 2).open(cursor, of, order)
	require.ErrorIs(t, err, ErrInvalid)
	_, err = sealsOf(t, 1).open(cursor, []byte("another"), order)
	require.ErrorIs(t, err, ErrInvalid)
	other, err := sealsOf(t, 1).seal(of, lastValues)
	require.NoError(t, err)
	assert.NotEqual(t, cursor, other, "equal places cannot be told from unequal ones")
	for _, value := range []string{"query", "né", "12.50"} {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), value)
	}
}

// Every change of a cursor is refused.
func TestCursorIsSealed(t *testing.T) {
	t.Parallel()
	of, seals, order := []byte("query"), sealsOf(t, 1), make([]driver.Order, len(lastValues))
	cursor, err := seals.seal(of, lastValues)
	require.NoError(t, err)
	refused := func(changed string) {
		if changed == cursor {
			return
		}
		_, err := seals.open(changed, of, order)
		require.ErrorIs(t, err, ErrInvalid, changed)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range cursor {
		for _, c := range letters {
			refused(cursor[:i] + string(c) + cursor[i+1:])
		}
		refused(cursor[:i])
		refused(cursor[i:])
		refused(cursor[:i] + "A" + cursor[i:])
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		changed := []byte(cursor)
		for range 1 + random.IntN(4) {
			changed[random.IntN(len(changed))] = byte(random.IntN(256))
		}
		refused(string(changed))
	}
	refused(strings.Repeat("A", mostCursor))
	refused(strings.Repeat("A", 10<<20))
}

// A row whose values make too long a cursor is refused by the call that would return one.
func TestCursorHasALength(t *testing.T) {
	t.Parallel()
	seals, of, order := sealsOf(t, 1), []byte("query"), make([]driver.Order, 1)
	cursor, err := seals.seal(of, []any{strings.Repeat("x", mostCursor/4*3-40)})
	require.NoError(t, err)
	_, err = seals.open(cursor, of, order)
	require.NoError(t, err)
	_, err = seals.seal(of, []any{strings.Repeat("x", mostCursor/4*3)})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = seals.seal(of, []any{struct{}{}})
	require.ErrorContains(t, err, "struct {}")
}

// closing is a backend that notes that it was closed.
type closing struct {
	stub
	isClosed bool
}

func (c *closing) Close() error {
	c.isClosed = true
	return nil
}

func TestCursorKeysAreChecked(t *testing.T) {
	t.Parallel()
	short, long := make([]byte, 15), make([]byte, 16)
	d := &closing{}
	_, err := New(d, &Options{CursorKey: short})
	assert.True(t, d.isClosed, "the backend is New's")
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "Options.CursorKey has 15 bytes")
	_, err = New(&closing{}, &Options{CursorKey: []byte{}})
	require.ErrorIs(t, err, ErrInvalid)
	_, err = New(&closing{}, &Options{CursorKey: long, OldCursorKeys: [][]byte{long, short}})
	require.ErrorContains(t, err, "Options.OldCursorKeys[1]")
	_, err = New(stub{}, &Options{CursorKey: long, OldCursorKeys: [][]byte{long}})
	require.NoError(t, err)
}

// The fingerprint of a query tells it from all others, and is the same however a list is written.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	r := stubRepo(t)
	of := func(q Query) string {
		c, err := r.compile(q)
		require.NoError(t, err)
		sum, err := c.fingerprint()
		require.NoError(t, err)
		return string(sum)
	}
	in := func(scores ...int) Query { return Where("Score", In, scores) }
	assert.Equal(t, of(in(1, 2, 3)), of(in(3, 1, 2, 1)))
	assert.Equal(t, of(Not(in(1, 2))), of(Not(in(2, 1))))
	assert.Equal(t, of(in(1, 2).Limit(5)), of(in(2, 1).Limit(7)))
	seen := map[string]int{}
	for i, q := range []Query{
		{},
		in(1), in(1, 2), in(1, 2, 3), Not(in(1, 2)),
		Where("Score", Eq, 1), Where("Score", Eq, 2), Where("Score", Ge, 1),
		Where("Score", Eq, nil), Where("Name", Eq, "1"), Where("Name", Prefix, "1"),
		AllOf(in(1), in(2)), AnyOf(in(1), in(2)), AnyOf(in(1)), AnyOf(), AnyOf(AllOf(in(1)), in(2)),
		Query{}.OrderBy("Score"), Query{}.OrderByDesc("Score"), Query{}.OrderBy("Score", "Name"),
		Query{}.OrderBy("Name", "Score"), in(1).OrderBy("Score"),
	} {
		sum := of(q)
		assert.NotContains(t, seen, sum, "%d", i)
		seen[sum] = i
	}
	one, err := fingerprintOf(&Info{Name: "a", Database: "b"}, "c", nil, nil)
	require.NoError(t, err)
	for _, other := range []Info{{Name: "ab"}, {Name: "a", Database: "c"}, {Name: "a", Database: "b", Identity: "c"}} {
		sum, err := fingerprintOf(&other, "c", nil, nil)
		require.NoError(t, err)
		assert.NotEqual(t, one, sum)
	}
}
