package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Tx is one transaction on a connection of its own. database/sql does not know of it: so no
// context but those of Commit and Rollback ends it, and both have a deadline.
type Tx struct {
	db     *Database
	conn   *sql.Conn
	broken bool  // nothing can be sent any more, and the server rolls back
	failed error // what ended the transaction in work that went past us
	loan   *loan // what NativeTx gave out
}

var _ driver.Tx = (*Tx)(nil)

var errForeignTx = errors.New("sqldb: the transaction belongs to another database")

// Begin implements [driver.Database].
func (d *Database) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	begin := d.facts.Texts.BeginTx
	if p.View {
		begin = d.facts.Texts.BeginView
	}
	conn, err := d.acquire(ctx, func(s *session) error {
		for _, text := range begin {
			if err := s.run(ctx, &request{text: text, preparation: unprepared}, nil); err != nil {
				s.isBroken = true // whatever has begun ends with the connection
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Tx{db: d, conn: conn}, nil
}

// use gives fn the connection of the transaction.
func (t *Tx) use(fn func(s *session) error) error {
	var err error
	raw := t.conn.Raw(func(conn any) error {
		s := t.db.sessions.of(conn)
		s.isBroken, s.isAlone = false, false
		err = fn(s)
		t.broken = t.broken || s.isBroken
		return nil
	})
	if err == nil && raw != nil {
		t.broken = true
		return backend.Unsent(raw)
	}
	return err
}

// Commit implements [driver.Tx].
func (t *Tx) Commit(ctx context.Context) error {
	if err := t.settle(); err != nil {
		_ = t.Rollback(ctx)
		return backend.Unsent(err)
	}
	return t.end(ctx, t.db.facts.Texts.Commit)
}

// Rollback implements [driver.Tx].
func (t *Tx) Rollback(ctx context.Context) error {
	_ = t.settle()
	if t.broken {
		t.release(true)
		return nil
	}
	return t.end(ctx, t.db.facts.Texts.Rollback)
}

// end sends the statement that ends the transaction, and gives the connection back.
func (t *Tx) end(ctx context.Context, text string) error {
	err := t.use(func(s *session) error { return s.run(ctx, &request{text: text, preparation: unprepared}, nil) })
	t.release(err != nil)
	return err
}

// settle takes back what NativeTx gave out, and returns the error that has ended the transaction
// there, if one did.
func (t *Tx) settle() error {
	if t.loan != nil {
		t.loan.close()
		t.loan = nil
	}
	return t.failed
}

// release gives the connection back to the pool, or has the pool close it.
func (t *Tx) release(discard bool) {
	if discard {
		_ = t.conn.Raw(func(any) error { return sqldriver.ErrBadConn })
	}
	_ = t.conn.Close()
}
