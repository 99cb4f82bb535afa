package sqlserver_test

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// server is the server that all tests share. They run side by side where it can have that: what
// Babelfish says of a table's columns it picks out of those of all tables of all databases, and it
// fails, or crashes, where another table goes meanwhile.
func server(t *testing.T) *testbed.Server {
	t.Helper()
	s := testbed.SQLServer(t)
	if s.Product() != "Babelfish" {
		t.Parallel()
	}
	return s
}

// onServer runs a test on the server, in a database of its own.
func onServer(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	test(t, server(t).Database(t))
}

// open opens a database that is closed with the test.
func open(t testing.TB, dsn string, o *sqlserver.Options) *store.DB {
	t.Helper()
	db, err := sqlserver.Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// direct is a pool of the driver alone, behind the library's back.
func direct(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	connector, err := mssql.NewConnector(dsn)
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestConformance holds the backend to every guarantee of package store.
func TestConformance(t *testing.T) {
	s := server(t)
	dsn := s.Database(t)
	h := newHarness(t, dsn)
	h.Faults = func(tb testing.TB, o store.Options) (*store.DB, func(storetest.Fault)) {
		return faults(tb, testbed.NewProxy(tb, s.Addr()), dsn, o)
	}
	storetest.Run(t, h)
}

// connections is the most of the pool that the suite's handles share: a server may take seconds to
// know its own catalogue on a new connection.
const connections = 12

// newHarness is the backend as the conformance suite and the loads want it: with handles of its own, and a
// second connection behind the library's back.
func newHarness(t testing.TB, dsn string) storetest.Harness {
	db := direct(t, dsn)
	shared := direct(t, dsn)
	shared.SetMaxOpenConns(connections)
	shared.SetMaxIdleConns(connections)
	return storetest.Harness{
		Raw: raw{db, isBabelfish(t, db)},
		Open: func(tb testing.TB, o store.Options) *store.DB {
			db, err := sqlserver.New(tb.Context(), shared, &sqlserver.Options{Store: o})
			require.NoError(tb, err)
			return db
		},
		OpenSingle: func(tb testing.TB, o store.Options) *store.DB {
			return open(tb, dsn, &sqlserver.Options{Store: o, Connections: 1})
		},
		Table: func(_ testing.TB, name string) string { return name }, // it goes with the database
		Leaks: func(tb testing.TB) {
			sqltest.NoneLeft(tb, func() int {
				return sqltest.Value[int](tb, db, `SELECT COUNT(*) FROM sys.dm_exec_sessions s
 WHERE s.database_id = DB_ID() AND s.session_id <> @@SPID AND s.open_transaction_count > 0`)
			}, "transactions are open at the server")
		},
	}
}

// raw is the second connection.
type raw struct {
	db        *sql.DB
	babelfish bool
}

// bind keeps times from going as datetimeoffset.
func bind(value any) any {
	switch v := value.(type) {
	case nil:
		return sql.NullString{}
	case time.Time:
		return civil.DateTimeOf(v.UTC())
	}
	return value
}

// arguments number their placeholders.
type arguments []any

func (a *arguments) add(value any) string {
	*a = append(*a, bind(value))
	return "@p" + strconv.Itoa(len(*a))
}

func (a *arguments) where(row storetest.Row) string {
	var conditions []string
	for name, value := range row.Columns {
		conditions = append(conditions, "["+name+"] = "+a.add(value))
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

func (r raw) Set(tb testing.TB, row storetest.Row, columns storetest.Columns) {
	tb.Helper()
	var sets []string
	var args arguments
	for name, value := range columns {
		if text, ok := value.(string); ok && r.babelfish { // which stores no zero character, whoever sends it
			value = strings.ReplaceAll(text, "\x00", "\x01")
		}
		sets = append(sets, "["+name+"] = "+args.add(value))
	}
	condition := args.where(row)
	sqltest.Do(tb, r.db, "UPDATE "+row.Table+" SET "+strings.Join(sets, ", ")+condition, args...)
}

func (r raw) Unset(tb testing.TB, row storetest.Row, columns ...string) {
	tb.Helper()
	for _, name := range columns {
		var args arguments
		text := "UPDATE " + row.Table + " SET [" + name + "] = NULL" + args.where(row)
		_, err := r.db.ExecContext(tb.Context(), text, args...)
		if e, ok := errors.AsType[mssql.Error](err); ok && e.Number == 515 {
			r.relax(tb, row.Table, name)
			_, err = r.db.ExecContext(tb.Context(), text, args...)
		}
		require.NoError(tb, err)
	}
}

// relax lets a column be NULL. Babelfish cannot alter a column to that. No column goes
// either, since other tests look at the columns meanwhile.
func (r raw) relax(tb testing.TB, table, column string) {
	tb.Helper()
	kind := sqltest.Value[string](tb, r.db, `SELECT CASE TYPE_NAME(system_type_id)
 WHEN 'nvarchar' THEN CONCAT('NVARCHAR(', CASE max_length WHEN -1 THEN 'MAX' ELSE CONCAT('', max_length / 2) END,
  ') COLLATE ', collation_name)
 WHEN 'datetime2' THEN CONCAT('DATETIME2(', scale, ')') ELSE UPPER(TYPE_NAME(system_type_id)) END
 FROM sys.columns WHERE object_id = OBJECT_ID(@p1) AND name = @p2`, table, column)
	if !r.babelfish {
		sqltest.Do(tb, r.db, "ALTER TABLE "+table+" ALTER COLUMN ["+column+"] "+kind+" NULL")
		return
	}
	zero := "0" // for the rows that others insert: the column with the other name still refuses NULL
	switch {
	case strings.HasPrefix(kind, "NVARCHAR"):
		zero = "N''"
	case strings.HasPrefix(kind, "DATETIME2"):
		zero = "'2015-08-08'"
	}
	conn, err := r.db.Conn(tb.Context())
	require.NoError(tb, err)
	defer conn.Close()
	for _, text := range []string{
		"ALTER TABLE " + table + " ADD DEFAULT " + zero + " FOR [" + column + "]",
		"EXEC sp_rename '" + table + "." + column + "', '" + column + "_too', 'COLUMN'",
		"ALTER TABLE " + table + " ADD [" + column + "] " + kind + " NULL",
		"UPDATE " + table + " SET [" + column + "] = [" + column + "_too]",
	} {
		_, err := conn.ExecContext(tb.Context(), text)
		require.NoError(tb, err, text)
	}
}

// isBabelfish reports whether the server is no SQL Server.
func isBabelfish(tb testing.TB, db *sql.DB) bool {
	tb.Helper()
	return sqltest.Value[sql.NullString](
		tb, db, "SELECT CONVERT(NVARCHAR(128), SERVERPROPERTY('BabelfishVersion'))",
	).Valid
}

func (r raw) Delete(tb testing.TB, row storetest.Row) {
	tb.Helper()
	var args arguments
	condition := args.where(row)
	sqltest.Do(tb, r.db, "DELETE FROM "+row.Table+condition, args...)
}

func (r raw) Read(tb testing.TB, row storetest.Row) storetest.Columns {
	tb.Helper()
	var args arguments
	condition := args.where(row)
	return sqltest.Row(tb, r.db, "SELECT * FROM "+row.Table+condition, args...)
}
