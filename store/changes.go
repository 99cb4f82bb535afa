package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Changes are what [Repository.Changes] tells.
type Changes[K comparable] struct {
	// Keys are those of entities that were written or removed, by whomever. One may be told more than once.
	Keys []K
	// All says that any entity may have been written: the stream has just begun, or it has missed writes.
	All bool
}

// Changes calls fn for what anybody writes to the table or collection, in this process or another, until ctx ends: its
// error is then that of ctx. The first call has All set and means that the stream stands; every write that is
// acknowledged after it is told. What is told is that something was written, not what: read the entity to know.
// Package refresh does that, and is what a program uses.
//
// fn must not block, and is called by one goroutine at a time. The stream outlives elections, killed cursors and
// servers that are away for a while. Where Info.Changes is false it is ErrUnsupported; any other error means that
// trying again would not help, such as a privilege that is missing. It does not belong into a Tx: that is ErrInvalid.
func (r *Repository[T, K]) Changes(ctx context.Context, fn func(Changes[K])) error {
	c := r.call("changes", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, changes(ctx, c, fn))
}

// changes is Changes between its call's start and end.
func changes[K comparable](ctx context.Context, c *call, fn func(Changes[K])) error {
	watcher, ok := c.repo.collection.(driver.Watcher)
	switch {
	case fn == nil:
		return invalidf("the function is nil")
	case c.tx != nil:
		return invalidf("a transaction cannot wait for the writes of others")
	case !ok || !c.db.info.Changes:
		return explain(ErrUnsupported, "%s tells of no writes", c.db.info.Server)
	}
	if _, err := c.enter(ctx); err != nil {
		return err
	}
	err := watcher.Watch(ctx, &driver.WatchParams{
		All: func() { fn(Changes[K]{All: true}) },
		Wrote: func(keys []any) {
			told := Changes[K]{Keys: make([]K, len(keys))}
			for i, key := range keys {
				told.Keys[i] = key.(K)
			}
			fn(told)
		},
	})
	if err == nil {
		err = ctx.Err()
	}
	return c.leave(ctx, err)
}
