package testbed

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
)

// dropLimit bounds how long a test waits for its database to come, and to go at its end. What takes longer on a machine
// that does other things too waits for something that never happens.
const dropLimit = Patience

var databases atomic.Int64

// databaseName makes a name that no other test has, on a server that other test binaries may use too. It starts
// with the test's name, so that a person who looks at the server knows whose it is.
func databaseName(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, t.Name())
	// MongoDB stops at 63 bytes, MySQL at 64 characters.
	return fmt.Sprintf("sf_%s_%d_%x_%d", name[:min(len(name), 24)], os.Getpid(), time.Now().UnixNano()&0xffffff,
		databases.Add(1))
}

// Database creates a database for this test on a MySQL, MariaDB or SQL server and returns the DSN of it. The database
// is dropped when the test ends, after the cleanups that the test registers later: so close the pools there. A
// transaction that is still open then keeps the database from being dropped, and fails the test.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	if isSQLServerDSN(s.dsn) {
		return s.sqlServerDatabase(t)
	}
	name := databaseName(t)
	ctx, cancel := context.WithTimeout(t.Context(), dropLimit)
	defer cancel()
	err := withSQL(ctx, s.dsn, func(conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "CREATE DATABASE `"+name+"` CHARACTER SET utf8mb4")
		return err
	})
	if err != nil {
		t.Fatalf("testbed: creating a database on %s: %v", s, err)
	}
	t.Cleanup(func() {
		if s.ended() {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), dropLimit)
		defer cancel()
		err := withSQL(ctx, s.dsn, func(conn *sql.Conn) error {
			if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = 20"); err != nil {
				return err
			}
			_, err := conn.ExecContext(ctx, "DROP DATABASE `"+name+"`")
			return err
		})
		if err != nil {
			t.Errorf("testbed: dropping the database on %s: is a transaction of the test still open? %v", s, err)
		}
	})
	return withDatabase(s.dsn, name)
}

// withDatabase returns the DSN with another database in it. The DSN has been parsed before.
func withDatabase(dsn, name string) string {
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return ""
	}
	cfg.DBName = name
	return cfg.FormatDSN()
}
