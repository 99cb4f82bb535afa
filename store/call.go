package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// call is one running call of a user, on a repository or on the DB itself.
type call struct {
	db    *DB
	repo  *repo // nil for a call on the DB
	tx    *Tx   // nil outside a Tx
	op    string
	key   any  // nil when there is none
	write bool // the call may write

	writing bool               // the request that was sent last is a write
	cancel  context.CancelFunc // set in a Tx whose deadline ctx does not carry
}

// start makes every check of a call that needs no I/O and nothing of its arguments, and tells the
// observer. When it returns an error the call is over; otherwise the caller defers or calls end.
func (c *call) start(ctx context.Context) (context.Context, error) {
	if ctx == nil {
		return nil, c.fail(invalidf("the context is nil"))
	}
	if o := c.db.options.Observer; o != nil {
		if next := o.CallStart(ctx, c.describe()); next != nil {
			ctx = next
		}
	}
	if err := c.admit(ctx); err != nil {
		return ctx, c.end(ctx, err)
	}
	if c.tx != nil {
		if end, ok := ctx.Deadline(); !ok || end.After(c.tx.deadline) {
			ctx, c.cancel = context.WithDeadline(ctx, c.tx.deadline)
		}
	}
	return ctx, nil
}

func (c *call) admit(ctx context.Context) error {
	if c.db.closed.Load() {
		return ErrClosed
	}
	if c.tx != nil {
		if err := c.tx.admit(c); err != nil {
			return err
		}
	} else if txOf(ctx, c.db) != nil {
		return invalidf("the context belongs to a transaction of this database: use In(tx)")
	}
	return c.ended(ctx)
}

// ended is the error of a context that has ended before a request was sent, nil while it has not.
func (c *call) ended(ctx context.Context) error {
	err := ctx.Err()
	if err != nil && c.ranLate() {
		return both(errLate, err)
	}
	return err
}

var errLate = explain(ErrTransient, "the transaction ran past its deadline")

// end finishes a call: it gives err its place and tells the observer. A nil err stays nil.
func (c *call) end(ctx context.Context, err error) error {
	if c.cancel != nil {
		c.cancel()
	}
	if err != nil {
		err = c.fail(err)
	}
	if o := c.db.options.Observer; o != nil {
		o.CallEnd(ctx, c.describe(), err)
	}
	if err != nil && MayHaveHappened(err) && c.db.options.Logger != nil {
		c.db.options.Logger.LogAttrs(ctx, slog.LevelWarn, "write of unknown outcome", slog.Any("error", err))
	}
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

func (c *call) describe() Call {
	d := Call{Op: c.op}
	if c.repo != nil {
		d.Entity = c.repo.table
		if c.key != nil {
			d.Key = c.repo.mapping.KeyText(c.key)
		}
	}
	return d
}

// callersError carries an error of the caller's own function through this package unchanged.
type callersError struct{ err error }

func (e *callersError) Error() string { return e.err.Error() }

// fault turns a raw error of the backend into an *Error, by what the backend says it means. Inside
// a Tx no single operation has an unknown outcome: only the commit decides.
func (c *call) fault(ctx context.Context, err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	f := c.db.driver.Classify(err)
	e := c.errorOf(nil)
	e.cause, e.Constraint = err, f.Constraint
	var look *notApplied
	nothing := errors.As(err, &look)
	unknown := f.Sent && c.writing && c.tx == nil && !nothing
	code := c.db.codeText(f.Code)
	// A context that ended shows as whatever the client made of the broken connection.
	if end := ctx.Err(); end != nil {
		switch f.Class {
		case driver.Canceled, driver.Unavailable, driver.Other:
			e.Err = end
			switch {
			case unknown:
				e.Err = both(ErrUnknownOutcome, end)
			case c.ranLate():
				e.Err = both(errLate, end)
			}
			return e
		}
	}
	switch f.Class {
	case driver.Duplicate:
		e.Err = ErrExists
	case driver.Conflict:
		e.Err = explain(ErrTransient, "write conflict%s", code)
	case driver.LockFailure:
		e.Err = explain(ErrTransient, "deadlock or lock timeout%s", code)
	case driver.Unavailable, driver.Canceled:
		e.Err = explain(ErrTransient, "the server is unavailable%s", code)
	case driver.Refused:
		e.Err = refused(err, code)
	case driver.Unsupported:
		e.Err = explain(ErrUnsupported, "%s%s", c.db.info.Name, code)
	case driver.Closed:
		e.Err = ErrClosed
	default:
		e.Err = errors.New(c.db.info.Name + " error" + code)
	}
	switch {
	case unknown:
		e.Err = explain(ErrUnknownOutcome, "no answer said what happened%s", code)
	case nothing && !errors.Is(e.Err, ErrTransient):
		e.Err = explain(ErrTransient, "nothing was written, and why could not be read%s", code)
	}
	return e
}

// refused shows the text of an error that our own code made, and never that of a server.
func refused(err error, code string) error {
	var own *driver.ValueError
	if errors.As(err, &own) {
		return invalidf("%s", own.Error())
	}
	return explain(ErrInvalid, "refused by the server%s", code)
}

func (db *DB) codeText(code string) string {
	if code == "" {
		return ""
	}
	return " (" + db.info.Name + " " + code + ")"
}

// met tells the observer of another's write.
func (c *call) met(ctx context.Context, err error) {
	if o := c.db.options.Observer; o != nil {
		o.Conflict(ctx, c.describe(), c.fail(err))
	}
}

// metContention is met for an error of the backend, when that is what it means. A version
// conflict was told where it was found.
func (c *call) metContention(ctx context.Context, err error) {
	if e, ok := err.(*Error); ok && e.cause != nil {
		switch c.db.driver.Classify(e.cause).Class {
		case driver.Conflict, driver.LockFailure:
			c.met(ctx, err)
		}
	}
}

func (db *DB) now() time.Time {
	return db.options.Now().UTC().Round(0)
}
