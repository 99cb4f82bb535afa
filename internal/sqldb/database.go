package sqldb

import (
	"context"
	"database/sql"
	"reflect"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Native is a native condition: SQL whose parameters are written as the server writes them. It is
// the type of Info.Native.
type Native struct {
	SQL  string
	Args []any
}

// Config is what a [Database] is made of.
type Config struct {
	DB      *sql.DB
	Dialect Dialect
	Info    driver.Info // Native is filled in
	// Statements is the most prepared statements that are kept for one connection.
	Statements int
	// Owned says that Close closes DB.
	Owned bool
}

// Database implements [driver.Database].
type Database struct {
	db       *sql.DB
	dialect  Dialect
	facts    *Facts
	info     driver.Info
	owned    bool
	sessions *sessions
}

var _ driver.Database = (*Database)(nil)

// New returns the database that a backend's Open and New give to store.New.
func New(c Config) *Database {
	c.Info.Native = reflect.TypeFor[Native]()
	facts := c.Dialect.Facts()
	return &Database{
		db: c.DB, dialect: c.Dialect, facts: &facts, info: c.Info, owned: c.Owned,
		sessions: &sessions{db: c.DB, dialect: c.Dialect, facts: &facts, statements: c.Statements},
	}
}

// SQLX returns the pool as sqlx knows it. name is the one by which sqlx knows how parameters are
// written.
func (d *Database) SQLX(name string) *sqlx.DB { return sqlx.NewDb(d.db, name) }

// Info implements [driver.Database].
func (d *Database) Info() driver.Info { return d.info }

// Classify implements [driver.Database].
func (d *Database) Classify(err error) driver.Fault { return Classify(err, d.dialect.Classify) }

// Close implements [driver.Database]. A connection that its server has dropped cannot take leave of
// it, which database/sql reports; it is as closed as the others.
func (d *Database) Close() error {
	if d.owned {
		_ = d.db.Close()
	}
	return nil
}

// run gives fn a connection: that of tx, or one of the pool where tx is nil.
func (d *Database) run(ctx context.Context, tx driver.Tx, fn func(s *session) error) error {
	if tx == nil {
		conn, err := d.acquire(ctx, fn)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	t, ok := tx.(*Tx)
	if !ok || t.db != d {
		return backend.Unsent(errForeignTx)
	}
	return t.use(fn)
}
