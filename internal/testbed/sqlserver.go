package testbed

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
)

const (
	sqlServerName     = "sqlserver"
	sqlServerVariable = "STILLFRAME_SQLSERVER_DSN"
	sqlServerImage    = "STILLFRAME_SQLSERVER_IMAGE"
	sqlServerRCSI     = "STILLFRAME_SQLSERVER_RCSI"
)

var sharedSQLServer = sync.OnceValues(findSQLServer)

// SQLServer returns the SQL Server, or the Babelfish, that all tests of this test binary share: the one that
// STILLFRAME_SQLSERVER_DSN names, else a container of the image that STILLFRAME_SQLSERVER_IMAGE names, which is
// Microsoft's of SQL Server 2019 or later. Without either the test is skipped, or fails where STILLFRAME_REQUIRE
// names sqlserver.
func SQLServer(t testing.TB) *Server {
	t.Helper()
	s, err := sharedSQLServer()
	settle(t, sqlServerName, err)
	return s
}

// HasSQLServer reports whether the environment names a server for SQLServer.
func HasSQLServer() bool {
	return os.Getenv(sqlServerVariable) != "" || os.Getenv(sqlServerImage) != ""
}

// findSQLServer returns the server that the environment names, else a container.
func findSQLServer() (*Server, error) {
	if dsn := os.Getenv(sqlServerVariable); dsn != "" {
		u, err := url.Parse(dsn)
		if err != nil || u.Scheme != "sqlserver" || u.Port() == "" {
			// The parser's error may quote the password.
			return nil, errors.New(sqlServerVariable + " holds no sqlserver://user:password@host:port")
		}
		s := &Server{product: "SQL Server", addr: u.Host, dsn: dsn}
		return s, identifySQLServer(s)
	}
	if os.Getenv(sqlServerImage) == "" {
		why := sqlServerVariable + " names no server, and " + sqlServerImage + " no image of SQL Server 2019 or later"
		return nil, &missing{why}
	}
	ctx, cancel := context.WithTimeout(context.Background(), attempts*startLimit)
	defer cancel()
	c, addr, password, err := startDocker(ctx, sqlServerName)
	if err != nil {
		return nil, &missing{err.Error()}
	}
	u := url.URL{Scheme: "sqlserver", User: url.UserPassword("sa", password), Host: addr, RawQuery: "encrypt=disable"}
	s := &Server{product: "SQL Server", addr: addr, dsn: u.String(), docker: c}
	s.ping = func(ctx context.Context) error {
		return withSQLServer(ctx, s.dsn, func(conn *sql.Conn) error { return conn.PingContext(ctx) })
	}
	if err := s.await(ctx); err != nil {
		c.down()
		return nil, err
	}
	return s, identifySQLServer(s)
}

// allowRowversion lets each later connection to Babelfish make columns of the type.
const allowRowversion = "EXEC sp_babelfish_configure 'babelfishpg_tsql.escape_hatch_rowversion', 'ignore', 'server'"

// identifySQLServer asks the server for its version.
func identifySQLServer(s *Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return withSQLServer(ctx, s.dsn, func(conn *sql.Conn) error {
		var babelfish sql.NullString
		err := conn.QueryRowContext(ctx, "SELECT CONVERT(NVARCHAR(128), SERVERPROPERTY('ProductVersion')), "+
			"CONVERT(NVARCHAR(128), SERVERPROPERTY('BabelfishVersion'))").Scan(&s.version, &babelfish)
		if babelfish.String != "" {
			s.product, s.version = "Babelfish", babelfish.String
			// It makes a ROWVERSION only when it is told to. A login that may not tell it meets the error in the tests.
			_, _ = conn.ExecContext(ctx, allowRowversion)
		}
		return err
	})
}

// sqlServerDatabase creates a database in which snapshot isolation is allowed, and returns its DSN. A new database of
// SQL Server has READ_COMMITTED_SNAPSHOT off; where STILLFRAME_SQLSERVER_RCSI is ON it is turned on.
func (s *Server) sqlServerDatabase(t testing.TB) string {
	t.Helper()
	name := databaseName(t)
	ctx, cancel := context.WithTimeout(t.Context(), dropLimit)
	defer cancel()
	err := s.insist(ctx, "CREATE DATABASE ["+name+"]")
	if err == nil && s.product != "Babelfish" { // where it always is allowed
		err = s.insist(ctx, "ALTER DATABASE ["+name+"] SET ALLOW_SNAPSHOT_ISOLATION ON")
		if err == nil && strings.EqualFold(os.Getenv(sqlServerRCSI), "ON") {
			err = s.insist(ctx, "ALTER DATABASE ["+name+"] SET READ_COMMITTED_SNAPSHOT ON")
		}
	}
	if err != nil {
		t.Fatalf("testbed: creating a database on %s: %v", s, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), dropLimit)
		defer cancel()
		if err := s.insist(ctx, "DROP DATABASE ["+name+"]"); err != nil {
			t.Errorf("testbed: dropping the database on %s: is a connection of the test still open? %v", s, err)
		}
	})
	u, err := url.Parse(s.dsn)
	if err != nil {
		t.Fatal("testbed: the DSN is malformed")
	}
	q := u.Query()
	q.Set("database", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// changing is held while databases come and go: Babelfish makes one at a time.
var changing sync.Mutex

// insist runs a statement until it succeeds: a database cannot go before the last connection to it has, which a
// server notices some time after the client, and another test binary may be making one.
func (s *Server) insist(ctx context.Context, text string) error {
	changing.Lock()
	defer changing.Unlock()
	return until(ctx, func() error {
		return withSQLServer(ctx, s.dsn, func(conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, text)
			return err
		})
	})
}

// withSQLServer runs a function on one new connection.
func withSQLServer(ctx context.Context, dsn string, f func(conn *sql.Conn) error) error {
	connector, err := mssql.NewConnector(dsn)
	if err != nil {
		return errors.New("the DSN is malformed")
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(conn)
}

// sqlServerDSN returns a DSN of SQL Server with another address in it.
func sqlServerDSN(dsn, addr string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	u.Host = addr
	return u.String()
}

func isSQLServerDSN(dsn string) bool { return strings.HasPrefix(dsn, "sqlserver://") }
