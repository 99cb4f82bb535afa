package sqlserver

import (
	"time"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
)

// Options configure [Open] and [New]. The zero value is the default.
type Options struct {
	// Store holds what is the same for every backend. Defaults to the zero [store.Options].
	Store store.Options

	// LockTimeout bounds each wait of a statement for a lock, at the server, and so how long a
	// statement whose caller is gone can still land. It is rounded up to whole milliseconds and
	// should stay below store.TxOptions.RunTimeout. Defaults to 3 s.
	LockTimeout time.Duration

	// Connections is the most connections that Open's pool has at a time, idle ones among them.
	// New leaves the pool's own setting as it is. Defaults to 32.
	Connections int

	// ConnectionLifetime is how old a connection of Open's pool becomes; it lets connections
	// move after a failover. New leaves the pool's own setting as it is. Defaults to 3 min.
	ConnectionLifetime time.Duration
}

// withDefaults returns a copy of the options in which what was left at zero has its default. One below zero is
// an ErrInvalid that names it: taken for a default, it would hide a mistake in a computation.
func (o *Options) withDefaults() (Options, error) {
	v := backend.Options(o)
	switch {
	case v.LockTimeout < 0:
		return v, backend.Negative("Options.LockTimeout", v.LockTimeout)
	case v.Connections < 0:
		return v, backend.Negative("Options.Connections", v.Connections)
	case v.ConnectionLifetime < 0:
		return v, backend.Negative("Options.ConnectionLifetime", v.ConnectionLifetime)
	}
	v.LockTimeout = backend.OrDefault(v.LockTimeout, 3*time.Second)
	v.Connections = backend.OrDefault(v.Connections, 32)
	v.ConnectionLifetime = backend.OrDefault(v.ConnectionLifetime, 3*time.Minute)
	return v, nil
}
