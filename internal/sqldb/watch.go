package sqldb

import (
	"context"
	"net"
	"sync"
	"time"
)

// watchedConn is what a connection of the client was dialed on: sockets that can be closed while the
// client waits for them. A client that hears of no ctx, or waits for a server that says nothing, is ended
// so.
type watchedConn struct {
	grace time.Duration

	mu       sync.Mutex
	sockets  []net.Conn
	isClosed bool
	request  uint64 // the number of the request that is on its way, or of none
}

// watchedConnKey is the key of the context value by which [Dialer] finds the connection that it dials for.
type watchedConnKey struct{}

// Dialer is for the connectors that [Connector] is given. A request on what it has dialed ends with its
// ctx, whatever its server does, because its sockets are closed.
type Dialer struct {
	net.Dialer
	// Grace is how long after the end of its ctx a request may take to come back, with a client that tells
	// its server to stop: a server that is there confirms that it has, and the connection stays in use.
	// Where it is zero the client is given no ctx that ends, and so needs no goroutine to wait for that.
	Grace time.Duration
}

// DialContext dials, and remembers the socket for the connection that it is dialed for. A client may dial
// several at once, or one after another: the one that comes last may come while the connection is in use.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	socket, err := d.Dialer.DialContext(ctx, network, address)
	if c, ok := ctx.Value(watchedConnKey{}).(*watchedConn); ok && err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.sockets) == 0 { // grace is read without the lock once the connection is in use
			c.grace = d.Grace
		}
		c.sockets = append(c.sockets, socket)
	}
	return socket, err
}

// closeSockets closes the sockets of a connection that is being made.
func (c *watchedConn) closeSockets() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeAll()
}

// closeAll is for holders of the lock.
func (c *watchedConn) closeAll() {
	for _, s := range c.sockets {
		_ = s.Close()
	}
}

// hasSockets reports whether [Dialer] has dialed for the connection.
func (c *watchedConn) hasSockets() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets) > 0
}

// clientCtx is the ctx that the client is given for a request.
func (c *watchedConn) clientCtx(ctx context.Context) context.Context {
	if c != nil && c.grace == 0 {
		return context.Background()
	}
	return ctx
}

// begin watches ctx for one request of session.run: where ctx ends first, and grace after it, the sockets
// are closed. It returns what finish takes, nil where there is nothing to watch. Without it a call would wait
// for a server that says nothing for as long as the client does, which may be for ever. The requests have
// numbers, by which what one of them has set going is told from the next one.
func (c *watchedConn) begin(ctx context.Context) (stop func() bool) {
	if c == nil || ctx.Done() == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request++
	number := c.request
	return context.AfterFunc(ctx, func() {
		if c.grace > 0 {
			time.AfterFunc(c.grace, func() { c.closeDuring(number) })
			return
		}
		c.closeDuring(number)
	})
}

// closeDuring closes the sockets, unless the request with the number is back: the connection may be
// another's by then.
func (c *watchedConn) closeDuring(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if number == c.request {
		c.isClosed = true
		c.closeAll()
	}
}

// finish ends the watch of a request that is back, and reports whether the sockets are closed. What begin
// has set going closes nothing afterwards.
func (c *watchedConn) finish(stop func() bool) (isClosed bool) {
	if stop == nil || stop() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request++
	return c.isClosed
}
