package mysql

import (
	"context"
	"database/sql"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Open opens a pool of connections to the database that dsn names, in the form of
// github.com/go-sql-driver/mysql: "user:password@tcp(host:3306)/game". It connects once, to learn
// what the server is. It dials tcp and unix itself, so that a call can be ended by closing its
// socket; any other network is dialed as it was registered with the client, and watched by the
// client.
//
// The connections are encrypted and the server's certificate is checked, unless the address is a unix socket or
// loopback or the DSN says tls=false or tls=skip-verify, of which Options.Store.Logger is warned. A CA of one's own
// is named by the client's RegisterTLSConfig.
//
// Parameters of the DSN that would make the pool unsafe are ErrInvalid, as is a DSN that cannot be read; no error
// holds the DSN or the password. A nil o means defaults. Close closes the pool.
func Open(ctx context.Context, dsn string, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	cfg, err := parse(dsn)
	if err != nil {
		return nil, opening.Error(err)
	}
	opening := opening.At(cfg.Addr)
	backend.Warn(ctx, options.Store.Logger, "mysql", transportOf(cfg).warnings())
	found, err := connectOnce(ctx, cfg)
	if err != nil {
		return nil, opening.Error(untrusted(err))
	}
	d := &dialect{
		server: found.server, database: found.database, hasTriggers: options.VersionTriggers, packet: found.packet,
		sorted: found.sorted(), storesZeroKey: true,
	}
	configure(cfg, found, options)
	if cfg.Net == "tcp" || cfg.Net == "unix" { // another network has a dialer of the caller's
		cfg.DialFunc = new(sqldb.Dialer).DialContext
	}
	inner, err := mysqldriver.NewConnector(cfg)
	if err != nil {
		return nil, opening.Error(backend.Invalidf("the DSN cannot be used"))
	}
	db := sql.OpenDB(sqldb.Connector(inner, d, options.Statements))
	db.SetMaxOpenConns(options.Connections)
	db.SetMaxIdleConns(options.Connections)
	db.SetConnMaxLifetime(options.ConnectionLifetime)
	if err := db.PingContext(ctx); err != nil { // do the settings work?
		_ = db.Close()
		return nil, opening.Error(err)
	}
	return newDB(db, d, options, true)
}

// New makes a DB of a pool that the caller has made with github.com/go-sql-driver/mysql and goes
// on owning: Close leaves it open. It asks one connection for the settings that the guarantees
// need, and names all that are unsafe, with what to do about each, in one ErrInvalid. What it
// finds must hold for every connection of the pool, as it does when the settings stand in the DSN.
// Without NO_AUTO_VALUE_ON_ZERO in the sql_mode, the key 0 is refused. Options.Store.Logger is warned of a pool
// that does not check its server, or lets it take what Open would not. A nil o means defaults.
func New(ctx context.Context, db *sql.DB, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	if db == nil {
		return nil, opening.Error(backend.Invalidf("the *sql.DB is nil"))
	}
	found, err := audit(ctx, db)
	if err != nil {
		return nil, opening.Error(err)
	}
	warnings, err := poolWarnings(ctx, db)
	if err != nil {
		return nil, opening.Error(err)
	}
	backend.Warn(ctx, options.Store.Logger, "mysql", warnings)
	if problems := found.problems(); len(problems) > 0 {
		return nil, opening.Error(backend.Invalidf("the pool is not safe: %s", strings.Join(problems, "; ")))
	}
	d := &dialect{
		server: found.server, database: found.database, hasTriggers: options.VersionTriggers, packet: found.packet,
		sorted: found.sortLength, statesIsolation: true, storesZeroKey: found.hasMode("NO_AUTO_VALUE_ON_ZERO"),
	}
	return newDB(db, d, options, false)
}

// newDB makes the DB of Open and New, with what is a fact about MySQL and MariaDB.
func newDB(db *sql.DB, d *dialect, o Options, owned bool) (*store.DB, error) {
	var stored func(string) string
	if !d.server.isMariaDB { // whose JSON is text
		stored = storedJSON
	}
	return store.New(sqldb.New(sqldb.Config{
		DB: db, Dialect: d, OwnsDB: owned, Statements: o.Statements,
		Info: driver.Info{
			Name:           "mysql",
			Server:         d.server.String(),
			System:         d.server.system(),
			Database:       d.database,
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
			StoredJSON:     stored,
		},
	}), &o.Store)
}

// mostKeys is the most keys that package store gives to one call. It is a power of two, to which sqldb fills
// up its lists, so that no list is longer.
const mostKeys = 1024

// opening tells the errors of Open and New.
var opening = backend.Opening{
	Backend: "mysql", Closed: "the pool is closed",
	Classify: func(err error) driver.Fault { return sqldb.Classify(err, classify) },
}
