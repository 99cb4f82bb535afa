package mysql_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestChangedRowsAreMatchedRows writes what is stored already, and what a folding collation takes
// for the same, with the server counting changed rows and with it counting matched ones.
// ownServers are started for one test alone, which does to them what no other may meet.
var ownServers = map[string]func(testing.TB) *testbed.Server{
	"MariaDB": testbed.StartMariaDB,
	"MySQL":   testbed.StartMySQL,
}

func TestChangedRowsAreMatchedRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		sqltest.Do(
			t,
			direct(t, dsn),
			"CREATE TABLE clubs (id BIGINT PRIMARY KEY, version BIGINT NULL, balance BIGINT NOT NULL, "+
				"founded DATETIME(6) NOT NULL, name VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci "+
				"NOT NULL)",
		)
		for _, mode := range []string{"clientFoundRows=false", "clientFoundRows=true"} {
			db := open(t, dsn+"?"+mode, nil)
			r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
			c := sqltest.Club{ID: int64(len(mode)), Name: "leicester"}
			require.NoError(t, r.Insert(t.Context(), &c))
			require.NoError(t, r.Save(t.Context(), &c), mode)
			require.NoError(t, r.Touch(t.Context(), &c), mode)
			require.EqualValues(t, 3, c.Version)
			got, err := r.Modify(t.Context(), c.ID, func(c *sqltest.Club) error { c.Name = "Leicester"; return nil })
			require.NoError(t, err)
			require.EqualValues(t, 4, got.Version)
			got, err = r.Get(t.Context(), c.ID)
			require.NoError(t, err)
			require.Equal(t, "Leicester", got.Name)
			require.ErrorIs(t, r.Save(t.Context(), &c), store.ErrConflict)
		}
	})
}

// TestSessions looks at the settings of every connection that Open makes.
func TestSessions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		native, ok := mysql.Native(db)
		require.True(t, ok)
		for range 3 { // three connections, which are held until the end
			c, err := native.Connx(t.Context())
			require.NoError(t, err)
			defer c.Close()
			var mode, zone, charset, isolation string
			var wait, metadata int
			variable := "@@transaction_isolation"
			if strings.HasPrefix(db.Info().Server, "MariaDB 10") {
				variable = "@@tx_isolation"
			}
			require.NoError(
				t,
				c.QueryRowxContext(t.Context(), "SELECT @@sql_mode, @@time_zone, @@character_set_client, "+
					"@@innodb_lock_wait_timeout, @@lock_wait_timeout, "+variable).
					Scan(&mode, &zone, &charset, &wait, &metadata, &isolation),
			)
			assert.Contains(t, mode, "STRICT_TRANS_TABLES")
			assert.Contains(t, mode, "NO_AUTO_VALUE_ON_ZERO")
			assert.Equal(t, "+00:00", zone)
			assert.Equal(t, "utf8mb4", charset)
			assert.Equal(t, 3, wait)
			assert.Equal(t, 3, metadata)
			assert.Equal(t, "READ-COMMITTED", isolation)
		}
		assert.Equal(t, 32, native.Stats().MaxOpenConnections)
	})
}

// TestConnectionsGrowOld lets connections live for a moment only.
func TestConnectionsGrowOld(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, &mysql.Options{ConnectionLifetime: time.Nanosecond})
		r := sqltest.Clubs(t, db, 1)
		for range 3 {
			_, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
		}
		native, _ := mysql.Native(db)
		assert.Positive(t, native.Stats().MaxLifetimeClosed)
	})
}

// TestIsolation has Atomic see what others commit meanwhile, and a View not.
func TestIsolation(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) { sqltest.Isolation(t, open(t, dsn, nil)) })
}

// TestDeadlock locks two rows in opposite order: one side is the victim (1213), and both finish.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) { sqltest.Deadlock(t, open(t, dsn, nil)) })
}

