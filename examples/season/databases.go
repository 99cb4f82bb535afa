package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// A backend is one of the three databases: its flag, and how it is opened.
type backend struct {
	flag, usage string
	holds       string // what the program keeps in it
	// open opens the real database.
	open func(ctx context.Context, address string, o store.Options) (*store.DB, error)
	// embedded is how the stand-in behaves when the flag is not given: it resolves the same tags
	// and has transactions of the same family.
	embedded memstore.Options
}

var backends = [...]backend{
	mysqlBackend: {
		flag: "mysql", usage: "`DSN` of the MySQL database",
		holds: "clubs and standings",
		open: func(ctx context.Context, dsn string, o store.Options) (*store.DB, error) {
			return mysql.Open(ctx, dsn, &mysql.Options{Store: o})
		},
		embedded: memstore.Options{Tag: "db"},
	},
	mongoBackend: {
		flag: "mongo", usage: "`URI` of the MongoDB database",
		holds: "match reports",
		open: func(ctx context.Context, uri string, o store.Options) (*store.DB, error) {
			return mongo.Open(ctx, uri, mongoDatabase(uri), &mongo.Options{Store: o})
		},
		embedded: memstore.Options{Tag: "bson", SnapshotReads: true},
	},
	sqlserverBackend: {
		flag: "sqlserver", usage: "`DSN` of the SQL Server database",
		holds: "club accounts",
		open: func(ctx context.Context, dsn string, o store.Options) (*store.DB, error) {
			return sqlserver.Open(ctx, dsn, &sqlserver.Options{Store: o, Connections: accountConnections})
		},
		embedded: memstore.Options{Tag: "db"},
	},
}

// accountConnections is the most connections to SQL Server. Every match pays into two of twenty
// accounts, so that more of them would only wait for each other's rows; and each new one costs
// Babelfish about a second of its processor.
const accountConnections = 8

// The places of the three databases in backends and in [databases].
const (
	mysqlBackend = iota
	mongoBackend
	sqlserverBackend
)

// databases are the three, open.
type databases [len(backends)]*store.DB

// openDatabases opens each database at its address, or its embedded stand-in where addresses has
// none. Every call on them is told to observer.
func openDatabases(ctx context.Context, addresses map[string]string, observer store.Observer) (databases, error) {
	var dbs databases
	for i, b := range backends {
		var err error
		if dbs[i], err = b.connect(ctx, addresses, store.Options{Observer: observer}); err != nil {
			return databases{}, errors.Join(fmt.Errorf("-%s: %w", b.flag, err), dbs.close())
		}
	}
	return dbs, nil
}

func (b *backend) connect(ctx context.Context, addresses map[string]string, o store.Options) (*store.DB, error) {
	address, given := addresses[b.flag]
	if !given {
		embedded := b.embedded
		embedded.Store = o
		return memstore.Open(&embedded), nil
	}
	return b.open(ctx, address, o)
}

// mongoDatabase is the database that a URI names behind its hosts, "season" where it names none.
func mongoDatabase(uri string) string {
	_, hosts, _ := strings.Cut(uri, "://")
	_, path, _ := strings.Cut(hosts, "/")
	name, _, _ := strings.Cut(path, "?")
	if name == "" {
		return "season"
	}
	return name
}

func (dbs databases) close() error {
	var errs []error
	for _, db := range dbs {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
