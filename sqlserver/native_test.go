package sqlserver_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/sqlserver"
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
