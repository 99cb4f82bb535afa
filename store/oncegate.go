package store

import (
	"context"
	"sync"
)

// onces is what a DB knows of the calls of Once.
type onces struct {
	mu    sync.Mutex
	gates map[onceKey]*onceGate
	// receipts is the repository that Receipts returns, nil until it is asked for. It is an any since the files of
	// DB need nothing of repositories.
	receipts any
}

// onceKey names what happens once: a key among the receipts of one table.
type onceKey struct{ table, key string }

// onceGate is passed by one call of a key at a time.
type onceGate struct {
	turn  chan struct{} // holds one token, which the call that works has taken
	users int           // the calls that wait or work; guarded by onces.mu
}

// enter waits until no other call of the key works in this process, and returns what ends this one's turn. Without
// it each of them would hold a connection and wait at the database for the first: a dozen calls of one key would
// leave nothing of a pool for those with other keys.
func (o *onces) enter(ctx context.Context, key onceKey) (leave func(), err error) {
	o.mu.Lock()
	g := o.gates[key]
	if g == nil {
		if o.gates == nil {
			o.gates = make(map[onceKey]*onceGate)
		}
		g = &onceGate{turn: make(chan struct{}, 1)}
		g.turn <- struct{}{}
		o.gates[key] = g
	}
	g.users++
	o.mu.Unlock()
	select {
	case <-g.turn:
		return func() { g.turn <- struct{}{}; o.forget(key, g) }, nil
	case <-ctx.Done():
		o.forget(key, g)
		return nil, ctx.Err()
	}
}

// forget counts a call out. The gate goes with its last one.
func (o *onces) forget(key onceKey, g *onceGate) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(o.gates, key)
	}
}
