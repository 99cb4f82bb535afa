// Package intercept stands between package store and a backend and lets a hook see, delay, change
// or break each call. The conformance suite counts I/O and injects faults with it, and its own
// tests make broken backends of a right one.
package intercept

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// The operations of a [Call].
const (
	Begin    = "begin"
	Commit   = "commit"
	Rollback = "rollback"
	Get      = "get"
	Find     = "find"
	Count    = "count"
	Version  = "version"
	Insert   = "insert"
	Update   = "update"
	Delete   = "delete"
	Schema   = "schema"
	Copy     = "copy"

	// Those of driver.Bulk.
	Versions   = "versions"
	UpdateMany = "update many"
	DeleteMany = "delete many"

	// That of driver.Watcher.
	Watch = "watch"
)

// CopyParams are the parameters of Copy, which does no I/O.
type CopyParams struct{ Dst, Src driver.Record }

// Call is one call of package store on the backend.
type Call struct {
	// Op is one of the constants above.
	Op string
	// Spec is what the call's collection was made of; nil for begin, commit and rollback.
	Spec *driver.Spec
	// Collection is the backend's own collection, for calls of the hook's own; nil where Spec is.
	Collection driver.Collection
	// Tx is the backend's own transaction, nil outside one and for begin.
	Tx driver.Tx
	// Params points at the call's parameters, which the hook may change before next. Tx in them is
	// the backend's own. It is nil for commit and rollback.
	Params any
	// Result points at the call's result, which next fills and the hook may change. It is a
	// *driver.GetResult, *driver.FindResult, *int64 for count, *driver.VersionResult,
	// *driver.InsertResult, *driver.WriteResult or *driver.SchemaResult, and nil for the others.
	Result any
}

// Write reports whether the call writes rows.
func (c *Call) Write() bool {
	switch c.Op {
	case Insert, Update, Delete, UpdateMany, DeleteMany:
		return true
	}
	return false
}

// Next makes a call on the backend.
type Next = func(context.Context) error

// Hook is called in place of each call. It makes the call itself by next, at most once, and returns
// what package store gets as the error. It must be safe for concurrent use.
type Hook func(ctx context.Context, c *Call, next Next) error

// Pass is the hook that only makes the call.
func Pass(ctx context.Context, _ *Call, next Next) error { return next(ctx) }

// Error is an error that a hook makes up. Classify answers its Fault.
type Error struct{ Fault driver.Fault }

// Error returns a text that is no sentinel's.
func (e *Error) Error() string { return fmt.Sprintf("injected fault of class %d", e.Fault.Class) }

// Database is a backend behind a hook. Close does nothing: the backend's owner closes it.
type Database struct {
	driver.Database
	hook Hook
	info func(driver.Info) driver.Info
}

var _ driver.Database = (*Database)(nil)

// New puts hook before d.
func New(d driver.Database, hook Hook) *Database {
	return &Database{Database: d, hook: hook}
}

// ClaimInfo makes the database claim what change makes of its Info.
func (d *Database) ClaimInfo(change func(driver.Info) driver.Info) { d.info = change }

// Info implements [driver.Database].
func (d *Database) Info() driver.Info {
	info := d.Database.Info()
	if d.info != nil {
		info = d.info(info)
	}
	return info
}

// Resolve implements [driver.Database].
func (d *Database) Resolve(f reflect.StructField) driver.Naming { return d.Database.Resolve(f) }

// Close implements [driver.Database].
func (d *Database) Close() error { return nil }

// Classify implements [driver.Database].
func (d *Database) Classify(err error) driver.Fault {
	if injected, ok := errors.AsType[*Error](err); ok {
		return injected.Fault
	}
	return d.Database.Classify(err)
}

// Begin implements [driver.Database].
func (d *Database) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	params := *p
	var inner driver.Tx
	err := d.hook(ctx, &Call{Op: Begin, Params: &params}, func(ctx context.Context) error {
		var err error
		inner, err = d.Database.Begin(ctx, &params)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &tx{d, inner}, nil
}

// Collection implements [driver.Database].
func (d *Database) Collection(spec *driver.Spec) (driver.Collection, error) {
	inner, err := d.Database.Collection(spec)
	if err != nil {
		return nil, err
	}
	c := collection{Collection: inner, spec: spec, hook: d.hook}
	b, isBulk := inner.(driver.Bulk)
	w, isWatcher := inner.(driver.Watcher)
	switch {
	case isBulk && isWatcher:
		return &struct {
			bulk
			watcher
		}{bulk{c, b}, watcher{&c, w}}, nil
	case isBulk:
		return &bulk{c, b}, nil
	case isWatcher:
		return &struct {
			collection
			watcher
		}{c, watcher{&c, w}}, nil
	}
	return &c, nil
}

type tx struct {
	database *Database
	inner    driver.Tx
}

var _ driver.Tx = (*tx)(nil)

func (t *tx) Commit(ctx context.Context) error {
	return t.database.hook(ctx, &Call{Op: Commit, Tx: t.inner}, t.inner.Commit)
}

func (t *tx) Rollback(ctx context.Context) error {
	return t.database.hook(ctx, &Call{Op: Rollback, Tx: t.inner}, t.inner.Rollback)
}

func unwrap(t driver.Tx) driver.Tx {
	if own, ok := t.(*tx); ok {
		return own.inner
	}
	return t
}
