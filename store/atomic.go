package store

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// Atomic runs fn in a transaction, which commits if and only if fn returned nil and no operation
// in it failed.
//
// Repositories work in it through [Repository.In], with the ctx that fn is given. ErrNotFound,
// ErrConflict and an ErrInvalid that was found before anything was sent are answers, after which
// the Tx goes on. Every other error dooms it: later calls return ErrTxDone, and Atomic returns
// that first error even when fn returned nil.
//
// fn runs again, from its start and in a new transaction, after a deadlock, a write conflict, a
// transient failure, a request that the end of its run (TxOptions.RunTimeout) cut short, or a
// conflict on an entity that this Tx itself had read. So it must not change anything outside but
// through the Tx and [Tx.OnCommit]. Entities that were handed to a call by pointer get back the
// key, version and times that they had before, and after Reload their whole value, before each new
// run and whenever Atomic does not return nil. The runs are bounded by TxOptions.
//
// When fn returns an error, panics or calls runtime.Goexit, the transaction is rolled back and
// nothing happened; the error is returned as it is. When the answer to the commit does not arrive,
// the error is ErrUnknownOutcome and fn is not run again.
//
// An entity that was only read may change before the commit. A decision that rests on it must
// write it too, with Modify or Touch. Several reads are of several moments, except on a backend
// whose Info says SnapshotTx; use [DB.View] for sums.
//
// A ctx that already belongs to a Tx of this database is ErrInvalid: transactions do not nest. A
// backend without transactions answers ErrUnsupported before any I/O. A nil o means defaults.
func (db *DB) Atomic(ctx context.Context, o *TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	return db.transact(ctx, &call{db: db, op: "atomic", mayWrite: true}, o, fn)
}

// View runs fn in a read-only transaction, whose reads are all of one moment: that of the first.
// A write in it is ErrInvalid before any I/O. Like that of Atomic, fn may run more than once. Keep
// it short: a server must keep old rows for as long as it runs.
//
// A backend without such transactions answers ErrUnsupported before any I/O. A nil o means
// defaults.
func (db *DB) View(ctx context.Context, o *TxOptions, fn func(ctx context.Context, tx *Tx) error) error {
	return db.transact(ctx, &call{db: db, op: "view"}, o, fn)
}

func (db *DB) transact(ctx context.Context, c *call, o *TxOptions, fn func(context.Context, *Tx) error) error {
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned { // the caller's function panicked or called Goexit
			c.end(ctx, explain(ErrTransient, "the function did not return"))
		}
	}()
	var committed *Tx
	err = c.runs(ctx, o, fn, &committed)
	returned = true
	if err = c.end(ctx, err); err != nil {
		return err
	}
	for _, hook := range committed.onCommit {
		hook()
	}
	return nil
}

func (c *call) runs(ctx context.Context, options *TxOptions, fn func(context.Context, *Tx) error, committed **Tx) error {
	o, err := options.withDefaults()
	if err != nil {
		return err
	}
	if fn == nil {
		return invalidf("the function is nil")
	}
	info := c.db.info
	if c.mayWrite && !info.Transactions {
		return explain(ErrUnsupported, "%s has no transactions", info.Server)
	}
	if !c.mayWrite && !info.Views {
		if info.NoViews != "" {
			return explain(ErrUnsupported, "%s has no transactions of one moment: %s", info.Server, info.NoViews)
		}
		return explain(ErrUnsupported, "%s has no transactions of one moment", info.Server)
	}
	if c.db.options.Rehearse {
		if err := c.rehearse(ctx, o, fn); err != nil {
			return err
		}
	}
	last := time.Now().Add(o.Timeout)
	return retry(ctx, c, bounds{o.Timeout, math.MaxInt}, func(n int) error {
		deadline := time.Now().Add(o.RunTimeout)
		if deadline.After(last) {
			deadline = last
		}
		tx, err := c.run(ctx, n, o, deadline, fn)
		*committed = tx
		if a, ok := err.(*again); ok {
			c.tellContention(ctx, a.err)
		}
		return err
	})
}

var errRehearsed = errors.New("the run was a rehearsal")

// rehearse runs the function once and rolls back, whatever it returned. That two goroutines used
// the Tx is reported all the same: the next run may be lucky.
func (c *call) rehearse(ctx context.Context, o TxOptions, fn func(context.Context, *Tx) error) error {
	_, err := c.run(ctx, 0, o, time.Now().Add(o.RunTimeout), func(ctx context.Context, tx *Tx) error {
		return errors.Join(fn(ctx, tx), errRehearsed)
	})
	if own, ok := errors.AsType[*callersError](err); ok && errors.Is(own.err, errTwoGoroutines) {
		return errTwoGoroutines
	}
	return nil
}

// run is one run of the function.
func (c *call) run(ctx context.Context, n int, o TxOptions, deadline time.Time, fn func(context.Context, *Tx) error) (*Tx, error) {
	run, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	c.isWriting = false
	d, err := c.db.driver.Begin(run, &driver.BeginParams{View: !c.mayWrite})
	if err != nil {
		fault := c.fault(run, err)
		late := run.Err() != nil && ctx.Err() == nil // it waited for a connection, say
		if late || c.canRerun(run, err) {
			return nil, &again{fault}
		}
		return nil, fault
	}
	tx := &Tx{db: c.db, driver: d, isView: !c.mayWrite, run: n, deadline: deadline}
	returned := false
	defer func() {
		if !returned {
			_ = tx.finish(ctx, run, c, o, cancel, errNotReturned)
		}
	}()
	err = fn(context.WithValue(run, txKey{c.db}, tx), tx)
	returned = true
	return tx, tx.finish(ctx, run, c, o, cancel, err)
}
