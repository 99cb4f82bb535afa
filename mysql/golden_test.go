package mysql

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
	"github.com/stillframe/stillframe/store/driver"
)

var update = flag.Bool("update", false, "write the golden files anew")

var born = time.Date(1961, 6, 21, 0, 0, 0, 0, time.UTC)

// answerRows gives a row that fits the columns which a SELECT names.
func answerRows(text string) [][]sqldriver.Value {
	player := []sqldriver.Value{
		int64(7), int64(3), []byte("Lineker"), nil, []byte("1.5000"), born, int64(1), []byte("{}"), nil, nil,
	}
	switch {
	case strings.HasPrefix(text, "SELECT `id`, `version`, `name`"):
		return [][]sqldriver.Value{player, player, player}
	case strings.HasPrefix(text, "SELECT `season`"):
		return [][]sqldriver.Value{{[]byte("1985/86"), int64(1), nil, int64(2)}}
	case strings.Contains(text, "@@"),
		strings.HasPrefix(text, "SELECT COUNT"),
		strings.HasPrefix(text, "SELECT `version`"):
		return [][]sqldriver.Value{{int64(1)}}
	}
	return nil
}

// over is a database of a server that is not asked what it is.
func over(t *testing.T, pool *sql.DB, s server, callers bool) *store.DB {
	d := &dialect{server: s, packet: 1 << 24, statesIsolation: callers, storesZeroKey: true, hasTriggers: true}
	db, err := store.New(sqldb.New(sqldb.Config{DB: pool, Dialect: d, Statements: 8, Info: driver.Info{
		Name: "mysql", Server: d.server.String(),
		Transactions: true, Views: true, LockingReads: true, AutoKeys: true,
		TimePrecision: time.Microsecond, DecimalDigits: 65, MaxKeys: mostKeys,
	}}), nil)
	require.NoError(t, err)
	return db
}

// TestStatements compares all statements with those of testdata.
func TestStatements(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]server{
		"mysql":   {version: [3]int{9, 7, 0}},
		"mariadb": {isMariaDB: true, version: [3]int{10, 11, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Script{
				Open:   func(pool *sql.DB, callers bool) *store.DB { return over(t, pool, server, callers) },
				Native: Where("name LIKE ? -- so", "x%"),
				Golden: filepath.Join("testdata", "statements-"+name+".sql"),
				Update: *update,
			}.Run(t, &sqltest.Recorder{
				Answer: answerRows,
				Params: func(text string) int { return strings.Count(text, "?") },
				Format: "%v",
			})
		})
	}
}

// TestNativeCursors pages by native conditions: a cursor belongs to its text and its arguments.
func TestNativeCursors(t *testing.T) {
	t.Parallel()
	recorder := &sqltest.Recorder{Params: func(text string) int { return strings.Count(text, "?") }, Format: "%v"}
	sqltest.NativeCursors(t, recorder, func(pool *sql.DB) *store.DB {
		return over(t, pool, server{version: [3]int{9, 7, 0}}, false)
	}, sqltest.Backend{Where: Where, Placeholders: sqlx.QUESTION})
}
