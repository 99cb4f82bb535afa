package store

import (
	"context"
	"errors"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// The words of the core, each of which means one thing in this package.
//
//	entity     a value of the user's struct type; a copy of one row as it was at one moment
//	record     an entity without its type, as a driver is given it
//	key        what names one entity in its table
//	version    the number by which a write tells whether the stored row is still that of a copy
//	identity   of an entity: its key, its version and the time of its reading
//	call       one running call of a user: a Get, a Modify, an Atomic with all that it runs
//	request    one trip of a call to the backend, between enter and leave
//	attempt    one try of a call that may be made again: read, change, write
//	run        one execution of the function of an Atomic or View, in a transaction of its own
//	rehearsal  a run, or a change by Modify's function, that is thrown away (Options.Rehearse)
//	fault      what an error of the backend means (driver.Fault, and what fault.go makes of it)
//	refused    of a value: the database, or the mapping before it, does not take it (driver.Refused)
//	outcome    what became of a write on a version (driver.Outcome, and the table in outcome.go)
//	conflict   a write found another version than its copy has: an ErrConflict
//	contention a conflict, or a deadlock, lock timeout or write conflict that the server reports
//	again      the marker of an attempt that wrote nothing and may be made again
//	doomed     a Tx in which a request has failed, or has shown that it decides on an old state: it will be
//	           rolled back, whatever its function does
//	late       past the deadline of the run, which is the Tx's and not the caller's
//	undo       the steps that put entities back as they were, because nothing was committed
//	current    a read of the newest committed state, where a Tx else reads from one moment

// call is one running call of a user, on a repository or on the DB itself. One goroutine has it.
//
// Its life: start, then requests, each between enter and leave, then end. Whatever happens between,
// the verbs return through end, which wraps an error as one that names the call, and tells the observer. Code of the
// user's runs in the middle of it (codecs, native conditions, hooks, Validate), and may panic or call
// Goexit: so abandon is deferred after each enter, and endUnreturned after each start.
type call struct {
	db       *DB
	repo     *repo // nil for a call on the DB
	tx       *Tx   // nil outside a Tx
	op       string
	key      any  // nil when there is none
	mayWrite bool // false for a verb that only reads

	isWriting bool               // the request that was sent last is a write
	isInside  bool               // between enter and leave
	isEnded   bool               // end has been called
	cancel    context.CancelFunc // set in a Tx whose deadline ctx does not carry

	// For who watches the call (observer.go). begun is zero where nobody does.
	attempts  int           // the number of the last attempt or run
	rows      int           // that the last attempt has read or written
	begun     time.Time     // when the call began
	bodyBegun time.Time     // when the body of a Find's loop began, zero outside it
	body      time.Duration // the time in the bodies that have ended
}

// start makes every check of a call that needs no I/O and nothing of its arguments, and tells the
// observer. When it returns an error the call is over; otherwise the caller defers or calls end. The
// ctx that it returns is the call's from then on.
func (c *call) start(ctx context.Context) (context.Context, error) {
	if ctx == nil {
		return nil, c.fail(invalidf("the context is nil"))
	}
	ctx = c.tellStart(ctx)
	if err := c.check(ctx); err != nil {
		return ctx, c.end(ctx, err)
	}
	if c.tx != nil {
		if end, ok := ctx.Deadline(); !ok || end.After(c.tx.deadline) {
			ctx, c.cancel = context.WithDeadline(ctx, c.tx.deadline)
		}
	}
	return ctx, nil
}

// check returns why the call cannot begin: the DB, its Tx or its ctx are over, or do not belong
// together. It is start's part that can fail.
func (c *call) check(ctx context.Context) error {
	switch tx := c.tx; {
	case c.db.closed.Load():
		return ErrClosed
	case tx == nil:
		if txOf(ctx, c.db) != nil {
			if c.repo == nil {
				return invalidf("transactions do not nest: the context belongs to one of this database, " +
					"whose tx the function was given: use that, by In(tx)")
			}
			return invalidf("the context belongs to a transaction of this database: use In(tx)")
		}
		if o := &c.db.options; o.RefuseOuterCalls && c.db.isOuterCall() {
			return errOuterCall
		}
	case tx == nilTx:
		return invalidf("In was given a nil transaction")
	case tx.db != c.db:
		return invalidf("the transaction belongs to another database")
	case tx.isView && c.mayWrite:
		return invalidf("a View is read only")
	default:
		if err := tx.lock(); err != nil {
			return err
		}
		tx.mu.Unlock()
	}
	return c.checkCtx(ctx)
}

// checkCtx returns the error of a ctx that has ended before a request was sent, nil while it has not.
func (c *call) checkCtx(ctx context.Context) error {
	err := ctx.Err()
	if err != nil && c.isLate() {
		return both(c.tx.late, err)
	}
	return err
}

// endUnreturned ends a call whose verb does not return, because code of the user's panicked or called
// Goexit. The verbs defer it right after start; where end was called it does nothing. Without it an
// observer would never hear the end of the call.
func (c *call) endUnreturned(ctx context.Context) {
	if !c.isEnded {
		_ = c.end(ctx, errNotReturned)
	}
}

// end finishes a call: it wraps err as an *Error that names the call, and tells the observer. A nil err stays nil.
func (c *call) end(ctx context.Context, err error) error {
	c.isEnded = true
	if c.cancel != nil {
		c.cancel()
	}
	if err != nil {
		if err = c.fail(err); c.mayWrite && c.repo != nil && MayHaveHappened(err) {
			c.tellUnknown(c.key)
		}
	}
	c.tellEnd(ctx, err)
	return err
}

// fail wraps err as an *Error that names the call. What already is an *Error, or belongs to the
// caller's own function, stays as it is.
func (c *call) fail(err error) error {
	var own *callersError
	if errors.As(err, &own) {
		return own.err
	}
	if e, ok := err.(*Error); ok {
		return e
	}
	return c.errorOf(err)
}

func (c *call) errorOf(err error) *Error {
	d := c.describe()
	return &Error{Op: d.Op, Entity: d.Entity, Key: d.Key, Err: err}
}

// enter starts one request that reads; the caller must call leave when the backend has returned, and
// not when enter returns an error. In a Tx it takes the lock that every access to the Tx's state
// needs. The time is the moment of what the request reads, as it is stamped on an entity.
func (c *call) enter(ctx context.Context) (time.Time, error) {
	c.isWriting = false
	if c.db.closed.Load() {
		return time.Time{}, ErrClosed
	}
	if err := c.checkCtx(ctx); err != nil {
		return time.Time{}, err
	}
	tx, now := c.tx, c.db.now() // the user's clock, which may panic, before the lock is taken
	if tx == nil {
		return now, nil
	}
	if err := tx.lock(); err != nil {
		return time.Time{}, err
	}
	c.isInside = true
	if !tx.isView && !c.db.info.SnapshotTx {
		return now, nil
	}
	if tx.readAt.IsZero() {
		tx.readAt = now
	}
	return tx.readAt, nil
}

// abandon is leave for a request that does not return, because code of the user's panicked or called
// Goexit in it. It is deferred after each enter; where leave was called it does nothing. Without it the
// Tx would stay locked, and Atomic wait for it for ever with all that the Tx holds at the database.
func (c *call) abandon() {
	if c.isInside {
		c.isInside = false
		c.tx.doom(errNotReturned, false)
		c.tx.mu.Unlock()
	}
}

// enterWrite is enter for a request that writes. Only such a request can have an unknown outcome.
func (c *call) enterWrite(ctx context.Context) (time.Time, error) {
	at, err := c.enter(ctx)
	c.isWriting, c.rows = true, 0
	return at, err
}

// leave ends what enter began. It gives an error of the backend its meaning; in a Tx such an error
// dooms it.
func (c *call) leave(ctx context.Context, err error) error {
	tx := c.tx
	if tx == nil {
		if err == nil {
			return nil
		}
		return c.fault(ctx, err)
	}
	c.isInside = false
	defer tx.mu.Unlock()
	if err == nil {
		return nil
	}
	fault := c.fault(ctx, err)
	tx.doom(fault, c.canRerun(ctx, err))
	return fault
}

// leaveToRerun is leave for a request in a Tx that has succeeded and has shown that the Tx decides on
// a state that is no longer the newest. err dooms the Tx, and Atomic runs its function again.
func (c *call) leaveToRerun(err error) {
	c.isInside = false
	c.tx.doom(err, true)
	c.tx.mu.Unlock()
}

// fault turns an error of the backend into an *Error, by what the backend says it means. Inside a Tx
// no single request has an unknown outcome: only the commit decides.
func (c *call) fault(ctx context.Context, err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	f := failure{
		backend: c.db.info.Name, err: err, fault: c.db.driver.Classify(err),
		ended: ctx.Err(), isWrite: c.isWriting && c.tx == nil,
	}
	if f.ended != nil && c.isLate() {
		f.late = c.tx.late
	}
	if c.tx == nil {
		f.isOuterCall = c.db.isOuterCall
	}
	e := c.errorOf(f.withOuterHint(f.meaning()))
	e.cause, e.Constraint = err, f.fault.Constraint
	return e
}

// canRerun reports whether an error of the backend means that the whole transaction can be run again:
// an error that leaves nothing behind, or a request that was cut short by the end of its run.
func (c *call) canRerun(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return c.isLate()
	}
	return leavesNothing(c.db.driver.Classify(err).Class)
}

