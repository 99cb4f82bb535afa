package sqlserver

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

var born = time.Date(1961, 6, 21, 0, 0, 0, 0, time.UTC)

// testDialect is that of a SQL Server 2022 in western Europe.
func testDialect() *dialect {
	return &dialect{
		server: server{version: "16.0.4135.4", database: "game", codepage: 1252, hasSnapshot: true},
		page:   codepageOf(1252), wait: 3 * time.Second,
	}
}

// answerRows gives a row that fits the columns which a SELECT names.
func answerRows(text string) [][]sqldriver.Value {
	if _, own, ok := strings.Cut(text, "COMMITTED; "); ok {
		text = own
	}
	player := []sqldriver.Value{int64(7), int64(3), "Lineker", nil, []byte("1.5000"), born, true, "{}", nil, nil}
	stamp := []byte{0, 0, 0, 0, 0, 0, 7, 0xd1}
	switch {
	case strings.HasPrefix(text, "SELECT [id], [version], [name]"):
		return [][]sqldriver.Value{player, player, player}
	case strings.HasPrefix(text, "SELECT [id], [rev], [seat]"):
		return [][]sqldriver.Value{{int64(1), stamp, "1"}}
	case strings.HasPrefix(text, "SELECT [season]"):
		return [][]sqldriver.Value{{"1985/86", int64(1), nil, int64(2)}}
	case strings.Contains(text, "SELECT k FROM @made"):
		return [][]sqldriver.Value{{int64(41)}, {int64(42)}}[:1+strings.Count(text, "ORDER BY k")]
	case strings.Contains(text, "SELECT k, v FROM @made"):
		return [][]sqldriver.Value{{int64(41), stamp}, {int64(42), stamp}}[:1+strings.Count(text, "ORDER BY k")]
	case strings.Contains(text, "SELECT v FROM @made"):
		return [][]sqldriver.Value{{stamp}}
	case strings.Contains(text, "SELECT @n, v FROM @made"):
		return [][]sqldriver.Value{{int64(1), stamp}}
	case strings.Contains(text, "@@ROWCOUNT"),
		strings.HasPrefix(text, "SELECT COUNT"),
		strings.HasPrefix(text, "SELECT [version]"):
		return [][]sqldriver.Value{{int64(1)}}
	}
	return nil
}

// TestStatements compares all statements with those of testdata.
func TestStatements(t *testing.T) {
	t.Parallel()
	d := testDialect()
	sqltest.Script{
		Open: func(pool *sql.DB, _ bool) *store.DB {
			db, err := store.New(sqldb.New(sqldb.Config{DB: pool, Dialect: d, Statements: 8, Info: d.info()}), nil)
			require.NoError(t, err)
			return db
		},
		Native: Where("name LIKE @p1 -- so", "x%"),
		Golden: filepath.Join("testdata", "statements.sql"),
		Update: *update,
		Stamps: true,
	}.Run(t, &sqltest.Recorder{Answer: answerRows, Params: func(string) int { return -1 }, Format: "%T(%[1]v)"})
}

// TestNativeCursors pages by native conditions: a cursor belongs to its text and its arguments.
func TestNativeCursors(t *testing.T) {
	t.Parallel()
	d := testDialect()
	recorder := &sqltest.Recorder{Params: func(string) int { return -1 }, Format: "%v"}
	sqltest.NativeCursors(t, recorder, func(pool *sql.DB) *store.DB {
		db, err := store.New(sqldb.New(sqldb.Config{DB: pool, Dialect: d, Statements: 8, Info: d.info()}), nil)
		require.NoError(t, err)
		return db
	}, sqltest.Backend{Where: Where, Placeholders: sqlx.AT})
}
