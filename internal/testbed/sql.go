package testbed

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// flavor is one of the two products that speak MySQL's protocol.
type flavor struct {
	kind     binary.Kind
	product  string
	variable string // the environment variable with the DSN of a server that runs already
}

var (
	mariaDB = flavor{binary.MariaDB, "MariaDB", "STILLFRAME_MARIADB_DSN"}
	mySQL   = flavor{binary.MySQL, "MySQL", "STILLFRAME_MYSQL_DSN"}

	sharedMariaDB = sync.OnceValues(mariaDB.find)
	sharedMySQL   = sync.OnceValues(mySQL.find)
)

// MariaDB returns the MariaDB server that all tests of this test binary share. It is the one that
// STILLFRAME_MARIADB_DSN names, else one that the first call starts. Without any the test is skipped, or fails
// where STILLFRAME_REQUIRE names mariadb.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	s, err := sharedMariaDB()
	settle(t, string(binary.MariaDB), err)
	return s
}

// MySQL is like MariaDB, for MySQL: STILLFRAME_MYSQL_DSN and mysql.
func MySQL(t testing.TB) *Server {
	t.Helper()
	s, err := sharedMySQL()
	settle(t, string(binary.MySQL), err)
	return s
}

// StartMariaDB starts a MariaDB server of the test's own, which it may kill and pause, and ends it with the test.
// The environment variable is not asked, since another's server must not be killed.
func StartMariaDB(t testing.TB) *Server {
	t.Helper()
	return mariaDB.own(t)
}

// StartMySQL is like StartMariaDB, for MySQL.
func StartMySQL(t testing.TB) *Server {
	t.Helper()
	return mySQL.own(t)
}

func (f flavor) own(t testing.TB) *Server {
	t.Helper()
	s, err := f.start()
	settle(t, string(f.kind), err)
	t.Cleanup(s.stop)
	return s
}

// find returns the server that the environment names, else a new one.
func (f flavor) find() (*Server, error) {
	dsn := os.Getenv(f.variable)
	if dsn == "" {
		return f.start()
	}
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		// The parser's error may quote the password.
		return nil, fmt.Errorf("%s holds no DSN of go-sql-driver/mysql", f.variable)
	}
	s := &Server{product: f.product, addr: cfg.Addr, dsn: dsn}
	return s, f.identify(s)
}

// start starts a server: a binary, else a container.
func (f flavor) start() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), attempts*startLimit)
	defer cancel()
	b, err := binary.Find(ctx, f.kind)
	if errors.Is(err, binary.ErrMissing) {
		return f.startDocker(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	return retry(func() (*Server, error) { return f.startBinary(ctx, b) })
}

// startDocker starts a container; absent says why there is no binary.
func (f flavor) startDocker(ctx context.Context, absent error) (*Server, error) {
	c, addr, password, err := startDocker(ctx, string(f.kind))
	if err != nil {
		return nil, &missing{absent.Error() + "; " + err.Error()}
	}
	s := &Server{product: f.product, addr: addr, dsn: sqlDSN("root", password, addr), docker: c}
	s.ping = func(ctx context.Context) error { return pingSQL(ctx, s.dsn) }
	if err := s.await(ctx); err != nil {
		c.down()
		return nil, err
	}
	return s, f.identify(s)
}

// startBinary starts a program on a folder and a port of its own. Its one account that can log in over TCP has a
// password that nobody else knows, because other users of the machine can reach the port.
func (f flavor) startBinary(ctx context.Context, b *binary.Binary) (_ *Server, err error) {
	folder, err := os.MkdirTemp("", "stillframe-"+string(f.kind)+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{product: f.product, folder: folder}
	defer func() {
		if err != nil {
			s.stop()
			_ = os.RemoveAll(folder) // The first error is the one to tell.
		}
	}()
	data, accounts := filepath.Join(folder, "data"), filepath.Join(folder, "accounts.sql")
	if err := b.Prepare(ctx, data); err != nil {
		return nil, err
	}
	password := rand.Text()
	// The file runs at every start. It is one statement a line, as --init-file wants it. A folder that MariaDB
	// makes lets root in from the loopback addresses without a password.
	statements := "DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n" +
		"CREATE USER IF NOT EXISTS 'stillframe'@'%' IDENTIFIED BY '" + password + "';\n" +
		"GRANT ALL ON *.* TO 'stillframe'@'%' WITH GRANT OPTION;\n"
	if err := os.WriteFile(accounts, []byte(statements), 0o600); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.dsn = sqlDSN("stillframe", password, s.addr)
	s.command = append(append([]string{b.Path}, b.Args(data, port)...), binary.InitFile(accounts))
	s.ping = func(ctx context.Context) error { return pingSQL(ctx, s.dsn) }
	if err := s.launch(); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	return s, f.identify(s)
}

func sqlDSN(user, password, addr string) string {
	cfg := mysqldriver.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = user, password, "tcp", addr
	return cfg.FormatDSN()
}

// identify asks the server for its version, and checks that it is of the product that was asked for.
func (f flavor) identify(s *Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err := withSQL(ctx, s.dsn, func(conn *sql.Conn) error {
		return conn.QueryRowContext(ctx, "SELECT VERSION()").Scan(&s.version)
	})
	if err != nil {
		return err
	}
	if (f.kind == binary.MariaDB) != strings.Contains(s.version, "MariaDB") {
		return fmt.Errorf("the server at %s is not %s but %s", s.addr, f.product, s.version)
	}
	return nil
}

func pingSQL(ctx context.Context, dsn string) error {
	return withSQL(ctx, dsn, func(conn *sql.Conn) error { return conn.PingContext(ctx) })
}

// withSQL runs a function on one new connection. The driver's log is silent: while a server starts, refused
// connections are no news.
func withSQL(ctx context.Context, dsn string, f func(conn *sql.Conn) error) error {
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return errors.New("the DSN is malformed")
	}
	cfg.Logger = log.New(io.Discard, "", 0)
	cfg.Timeout = pingLimit
	connector, err := mysqldriver.NewConnector(cfg)
	if err != nil {
		return err
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
