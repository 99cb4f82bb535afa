package memstore

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// find returns the keys of the accounts that a filter selects, in the order of the keys.
func (f *fixture) find(tx driver.Tx, filter *driver.Filter) []int64 {
	f.Helper()
	var found []*account
	spec := accountSpec()
	_, err := f.accounts.Find(f.Context(), &driver.FindParams{
		Tx: tx, Filter: filter, Order: []driver.Order{{Field: &spec.Key}}, Limit: 100,
		Into: func() driver.Record {
			found = append(found, &account{})
			return driver.RecordOf(found[len(found)-1])
		},
	})
	require.NoError(f, err)
	keys := []int64{}
	for _, a := range found {
		keys = append(keys, a.ID)
	}
	n, err := f.accounts.Count(f.Context(), &driver.CountParams{Tx: tx, Filter: filter})
	require.NoError(f, err)
	require.EqualValues(f, len(keys), n)
	return keys
}

func TestFilter(t *testing.T) {
	f := setup(t, settings{})
	ctx := t.Context()
	require.NoError(t, f.raw().Put(ctx, "accounts", 1, map[string]any{"balance": 10, "email": "ab"}))
	require.NoError(t, f.raw().Put(ctx, "accounts", 2, map[string]any{"balance": 20, "email": "b"}))
	require.NoError(t, f.raw().Put(ctx, "accounts", 3, map[string]any{"balance": nil, "note": []byte{}}))
	spec := accountSpec()
	id, email, balance := &spec.Key, &spec.Fields[emailField], &spec.Fields[balanceField]
	note := &spec.Fields[noteField]
	leaf := func(field *driver.Field, op driver.Op, value any) *driver.Filter {
		return &driver.Filter{Op: op, Field: field, Value: value}
	}
	tests := []struct {
		name   string
		filter *driver.Filter
		want   []int64
	}{
		{"All", nil, []int64{1, 2, 3}},
		{"AndOfNone", &driver.Filter{Op: driver.And}, []int64{1, 2, 3}},
		{"OrOfNone", &driver.Filter{Op: driver.Or}, []int64{}},
		{"Eq", leaf(balance, driver.Eq, int64(10)), []int64{1}},
		{"NeIsFalseForNull", leaf(balance, driver.Ne, int64(10)), []int64{2}},
		{"Lt", leaf(balance, driver.Lt, int64(20)), []int64{1}},
		{"Le", leaf(balance, driver.Le, int64(20)), []int64{1, 2}},
		{"Gt", leaf(balance, driver.Gt, int64(10)), []int64{2}},
		{"Ge", leaf(balance, driver.Ge, int64(10)), []int64{1, 2}},
		{"In", leaf(balance, driver.In, []any{int64(10), int64(7)}), []int64{1}},
		{"NotInIsFalseForNull", leaf(balance, driver.NotIn, []any{int64(10), int64(7)}), []int64{2}},
		{"IsNull", leaf(balance, driver.IsNull, nil), []int64{3}},
		{"NotNull", leaf(balance, driver.NotNull, nil), []int64{1, 2}},
		{"Prefix", leaf(email, driver.Prefix, "a"), []int64{1}},
		{"NotPrefixIsFalseForNull", leaf(email, driver.NotPrefix, "a"), []int64{2}},
		{"EmptyBytesAreNotNull", leaf(note, driver.Eq, []byte{}), []int64{3}},
		{"Key", leaf(id, driver.Eq, int64(2)), []int64{2}},
		{"KeyAndMore", &driver.Filter{Op: driver.And, Sub: []*driver.Filter{
			leaf(id, driver.Eq, int64(2)), leaf(balance, driver.Eq, int64(10)),
		}}, []int64{}},
		{"KeyOrMore", &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
			leaf(id, driver.Eq, int64(2)), leaf(balance, driver.Eq, int64(10)),
		}}, []int64{1, 2}},
		{"Native", &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
			leaf(id, driver.Eq, int64(2)),
			{Op: driver.Native, Native: matching(func(row map[string]any) bool { return row["email"] == "ab" })},
		}}, []int64{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(*testing.T) { assert.Equal(t, test.want, f.find(nil, test.filter)) })
	}
	t.Run("OwnWrites", func(t *testing.T) {
		tx := f.begin()
		require.NoError(t, f.insert(tx, account{ID: 4, Balance: 10}))
		_, err := f.delete(tx, 1)
		require.NoError(t, err)
		assert.Equal(t, []int64{4}, f.find(tx, leaf(balance, driver.Eq, int64(10))))
		assert.Equal(t, []int64{1}, f.find(nil, leaf(balance, driver.Eq, int64(10))))
		f.rollback(tx)
	})
	t.Run("NativeOfAnotherBackend", func(*testing.T) {
		_, err := f.accounts.Count(ctx, &driver.CountParams{Filter: &driver.Filter{Op: driver.Native, Native: "sql"}})
		assert.Equal(t, driver.Unsupported, f.class(err))
	})
}

