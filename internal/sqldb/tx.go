package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"time"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Tx is one transaction on a connection of its own. database/sql does not know of it: so no context but
// those of Commit and Rollback ends it, and both have a deadline.
type Tx struct {
	db       *Database
	conn     *sql.Conn
	isBroken bool          // nothing can be sent any more, and the server rolls back
	borrowed *borrowedPool // what SQLX gave out, nil where it was not asked
	endedBy  error         // the error by which raw work on it has ended the transaction at the server
	lent     txState       // what the server said of the transaction before the raw work
}

// endTimeout bounds what ends a transaction of this package's own, in which a write sends several statements, and what
// is sent for raw work, whose caller has no ctx to give.
const endTimeout = 5 * time.Second

// txState is a row of Texts.TxState.
type txState struct{ depth, number int64 }

var _ driver.Tx = (*Tx)(nil)

var errForeignTx = errors.New("sqldb: the transaction belongs to another database")

// Begin implements [driver.Database]. A connection on which a statement of the beginning failed is closed,
// so that whatever has begun ends with it.
func (d *Database) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	begin := d.facts.Texts.BeginTx
	if p.View {
		begin = d.facts.Texts.BeginView
	}
	conn, err := d.acquire(ctx, func(s *session) error {
		for _, text := range begin {
			if err := s.run(ctx, &request{text: text, preparation: unprepared}, nil); err != nil {
				s.isBroken = true
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

// use gives fn the connection of the transaction. Each request in a transaction comes through it, which
// remembers what breaks the connection: Rollback then sends nothing, and the pool closes the connection.
func (t *Tx) use(fn func(s *session) error) error {
	var err error
	raw := t.conn.Raw(func(conn any) error {
		s := t.db.sessions.of(conn)
		s.isBroken, s.isAlone = false, false
		err = fn(s)
		t.isBroken = t.isBroken || s.isBroken
		return nil
	})
	if err == nil && raw != nil {
		t.isBroken = true
		return backend.Unsent(raw)
	}
	return err
}

// Commit implements [driver.Tx].
func (t *Tx) Commit(ctx context.Context) error {
	isLent := t.borrowed != nil
	if err := t.takeBack(); err != nil {
		_ = t.Rollback(ctx)
		return backend.Unsent(err)
	}
	if isLent {
		if err := t.checkLent(ctx); err != nil {
			return err
		}
	}
	return t.settle(t.end(ctx, t.db.facts.Texts.Commit))
}

// settle looks at the server's answer to a COMMIT. Most of them say that nothing was committed: another has won,
// the server takes no writes now, a value was refused. Of one that says none of this, the outcome is unknown:
// the server may have met it when the commit was done.
func (t *Tx) settle(err error) error {
	f, ok := err.(*backend.Failure)
	if !ok || f.Sent || !t.db.dialect.IsStatementError(f.Err) {
		return err
	}
	switch fault, _ := t.db.dialect.Classify(f.Err); fault.Class {
	case driver.Conflict, driver.LockFailure, driver.Unavailable, driver.Refused:
		return err
	}
	return &backend.Failure{Err: f.Err, Sent: true}
}

// checkLent compares the transaction, before Commit, with what it was before the raw work. Raw work that has begun
// one inside and has not ended it would have the COMMIT end that alone, and the connection's next user lose all
// of it: everything is rolled back, and the error says so. Raw work that has ended the transaction has kept or lost
// what went before, and what came after was kept at once: so nobody knows what has happened, and the error counts as
// one of a request that was sent.
func (t *Tx) checkLent(ctx context.Context) error {
	now, err := t.state(ctx)
	switch {
	case err != nil:
		_ = t.Rollback(ctx)
		return backend.Unsent(err)
	case now == t.lent:
		return nil
	case now.depth > t.lent.depth && now.number == t.lent.number:
		if err := t.Rollback(ctx); err != nil {
			return backend.Unsent(err)
		}
		return &driver.ValueError{Field: "NativeTx", Problem: "was used to begin a transaction that it did not end: " +
			"nothing of it was kept"}
	}
	_ = t.Rollback(ctx)
	return &backend.Failure{Err: errEnded, Sent: true}
}

var errEnded = errors.New("sqldb: raw work has ended the transaction of which it was a part")

// state asks the server for the state of the transaction, before raw work and after it.
func (t *Tx) state(ctx context.Context) (now txState, err error) {
	text := t.db.facts.Texts.TxState
	if text == "" {
		return now, nil
	}
	err = t.use(func(s *session) error {
		return s.run(ctx, &request{text: text, preparation: uncached}, func(row []sqldriver.Value) (err error) {
			if now.depth, err = integer(row[0]); err == nil {
				now.number, err = integer(row[1])
			}
			return err
		})
	})
	return now, err
}

// Rollback implements [driver.Tx].
func (t *Tx) Rollback(ctx context.Context) error {
	_ = t.takeBack()
	if t.isBroken {
		t.release(true)
		return nil
	}
	return t.end(ctx, t.db.facts.Texts.Rollback)
}

// end sends the statement that ends the transaction, and gives the connection back.
func (t *Tx) end(ctx context.Context, text string) error {
	err := t.use(func(s *session) error {
		return s.run(ctx, &request{text: text, preparation: unprepared}, nil)
	})
	t.release(err != nil)
	return err
}

// takeBack ends what SQLX gave out, so that nobody uses the connection after the transaction, and returns
// the error by which the raw work has ended the transaction, if it has.
func (t *Tx) takeBack() (endedBy error) {
	if t.borrowed != nil {
		t.borrowed.close()
		t.borrowed = nil
	}
	return t.endedBy
}

// release gives the connection back to the pool, or has the pool close it.
func (t *Tx) release(discard bool) {
	if discard {
		_ = t.conn.Raw(func(any) error { return sqldriver.ErrBadConn })
	}
	_ = t.conn.Close()
}
