package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/stillframe/stillframe/store/driver"
)

// session is one connection of the driver with what is kept for it. It belongs to whoever holds
// the connection.
type session struct {
	conn    sqldriver.Conn
	dialect Dialect
	facts   *Facts
	kept    *statements
	alone   bool  // each statement is a transaction of its own
	broken  bool  // an error has left the connection, or its transaction, in an unknown state
	line    *line // nil where the client returns by itself when a ctx has ended
}

// args are the arguments of a statement.
type args []sqldriver.NamedValue

func (a *args) add(value any) {
	*a = append(*a, sqldriver.NamedValue{Ordinal: len(*a) + 1, Value: value})
}

// exec runs a statement that gives no rows.
func (s *session) exec(ctx context.Context, text string, a args, keep bool) (sqldriver.Result, error) {
	var result sqldriver.Result
	err := s.prepared(ctx, text, a, keep, func(ctx context.Context, stmt sqldriver.Stmt) (err error) {
		result, err = stmt.(sqldriver.StmtExecContext).ExecContext(ctx, a)
		return err
	})
	return result, err
}

// query runs a statement and calls each for each of its rows, whose values are valid during that
// call only. The rows are read to their end before it returns, unless each fails.
func (s *session) query(ctx context.Context, text string, a args, keep bool, each func(row []sqldriver.Value) error) error {
	return s.prepared(ctx, text, a, keep, func(ctx context.Context, stmt sqldriver.Stmt) error {
		rows, err := stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, a)
		if err != nil {
			return err
		}
		return readRows(rows, each)
	})
}

func readRows(rows sqldriver.Rows, each func(row []sqldriver.Value) error) error {
	row := make([]sqldriver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); err {
		case nil:
		case io.EOF:
			return rows.Close()
		default:
			_ = rows.Close()
			return err
		}
		if err := each(row); err != nil {
			if e := rows.Close(); e != nil {
				return e
			}
			return &refusal{err}
		}
	}
}

// refusal is an error of our own about what was read. The connection is none the worse.
type refusal struct{ err error }

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// prepared runs a prepared statement, which it prepares where it is not kept. run is given the ctx
// for the client.
func (s *session) prepared(ctx context.Context, text string, a args, keep bool, run func(context.Context, sqldriver.Stmt) error) error {
	return s.inTime(ctx, func(ctx context.Context) error { return s.runPrepared(ctx, text, a, keep, run) })
}

// inTime has fn return soon after ctx has ended, if need be by closing the connection. fn is given
// the ctx for the client.
func (s *session) inTime(ctx context.Context, fn func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return unsent(err)
	}
	w := s.line.watch(ctx)
	err := fn(s.line.forClient(ctx))
	if !w.end() {
		return err
	}
	s.broken = true
	if err == nil {
		return nil
	}
	sent := true
	if f, ok := err.(*failure); ok {
		sent = f.sent
	}
	return &failure{err: ctx.Err(), sent: sent}
}

func (s *session) runPrepared(ctx context.Context, text string, a args, keep bool, run func(context.Context, sqldriver.Stmt) error) error {
	for again := false; ; again = true {
		stmt := s.kept.get(text, s.alone)
		if stmt == nil {
			if keep {
				s.kept.makeRoom()
			}
			var err error
			whole := text
			if s.alone {
				whole = s.facts.Texts.Alone + text
			}
			if stmt, err = s.prepare(ctx, whole); err != nil {
				return s.failed(err, false)
			}
			if n := stmt.NumInput(); n >= 0 && n != len(a) {
				_ = stmt.Close()
				return &driver.ValueError{Field: "Where", Problem: fmt.Sprintf("the native condition has %d arguments too many or too few", abs(len(a)-n))}
			}
			if keep {
				s.kept.keep(text, s.alone, stmt)
			}
		}
		err := run(ctx, stmt)
		if !keep {
			_ = stmt.Close()
		}
		if err == nil {
			return nil
		}
		if !again && s.dialect.Forgotten(err) {
			s.kept.forget(text, s.alone)
			continue
		}
		return s.failed(err, true)
	}
}

func abs(n int) int { return max(n, -n) }

func (s *session) prepare(ctx context.Context, text string) (sqldriver.Stmt, error) {
	stmt, err := s.prepareOnce(ctx, text)
	if err != nil && s.dialect.Crowded(err) {
		s.kept.clear()
		stmt, err = s.prepareOnce(ctx, text)
	}
	return stmt, err
}

func (s *session) prepareOnce(ctx context.Context, text string) (sqldriver.Stmt, error) {
	if c, ok := s.conn.(sqldriver.ConnPrepareContext); ok {
		return c.PrepareContext(ctx, text)
	}
	return s.conn.Prepare(text)
}

// simple runs a statement without parameters and without preparing it.
func (s *session) simple(ctx context.Context, text string) error {
	return s.inTime(ctx, func(ctx context.Context) error { return s.plain(ctx, text) })
}

func (s *session) plain(ctx context.Context, text string) error {
	c, ok := s.conn.(sqldriver.ExecerContext)
	if !ok { // a client that prepares nothing at the server
		stmt, err := s.prepareOnce(ctx, text)
		if err != nil {
			return s.failed(err, false)
		}
		defer stmt.Close()
		if _, err = stmt.(sqldriver.StmtExecContext).ExecContext(ctx, nil); err != nil {
			return s.failed(err, true)
		}
		return nil
	}
	if _, err := c.ExecContext(ctx, text, nil); err != nil {
		return s.failed(err, true)
	}
	return nil
}

// failed notes what an error means for the connection. executing tells a statement's own request
// from one that prepared it.
func (s *session) failed(err error, executing bool) error {
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	if s.dialect.Settled(err) {
		return &failure{err: err}
	}
	s.broken = true
	return &failure{err: err, sent: executing && !errors.Is(err, sqldriver.ErrBadConn)}
}

// convert brings an argument of a native condition into a form that the driver takes.
func (s *session) convert(a args) error {
	c, ok := s.conn.(sqldriver.NamedValueChecker)
	for i := range a {
		var err error
		if ok {
			err = c.CheckNamedValue(&a[i])
		} else {
			a[i].Value, err = sqldriver.DefaultParameterConverter.ConvertValue(a[i].Value)
		}
		if err != nil {
			return &driver.ValueError{Field: "Where", Problem: fmt.Sprintf("argument %d of type %T cannot be bound", i+1, a[i].Value), Err: err}
		}
		if a[i].Value, err = s.dialect.Arg(nil, a[i].Value); err != nil {
			return err
		}
	}
	return nil
}
