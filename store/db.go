package store

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/turns"
)

// DB is one open database. A backend's Open makes it. It is safe for concurrent use.
type DB struct {
	driver  driver.Database
	info    Info
	options Options
	seals   cursorSeals
	closed  atomic.Bool

	once onces
	gate *turns.Gate

	listeners listeners // those who have called OnWrite

	// inFunction holds the goroutines that run the function of an Atomic or View, and how many.
	inFunction sync.Map
}

// New makes a DB of a backend; a backend's Open calls it, and so does a program that brings a
// backend of its own. The DB owns d from then on and closes it. A nil o means defaults. A nil d is
// ErrInvalid, and so is a key in o that is too short, after which d is closed.
func New(d driver.Database, o *Options) (*DB, error) {
	if d == nil {
		return nil, &Error{Op: "open", Err: invalidf("the backend is nil")}
	}
	db := &DB{driver: d, info: d.Info(), gate: turns.New()}
	if o != nil {
		db.options = *o
	}
	var err error
	if db.seals, err = newCursorSeals(db.options.CursorKey, db.options.OldCursorKeys); err != nil {
		_ = d.Close()
		return nil, &Error{Op: "open", Err: err}
	}
	if db.options.MostRows < 0 {
		_ = d.Close()
		return nil, &Error{Op: "open", Err: negative("Options.MostRows", db.options.MostRows)}
	}
	if db.options.Now == nil {
		db.options.Now = time.Now
	}
	if db.info.TimePrecision <= 0 {
		db.info.TimePrecision = time.Nanosecond
	}
	if db.info.MaxKeys <= 0 {
		db.info.MaxKeys = math.MaxInt
	}
	return db, nil
}

// Info returns what the database is and what it can do. It does no I/O.
func (db *DB) Info() Info { return db.info }

// Driver returns the backend. It is for the backends' own functions, such as those that give out
// a native handle; a program has no use for it.
func (db *DB) Driver() driver.Database { return db.driver }

func (db *DB) now() time.Time {
	return db.options.Now().UTC().Round(0)
}

// OnWrite has fn called after each write of this DB that has happened, or may have: after the request outside a Tx,
// after the commit in one, on the goroutine of the call and before it returns. It tells of this DB's own writes alone,
// and of those in an Atomic only when the commit is known or unknown, never when it failed. Writes of several
// goroutines may be told in another order than that of their versions: take the greatest.
//
// fn must be safe for concurrent use, and must neither block nor call back into the DB: it is for setting a flag by
// which somebody else reads. stop ends it; calls of fn that run may still return after it. While nobody listens, a
// write costs one atomic load more.
func (db *DB) OnWrite(fn func(Written)) (stop func()) {
	if fn == nil {
		return func() {}
	}
	return db.listeners.add(fn)
}

// Close frees what the backend's Open acquired, and nothing that the caller owns. Every later call
// on the DB, on its repositories and in its transactions returns ErrClosed; a second Close
// returns nil. Calls that run while Close is called may fail with any error.
func (db *DB) Close() error {
	if db.closed.Swap(true) {
		return nil
	}
	if err := db.driver.Close(); err != nil {
		return (&call{db: db, op: "close"}).fault(context.Background(), err)
	}
	return nil
}

// checkOpen returns ErrClosed after Close.
func (db *DB) checkOpen() error {
	if db.closed.Load() {
		return ErrClosed
	}
	return nil
}