// TestLockWaitTimeout has 1205 end the whole transaction, of which the server has rolled back the
// statement alone.
func TestLockWaitTimeout(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		err := sqltest.LockTimeout(t, open(t, dsn, &mysql.Options{LockTimeout: time.Second}), direct(t, dsn))
		require.ErrorContains(t, err, "1205")
	})
}

// TestAbandonedSave cancels a Save in a lock wait. The server goes on waiting, and gives up within
// LockTimeout although the lock is not free: no transaction of ours is left there.
func TestAbandonedSave(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		// Long enough for a busy server to show the Save as waiting before it gives up.
		db := open(t, dsn, &mysql.Options{LockTimeout: 6 * time.Second})
		r := sqltest.Clubs(t, db, 100)
		behind := direct(t, dsn)
		c, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		before := c
		holder := sqltest.Hold(t, behind, 1)
		open := func() int { return openTransactions(t, behind) } // of which the holder's is one
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			defer cancel()
			assert.Eventually(t, func() bool { return ctx.Err() != nil || open() == 2 }, testbed.Patience,
				10*time.Millisecond, "the server doesn't show that the Save waits")
		}()
		err = r.Save(ctx, &c)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, store.ErrUnknownOutcome, "nobody can know")
		require.Equal(t, before, c)
		require.Eventually(t, func() bool { return open() == 1 }, testbed.Patience, 10*time.Millisecond,
			"our statement still runs at the server")
		require.NoError(t, holder.Rollback())
		require.Equal(t, before.Version, sqltest.Version(t, behind, 1), "it landed")
	})
}

// fields20 is an entity of 20 fields.
type fields20 struct {
	store.Snapshot
	ID                                 int64 `store:"key"`
	A, B, C, D, E, F, G, H, I, J, K, L int64
	M, N, O, P, Q, R, S, T             int64
}

func (f *fields20) change(n uint32) {
	for i, p := range []*int64{
		&f.A, &f.B, &f.C, &f.D, &f.E, &f.F, &f.G, &f.H, &f.I, &f.J,
		&f.K, &f.L, &f.M, &f.N, &f.O, &f.P, &f.Q, &f.R, &f.S, &f.T,
	} {
		if n&(1<<i) != 0 {
			*p++
		}
	}
}

var changes = flag.Int("changes", 5_000, "how many times TestPreparedStatementsAreBounded changes an entity")

// TestPreparedStatementsAreBounded changes random fields. Each set of changed fields is another
// statement, of which the server must hold few.
func TestPreparedStatementsAreBounded(t *testing.T) {
	t.Parallel()
	changes := *changes
	if testing.Short() {
		changes = 2000
	}
	const workers, statements = 4, 40
	for name, server := range ownServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := server(t).Database(t)
			pool := direct(t, dsn)
			pool.SetMaxOpenConns(workers)
			ofPool, err := mysql.New(t.Context(), pool, &mysql.Options{Statements: statements})
			require.NoError(t, err)
			ours := open(t, dsn, &mysql.Options{Connections: workers, Statements: statements})
			behind := direct(t, dsn)
			for _, db := range []*store.DB{ours, ofPool} {
				r := store.MustRepository[fields20, int64](db, "fields", nil)
				require.NoError(t, r.EnsureSchema(t.Context()))
				most := 0
				var all sync.WaitGroup
				for w := range workers {
					key := rand.Int64()
					require.NoError(t, r.Insert(t.Context(), &fields20{ID: key}))
					all.Go(func() {
						for i := range changes / workers / 2 {
							_, err := r.Modify(
								t.Context(), key,
								func(f *fields20) error { f.change(rand.Uint32()); return nil },
							)
							if !assert.NoError(t, err) {
								return
							}
							if w == 0 && i%500 == 0 {
								most = max(most, prepared(t, behind))
							}
						}
					})
				}
				all.Wait()
				most = max(most, prepared(t, behind))
				assert.LessOrEqual(t, most, 2*workers*statements, "%v", db.Info().Server)
				assert.Greater(t, most, statements/2, "nothing is kept")
			}
		})
	}
}

