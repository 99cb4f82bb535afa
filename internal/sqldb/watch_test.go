package sqldb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// deaf is a client that hears of no ctx: it returns when its server says something.
type deaf struct {
	Dialer
	address string
	login   bool                 // the server has to answer before there is a connection
	waits   chan context.Context // gets what the client was given
}

func (d *deaf) Connect(ctx context.Context) (sqldriver.Conn, error) {
	socket, err := d.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	c := &deafConn{Conn: socket, waits: d.waits}
	if d.login {
		return c, c.ask(ctx)
	}
	return c, nil
}

func (d *deaf) Driver() sqldriver.Driver { return nil }

type deafConn struct {
	net.Conn
	waits chan context.Context
}

func (c *deafConn) ask(ctx context.Context) error {
	c.waits <- ctx
	_, err := c.Read(make([]byte, 1))
	return err
}

func (c *deafConn) ExecContext(ctx context.Context, _ string, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	return nil, c.ask(ctx)
}

func (c *deafConn) PrepareContext(context.Context, string) (sqldriver.Stmt, error) {
	return &deafStmt{conn: c}, nil
}

func (c *deafConn) Prepare(string) (sqldriver.Stmt, error)      { return nil, nil }
func (c *deafConn) Begin() (sqldriver.Tx, error)                { return nil, nil }
func (c *deafConn) Ping(context.Context) error                  { return nil }
func (c *deafConn) ResetSession(context.Context) error          { return nil }
func (c *deafConn) IsValid() bool                               { return true }
func (c *deafConn) CheckNamedValue(*sqldriver.NamedValue) error { return nil }
func (c *deafConn) BeginTx(context.Context, sqldriver.TxOptions) (sqldriver.Tx, error) {
	return nil, nil
}

type deafStmt struct {
	sqldriver.Stmt
	conn *deafConn
}

func (s *deafStmt) Close() error  { return nil }
func (s *deafStmt) NumInput() int { return -1 }

func (s *deafStmt) ExecContext(ctx context.Context, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	return nil, s.conn.ask(ctx)
}

// silentDialect takes every error for the line's.
type silentDialect struct{ Dialect }

func (silentDialect) IsStatementError(error) bool   { return false }
func (silentDialect) IsUnknownStatement(error) bool { return false }
func (silentDialect) IsStatementLimit(error) bool   { return false }
func (silentDialect) Facts() Facts {
	return Facts{Texts: Texts{Commit: "COMMIT", Rollback: "ROLLBACK"}}
}
func (silentDialect) Classify(error) (driver.Fault, bool) { return driver.Fault{}, false }
func (silentDialect) EndsTx(error, driver.Fault) bool     { return false }

// TestSilentServer has a server fall silent at each step of a client that would wait for it for
// ever. The end of the ctx ends the call, and closes the socket.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		login bool
		sent  bool
		call  func(ctx context.Context, d *Database) error
	}{
		{name: "Login", login: true, call: func(ctx context.Context, d *Database) error {
			_, err := d.Begin(ctx, &driver.BeginParams{})
			return err
		}},
		{name: "Statement", sent: true, call: func(ctx context.Context, d *Database) error {
			return d.run(ctx, nil, func(s *session) error {
				return s.run(ctx, &request{text: "UPDATE"}, nil)
			})
		}},
		{name: "Commit", sent: true, call: func(ctx context.Context, d *Database) error {
			tx, err := d.Begin(ctx, &driver.BeginParams{})
			require.NoError(t, err)
			return tx.Commit(ctx)
		}},
		{name: "Rollback", sent: true, call: func(ctx context.Context, d *Database) error {
			tx, err := d.Begin(ctx, &driver.BeginParams{})
			require.NoError(t, err)
			return tx.Rollback(ctx)
		}},
	} {
		for name, grace := range map[string]time.Duration{"AtOnce": 0, "AfterGrace": time.Millisecond} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				silent, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				t.Cleanup(func() { _ = silent.Close() })
				ended := make(chan error, 1)
				go func() {
					socket, err := silent.Accept()
					if err == nil {
						_, err = io.Copy(io.Discard, socket) // until the client closes it
					}
					ended <- err
				}()
				client := &deaf{
					Dialer:  Dialer{Grace: grace},
					address: silent.Addr().String(),
					login:   c.login,
					waits:   make(chan context.Context),
				}
				db := sql.OpenDB(Connector(client, silentDialect{}, 1))
				t.Cleanup(func() { _ = db.Close() })
				d := New(Config{DB: db, Dialect: silentDialect{}})
				ctx, cancel := context.WithCancel(t.Context())
				failed := make(chan error)
				go func() { failed <- c.call(ctx, d) }()
				given := <-client.waits
				assert.Equal(
					t,
					c.login || grace > 0,
					given.Done() != nil,
					"only a client that may come back by itself hears of the ctx",
				)
				cancel()
				err = <-failed
				require.ErrorIs(t, err, context.Canceled)
				fault := d.Classify(err)
				assert.Equal(t, driver.Canceled, fault.Class)
				assert.Equal(t, c.sent, fault.Sent)
				require.NoError(t, <-ended)
				assert.Zero(t, db.Stats().OpenConnections)
			})
		}
	}
}

// TestUnsentInTime has a ctx end before its statement can go: it is not sent, and the connection
// stays as it is.
func TestUnsentInTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := session{watched: &watchedConn{}} // nothing can be prepared on it
	err := s.run(ctx, &request{text: "UPDATE"}, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, Classify(err, silentDialect{}.Classify).Sent)
	assert.False(t, s.isBroken)
}

// TestWatchEnds has a statement come back in time: nothing closes its sockets afterwards.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	c := &watchedConn{sockets: []net.Conn{here}, grace: time.Hour}
	ctx, cancel := context.WithCancel(t.Context())
	require.Nil(t, c.begin(context.WithoutCancel(ctx)), "nothing ends this ctx")
	require.False(t, c.finish(c.begin(ctx)))
	stop := c.begin(ctx)
	number := c.request
	cancel()
	require.False(t, c.finish(stop))
	c.closeDuring(number) // as a timer does that fires late
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	stop = c.begin(ctx)
	c.closeDuring(number) // while the next request is on its way
	go func() { _, _ = there.Write([]byte{1}) }()
	_, err := here.Read(make([]byte, 1))
	require.NoError(t, err)
	require.False(t, c.finish(stop))
	var none *watchedConn
	require.False(t, none.finish(none.begin(ctx)))
}

// TestLateDial has a client's second dial come back when the connection is in use already. It is for
// the race detector.
func TestLateDial(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	d := &Dialer{Grace: time.Hour}
	c := &watchedConn{}
	ctx := context.WithValue(t.Context(), watchedConnKey{}, c)
	_, err = d.DialContext(ctx, "tcp", server.Addr().String())
	require.NoError(t, err)
	t.Cleanup(c.closeSockets)
	require.True(t, c.hasSockets())
	late := make(chan error)
	go func() {
		_, err := d.DialContext(ctx, "tcp", server.Addr().String())
		late <- err
	}()
	require.Equal(t, ctx, c.clientCtx(ctx))
	require.NoError(t, <-late)
}
