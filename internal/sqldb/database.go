package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"time"

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

// nativeText tells a condition from others, for Info.NativeText: its SQL, and each argument with its type.
func nativeText(native any) ([]byte, error) {
	n, ok := native.(Native)
	if !ok {
		return nil, fmt.Errorf("sqldb: a native condition of type %T", native)
	}
	text := fmt.Appendf(nil, "%q", n.SQL)
	for _, arg := range n.Args {
		if valuer, ok := arg.(sqldriver.Valuer); ok {
			value, err := valuer.Value()
			if err != nil {
				return nil, &driver.ValueError{Field: "Where", Problem: "an argument's Value failed", Err: err}
			}
			arg = value
		}
		for v := reflect.ValueOf(arg); v.Kind() == reflect.Pointer && !v.IsNil(); arg = v.Interface() {
			v = v.Elem()
		}
		if t, ok := arg.(time.Time); ok {
			text = fmt.Appendf(text, " time %q", t.UTC().Format(time.RFC3339Nano)) // no text of the same characters
			continue
		}
		text = fmt.Appendf(text, " %T %q", arg, fmt.Sprint(arg))
	}
	return text, nil
}

// Config is what a [Database] is made of.
type Config struct {
	DB      *sql.DB
	Dialect Dialect
	Info    driver.Info // Native is filled in
	// Statements is the most prepared statements that are kept for one connection.
	Statements int
	// OwnsDB says that Close closes DB.
	OwnsDB bool
}

// Database implements [driver.Database].
type Database struct {
	db       *sql.DB
	dialect  Dialect
	facts    *Facts
	info     driver.Info
	ownsDB   bool
	sessions *sessions
}

var _ driver.Database = (*Database)(nil)

// New returns the database that a backend's Open and New give to store.New.
func New(c Config) *Database {
	c.Info.Native, c.Info.NativeText = reflect.TypeFor[Native](), nativeText
	facts := c.Dialect.Facts()
	return &Database{
		db: c.DB, dialect: c.Dialect, facts: &facts, info: c.Info, ownsDB: c.OwnsDB,
		sessions: &sessions{db: c.DB, dialect: c.Dialect, facts: &facts, statements: c.Statements},
	}
}

// SQLX returns the pool as sqlx knows it. name is the one by which sqlx knows how parameters are
// written.
func (d *Database) SQLX(name string) *sqlx.DB { return sqlx.NewDb(d.db, name) }

// Info implements [driver.Database].
func (d *Database) Info() driver.Info { return d.info }

// Classify implements [driver.Database].
func (d *Database) Classify(err error) driver.Fault {
	f := Classify(err, d.dialect.Classify)
	if e, ok := errors.AsType[*tableError](err); ok {
		e.refine(d.dialect, &f)
	}
	return f
}

// Close implements [driver.Database]. database/sql reports that a connection could not say goodbye to its
// server, which is no error of the closing: the connection is closed all the same.
func (d *Database) Close() error {
	if d.ownsDB {
		_ = d.db.Close()
	}
	return nil
}

// run gives fn a connection: that of tx, or one of the pool where tx is nil. Every call that reads or
// writes comes through it. Outside a tx each statement is a transaction of its own, and fn is called again,
// with another connection, where one could not be sent: what it has done before must bear to be done again.
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
