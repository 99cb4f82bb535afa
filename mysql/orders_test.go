package mysql_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// odd is an entity whose column v is of a type that no EnsureSchema makes, or holds what no entity writes.
type odd[V any] struct {
	store.Snapshot
	ID int64 `db:"id" store:"key"`
	V  V     `db:"v"`
}

// folded reads what is stored in lower case.
type folded string

func (f folded) Value() (sqldriver.Value, error) { return string(f), nil }

func (f *folded) Scan(src any) error {
	*f = folded(strings.ToLower(fmt.Sprintf("%s", src)))
	return nil
}

// oddColumns are columns with values that other programs have stored in them, as literals.
var oddColumns = []struct {
	name   string
	column string // its type
	values []string
	check  func(o *oddCheck)
	only   string // the server that has it
}{
	{"bool in TINYINT(1)", "TINYINT(1) NULL", []string{"0", "1", "2", "-1", "127", "NULL"}, checkOdd[bool], ""},
	{"bool in SMALLINT", "SMALLINT NOT NULL", []string{"0", "1", "2", "300"}, checkOdd[bool], ""},
	{"*bool in INT", "INT NULL", []string{"0", "1", "2", "NULL"}, checkOdd[*bool], ""},
	{"bool in BIT(1)", "BIT(1) NULL", []string{"b'0'", "b'1'", "NULL"}, checkOdd[bool], ""},
	{"int in BIGINT NULL", "BIGINT NULL", []string{"-5", "0", "7", "NULL"}, checkOdd[int64], ""},
	{"int in DECIMAL", "DECIMAL(12, 0) NOT NULL", []string{"-5", "0", "7", "10", "9"}, checkOdd[int64], ""},
	{"int in VARCHAR", "VARCHAR(9) NOT NULL", []string{"'5'", "'10'", "'007'", "'7'"}, checkOdd[int], ""},
	{"uint in BIGINT UNSIGNED", "BIGINT UNSIGNED NOT NULL", []string{"0", "9223372036854775807"}, checkOdd[uint64], ""},
	{
		"float32 in DOUBLE", "DOUBLE NOT NULL",
		[]string{"0.1", "0.10000000149011612", "0.3", "1e-3", "16777217", "0"},
		checkOdd[float32], "",
	},
	{"float64 in FLOAT", "FLOAT NOT NULL", []string{"0.1", "0.3", "-2.7", "1e-30"}, checkOdd[float64], ""},
	{"float64 in FLOAT(7,2)", "FLOAT(7, 2) NOT NULL", []string{"0.1", "0.33", "-2.75"}, checkOdd[float64], ""},
	{"float64 in DECIMAL", "DECIMAL(30, 10) NOT NULL", []string{"0.1", "0.3", "-2.7"}, checkOdd[float64], ""},
	{"float64 in DECIMAL of integers", "DECIMAL(30, 0) NOT NULL", []string{
		"9007199254740992", "9007199254740993", "9007199254740995", "-9007199254740993",
		"12345678901234567890", "12345678901234567891",
	}, checkOdd[float64], ""},
	{"float64 in long DECIMAL", "DECIMAL(40, 20) NOT NULL", []string{
		"0.1", "0.10000000000000000555", "0.30000000000000000001", "-0.3", "12345678901234567890.1",
	}, checkOdd[float64], ""},
	{"float64 in BIGINT", "BIGINT NULL", []string{
		"9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "0", "NULL",
	}, checkOdd[float64], ""},
	{"float64 in BIGINT UNSIGNED", "BIGINT UNSIGNED NOT NULL", []string{
		"9007199254740993", "9223372036854775809", "18446744073709551615", "0",
	}, checkOdd[float64], ""},
	{"float32 in DECIMAL", "DECIMAL(30, 10) NOT NULL", []string{
		"0.1", "16777217", "16777219", "12345678901234567890", "-0.3",
	}, checkOdd[float32], ""},
	{"float32 in INT", "INT NOT NULL", []string{"16777217", "16777219", "-16777217", "0"}, checkOdd[float32], ""},
	{"float32 in BIGINT", "BIGINT NOT NULL", []string{
		"16777217", "16777219", "9007199254740993", "-16777217", "9223372036854775807", "0",
	}, checkOdd[float32], ""},
	{
		"string in DECIMAL", "DECIMAL(30, 10) NOT NULL",
		[]string{"9.5", "10.25", "-3", "12345678901234567890.0000000001"},
		checkOdd[string], "",
	},
	{
		"string in ENUM", "ENUM('z', 'b', 'a', 'm') NULL",
		[]string{"'z'", "'a'", "'m'", "'b'", "NULL"},
		checkOdd[string], "",
	},
	{
		"*string in ENUM of latin1", "ENUM('z', 'é', 'a') CHARACTER SET latin1 NULL",
		[]string{"'z'", "'é'", "NULL"},
		checkOdd[*string], "",
	},
	{"string in SET", "SET('z', 'a', 'm') NOT NULL", []string{"'z'", "'a,z'", "''", "'m'"}, checkOdd[string], ""},
	{
		"string in JSON", "JSON NOT NULL",
		[]string{`'"b"'`, `'[1]'`, `'{"a": 1}'`, "'10'", "'9'"},
		checkOdd[string], "",
	},
	{"string in CHAR", "CHAR(10) NOT NULL", []string{"'a'", "'a '", "'a b'", "'B'", "''"}, checkOdd[string], ""},
	{
		"string in VARBINARY", "VARBINARY(10) NOT NULL",
		[]string{"'a'", "'a '", "X'6100'", "'B'", "''"},
		checkOdd[string], "",
	},
	{"string in TIME", "TIME NOT NULL", []string{"'-10:00:00'", "'9:00:00'", "'100:00:00'"}, checkOdd[string], ""},
	{
		"string that folds", "VARCHAR(20) COLLATE utf8mb4_general_ci NOT NULL",
		[]string{"'a'", "'A'", "'á'", "'B'", "'b '", "'b'"},
		checkOdd[string], "",
	},
	{
		"string that folds more", "VARCHAR(20) COLLATE utf8mb4_unicode_ci NOT NULL",
		[]string{"'ss'", "'ß'", "'a'", "'Ä'", "'ae'", "'😀'", "'😁'"},
		checkOdd[string], "",
	},
	{
		"string in latin1", "VARCHAR(20) CHARACTER SET latin1 NOT NULL",
		[]string{"'é'", "'E'", "'z'", "'ÿ'"},
		checkOdd[string], "",
	},
	{
		"string with padding", "VARCHAR(20) COLLATE utf8mb4_bin NOT NULL",
		[]string{"'a'", "'a '", "'a\\t'", "CONCAT('a', CHAR(1))"},
		checkOdd[string], "",
	},
	{"folding Scan", "VARCHAR(20) NOT NULL", []string{"'b'", "'B'", "'a'", "'A'", "'C'"}, checkUnread[folded], ""},
	{"time in DATETIME", "DATETIME(6) NULL", []string{
		"'0000-00-00'", "'0001-01-01'", "'2020-01-01 10:00:00.000001'",
		"'2020-01-01 10:00:00.000002'", "NULL",
	}, checkUnread[time.Time], ""},
	{"time in DATE", "DATE NULL", []string{
		"'0000-00-00'", "'2020-00-00'", "'2020-01-00'", "'2019-11-30'",
		"'2020-01-01'",
	}, checkUnread[time.Time], ""},
	{"time in TIMESTAMP", "TIMESTAMP(3) NULL", []string{
		"'2020-01-01 10:00:00.001'", "'2020-01-01 10:00:00.002'",
		"NULL",
	}, checkOdd[time.Time], ""},
	{"text with zeros", "VARCHAR(20) COLLATE utf8mb4_nopad_bin NOT NULL", []string{
		"'a'", "X'6100'", "X'610000'",
		"X'00'", "''", "'b'", "X'610062'",
	}, checkOdd[string], "MariaDB"},
	{"text with zeros that folds", "VARCHAR(20) COLLATE utf8mb4_general_nopad_ci NOT NULL", []string{
		"'a'", "X'4100'",
		"X'610000'", "''",
	}, checkOdd[string], "MariaDB"},
	{"text with zeros in MySQL", "LONGTEXT COLLATE utf8mb4_0900_bin NOT NULL", []string{
		"'a'", "X'6100'", "X'610000'",
		"X'00'", "''", "'b'",
	}, checkOdd[string], "MySQL"},
	{"long text", "LONGTEXT NOT NULL", []string{
		"CONCAT(REPEAT('x', 1000), 'b')", "CONCAT(REPEAT('x', 1000), 'a')",
		"CONCAT(REPEAT('é', 200), 'b')", "CONCAT(REPEAT('é', 200), 'a')", "'x'",
	}, checkOdd[string], ""},
}

