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

// Connector makes the connections of a pool of ours. Each keeps its own prepared statements, and
// they go with it.
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

// Connect implements [sqldriver.Connector]. It ends with ctx, whatever the client waits for.
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
	return &keepingConn{full, s}, nil
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

// keepingConn is a connection with its session.
type keepingConn struct {
	fullConn
	session *session
}

// ExecContext implements [sqldriver.ExecerContext].
func (c *keepingConn) ExecContext(ctx context.Context, text string, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	if execer, ok := c.fullConn.(sqldriver.ExecerContext); ok {
		return execer.ExecContext(ctx, text, a)
	}
	return nil, sqldriver.ErrSkip
}

// QueryContext implements [sqldriver.QueryerContext].
func (c *keepingConn) QueryContext(ctx context.Context, text string, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if queryer, ok := c.fullConn.(sqldriver.QueryerContext); ok {
		return queryer.QueryContext(ctx, text, a)
	}
	return nil, sqldriver.ErrSkip
}

// sessions finds the session of a connection. Those of a caller's pool are remembered here:
// nobody tells us when that pool drops a connection, so when we know many more than it has open,
// the ones that were used longest ago are forgotten.
type sessions struct {
	db         *sql.DB
	dialect    Dialect
	facts      *Facts
	statements int

	mu    sync.Mutex
	known map[sqldriver.Conn]*known
	clock int64
}

type known struct {
	session *session
	used    int64
}

// spareSessions is how many sessions more than twice the pool's connections are remembered.
const spareSessions = 8

func (s *sessions) of(conn any) *session {
	if own, ok := conn.(*keepingConn); ok {
		return own.session
	}
	c := conn.(sqldriver.Conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	k := s.known[c]
	if k == nil {
		if s.known == nil {
			s.known = make(map[sqldriver.Conn]*known)
		}
		s.forgetOld()
		k = &known{session: newSession(c, s.dialect, s.facts, s.statements)}
		s.known[c] = k
	}
	k.used = s.clock
	return k.session
}

// forgetOld drops the sessions that were used longest ago, down to the number of connections.
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

// acquire takes a connection of the pool for fn. Where fn could not send anything on it, as the client
// says by ErrBadConn, it takes another one. With a nil error the caller has the connection, and closes it.
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
