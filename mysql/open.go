package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Open opens a pool of connections to the database that dsn names, in the form of
// github.com/go-sql-driver/mysql: "user:password@tcp(host:3306)/game". It connects once, to learn
// what the server is. Parameters of the DSN that would make the pool unsafe are ErrInvalid, as is
// a DSN that cannot be read; no error holds the DSN or the password. A nil o means defaults. Close
// closes the pool.
func Open(ctx context.Context, dsn string, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, openError(err)
	}
	cfg, err := parse(dsn)
	if err != nil {
		return nil, openError(err)
	}
	found, err := connectOnce(ctx, cfg)
	if err != nil {
		return nil, openError(err)
	}
	d := &dialect{server: found.server, triggers: options.VersionTriggers, packet: found.packet, strictZero: true}
	configure(cfg, found, options)
	inner, err := mysqldriver.NewConnector(cfg)
	if err != nil {
		return nil, openError(invalidf("the DSN cannot be used"))
	}
	db := sql.OpenDB(sqldb.Connector(inner, d, options.Statements))
	db.SetMaxOpenConns(options.Connections)
	db.SetMaxIdleConns(options.Connections)
	db.SetConnMaxLifetime(options.ConnectionLifetime)
	if err := db.PingContext(ctx); err != nil { // do the settings work?
		_ = db.Close()
		return nil, openError(err)
	}
	return newDB(db, d, options, true)
}

// New makes a DB of a pool that the caller has made with github.com/go-sql-driver/mysql and goes
// on owning: Close leaves it open. It asks one connection for the settings that the guarantees
// need, and names all that are unsafe, with what to do about each, in one ErrInvalid. What it
// finds must hold for every connection of the pool, as it does when the settings stand in the DSN.
// Without NO_AUTO_VALUE_ON_ZERO in the sql_mode, the key 0 is refused. A nil o means defaults.
func New(ctx context.Context, db *sql.DB, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, openError(err)
	}
	if db == nil {
		return nil, openError(invalidf("the *sql.DB is nil"))
	}
	found, err := audit(ctx, db)
	if err != nil {
		return nil, openError(err)
	}
	if problems := found.problems(); len(problems) > 0 {
		return nil, openError(invalidf("the pool is not safe: %s", strings.Join(problems, "; ")))
	}
	d := &dialect{
		server: found.server, triggers: options.VersionTriggers, packet: found.packet,
		everyTx: true, strictZero: found.hasMode("NO_AUTO_VALUE_ON_ZERO"),
	}
	return newDB(db, d, options, false)
}

func newDB(db *sql.DB, d *dialect, o Options, owned bool) (*store.DB, error) {
	return store.New(sqldb.New(sqldb.Config{
		DB: db, Dialect: d, Owned: owned, Statements: o.Statements,
		Info: driver.Info{
			Name:           "mysql",
			Server:         d.server.String(),
			Transactions:   true,
			Views:          true,
			LockingReads:   true,
			AutoKeys:       true,
			TimePrecision:  time.Microsecond,
			DecimalDigits:  65,
			MaxKeys:        mostKeys,
			TrailingSpaces: true,
			CodePointOrder: true,
			UUIDOrder:      true,
		},
	}), &o.Store)
}

// mostKeys is a power of two, as the lists are.
const mostKeys = 1024

// openError gives an error of Open its sentinel. The text never holds the driver's message, which
// may name user and host.
func openError(err error) error {
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrUnsupported) {
		return &store.Error{Op: "open", Err: err}
	}
	f := sqldb.Classify(err, classify)
	code := ""
	if f.Code != "" {
		code = " (mysql " + f.Code + ")"
	}
	switch f.Class {
	case driver.Unavailable:
		err = &hidden{"the server is unavailable" + code, []error{store.ErrTransient, err}}
	case driver.Closed:
		err = &hidden{"the pool is closed", []error{store.ErrClosed, err}}
	case driver.Canceled:
	default:
		err = &hidden{"mysql error" + code, []error{err}}
	}
	return &store.Error{Op: "open", Err: err}
}

// hidden shows its text alone, and leads to the errors behind it.
type hidden struct {
	text   string
	behind []error
}

func (e *hidden) Error() string   { return e.text }
func (e *hidden) Unwrap() []error { return e.behind }

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrInvalid, fmt.Sprintf(format, args...))
}
