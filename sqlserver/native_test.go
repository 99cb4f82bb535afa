package sqlserver_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
)

// rawWork is what the package has for raw work.
var rawWork = sqltest.Backend{
	Native: sqlserver.Native, NativeTx: sqlserver.NativeTx, Where: sqlserver.Where, Placeholders: sqlx.AT,
}

// backend is rawWork on one database.
func backend(t testing.TB, dsn string, o *sqlserver.Options) sqltest.Backend {
	b := rawWork
	b.DB, b.Behind = open(t, dsn, o), direct(t, dsn)
	return b
}

// TestNativeTx does raw work that commits and rolls back together with the library's.
func TestNativeTx(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) { sqltest.NativeTx(t, backend(t, dsn, nil)) })
}

// TestNativeTxErrorsDoom swallows an error of raw work after which the server has no transaction
// any more.
func TestNativeTxErrorsDoom(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		sqltest.NativeTxErrorsDoom(t, backend(t, dsn, &sqlserver.Options{LockTimeout: 200 * time.Millisecond}))
	})
}

// TestNativeOfOthers gives no handle on what is not this package's.
func TestNativeOfOthers(t *testing.T) {
	t.Parallel()
	sqltest.NativeOfOthers(t, rawWork)
}

// TestWhere selects by SQL.
func TestWhere(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		err := sqltest.Where(t, backend(t, dsn, nil), "SYSUTCDATETIME()")
		_, ok := errors.AsType[mssql.Error](err)
		require.True(t, ok, "the client's error is reachable")
	})
}

// TestRawTransactions has raw work begin a transaction that it does not end, and end the one that it is in.
func TestRawTransactions(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		b := backend(t, dsn, nil)
		r := sqltest.Clubs(t, b.DB, 100)
		for _, c := range []struct {
			text    string
			want    error
			balance int64
		}{
			{"BEGIN TRANSACTION", store.ErrInvalid, 100},
			{"ROLLBACK TRANSACTION", store.ErrUnknownOutcome, 100},
			{"ROLLBACK TRANSACTION; BEGIN TRANSACTION", store.ErrUnknownOutcome, 100},
			{"COMMIT TRANSACTION", store.ErrUnknownOutcome, 99},
		} {
			err := b.DB.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
				if _, err := r.In(tx).Modify(ctx, 1, sqltest.Credit(-1)); err != nil {
					return err
				}
				native, _ := sqlserver.NativeTx(tx)
				_, err := native.ExecContext(ctx, c.text)
				return err
			})
			if strings.Contains(c.text, ";") && isBabelfish(t, b.Behind) {
				continue // it does not tell one transaction from another
			}
			require.ErrorIs(t, err, c.want, c.text)
			require.Equal(t, c.balance, sqltest.Balance(t, b.Behind, 1), c.text)
		}
	})
}

// TestRaiserrorLeavesTheWrite has a trigger say no by RAISERROR alone. Outside a transaction the write is there, and
// the error does not deny it.
func TestRaiserrorLeavesTheWrite(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		b := backend(t, dsn, nil)
		r := sqltest.Clubs(t, b.DB, 100)
		sqltest.Do(t, b.Behind, "CREATE TRIGGER no ON clubs AFTER INSERT, UPDATE AS RAISERROR('no', 16, 1)")
		err := b.DB.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			_, err := r.In(tx).Modify(ctx, 1, sqltest.Credit(-1))
			return err
		})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.EqualValues(t, 100, sqltest.Balance(t, b.Behind, 1))
		_, err = r.Modify(t.Context(), 1, sqltest.Credit(-1))
		require.Error(t, err)
		isKept := sqltest.Balance(t, b.Behind, 1) == 99
		require.Equal(t, isKept, errors.Is(err, store.ErrUnknownOutcome))
		err = r.Insert(t.Context(), &sqltest.Club{ID: 2})
		require.Error(t, err)
		isKept = sqltest.Value[int](t, b.Behind, "SELECT COUNT(*) FROM clubs WHERE id = 2") == 1
		require.Equal(t, isKept, errors.Is(err, store.ErrUnknownOutcome))
	})
}
