package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"sync"

	"github.com/stillframe/stillframe/internal/backend"
)

// Connector makes the connections of a pool of ours. Each carries its own session with its prepared
// statements, so that they go with it. statements is the capacity of each statement cache.
func Connector(inner sqldriver.Connector, d Dialect, statements int) sqldriver.Connector {
	facts := d.Facts()
	return &connector{inner, d, &facts, statements}
}

type connector struct {
	sqldriver.Connector
	dialect    Dialect
	facts      *Facts
	statements int
}

// Connect implements [sqldriver.Connector]. It ends with ctx, whatever the client waits for: a client that
// logs in to a server that says nothing is ended by closing what it has dialed.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	w := &watchedConn{}
	stop := context.AfterFunc(ctx, w.closeSockets)
	inner, err := c.Connector.Connect(context.WithValue(ctx, watchedConnKey{}, w))
	if !stop() && w.hasSockets() {
		if err == nil {
			_ = inner.Close()
		}
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	full, ok := inner.(fullConn)
	if !ok {
		return inner, nil
	}
	s := newSession(full, c.dialect, c.facts, c.statements)
	if w.hasSockets() {
		s.watched = w
	}
	return &sessionConn{full, s}, nil
}

// fullConn is a connection that can do what database/sql looks for.
type fullConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.NamedValueChecker
	sqldriver.Pinger
	sqldriver.SessionResetter
	sqldriver.Validator
}

// sessionConn is a connection with its session.
type sessionConn struct {
	fullConn
	session *session
}

// ExecContext implements [sqldriver.ExecerContext].
func (c *sessionConn) ExecContext(
	ctx context.Context, text string, a []sqldriver.NamedValue,
) (sqldriver.Result, error) {
	if execer, ok := c.fullConn.(sqldriver.ExecerContext); ok {
		return execer.ExecContext(ctx, text, a)
	}
	return nil, sqldriver.ErrSkip
}

// QueryContext implements [sqldriver.QueryerContext].
func (c *sessionConn) QueryContext(
	ctx context.Context, text string, a []sqldriver.NamedValue,
) (sqldriver.Rows, error) {
	if queryer, ok := c.fullConn.(sqldriver.QueryerContext); ok {
		return queryer.QueryContext(ctx, text, a)
	}
	return nil, sqldriver.ErrSkip
}

// sessions finds the session of a connection. A connection of our own carries it; those of a caller's pool
// are remembered here. Without that each call on a caller's pool would prepare its statement anew, for two
// round trips instead of one: a Get from a local MariaDB took 140 µs then, and 54 µs now.
//
// Nobody tells us when a caller's pool drops a connection. So when many more are known than the pool has
// open, the ones that were used longest ago are forgotten; else each dropped connection, and what its
// client has allocated, would stay in memory for the life of the program.
type sessions struct {
	db         *sql.DB
	dialect    Dialect
	facts      *Facts
	statements int

	mu    sync.Mutex
	known map[sqldriver.Conn]*knownSession
	clock int64 // counts the uses
}

// knownSession is the session of a connection of a caller's pool.
type knownSession struct {
	session *session
	used    int64 // when, by the clock
}

// spareSessions is how many sessions more than twice the pool's connections are remembered. It keeps
// forgetOld, which sorts, from running at every new connection.
const spareSessions = 8

// of returns the session of a connection, a new one where the connection is not known. It is called with
// each request, by whoever holds the connection.
func (s *sessions) of(conn any) *session {
	if own, ok := conn.(*sessionConn); ok {
		return own.session
	}
	c := conn.(sqldriver.Conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	k := s.known[c]
	if k == nil {
		if s.known == nil {
			s.known = make(map[sqldriver.Conn]*knownSession)
		}
		s.forgetOld()
		k = &knownSession{session: newSession(c, s.dialect, s.facts, s.statements)}
		s.known[c] = k
	}
	k.used = s.clock
	return k.session
}

// forgetOld drops the sessions that were used longest ago, down to the number of connections that the pool
// has open. It is called before a session is added. A connection that is still open and is forgotten all
// the same gets a new session with its next use, and its statements are prepared again.
func (s *sessions) forgetOld() {
	open := s.db.Stats().OpenConnections
	if len(s.known) < 2*open+spareSessions {
		return
	}
	var times []int64
	for _, k := range s.known {
		times = append(times, k.used)
	}
	slices.Sort(times)
	oldest := times[len(times)-open]
	for c, k := range s.known {
		if k.used < oldest {
			delete(s.known, c)
		}
	}
}

// mostConnections is how many connections are tried for a statement that could not be sent, as
// database/sql does itself: the first ones may have died while they were idle.
const mostConnections = 3

// acquire takes a connection of the pool for fn, and returns it when fn has succeeded: the caller closes it,
// or keeps it for a transaction. Where fn could not send anything, as the client says by ErrBadConn, it
// takes another one, since connections that died while they were idle are met only when they are used.
// database/sql does the same, but only for its own statements.
func (d *Database) acquire(ctx context.Context, fn func(s *session) error) (*sql.Conn, error) {
	for n := 1; ; n++ {
		conn, err := d.db.Conn(ctx)
		if err != nil {
			return nil, backend.Unsent(err)
		}
		_ = conn.Raw(func(raw any) error {
			s := d.sessions.of(raw)
			s.isBroken, s.isAlone = false, true
			if err = fn(s); s.isBroken {
				return sqldriver.ErrBadConn // database/sql discards it
			}
			return nil
		})
		if err == nil {
			return conn, nil
		}
		_ = conn.Close()
		if n == mostConnections || !errors.Is(err, sqldriver.ErrBadConn) || ctx.Err() != nil {
			return nil, err
		}
	}
}
