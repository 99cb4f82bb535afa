package mysql_test

import (
	"database/sql"
	"fmt"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// onOwnServers runs a test on servers of its own, whose global settings it may change.
func onOwnServers(t *testing.T, test func(t *testing.T, dsn string, behind *sql.DB)) {
	for name, start := range map[string]func(testing.TB) *testbed.Server{
		"MariaDB": testbed.StartMariaDB, "MySQL": testbed.StartMySQL,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := start(t).Database(t)
			test(t, dsn, direct(t, dsn))
		})
	}
}

// plainPool is a pool of an account without privileges on the server, for which init_connect runs. Its
// DSN has all that New asks for by default.
func plainPool(t *testing.T, dsn string, behind *sql.DB) *sql.DB {
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	sqltest.Do(t, behind, "CREATE USER IF NOT EXISTS plain@'%' IDENTIFIED BY 'plain'")
	sqltest.Do(t, behind, "GRANT ALL ON `"+cfg.DBName+"`.* TO plain@'%'")
	pool, err := sql.Open("mysql", fmt.Sprintf("plain:plain@tcp(%s)/%s?parseTime=true&time_zone=%%27%%2B00%%3A00%%27"+
		"&innodb_lock_wait_timeout=3&sql_mode=%%27STRICT_TRANS_TABLES%%27", cfg.Addr, cfg.DBName))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// plainDSN is the DSN of the account that plainPool has made.
func plainDSN(t *testing.T, dsn string) string {
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	return fmt.Sprintf("plain:plain@tcp(%s)/%s", cfg.Addr, cfg.DBName)
}

// TestCommitEndsTheTransaction has a server whose COMMIT begins another transaction, or ends the
// connection: what a call has acknowledged is there for others all the same.
func TestCommitEndsTheTransaction(t *testing.T) {
	t.Parallel()
	onOwnServers(t, func(t *testing.T, dsn string, behind *sql.DB) {
		for _, completion := range []string{"1", "2"} {
			sqltest.Do(t, behind, "SET GLOBAL completion_type="+completion) // CHAIN, RELEASE
			own, err := mysql.New(t.Context(), plainPool(t, dsn, behind), nil)
			require.NoError(t, err)
			for name, db := range map[string]*store.DB{
				"Open": open(t, dsn, &mysql.Options{Connections: 1}), "New": own,
			} {
				sqltest.Do(t, behind, "DROP TABLE IF EXISTS clubs")
				r := sqltest.Clubs(t, db, 100, 100)
				require.NoError(t, sqltest.Transfer(t.Context(), db, r))
				_, err := r.Modify(t.Context(), 1, sqltest.Credit(1000))
				require.NoError(t, err)
				balance := sqltest.Value[int](t, behind, "SELECT balance FROM clubs WHERE id = 1")
				assert.EqualValues(t, 1099, balance, "%s, %s", name, completion)
			}
		}
	})
}

// TestNewNamesWhatInitConnectSets has a server set, for each connection, what would lose characters or rows.
func TestNewNamesWhatInitConnectSets(t *testing.T) {
	t.Parallel()
	onOwnServers(t, func(t *testing.T, dsn string, behind *sql.DB) {
		for setting, named := range map[string]string{
			"collation_connection = utf8mb3_unicode_ci": "character_set_connection",
			"sql_select_limit = 2":                      "sql_select_limit",
			"sql_auto_is_null = 1":                      "sql_auto_is_null",
			"foreign_key_checks = 0":                    "foreign_key_checks",
			"unique_checks = 0":                         "unique_checks",
			"autocommit = 0":                            "autocommit",
		} {
			sqltest.Do(t, behind, `SET GLOBAL init_connect="SET `+setting+`"`)
			_, err := mysql.New(t.Context(), plainPool(t, dsn, behind), nil)
			require.ErrorIs(t, err, store.ErrInvalid, setting)
			assert.ErrorContains(t, err, named)
		}
	})
}

// TestDSNIsReadInEverySpelling refuses the settings that Open needs, however they are written.
func TestDSNIsReadInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, param := range []string{
		"Autocommit=0", "AUTOCOMMIT=0", "@@autocommit=0", "%40%40session.autocommit=0", "%60autocommit%60=0",
		"SQL_MODE=%27%27", "@@sql_mode=%27%27", "completion_type=1", "Completion_Type=CHAIN",
		"sql_select_limit=2", "foreign_key_checks=0", "unique_checks=0", "lock_wait_timeout=100",
		"wait_timeout=100,autocommit=0", "wait_timeout=100%2Csql_mode%3D%27%27", "@@global.sql_mode=%27%27",
	} {
		_, err := mysql.Open(t.Context(), "user:secret@tcp(127.0.0.1:1)/db?"+param, nil)
		require.ErrorIs(t, err, store.ErrInvalid, param)
		require.NotContains(t, err.Error(), "secret")
		require.ErrorContains(t, err, "the DSN: ", param)
	}
}
