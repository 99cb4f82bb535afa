package sqlserver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

var errBoom = errors.New("boom")

// TestNativeTx does raw work that commits and rolls back together with the library's.
func TestNativeTx(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		r := clubs(t, db, 100, 100)
		behind := direct(t, dsn)
		work := func(end error) error {
			return db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
				if _, err := r.In(tx).Modify(ctx, 1, credit(-1)); err != nil {
					return err
				}
				native, ok := sqlserver.NativeTx(tx)
				require.True(t, ok)
				again, _ := sqlserver.NativeTx(tx)
				require.Same(t, native, again)
				var balance int64
				require.NoError(t, native.GetContext(ctx, &balance, "SELECT balance FROM clubs WHERE id = @p1", 1))
				require.EqualValues(t, 99, balance, "raw work sees the library's")
				_, err := native.ExecContext(ctx, "UPDATE clubs SET balance = balance + 1, version = version + 1 WHERE id = @p1", 2)
				require.NoError(t, err)
				c, err := r.In(tx).Get(ctx, 2)
				require.NoError(t, err)
				require.EqualValues(t, 101, c.Balance, "the library sees raw work")
				require.Error(t, native.Commit())
				return end
			})
		}
		require.ErrorIs(t, work(errBoom), errBoom)
		require.EqualValues(t, 100, value[int64](t, behind, "SELECT balance FROM clubs WHERE id = 2"))
		require.NoError(t, work(nil))
		require.EqualValues(t, 101, value[int64](t, behind, "SELECT balance FROM clubs WHERE id = 2"))
		require.EqualValues(t, 99, value[int64](t, behind, "SELECT balance FROM clubs WHERE id = 1"))

		var kept *store.Tx
		require.NoError(t, db.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error { kept = tx; return nil }))
		_, ok := sqlserver.NativeTx(kept)
		require.False(t, ok, "it has ended")
	})
}

// TestNativeTxErrorsDoom swallows an error of raw work after which the server has no transaction
// any more. What follows would be kept although the rest is lost.
func TestNativeTxErrorsDoom(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, &sqlserver.Options{LockTimeout: 200 * time.Millisecond})
		r := clubs(t, db, 100, 100)
		holder, err := direct(t, dsn).BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = holder.Exec("UPDATE clubs SET balance = 0 WHERE id = 2")
		require.NoError(t, err)
		runs := 0
		require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			if _, err := r.In(tx).Modify(ctx, 1, credit(-1)); err != nil {
				return err
			}
			native, _ := sqlserver.NativeTx(tx)
			if runs++; runs == 2 {
				require.NoError(t, holder.Rollback())
			}
			_, err := native.ExecContext(ctx, "UPDATE clubs SET balance = balance + @p1, version = version + 1 WHERE id = 2", 1)
			assert.Equal(t, runs == 1, err != nil)
			return nil
		}))
		assert.Equal(t, 2, runs)
		for id, want := range map[int64]int64{1: 99, 2: 101} {
			c, err := r.Get(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, want, c.Balance)
		}
	})
}

// TestNativeOfOthers gives no handle on what is not this package's.
func TestNativeOfOthers(t *testing.T) {
	t.Parallel()
	other := memstore.Open(nil)
	_, ok := sqlserver.Native(other)
	require.False(t, ok)
	_, ok = sqlserver.Native(nil)
	require.False(t, ok)
	_, ok = sqlserver.NativeTx(nil)
	require.False(t, ok)
	require.NoError(t, other.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error {
		_, ok := sqlserver.NativeTx(tx)
		require.False(t, ok)
		return nil
	}))
	_, err := store.MustRepository[club, int64](other, "clubs", nil).Count(t.Context(), sqlserver.Where("1 = 1"))
	require.ErrorIs(t, err, store.ErrUnsupported)
}

// TestWhere selects by SQL.
func TestWhere(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		r := clubs(t, open(t, dsn, nil), 100, 150, 200, 250)
		ids := func(q store.Query) (ids []int64) {
			for c, err := range r.Find(t.Context(), q) {
				require.NoError(t, err)
				require.EqualValues(t, 1, c.Version)
				ids = append(ids, c.ID)
			}
			return ids
		}
		assert.Equal(t, []int64{3, 1}, ids(sqlserver.Where("balance % @p1 = 0", 100).OrderByDesc("Balance")))
		assert.Equal(t, []int64{3}, ids(store.AllOf(sqlserver.Where("balance % @p1 = 0 OR 1 = @p2", 100, 2), store.Where("ID", store.Gt, 1))))
		assert.Equal(t, []int64{1, 2, 3, 4}, ids(sqlserver.Where("1 = 1 -- a comment")))
		assert.Equal(t, []int64{1, 2, 3, 4}, ids(sqlserver.Where("name = @p1 AND founded < SYSUTCDATETIME()", "Leicester")))
		for _, q := range []store.Query{sqlserver.Where("balance = @p1"), sqlserver.Where("balance = 1", 1), sqlserver.Where("balance = @p1", make(chan int))} {
			_, err := r.Count(t.Context(), q)
			require.ErrorIs(t, err, store.ErrInvalid)
		}
		_, err := r.Count(t.Context(), sqlserver.Where("no_such_column = 1"))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "no_such_column", "the text of an error holds no message of the server")
		_, ok := errors.AsType[mssql.Error](err)
		require.True(t, ok, "the client's error is reachable")
	})
}
