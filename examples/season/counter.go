package main

import (
	"context"
	"sync/atomic"

	"github.com/stillframe/stillframe/store"
)

// A counter is a [store.Observer] that counts what the library does by itself: how often a call met
// another's write, and how often it started again. One counter may watch several databases.
type counter struct {
	conflicts, retries atomic.Int64
}

var _ store.Observer = (*counter)(nil)

// CallStart implements [store.Observer].
func (*counter) CallStart(ctx context.Context, _ store.Call) context.Context { return ctx }

// CallEnd implements [store.Observer].
func (*counter) CallEnd(context.Context, store.Call, error) {}

// Conflict implements [store.Observer].
func (c *counter) Conflict(context.Context, store.Call, error) { c.conflicts.Add(1) }

// Retry implements [store.Observer].
func (c *counter) Retry(context.Context, store.Call, int, error) { c.retries.Add(1) }
