package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// session is one connection of the client with what is kept for it. It belongs to whoever holds the
// connection.
type session struct {
	conn     sqldriver.Conn
	dialect  Dialect
	facts    *Facts
	cache    *statementCache
	watched  *watchedConn // nil where the client returns by itself when a ctx has ended
	isAlone  bool         // each statement is a transaction of its own
	isBroken bool         // an error has left the connection, or its transaction, in an unknown state
}

func newSession(conn sqldriver.Conn, d Dialect, f *Facts, statements int) *session {
	return &session{conn: conn, dialect: d, facts: f, cache: newStatementCache(statements)}
}

// run sends a request and reads its answer. Everything that is sent on a connection comes through it, but for
// raw work. each is called for each row, until it fails, and is nil where the statement gives no rows.
//
// It returns soon after ctx has ended, if need be by closing the connection's sockets, and nothing of the
// answer is left on the connection then. Its error is a [backend.Failure] that says whether the request was
// sent, an [answerError], or the [driver.ValueError] of a native condition that does not fit its arguments.
func (s *session) run(ctx context.Context, q *request, each rowFunc) error {
	if err := ctx.Err(); err != nil {
		return backend.Unsent(err)
	}
	stop := s.watched.begin(ctx)
	err := s.send(s.watched.clientCtx(ctx), q, each)
	if !s.watched.finish(stop) {
		return err
	}
	s.isBroken = true
	if err == nil {
		return nil
	}
	isSent := true
	if f, ok := err.(*backend.Failure); ok {
		isSent = f.Sent
	}
	return &backend.Failure{Err: ctx.Err(), Sent: isSent}
}

// send prepares a request and executes it, once more where the server no longer knows what was prepared: a
// proxy has moved the connection to another server, or a table was altered. It is the middle of run, and
// notes what an error means for the connection.
func (s *session) send(ctx context.Context, q *request, each rowFunc) error {
	for again := false; ; again = true {
		stmt, err := s.prepare(ctx, q)
		if err != nil {
			return s.failure(err, false)
		}
		err = q.execute(ctx, s.conn, stmt, each)
		if stmt != nil && q.preparation != cached {
			_ = stmt.Close()
		}
		if err == nil {
			return nil
		}
		if again || !s.dialect.IsUnknownStatement(err) {
			return s.failure(err, true)
		}
		s.cache.remove(cacheKey{q.text, s.isAlone})
	}
}

// prepare returns the prepared statement of a request for send, nil where the text itself is sent. Where the
// server holds too many statements, those of this connection are closed, and it is tried again: without
// that, one connection with a full cache would keep another from working at all. The client's own count of
// parameters is compared with the arguments here, since what a client does about a difference is not the
// same everywhere.
func (s *session) prepare(ctx context.Context, q *request) (sqldriver.Stmt, error) {
	key, text, cost := cacheKey{q.text, s.isAlone}, q.text, costOf(q.text, len(q.args))
	if q.preparation == cached && cost > mostCostOfOne {
		q.preparation = uncached
	}
	switch q.preparation {
	case cached:
		if stmt := s.cache.get(key); stmt != nil {
			return stmt, nil
		}
		s.cache.makeRoom(cost)
	case unprepared:
		if _, ok := s.conn.(sqldriver.ExecerContext); ok {
			return nil, nil
		}
	}
	if s.isAlone && q.preparation != unprepared {
		text = s.facts.Texts.Alone + text
	}
	conn := preparer(s.conn)
	stmt, err := prepareGuarded(ctx, conn, text)
	if err != nil && s.dialect.IsStatementLimit(err) {
		s.cache.clear()
		stmt, err = prepareGuarded(ctx, conn, text)
	}
	if err != nil {
		return nil, err
	}
	if n := stmt.NumInput(); n >= 0 && n != len(q.args) {
		_ = stmt.Close()
		n = max(n-len(q.args), len(q.args)-n)
		problem := fmt.Sprintf("the native condition has %d arguments too many or too few", n)
		return nil, &driver.ValueError{Field: "Where", Problem: problem}
	}
	if q.preparation == cached {
		s.cache.add(key, stmt, cost)
	}
	return stmt, nil
}

// preparer is a connection as one that takes a ctx for preparing, which not every client has.
func preparer(conn sqldriver.Conn) sqldriver.ConnPrepareContext {
	if c, ok := conn.(sqldriver.ConnPrepareContext); ok {
		return c
	}
	return plainConn{conn}
}

// plainConn is a connection of a client that prepares without a ctx.
type plainConn struct{ sqldriver.Conn }

func (c plainConn) PrepareContext(_ context.Context, text string) (sqldriver.Stmt, error) {
	return c.Prepare(text)
}

// failure notes what an error means for the connection, and returns it as the failure of a request. isSent
// tells the request itself from that which prepared it, after which no write can have happened.
func (s *session) failure(err error, isSent bool) error {
	if errors.Is(err, errShortRow) {
		s.isBroken = true
	}
	switch err.(type) {
	case *answerError, *driver.ValueError:
		return err
	}
	if s.dialect.IsStatementError(err) {
		return &backend.Failure{Err: err}
	}
	s.isBroken = true
	return &backend.Failure{Err: err, Sent: isSent && !errors.Is(err, sqldriver.ErrBadConn)}
}

// convert brings the arguments of a native condition, which may be of any type, into forms that the client
// takes. runBuilt calls it: what [driver.Field.Encode] gives needs no converting.
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
			problem := fmt.Sprintf("argument %d of type %T cannot be bound", i+1, a[i].Value)
			return &driver.ValueError{Field: "Where", Problem: problem, Err: err}
		}
		if a[i].Value, err = s.dialect.Arg(nil, a[i].Value); err != nil {
			return err
		}
	}
	return nil
}
