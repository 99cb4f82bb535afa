package mysql_test

import (
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// servers are the products on which every live test runs.
var servers = map[string]func(testing.TB) *testbed.Server{
	"MariaDB": testbed.MariaDB,
	"MySQL":   testbed.MySQL,
}

// onEach runs a test on each server, in a database of its own.
func onEach(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server(t).Database(t))
		})
	}
}

// open opens a database that is closed with the test.
func open(t testing.TB, dsn string, o *mysql.Options) *store.DB {
	t.Helper()
	db, err := mysql.Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// direct is a pool of the driver alone, behind the library's back.
func direct(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.ParseTime = true
	cfg.ClientFoundRows = true
	cfg.Logger = &mysqldriver.NopLogger{}
	cfg.Params = map[string]string{
		"time_zone": "'+00:00'", "sql_mode": "'STRICT_TRANS_TABLES'",
		"innodb_lock_wait_timeout": "5", "lock_wait_timeout": "10",
	}
	connector, err := mysqldriver.NewConnector(cfg)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestConformance holds the backend to every guarantee of package store.
func TestConformance(t *testing.T) {
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t)
			dsn := s.Database(t)
			h := newHarness(t, dsn)
			h.Faults = func(tb testing.TB, o store.Options) (*store.DB, func(storetest.Fault)) {
				return faults(tb, testbed.NewProxy(tb, s.Addr()), dsn, o)
			}
			storetest.Run(t, h)
		})
	}
}

// connections is the most of one handle: the suite has many handles at a time.
const connections = 6

// newHarness is the backend as the conformance suite and the loads want it: with handles of its own, and a
// second connection behind the library's back.
func newHarness(t testing.TB, dsn string) storetest.Harness {
	db := direct(t, dsn)
	return storetest.Harness{
		Raw: raw{db},
		Open: func(tb testing.TB, o store.Options) *store.DB {
			return open(tb, dsn, &mysql.Options{Store: o, Connections: connections})
		},
		OpenSingle: func(tb testing.TB, o store.Options) *store.DB {
			return open(tb, dsn, &mysql.Options{Store: o, Connections: 1})
		},
		Table: func(tb testing.TB, name string) string {
			tb.Cleanup(func() { sqltest.Do(tb, db, "DROP TABLE IF EXISTS "+name) })
			return name
		},
		Leaks: func(tb testing.TB) {
			sqltest.NoneLeft(tb, func() int { return openTransactions(tb, db) },
				"transactions are open at the server")
			sqltest.NoneLeft(tb, func() int {
				return sqltest.Value[int](tb, db, `SELECT COUNT(*) FROM information_schema.PROCESSLIST
 WHERE DB = DATABASE() AND COMMAND <> 'Sleep' AND ID <> CONNECTION_ID()`)
			}, "statements run at the server")
		},
	}
}

// activeTransaction is the head of a transaction that has begun, in InnoDB's status, with the connection whose
// it is. Between the two stand lines about its locks.
var activeTransaction = regexp.MustCompile(
	`(?m)^---TRANSACTION \d+, ACTIVE.*\n(?:[^-].*\n)*?(?:MySQL|MariaDB) thread id (\d+),`)

// openTransactions counts those of connections to the database of db. information_schema.INNODB_TRX cannot be
// asked: both servers fill it anew only when nobody has read it for 100 ms, so that tests which wait in it
// beside each other see one old state for ever.
func openTransactions(t testing.TB, db *sql.DB) (n int) {
	t.Helper()
	var kind, name, status string
	require.NoError(t, db.QueryRow("SHOW ENGINE INNODB STATUS").Scan(&kind, &name, &status))
	var ours []string
	rows, err := db.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE()")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ours = append(ours, id)
	}
	require.NoError(t, rows.Err())
	for _, m := range activeTransaction.FindAllStringSubmatch(status, -1) {
		if slices.Contains(ours, m[1]) {
			n++
		}
	}
	return n
}

// raw is the second connection.
type raw struct{ db *sql.DB }

func where(row storetest.Row) (string, []any) {
	var conditions []string
	var args []any
	for name, value := range row.Columns {
		conditions = append(conditions, "`"+name+"` = ?")
		args = append(args, value)
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}

func (r raw) Set(tb testing.TB, row storetest.Row, columns storetest.Columns) {
	tb.Helper()
	var sets []string
	var args []any
	for name, value := range columns {
		if t, ok := value.(time.Time); ok && t.IsZero() {
			value = "0001-01-01 00:00:00"
		}
		sets = append(sets, "`"+name+"` = ?")
		args = append(args, value)
	}
	condition, keys := where(row)
	sqltest.Do(tb, r.db, "UPDATE "+row.Table+" SET "+strings.Join(sets, ", ")+condition, append(args, keys...)...)
}

func (r raw) Unset(tb testing.TB, row storetest.Row, columns ...string) {
	tb.Helper()
	condition, keys := where(row)
	for _, name := range columns {
		text := "UPDATE " + row.Table + " SET `" + name + "` = NULL" + condition
		_, err := r.db.ExecContext(tb.Context(), text, keys...)
		if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok && e.Number == 1048 {
			kind := sqltest.Value[string](tb, r.db, "SELECT COLUMN_TYPE FROM information_schema.COLUMNS "+
				"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?", row.Table, name)
			sqltest.Do(tb, r.db, "ALTER TABLE "+row.Table+" MODIFY COLUMN `"+name+"` "+kind+" NULL")
			_, err = r.db.ExecContext(tb.Context(), text, keys...)
		}
		require.NoError(tb, err)
	}
}

func (r raw) Delete(tb testing.TB, row storetest.Row) {
	tb.Helper()
	condition, keys := where(row)
	sqltest.Do(tb, r.db, "DELETE FROM "+row.Table+condition, keys...)
}

func (r raw) Read(tb testing.TB, row storetest.Row) storetest.Columns {
	tb.Helper()
	condition, keys := where(row)
	return sqltest.Row(tb, r.db, "SELECT * FROM "+row.Table+condition, keys...)
}
