package mysql

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
	// statement whose caller is gone can still land. It is rounded up to whole seconds and should
	// stay below store.TxOptions.RunTimeout. New leaves the pool's own setting as it is. Defaults
	// to 3 s.
	LockTimeout time.Duration

	// Connections is the most connections that Open's pool has at a time, idle ones among them.
	// New leaves the pool's own setting as it is. Defaults to 32.
	Connections int

	// ConnectionLifetime is how old a connection of Open's pool becomes: it must be less than the
	// server's wait_timeout, and lets connections move after a failover. New leaves the pool's
	// own setting as it is. Defaults to 3 min.
	ConnectionLifetime time.Duration

	// Statements is the most prepared statements that are kept for each connection. Times the
	// connections of all programs it must stay below the server's max_prepared_stmt_count.
	// Defaults to 128.
	Statements int

	// VersionTriggers makes a trigger part of each table's schema: it moves the version for
	// programs that know no versions, so that their writes are noticed. EnsureSchema creates it,
	// DDL prints it and CheckSchema misses it. Defaults to false.
	VersionTriggers bool
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
	case v.Statements < 0:
		return v, backend.Negative("Options.Statements", v.Statements)
	}
	v.LockTimeout = backend.OrDefault(v.LockTimeout, 3*time.Second)
	v.Connections = backend.OrDefault(v.Connections, 32)
	v.ConnectionLifetime = backend.OrDefault(v.ConnectionLifetime, 3*time.Minute)
	v.Statements = backend.OrDefault(v.Statements, 128)
	return v, nil
}