func prepared(t testing.TB, db *sql.DB) int {
	var name string
	var n int
	require.NoError(t, db.QueryRow("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").Scan(&name, &n))
	return n
}

// TestStatementLimitOfTheServer goes on when the server wants no more prepared statements than
// this connection keeps.
func TestStatementLimitOfTheServer(t *testing.T) {
	t.Parallel()
	for name, server := range ownServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := server(t).Database(t)
			db := open(t, dsn, &mysql.Options{Connections: 1})
			r := store.MustRepository[fields20, int64](db, "fields", nil)
			require.NoError(t, r.EnsureSchema(t.Context()))
			require.NoError(t, r.Insert(t.Context(), &fields20{ID: 1}))
			sqltest.Do(t, direct(t, dsn), "SET GLOBAL max_prepared_stmt_count = 5")
			for n := range uint32(20) {
				_, err := r.Modify(t.Context(), 1, func(f *fields20) error { f.change(n); return nil })
				require.NoError(t, err)
			}
		})
	}
}

// TestStrict stores 61 characters in a VARCHAR(60) and the key 0 in an AUTO_INCREMENT column.
func TestStrict(t *testing.T) {
	t.Parallel()
	type short struct {
		store.Snapshot
		ID   int64  `store:"key"`
		Name string `store:"size=61"`
	}
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE short (id BIGINT AUTO_INCREMENT PRIMARY KEY, version BIGINT NOT NULL, name VARCHAR(60) "+
				"NOT NULL)",
		)
		r := store.MustRepository[short, int64](open(t, dsn, nil), "short", nil)
		err := r.Insert(t.Context(), &short{ID: 1, Name: strings.Repeat("é", 61)})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.Contains(t, err.Error(), "1406")
		require.NotContains(t, err.Error(), "é")
		require.NoError(t, r.Insert(t.Context(), &short{ID: 0, Name: "zero"}))
		got, err := r.Get(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, "zero", got.Name)

		db, err := mysql.New(t.Context(), behind, nil)
		require.NoError(t, err)
		err = store.MustRepository[short, int64](db, "short", nil).Insert(t.Context(), &short{Name: "made"})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.Equal(t, 1, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM short"))
	})
}

// TestFoldingKeys has a table whose collation takes "BOB" for "bob". No call reaches another row
// than the one that it names.
func TestFoldingKeys(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE people (name VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, "+
				"version BIGINT NOT NULL, count BIGINT NOT NULL)",
		)
		db := open(t, dsn, nil)
		r := store.MustRepository[sqltest.Named, string](db, "people", nil)
		bob := sqltest.Named{Name: "bob", Count: 1}
		require.NoError(t, r.Insert(t.Context(), &bob))
		upper := bob
		upper.Name = "BOB"
		sqltest.FoldedKey(t, r, upper)
		many, err := r.GetMany(t.Context(), []string{"BOB", "bob"})
		require.NoError(t, err)
		require.Len(t, many, 1)
		_, err = r.Modify(t.Context(), "BOB", func(n *sqltest.Named) error { n.Count++; return nil })
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorIs(t, r.Insert(t.Context(), &sqltest.Named{Name: "BOB"}), store.ErrExists)
		require.NoError(t, r.Save(t.Context(), &bob))

		// The second condition costs no index.
		exact := "CONVERT(`name` USING utf8mb4) COLLATE utf8mb4_nopad_bin"
		if strings.HasPrefix(db.Info().Server, "MySQL") {
			exact = "CONVERT(`name` USING utf8mb4) COLLATE utf8mb4_0900_bin"
		}
		for range 50 {
			sqltest.Do(t, behind, "INSERT INTO people VALUES (?, 1, 1)", fmt.Sprint(rand.Int64()))
		}
		sqltest.Do(t, behind, "ANALYZE TABLE people")
		for text, kinds := range map[string][]string{
			"SELECT version FROM people WHERE":        {"const"},
			"UPDATE people SET version = 9 WHERE":     {"range", "const"},
			"DELETE FROM people WHERE":                {"range", "const"},
			"SELECT name, count FROM people WHERE":    {"const"},
			"SELECT version, count FROM people WHERE": {"const"},
		} {
			kind, key, rows := explain(
				t, behind, "EXPLAIN FORMAT=TRADITIONAL "+text+" name = 'bob' AND "+exact+" = 'bob'",
			)
			assert.Contains(t, kinds, kind, text)
			assert.Equal(t, "PRIMARY", key, text)
			assert.EqualValues(t, 1, rows, text)
		}
	})
}

