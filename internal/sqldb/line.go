package sqldb

import (
	"context"
	"net"
	"sync"
	"time"
)

// A line is what a connection of the driver was dialed on: its sockets can be closed from outside.
type line struct {
	grace time.Duration
	idle  *watch // to be used again; the connection's holder has it

	mu    sync.Mutex
	conns []net.Conn
}

type lineKey struct{}

// Dialer is for the connectors that [Connector] is given. A statement on what it has dialed ends
// with its ctx, whatever its server does, because its sockets are closed.
type Dialer struct {
	net.Dialer
	// Grace is how long after the end of its ctx a statement may take to come back, with a client
	// that tells its server to stop: one that is there confirms that it has, and the connection
	// stays in use. Where it is zero the client is given no ctx that ends, and so needs no goroutine
	// to wait for that.
	Grace time.Duration
}

// DialContext dials, and remembers the socket for the connection that it is dialed for. A client
// may dial several at once, or one after another.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if l, ok := ctx.Value(lineKey{}).(*line); ok && err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.conns) == 0 { // a late one comes while the connection is in use
			l.grace = d.Grace
		}
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

// forClient is the ctx that the client is given for a statement.
func (l *line) forClient(ctx context.Context) context.Context {
	if l != nil && l.grace == 0 {
		return context.Background()
	}
	return ctx
}

// watch is one statement's: it cuts the line where the statement is not back in time.
type watch struct {
	line  *line
	stop  func() bool
	begin func() // w.over, made once

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
	w := l.idle
	if w == nil {
		w = &watch{line: l}
		w.begin = w.over
	}
	l.idle = nil
	w.stop = context.AfterFunc(ctx, w.begin)
	return w
}

// over is called when ctx has ended.
func (w *watch) over() {
	if w.line.grace == 0 {
		w.late()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.timer = time.AfterFunc(w.line.grace, w.late)
	}
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
	if w == nil {
		return false
	}
	stop := w.stop
	w.stop = nil // it holds the ctx
	if stop() {
		w.line.idle = w // nothing of it has run
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