// A Find and its pages give each row once, in one order, whatever stands in the column that they sort by, and a
// condition on what was read finds the row.
func TestOrdersOfOddColumns(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		behind.SetMaxOpenConns(1)
		sqltest.Do(t, behind, "SET sql_mode = ''")
		for i, c := range oddColumns {
			if c.only != "" && !strings.HasSuffix(t.Name(), c.only) {
				continue
			}
			table := fmt.Sprint("odd", i)
			sqltest.Do(t, behind, "CREATE TABLE "+table+" (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, v "+c.column+
				") DEFAULT CHARACTER SET utf8mb4")
			var rows []string
			for n := range 5 * len(c.values) {
				rows = append(rows, fmt.Sprintf("(%d, 1, %s)", n*17%(5*len(c.values)), c.values[n%len(c.values)]))
			}
			sqltest.Do(t, behind, "INSERT INTO "+table+" (id, version, v) VALUES "+strings.Join(rows, ", "))
			t.Run(c.name, func(t *testing.T) { // its handles are closed before those of the next are opened
				c.check(&oddCheck{t: t, name: c.name, dsn: dsn, table: table, behind: behind, rows: len(rows)})
			})
		}
	})
}

// oddCheck is one column on one server.
type oddCheck struct {
	t      *testing.T
	name   string
	dsn    string
	table  string
	behind *sql.DB
	rows   int
}