// A native condition runs outside the database's lock, so that it may use the database itself.
func TestNativeConditionMayReadAndWrite(t *testing.T) {
	f := setup(t, settings{})
	keys := f.find(nil, &driver.Filter{Op: driver.Native, Native: condition{match: func(row map[string]any) bool {
		assert.NoError(t, f.raw().Put(t.Context(), "accounts", row["id"], map[string]any{"seen": true, "balance": 1}))
		row["id"] = "changed"
		return true
	}}})
	assert.Equal(t, []int64{1, 2, 3}, keys)
	assert.EqualValues(t, 1, f.balance(nil, 1))
}

func TestFindOrderAndLimit(t *testing.T) {
	const seed = 7
	f := setup(t, settings{})
	random := rand.New(rand.NewPCG(seed, seed))
	type pair struct {
		id      int64
		balance any
	}
	var want []pair
	for id := range int64(500) {
		p := pair{id: id}
		set := map[string]any{"balance": nil}
		if n := random.Int64N(20); n > 0 {
			p.balance, set["balance"] = n, n
		}
		want = append(want, p)
		require.NoError(t, f.raw().Put(t.Context(), "accounts", id, set))
	}
	slices.SortFunc(want, func(a, b pair) int {
		if c := compare(driver.Int, b.balance, a.balance); c != 0 {
			return c
		}
		return int(a.id - b.id)
	})
	spec := accountSpec()
	for _, limit := range []int{1, 2, 7, 100, 499, 500, 501, int(^uint(0) >> 1)} {
		var got []*account
		result, err := f.accounts.Find(t.Context(), &driver.FindParams{
			Order: []driver.Order{{Field: &spec.Fields[balanceField], Desc: true}, {Field: &spec.Key}},
			Limit: limit,
			Into: func() driver.Record {
				got = append(got, &account{})
				return driver.RecordOf(got[len(got)-1])
			},
		})
		require.NoError(t, err)
		n := min(limit, 500)
		require.Equal(t, n, result.Rows)
		require.Equal(t, []any{want[n-1].balance, want[n-1].id}, result.Last)
		for i := range n {
			require.Equal(t, want[i].id, got[i].ID)
		}
	}
}

func TestFindKeys(t *testing.T) {
	f := setup(t, settings{})
	var got []*account
	result, err := f.accounts.Find(t.Context(), &driver.FindParams{
		Keys: []any{int64(3), int64(99), int64(1)},
		Into: func() driver.Record {
			got = append(got, &account{})
			return driver.RecordOf(got[len(got)-1])
		},
	})
	require.NoError(t, err)
	assert.Equal(t, driver.FindResult{Rows: 2}, result)
	assert.Len(t, got, 2)
}

func TestCompare(t *testing.T) {
	ascending := map[driver.Kind][]any{
		driver.Int:     {nil, int64(math.MinInt64), int64(-5), int64(0), int64(1) << 62, int64(math.MaxInt64)},
		driver.Float:   {nil, -1e300, -2.0, -0.5, 0.0, 1e-9, 2.0},
		driver.Bool:    {nil, false, true},
		driver.String:  {nil, "", "\x00", "\x00\x00", "\x01", "A", "a", "a\x00b", "a ", "b", "\uffff", "\U00010000"},
		driver.Bytes:   {nil, []byte{}, []byte{0}, []byte{0, 1}, []byte{0, 255}, []byte{1}, []byte{255, 0}},
		driver.Decimal: {nil, "-10.00", "-9.51", "-9.5", "-0.01", "0.00", "0.005", "2.10", "2.2", "10", "10.01"},
		driver.Time:    {nil, time.Time{}, time.Unix(-1, 1), time.Unix(0, 0), time.Unix(0, 1), time.Unix(1<<35, 0)},
		driver.Opaque:  {nil, true, int64(9), 1.5, "x", []byte{}, time.Time{}},
	}
	for kind, values := range ascending {
		for i, a := range values {
			for j, b := range values {
				assert.Equal(t, sign(i-j), sign(compare(kind, a, b)), "%v %v", a, b)
				x, y := appendValue(nil, kind, a), appendValue(nil, kind, b)
				assert.Equal(t, sign(i-j), bytes.Compare(x, y), "%v %v", a, b)
				assert.Equal(t, i == j, bytes.HasPrefix(x, y), "no encoding is the start of another: %v %v", a, b)
				assert.Less(t, string(x), beyond)
				turnOver(x)
				turnOver(y)
				assert.Equal(t, sign(j-i), bytes.Compare(x, y), "%v %v", a, b)
				assert.Less(t, string(x), beyond)
			}
		}
	}
	assert.Zero(t, compare(driver.Decimal, "1.50", "1.5"))
	assert.Equal(t, appendValue(nil, driver.Decimal, "1.50"), appendValue(nil, driver.Decimal, "1.5"))
	assert.Equal(t, appendValue(nil, driver.Decimal, "10.00"), appendValue(nil, driver.Decimal, "10"))
	negativeZero := math.Copysign(0, -1)
	assert.Equal(t, appendValue(nil, driver.Float, negativeZero), appendValue(nil, driver.Float, 0.0))
}

func sign(n int) int { return min(1, max(-1, n)) }

// matching is the condition of Where.
func matching(match func(row map[string]any) bool) condition { return condition{match: match} }
