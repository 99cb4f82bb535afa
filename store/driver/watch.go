package driver

import "context"

// Watcher is implemented by a [Collection] whose database tells of writes, whoever makes them. It is called only where
// Info.Changes says that it works.
type Watcher interface {
	// Watch tells of every write until ctx ends, and then returns. It needs no connection of those that
	// the other methods use. When the stream breaks, at an election or because a cursor was killed, it goes on where it
	// was; a server that is away it waits for. It returns early only with an error that trying again would not
	// mend, such as a privilege that is missing.
	Watch(ctx context.Context, p *WatchParams) error
}

// WatchParams are the parameters of [Watcher.Watch]. Both functions return at once, and are called by one goroutine at
// a time.
type WatchParams struct {
	// All is called once when the stream stands: every write that is acknowledged from then on is told. It is called
	// again whenever writes may have been missed, and when the table itself was dropped or renamed.
	All func()
	// Wrote is called with the keys, of the type of Spec.Key, of rows that were written or removed. A key may be told
	// more often than it was written.
	Wrote func(keys []any)
}
