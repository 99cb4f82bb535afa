package mysql_test

import (
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
)

// rawWork is what the package has for raw work.
var rawWork = sqltest.Backend{
	Native: mysql.Native, NativeTx: mysql.NativeTx, Where: mysql.Where, Placeholders: sqlx.QUESTION,
}

// backend is rawWork on one database.
func backend(t testing.TB, dsn string, o *mysql.Options) sqltest.Backend {
	b := rawWork
	b.DB, b.Behind = open(t, dsn, o), direct(t, dsn)
	return b
}

// TestNativeTx does raw work that commits and rolls back together with the library's.
func TestNativeTx(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) { sqltest.NativeTx(t, backend(t, dsn, nil)) })
}

// TestNativeTxErrorsDoom swallows an error of raw work after which the server has no transaction
// any more.
func TestNativeTxErrorsDoom(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		sqltest.NativeTxErrorsDoom(t, backend(t, dsn, &mysql.Options{LockTimeout: 1}))
	})
}

// TestNativeOfOthers gives no handle on what is not this package's.
func TestNativeOfOthers(t *testing.T) {
	t.Parallel()
	sqltest.NativeOfOthers(t, rawWork)
}

// TestWhere selects by SQL.
func TestWhere(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		err := sqltest.Where(t, backend(t, dsn, nil), "NOW()")
		require.ErrorContains(t, err, "1054")
	})
}
