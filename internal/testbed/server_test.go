//go:build unix

package testbed

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sqlServers are the two products, for tests that hold for both.
var sqlServers = []struct {
	name   string
	shared func(testing.TB) *Server
	own    func(testing.TB) *Server
}{
	{"MariaDB", MariaDB, StartMariaDB},
	{"MySQL", MySQL, StartMySQL},
}

func openSQL(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestServerShared(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.shared(t)
			assert.Equal(t, c.name, s.Product())
			assert.Same(t, s, c.shared(t), "one test binary runs one server")
			db := openSQL(t, s.Database(t))

			var version, charset, durability string
			var connections int
			require.NoError(t, db.QueryRowContext(t.Context(),
				"SELECT VERSION(), @@character_set_server, @@max_connections, @@innodb_flush_log_at_trx_commit").
				Scan(&version, &charset, &connections, &durability))
			t.Log(s, "answers", version)
			assert.Equal(t, s.Version(), version)
			if s.Pid() != 0 {
				assert.Equal(t, "utf8mb4", charset)
				assert.Equal(t, 500, connections)
				assert.Equal(t, "2", durability)
			}
		})
	}
}

func TestServerListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.shared(t)
			if s.Pid() == 0 {
				t.Skip("the server was not started here")
			}
			host, _, err := net.SplitHostPort(s.Addr())
			require.NoError(t, err)
			assert.Equal(t, "127.0.0.1", host)
			var address string
			db := openSQL(t, s.DSN())
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@bind_address").Scan(&address))
			assert.Equal(t, "127.0.0.1", address)
			require.Error(t, pingSQL(t.Context(), sqlDSN("root", "", s.Addr())), "root needs no password")
			require.Error(t, pingSQL(t.Context(), sqlDSN("stillframe", "", s.Addr())), "the password is not asked for")
		})
	}
}

func TestServerDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.shared(t)
			all := openSQL(t, s.DSN())
			names := map[string]bool{}
			t.Run("Inner", func(t *testing.T) {
				for range 2 {
					db := openSQL(t, s.Database(t))
					_, err := db.ExecContext(t.Context(), "CREATE TABLE one (id BIGINT PRIMARY KEY)")
					require.NoError(t, err)
					var name string
					require.NoError(t, db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name))
					names[name] = true
				}
			})
			assert.Len(t, names, 2, "each call makes a database")
			for name := range names {
				var count int
				require.NoError(t, all.QueryRowContext(t.Context(),
					"SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", name).Scan(&count))
				assert.Zero(t, count, "%s was not dropped with its test", name)
			}
		})
	}
}

func TestServerKillAndRestart(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.own(t)
			db := openSQL(t, s.Database(t))
			_, err := db.ExecContext(t.Context(), "CREATE TABLE one (id BIGINT PRIMARY KEY)")
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "INSERT INTO one VALUES (7)")
			require.NoError(t, err)

			pid := s.Pid()
			require.NoError(t, s.Kill())
			assert.Error(t, db.PingContext(t.Context()))
			assert.Error(t, s.Kill(), "a server dies once")
			require.NoError(t, s.Restart(t.Context()))
			assert.NotEqual(t, pid, s.Pid())
			var id int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT id FROM one").Scan(&id),
				"an acknowledged commit survives a kill")
			assert.Equal(t, 7, id)
		})
	}
}

func TestServerPauseAndResume(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.own(t)
			db := openSQL(t, s.DSN())
			require.NoError(t, db.PingContext(t.Context()))
			require.NoError(t, s.Pause())
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, db.PingContext(ctx), context.DeadlineExceeded)
			require.NoError(t, s.Resume())
			require.NoError(t, db.PingContext(t.Context()))
		})
	}
}

func TestServerEndsWithItsTest(t *testing.T) {
	t.Parallel()
	for _, c := range sqlServers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s *Server
			t.Run("Inner", func(t *testing.T) { s = c.own(t) })
			if s == nil || s.folder == "" {
				t.Skip("no server was started")
			}
			assert.True(t, s.ended())
			assert.ErrorIs(t, syscall.Kill(s.Pid(), 0), syscall.ESRCH)
			_, err := os.Stat(s.folder)
			assert.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

func TestServerSaysWhyItDidNotStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := &Server{
		product: "Toy", folder: folder, command: []string{"/bin/sh", "-c", "echo the disk is full; exit 3"},
		ping: func(context.Context) error { return errors.New("refused") },
	}
	require.NoError(t, s.launch())
	defer s.process().stop(true)
	err := s.await(t.Context())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the disk is full")
	assert.False(t, strings.Contains(err.Error(), "\n"))
}
