package sqlserver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Open opens a pool of connections to the database that dsn names, in the form of
// github.com/microsoft/go-mssqldb: "sqlserver://user:password@host:1433?database=game". The
// connections are encrypted, and the server's certificate is checked, unless the DSN says
// otherwise (encrypt, trustservercertificate), of which Options.Store.Logger is warned where the server is
// away from this machine. It asks once what the server is. Parameters of the
// DSN that would make the pool unsafe are ErrInvalid, as is a DSN that cannot be read; no error
// holds the DSN or the password. A nil o means defaults. Close closes the pool.
func Open(ctx context.Context, dsn string, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	config, err := parse(dsn)
	if err != nil {
		return nil, opening.Error(err)
	}
	backend.Warn(ctx, options.Store.Logger, "sqlserver", warningsOf(config))
	d := &dialect{wait: options.LockTimeout}
	// The client waits for seconds, or for ever, for a server that says nothing.
	connector := mssql.NewConnectorConfig(config)
	connector.Dialer = &sqldb.Dialer{Dialer: net.Dialer{KeepAlive: config.KeepAlive}, Grace: grace}
	db := sql.OpenDB(sqldb.Connector(connector, d, statements))
	db.SetMaxOpenConns(options.Connections)
	db.SetMaxIdleConns(options.Connections)
	db.SetConnMaxLifetime(options.ConnectionLifetime)
	opened, err := newDB(ctx, db, d, options, true)
	if err != nil {
		_ = db.Close()
	}
	return opened, err
}

// New makes a DB of a pool that the caller has made with github.com/microsoft/go-mssqldb and goes
// on owning: Close leaves it open. It asks one connection for the settings that the guarantees
// need, and names all that are unsafe, with what to do about each, in one ErrInvalid. What it
// finds must hold for every connection of the pool, as it does when the settings stand in the DSN.
// A nil o means defaults.
func New(ctx context.Context, db *sql.DB, o *Options) (*store.DB, error) {
	options, err := o.withDefaults()
	if err != nil {
		return nil, opening.Error(err)
	}
	if db == nil {
		return nil, opening.Error(backend.Invalidf("the *sql.DB is nil"))
	}
	if err := checkParameters(ctx, db); err != nil {
		return nil, opening.Error(err)
	}
	return newDB(ctx, db, &dialect{wait: options.LockTimeout}, options, false)
}

// checkParameters refuses a pool whose client puts parameters of its own in the place of those that the library
// writes, for New: that of sql.Open("mssql", …) takes each ? and :1 for one, also inside a native condition, and
// counts @p1 as none, so that each call with an argument fails. The client says how many it counts when it prepares a
// statement, for which it sends nothing. One that does not look at the text says -1.
func checkParameters(ctx context.Context, db *sql.DB) error {
	for n := 1; ; n++ {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		counted := -1
		err = conn.Raw(func(raw any) error {
			stmt, err := raw.(sqldriver.Conn).Prepare("SELECT @p1")
			if err != nil {
				return err
			}
			counted = stmt.NumInput()
			return stmt.Close()
		})
		_ = conn.Close()
		switch {
		case errors.Is(err, sqldriver.ErrBadConn) && n < mostConnections: // it has died while it was idle
		case err != nil:
			return err
		case counted >= 0 && counted != 1:
			return backend.Invalidf("the pool rewrites the parameters of statements, as that of the driver name " +
				"mssql does: open it by sql.Open(\"sqlserver\", …) or mssql.NewConnector")
		default:
			return nil
		}
	}
}

// mostConnections is how many connections of a caller's pool are tried, as database/sql itself does.
const mostConnections = 3

// grace is how long a server that is there may take to confirm that it has stopped a statement.
const grace = 500 * time.Millisecond

// statements is the capacity of each statement cache. What is cached are texts alone, since the client
// prepares nothing at the server.
const statements = 128

// mostKeys is the most keys that package store gives to one call. It is a power of two, to which sqldb fills
// up its lists, so that no list is longer.
const mostKeys = 2048

// newDB makes the DB of Open and New. Both audit the pool: what the DSN does not say, such as the settings of
// the database, is the same for both.
func newDB(ctx context.Context, db *sql.DB, d *dialect, o Options, owned bool) (*store.DB, error) {
	found, err := audit(ctx, db)
	if err != nil {
		return nil, opening.Error(err)
	}
	if problems := found.problems(); len(problems) > 0 {
		return nil, opening.Error(backend.Invalidf("the pool is not safe: %s", strings.Join(problems, "; ")))
	}
	d.server = *found
	if d.page, err = codepageOf(found.codepage).probe(ctx, db); err != nil {
		return nil, opening.Error(err)
	}
	if logger := o.Store.Logger; logger != nil {
		logger.LogAttrs(ctx, slog.LevelInfo, "sqlserver: opened", slog.Group("settings", found.report()...))
	}
	return store.New(sqldb.New(sqldb.Config{
		DB: db, Dialect: d, OwnsDB: owned, Statements: statements, Info: d.info(),
	}), &o.Store)
}

// info is what package store may do with the server that the audit has found.
func (d *dialect) info() driver.Info {
	i := driver.Info{
		Name:          "sqlserver",
		Server:        d.server.String(),
		System:        "microsoft.sql_server",
		Database:      d.server.database,
		Transactions:  true,
		Views:         d.server.hasSnapshot,
		LockingReads:  d.server.babelfish == "", // which parses the hints and goes on
		AutoKeys:      true,
		AutoVersion:   true,
		TimePrecision: time.Microsecond,
		DecimalDigits: 38,
		MaxKeys:       mostKeys,
	}
	if !i.Views {
		i.NoViews = "run ALTER DATABASE " + d.Quote(d.server.database) + " SET ALLOW_SNAPSHOT_ISOLATION ON"
	}
	return i
}

// opening tells the errors of Open and New.
var opening = backend.Opening{
	Backend: "sqlserver", Closed: "the pool is closed",
	Classify: func(err error) driver.Fault { return sqldb.Classify(err, classify) },
}
