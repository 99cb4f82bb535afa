package sqldb

import (
	"context"
	"net"
	"sync"
	"time"
)

// A line is what a connection of the driver was dialed on: its sockets can be closed from outside.
type line struct {
	mu    sync.Mutex
	conns []net.Conn
}

type lineKey struct{}

// Dialer is for the connectors that [Connector] is given, where the client does not return when a
// ctx has ended but waits for its server, which may be gone.
type Dialer struct{ net.Dialer }

// DialContext dials, and remembers the socket for the connection that it is dialed for. A client
// may dial several at once, or one after another.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if l, ok := ctx.Value(lineKey{}).(*line); ok && err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// dialed reports whether there is anything to cut.
func (l *line) dialed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns) > 0
}

// grace is how long after the end of its ctx a statement may take to come back. A server that is
// there confirms within it that it has stopped, and the connection stays in use.
const grace = 500 * time.Millisecond

// watch is one statement's: it cuts the line where the statement is not back in time.
type watch struct {
	line *line
	stop func() bool

	mu    sync.Mutex
	timer *time.Timer
	ended bool // nothing is cut any more
	cut   bool
}

// watch begins to watch ctx. It returns nil where there is nothing to do.
func (l *line) watch(ctx context.Context) *watch {
	if l == nil || ctx.Done() == nil {
		return nil
	}
	w := &watch{line: l}
	w.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.ended {
			w.timer = time.AfterFunc(grace, w.late)
		}
	})
	return w
}

func (w *watch) late() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.cut = true
		w.line.cut()
	}
}

// end reports whether the line was cut. It is not from then on.
func (w *watch) end() bool {
	if w == nil || w.stop() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.timer != nil {
		w.timer.Stop()
	}
	return w.cut
}