// explain returns the way in which a statement reaches its one table.
func explain(t testing.TB, db *sql.DB, text string) (kind, key string, rows int64) {
	t.Helper()
	result, err := db.QueryContext(t.Context(), text)
	require.NoError(t, err)
	defer result.Close()
	names, err := result.Columns()
	require.NoError(t, err)
	require.True(t, result.Next())
	values := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	require.NoError(t, result.Scan(into...))
	for i, name := range names {
		switch name {
		case "type":
			kind = values[i].String
		case "key":
			key = values[i].String
		case "rows":
			_, err := fmt.Sscan(values[i].String, &rows)
			require.NoError(t, err)
		}
	}
	return kind, key, rows
}

// TestTrailingSpaces keeps strings apart that PAD SPACE holds for equal.
func TestTrailingSpaces(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		r := sqltest.Clubs(t, open(t, dsn, nil))
		for i, name := range []string{"a", "a ", "A", "ä", "a\u0308"} {
			require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: int64(i), Name: name}))
		}
		found, err := store.Collect(r.Find(t.Context(), store.Where("Name", store.Eq, "a")))
		require.NoError(t, err)
		require.Len(t, found, 1)
	})
}

// TestZeroTime stores the zero time, and finds it.
func TestZeroTime(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		r := sqltest.Clubs(t, open(t, dsn, nil))
		require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 1}))
		got, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		require.True(t, got.Founded.IsZero())
		n, err := r.Count(t.Context(), store.Where("Founded", store.Eq, time.Time{}))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		n, err = r.Count(t.Context(), mysql.Where("founded = ?", time.Time{}))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// TestWriteWhileReading writes in the body of Find, with one connection.
func TestWriteWhileReading(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, &mysql.Options{Connections: 1})
		r := sqltest.Clubs(t, db, 1, 2, 3)
		for c, err := range r.Find(t.Context(), store.Query{}) {
			require.NoError(t, err)
			require.NoError(t, r.Save(t.Context(), &c))
		}
		require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			for c, err := range r.In(tx).Find(ctx, store.Query{}) {
				require.NoError(t, err)
				require.NoError(t, r.In(tx).Save(ctx, &c))
			}
			return nil
		}))
	})
}

// TestReadOnlyServer makes the server refuse writes, as an old primary does after a failover. Each
// refusal makes the driver drop the connection, so that the next one can be to the new primary.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	for name, server := range ownServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := server(t).Database(t)
			behind := direct(t, dsn)
			sqltest.Clubs(t, open(t, dsn, nil), 100)
			// Administrators may write to such a server: another account may not.
			cfg, err := mysqldriver.ParseDSN(dsn)
			require.NoError(t, err)
			sqltest.Do(t, behind, "CREATE USER player@'%' IDENTIFIED BY 'secret'")
			sqltest.Do(t, behind, "GRANT ALL ON `"+cfg.DBName+"`.* TO player@'%'")
			sqltest.Do(t, behind, "SET GLOBAL read_only = 1")
			cfg.User, cfg.Passwd = "player", "secret"
			db := open(t, cfg.FormatDSN(), nil)
			r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
			c, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
			err = r.Save(t.Context(), &c)
			require.ErrorIs(t, err, store.ErrTransient)
			require.NotErrorIs(t, err, store.ErrUnknownOutcome)
			require.EqualValues(t, 1, c.Version)
			sqltest.Do(t, behind, "SET GLOBAL read_only = 0")
			require.NoError(t, r.Save(t.Context(), &c), "the connections that refused are gone")
		})
	}
}
