package mysql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestCreatedTablesAreRight has CheckSchema find nothing in what EnsureSchema and DDL make, and
// NULL come back from every field that can hold it.
func TestCreatedTablesAreRight(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		sqltest.CreatedTables(t, open(t, dsn, &mysql.Options{VersionTriggers: true}), direct(t, dsn))
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		sqltest.Names(
			t, open(t, dsn, nil), 64, []string{"back`tick"},
			[]string{strings.Repeat("é", 65), "😀", "the 😀 club", "a.b.c"},
		)
	})
}

// TestKeysOfACluster has the server make keys that lie apart, as it does in a cluster.
func TestKeysOfACluster(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn+"?auto_increment_increment=7&auto_increment_offset=3", nil)
		r := store.MustRepository[sqltest.Kinds, int64](db, "kinds", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		one := &sqltest.Kinds{Name: "one", Decimal: "0"}
		two, three := &sqltest.Kinds{Name: "two", Decimal: "0"}, &sqltest.Kinds{Name: "three", Decimal: "0"}
		require.NoError(t, r.Insert(t.Context(), one))
		require.NoError(t, r.InsertMany(t.Context(), []*sqltest.Kinds{two, three}))
		require.EqualValues(t, 7, three.ID-two.ID)
		for _, k := range []*sqltest.Kinds{one, two, three} {
			got, err := r.Get(t.Context(), k.ID)
			require.NoError(t, err)
			require.Equal(t, k.Name, got.Name)
		}
	})
}

// TestAdoption makes tables that are wrong in one way each. CheckSchema names it, its fix mends
// it, and the rows that were there can be changed then.
func TestAdoption(t *testing.T) {
	t.Parallel()
	right := []string{
		"id BIGINT NOT NULL PRIMARY KEY", "version BIGINT NOT NULL DEFAULT 0", "name VARCHAR(60) COLLATE $bin NOT NULL",
		"balance BIGINT NOT NULL", "founded DATETIME(6) NOT NULL", "UNIQUE adopted_name (name)",
	}
	for _, c := range []struct {
		name    string
		change  map[string]string // the beginning of a line of right, and the line in its place
		more    string
		engine  string
		problem []string
		rows    string

		isWeaker bool // nothing of it must be mended
	}{
		{name: "Right"},
		{
			name: "NoVersion", change: map[string]string{"version": ""},
			problem: []string{"version: the column does not exist"},
		},
		{
			name: "NullVersion", isWeaker: true, change: map[string]string{"version": "version BIGINT NULL"},
			problem: []string{"version: it can be NULL"}, rows: "UPDATE adopted SET version = NULL",
		},
		{
			name: "NarrowVersion", change: map[string]string{"version": "version INT NOT NULL DEFAULT 0"},
			problem: []string{"version: it is INT", "int64"},
		},
		{
			name: "FoldingCollation", isWeaker: true,
			change: map[string]string{
				"name": "name VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL",
			},
			problem: []string{"name: its collation utf8mb4_general_ci", "upper and lower case"},
		},
		{
			name: "PaddingCollation", isWeaker: true,
			change:  map[string]string{"name": "name VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"},
			problem: []string{"utf8mb4_bin", "trailing spaces"},
		},
		{
			name: "OldCharset", isWeaker: true,
			change:  map[string]string{"name": "name VARCHAR(60) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL"},
			problem: []string{"latin1 refuses the characters that it does not have"},
		},
		{
			name: "ShortVarchar", change: map[string]string{"name": "name VARCHAR(50) COLLATE $bin NOT NULL"},
			problem: []string{"name: it is VARCHAR(50)", "allows 60"},
		},
		{
			name: "Char", change: map[string]string{"name": "name CHAR(60) COLLATE $bin NOT NULL"},
			problem: []string{"loses trailing spaces"},
		},
		{name: "MyISAM", engine: "MyISAM", problem: []string{"its engine is MyISAM"}},
		{
			name: "Nullable", isWeaker: true, change: map[string]string{"balance": "balance BIGINT NULL"},
			problem: []string{"balance: it can be NULL", "zero value of int64"},
			rows:    "UPDATE adopted SET balance = NULL",
		},
		{
			name: "Unsigned", isWeaker: true, change: map[string]string{"balance": "balance BIGINT UNSIGNED NOT NULL"},
			problem: []string{"balance: it is BIGINT", "UNSIGNED", "below 0"},
		},
		{
			name: "Narrow", change: map[string]string{"balance": "balance INT NOT NULL"},
			problem: []string{"balance: it is INT"},
		},
		{
			name: "Varchar", change: map[string]string{"balance": "balance VARCHAR(20) NOT NULL"},
			problem: []string{"balance: it is VARCHAR(20)"},
		},
		{
			name: "Seconds", change: map[string]string{"founded": "founded DATETIME NOT NULL"},
			problem: []string{"founded: it is DATETIME", "rounds"},
		},
		{
			name: "Timestamp", isWeaker: true,
			change:  map[string]string{"founded": "founded TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"},
			problem: []string{"founded: it is TIMESTAMP(6)", "before 1970"},
		},
		{
			name: "MissingColumn", change: map[string]string{"founded": ""},
			problem: []string{"founded: the column does not exist"},
		},
		{
			name: "MissingIndex", change: map[string]string{"UNIQUE": ""},
			problem: []string{"adopted_name: the unique index does not exist"},
		},
		{
			name: "PlainIndex", change: map[string]string{"UNIQUE": "INDEX adopted_name (name)"},
			problem: []string{"adopted_name: the index is not unique"},
		},
		{
			name: "PrefixIndex", change: map[string]string{"UNIQUE": "UNIQUE adopted_name (name(10))"},
			problem: []string{
				"adopted_name: the index is over some of the rows, or parts of the columns",
				"unique over parts",
			},
		},
		{
			name: "NoKey", change: map[string]string{"id": "id BIGINT NOT NULL"},
			problem: []string{"no unique index is over the key (id)"},
		},
		{
			name:    "OtherKey",
			change:  map[string]string{"id": "id BIGINT NOT NULL, other BIGINT AUTO_INCREMENT PRIMARY KEY"},
			problem: []string{"no unique index is over the key (id)"},
		},
		{
			name: "Unmapped", more: "secret VARCHAR(9) NOT NULL",
			problem: []string{"secret: the mapping does not store it", "no row can be inserted"}, rows: "-",
		},
		{name: "UnmappedWithDefault", more: "secret VARCHAR(9) NOT NULL DEFAULT ''"},
		{
			name: "Several", change: map[string]string{"version": "", "balance": "balance INT NULL", "UNIQUE": ""},
			engine:  "MyISAM",
			problem: []string{"engine", "version", "balance: it is INT", "balance", "NULL", "adopted_name"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dsn string) {
				db := open(t, dsn, nil)
				behind := direct(t, dsn)
				bin := "utf8mb4_0900_bin"
				if strings.HasPrefix(db.Info().Server, "MariaDB") {
					bin = "utf8mb4_nopad_bin"
				}
				engine := c.engine
				if engine == "" {
					engine = "InnoDB"
				}
				table := "CREATE TABLE adopted (" + sqltest.AdoptedTable(
					right, c.change, c.more,
				) + ") ENGINE=" + engine + " DEFAULT CHARSET utf8mb4"
				sqltest.Do(t, behind, strings.ReplaceAll(table, "$bin", bin))
				if c.rows != "-" {
					sqltest.Do(t, behind, sqltest.AdoptedRow(c.change, "'Leicester'"))
					if c.rows != "" {
						sqltest.Do(t, behind, c.rows)
					}
				}
				r := store.MustRepository[sqltest.Adopted, int64](db, "adopted", nil)
				found := sqltest.Problems(t, r, c.problem...)
				for _, d := range found {
					require.False(t, c.isWeaker && d.Severity == store.SeverityMust, d)
				}
				if !sqltest.Mend(t, r, behind, found) {
					return
				}
				if c.rows != "-" && c.name != "OtherKey" && c.name != "Unsigned" {
					sqltest.Adopt(t, r)
				}
				require.NoError(t, r.Insert(t.Context(), &sqltest.Adopted{
					ID: 2, Name: "leicester", Founded: time.Date(1984, 1, 1, 0, 0, 0, 0, time.UTC),
				}))
			})
		})
	}
}

