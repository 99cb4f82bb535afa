package sqltest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

var errBoom = errors.New("boom")

// NativeTx does raw work that commits and rolls back together with the library's.
func NativeTx(t *testing.T, b Backend) {
	r := Clubs(t, b.DB, 100, 100)
	work := func(end error) error {
		return b.DB.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			if _, err := r.In(tx).Modify(ctx, 1, Credit(-1)); err != nil {
				return err
			}
			native, ok := b.NativeTx(tx)
			require.True(t, ok)
			again, _ := b.NativeTx(tx)
			require.Same(t, native, again)
			var balance int64
			require.NoError(t, native.GetContext(ctx, &balance, b.bind("SELECT balance FROM clubs WHERE id = ?"), 1))
			require.EqualValues(t, 99, balance, "raw work sees the library's")
			_, err := native.ExecContext(
				ctx,
				b.bind("UPDATE clubs SET balance = balance + 1, version = version + 1 WHERE id = ?"),
				2,
			)
			require.NoError(t, err)
			c, err := r.In(tx).Get(ctx, 2)
			require.NoError(t, err)
			require.EqualValues(t, 101, c.Balance, "the library sees raw work")
			require.Error(t, native.Commit())
			return end
		})
	}
	require.ErrorIs(t, work(errBoom), errBoom)
	require.EqualValues(t, 100, Balance(t, b.Behind, 2))
	require.NoError(t, work(nil))
	require.EqualValues(t, 101, Balance(t, b.Behind, 2))
	require.EqualValues(t, 99, Balance(t, b.Behind, 1))

	var kept *store.Tx
	require.NoError(
		t,
		b.DB.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error { kept = tx; return nil }),
	)
	_, ok := b.NativeTx(kept)
	require.False(t, ok, "it has ended")
}

// NativeTxErrorsDoom swallows an error of raw work after which the server has no transaction any
// more. What follows would be kept although the rest is lost. A statement of the handle waits for a
// lock briefly.
func NativeTxErrorsDoom(t *testing.T, b Backend) {
	r := Clubs(t, b.DB, 100, 100)
	holder := Hold(t, b.Behind, 2)
	runs := 0
	require.NoError(t, b.DB.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, Credit(-1)); err != nil {
			return err
		}
		native, _ := b.NativeTx(tx)
		if runs++; runs == 2 {
			require.NoError(t, holder.Rollback())
		}
		_, err := native.ExecContext(
			ctx,
			b.bind("UPDATE clubs SET balance = balance + ?, version = version + 1 WHERE id = 2"),
			1,
		)
		assert.Equal(t, runs == 1, err != nil)
		return nil
	}))
	assert.Equal(t, 2, runs)
	for id, want := range map[int64]int64{1: 99, 2: 101} {
		c, err := r.Get(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, c.Balance)
	}
}

// NativeOfOthers asks for handles on what is not the package's. It needs no database.
func NativeOfOthers(t *testing.T, b Backend) {
	other := memstore.Open(nil)
	_, ok := b.Native(other)
	require.False(t, ok)
	_, ok = b.Native(nil)
	require.False(t, ok)
	_, ok = b.NativeTx(nil)
	require.False(t, ok)
	require.NoError(t, other.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error {
		_, ok := b.NativeTx(tx)
		require.False(t, ok)
		return nil
	}))
	_, err := store.MustRepository[Club, int64](other, "clubs", nil).Count(t.Context(), b.Where("1 = 1"))
	require.ErrorIs(t, err, store.ErrUnsupported)
}

// Where selects by SQL, in which now is the time. It returns the error for a column that does not
// exist.
func Where(t *testing.T, b Backend, now string) error {
	r := Clubs(t, b.DB, 100, 150, 200, 250)
	where := func(text string, args ...any) store.Query { return b.Where(b.bind(text), args...) }
	ids := func(q store.Query) (ids []int64) {
		for c, err := range r.Find(t.Context(), q) {
			require.NoError(t, err)
			require.EqualValues(t, 1, c.Version)
			ids = append(ids, c.ID)
		}
		return ids
	}
	assert.Equal(t, []int64{3, 1}, ids(where("balance % ? = 0", 100).OrderByDesc("Balance")))
	assert.Equal(
		t,
		[]int64{3},
		ids(store.AllOf(where("balance % ? = 0 OR 1 = ?", 100, 2), store.Where("ID", store.Gt, 1))),
	)
	assert.Equal(t, []int64{1, 2, 3, 4}, ids(where("1 = 1 -- a comment")))
	assert.Equal(t, []int64{1, 2, 3, 4}, ids(where("name = ? AND founded < "+now, "Leicester")))
	for _, q := range []store.Query{
		where("balance = ?"), where("balance = 1", 1), where("balance = ?", make(chan int)),
	} {
		_, err := r.Count(t.Context(), q)
		require.ErrorIs(t, err, store.ErrInvalid)
	}
	_, err := r.Count(t.Context(), where("no_such_column = 1"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "no_such_column", "the text of an error holds no message of the server")
	return err
}