// checkOdd checks orders, and conditions on each value that was read.
func checkOdd[V any](o *oddCheck) {
	r := checkOrders[V](o)
	all, err := store.Collect(r.Find(o.t.Context(), store.Query{}))
	require.NoError(o.t, err, o.name)
	for _, row := range all {
		if sqltest.Value[bool](o.t, o.behind, "SELECT v IS NULL FROM "+o.table+" WHERE id = ?", row.ID) {
			continue // a comparison with NULL is false, whatever it reads as
		}
		for _, q := range []store.Query{store.Where("V", store.Eq, row.V), store.Where("V", store.In, []V{row.V})} {
			found, err := store.Collect(r.Find(o.t.Context(), q))
			require.NoError(o.t, err, o.name)
			assert.True(o.t, slices.ContainsFunc(found, func(f odd[V]) bool { return f.ID == row.ID }),
				"%s: %v is not found by what was read of it, %v", o.name, row.ID, row.V)
			others, err := r.Count(o.t.Context(), store.Not(q))
			require.NoError(o.t, err, o.name)
			assert.EqualValues(o.t, o.rows, int64(len(found))+others, "%s: Eq and its Not", o.name)
		}
	}
}

// checkUnread is checkOdd where no condition can find a value by what was read of it: it is another than the stored
// one, or the server compares no text with the column.
func checkUnread[V any](o *oddCheck) { checkOrders[V](o) }

// checkOrders checks that pages of all sizes, by handles that know the column and by such that do not, give
// together what one page gives.
func checkOrders[V any](o *oddCheck) *store.Repository[odd[V], int64] {
	ctx := o.t.Context()
	db := open(o.t, o.dsn, &mysql.Options{Connections: 2})
	for _, q := range []store.Query{
		store.Query{}.OrderBy("V"), store.Query{}.OrderByDesc("V"), store.Query{}.OrderByDesc("V", "ID"),
	} {
		var whole []int64
		for _, size := range []int{1000, 1, 2, 3, 7} {
			fresh := open(o.t, o.dsn, &mysql.Options{Connections: 1})
			r := store.MustRepository[odd[V], int64](fresh, o.table, &store.RepositoryOptions{PageSize: size})
			var found []int64
			for row, err := range r.Find(ctx, q) {
				require.NoError(o.t, err, "%s, pages of %d", o.name, size)
				found = append(found, row.ID)
				require.LessOrEqual(o.t, len(found), o.rows, "%s: there is no end", o.name)
			}
			if whole == nil {
				whole = found
				unique := slices.Compact(slices.Sorted(slices.Values(found)))
				require.Len(o.t, unique, o.rows, "%s: rows that Find gave", o.name)
			}
			assert.Equal(o.t, whole, found, "%s, Find by pages of %d", o.name, size)
			var paged []int64
			for cursor, n := "", 0; n <= o.rows; n++ {
				if n%5 == 4 { // another process goes on
					r = store.MustRepository[odd[V], int64](db, o.table, nil)
				}
				items, next, err := r.Page(ctx, q.From(cursor).Limit(size))
				require.NoError(o.t, err, "%s, pages of %d", o.name, size)
				for _, row := range items {
					paged = append(paged, row.ID)
				}
				if cursor = next; next == "" {
					break
				}
			}
			assert.Equal(o.t, whole, paged, "%s, Page by %d", o.name, size)
		}
	}
	return store.MustRepository[odd[V], int64](db, o.table, nil)
}