// TestVersionTrigger has programs that know no versions write to the table.
func TestVersionTrigger(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE clubs (id BIGINT PRIMARY KEY, name VARCHAR(60) NOT NULL, balance BIGINT NOT NULL, "+
				"founded DATETIME(6) NOT NULL)",
		)
		sqltest.Do(t, behind, "INSERT INTO clubs VALUES (1, 'Leicester', 100, '1984-01-01')")
		db := open(t, dsn, &mysql.Options{VersionTriggers: true})
		r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
		found, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		sqltest.Mend(t, r, behind, found)

		held, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		require.Zero(t, held.Version)
		sqltest.Do(t, behind, "UPDATE clubs SET balance = balance - 1 WHERE id = 1") // the other program
		require.ErrorIs(t, r.Save(t.Context(), &held), store.ErrConflict)
		held, err = r.Get(t.Context(), 1)
		require.NoError(t, err)
		require.EqualValues(t, 1, held.Version)
		require.NoError(t, r.Save(t.Context(), &held)) // ours adds exactly 1
		require.EqualValues(t, 2, sqltest.Version(t, behind, 1))
		sqltest.Do(t, behind, "INSERT INTO clubs (id, name, balance, founded) VALUES (2, 'Derby', 5, '1984-01-01')")
		got, err := r.Modify(t.Context(), 2, sqltest.Credit(1))
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Version)
	})
}

// TestRowsWithoutVersion reads and writes rows whose version is NULL.
func TestRowsWithoutVersion(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE clubs (id BIGINT PRIMARY KEY, version BIGINT NULL, name VARCHAR(60) NOT NULL, "+
				"balance BIGINT NOT NULL, founded DATETIME(6) NOT NULL)",
		)
		sqltest.Do(
			t, behind,
			"INSERT INTO clubs VALUES (1, NULL, 'a', 1, '1984-01-01'), (2, 0, 'b', 1, '1984-01-01'), "+
				"(3, NULL, 'c', 1, '1984-01-01')",
		)
		r := store.MustRepository[sqltest.Club, int64](open(t, dsn, nil), "clubs", nil)
		for id := range int64(2) {
			c, err := r.Get(t.Context(), id+1)
			require.NoError(t, err)
			require.Zero(t, c.Version)
			stale := c
			require.NoError(t, r.Save(t.Context(), &c))
			require.EqualValues(t, 1, c.Version)
			require.ErrorIs(t, r.Save(t.Context(), &stale), store.ErrConflict)
		}
		c, err := r.Get(t.Context(), 3)
		require.NoError(t, err)
		require.NoError(t, r.Delete(t.Context(), c))
	})
}

// TestConcurrentEnsureSchema creates the same table at the same time from several programs.
func TestConcurrentEnsureSchema(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		done := make(chan error)
		for range 4 {
			r := store.MustRepository[sqltest.Kinds, int64](
				open(t, dsn, &mysql.Options{VersionTriggers: true}), "kinds", nil,
			)
			go func() { done <- r.EnsureSchema(t.Context()) }()
		}
		for range 4 {
			assert.NoError(t, <-done)
		}
	})
}