// isLate reports whether the call belongs to a run whose own deadline has passed.
func (c *call) isLate() bool {
	return c.tx != nil && !time.Now().Before(c.tx.deadline)
}

// driverTx is the backend's transaction, nil outside a Tx.
func (c *call) driverTx() driver.Tx {
	if c.tx == nil {
		return nil
	}
	return c.tx.driver
}

// The methods below note what was read and written, for the Tx, and how many rows, for the observer. They are
// called between enter and leave, which hold the lock of the Tx's state.

// saw notes the version of an entity that a read has returned.
func (c *call) saw(key any, version int64) {
	if c.tx != nil && !c.tx.isView {
		c.tx.note(c.repo.entityKey(key), version, false)
	}
}

// wrote notes the version that a write has stored.
func (c *call) wrote(key any, version int64) {
	c.rows++
	if c.tx != nil {
		c.tx.note(c.repo.entityKey(key), version, true)
	}
	c.tellWritten(key, version)
}

// tellWritten tells of a write that the call has made: at once outside a Tx, and in one when it has ended. version is
// gone for an entity that was removed.
func (c *call) tellWritten(key any, version int64) {
	if !c.db.listeners.hasAny() {
		return
	}
	w := Written{Table: c.repo.table, Key: key, Version: version}
	if version == gone {
		w.Version, w.Deleted = 0, true
	}
	if c.tx != nil {
		c.tx.written = append(c.tx.written, w)
		return
	}
	c.db.listeners.tell(w)
}

// tellUnknown tells of a write outside a Tx whose outcome is unknown.
func (c *call) tellUnknown(key any) {
	if c.tx == nil && key != nil && c.db.listeners.hasAny() {
		c.db.listeners.tell(Written{Table: c.repo.table, Key: key, Unknown: true})
	}
}

// keep takes over from the verb what puts entities back as they were, since its request has succeeded:
// from now on only a Tx that does not commit puts them back.
func (c *call) keep(u *mapping.Undo) {
	if c.tx != nil {
		c.tx.undo.Join(u)
	}
	u.Forget()
}

// keepIdentity is keep for the key, version and time of an entity.
func (c *call) keepIdentity(r driver.Record, before mapping.Identity) {
	if c.tx != nil {
		m := c.repo.mapping
		c.tx.undo.Add(func() { m.SetIdentity(r, before) })
	}
}

// callersError carries an error of the caller's own function through this package unchanged.
type callersError struct{ err error }

func (e *callersError) Error() string { return e.err.Error() }
