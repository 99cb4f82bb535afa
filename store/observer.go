package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// Observer is told of every call on a DB and its repositories, on the caller's goroutine. It must
// be safe for concurrent use, and it must not panic or call back into the DB. An error that it was
// given is never changed afterwards. Module store/otel has one for OpenTelemetry; an adapter to
// another library is a few lines: CallStart opens a span, CallEnd ends it.
type Observer interface {
	// CallStart is called before a call does anything. The call goes on with the context that
	// it returns, which must descend from ctx.
	CallStart(ctx context.Context, c Call) context.Context
	// CallEnd is called once when the call has ended, with the error that it returns. After a
	// panic or runtime.Goexit in the caller's function it is called with an error that wraps
	// ErrTransient, since nothing happened.
	CallEnd(ctx context.Context, c Call, err error)
	// Conflict is called when a call met another's write: a version conflict, or a write
	// conflict or deadlock that the database reported.
	Conflict(ctx context.Context, c Call, err error)
	// Retry is called before a call starts attempt number attempt, which is at least 2, because
	// of err.
	Retry(ctx context.Context, c Call, attempt int, err error)
}

// Call describes a call to an [Observer]. Op, Entity and Key are as in [Error]; Conflict and Retry of an
// Atomic name the entity that was met, where it is known.
type Call struct {
	Op     string // "get", "modify", "atomic"
	Entity string // the table or collection, empty for a call on the DB

	// Key is that of the entity as errors have it, empty when there is none and where the mapping says secret. It is
	// not quoted: a key that a client has chosen may hold what a log or terminal takes for a command.
	Key string

	System   string // Info.System: "mysql", "mariadb", "microsoft.sql_server", "mongodb"
	Database string // Info.Database

	// InTx says that the call was made in the function of an Atomic or View, and Run in which run of
	// it: 1 for the first, 0 for a rehearsal (Options.Rehearse), which is thrown away.
	InTx bool
	Run  int

	// What follows is told to CallEnd.

	// Attempts is how often the call was tried: the runs of an Atomic's function, the attempts of a
	// Modify. It is 1 where nothing was tried again.
	Attempts int
	// Rows is how many entities the last attempt has read or, where it wrote, written.
	Rows int
	// Duration is the time from CallStart to CallEnd, by the monotonic clock. That of Find is
	// without the time in the loop's body.
	Duration time.Duration
	// Rerun says that Atomic answers the error by running its function again, unless the function
	// goes on in spite of it or the time is up. The error is then none of the user's work, which
	// the end of the Atomic tells.
	Rerun bool
}

// Observers makes one Observer of several, each of which is told everything. A context goes through
// CallStart of all of them in their order; the other calls get the context that the last returned, and
// CallEnd is called in the reverse order, as spans nest. A nil among them is left out.
func Observers(all ...Observer) Observer {
	all = slices.DeleteFunc(slices.Clone(all), func(o Observer) bool { return o == nil })
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return observers(all)
}

type observers []Observer

func (all observers) CallStart(ctx context.Context, c Call) context.Context {
	for _, o := range all {
		if next := o.CallStart(ctx, c); next != nil {
			ctx = next
		}
	}
	return ctx
}

func (all observers) CallEnd(ctx context.Context, c Call, err error) {
	for _, o := range slices.Backward(all) {
		o.CallEnd(ctx, c, err)
	}
}

func (all observers) Conflict(ctx context.Context, c Call, err error) {
	for _, o := range all {
		o.Conflict(ctx, c, err)
	}
}

func (all observers) Retry(ctx context.Context, c Call, attempt int, err error) {
	for _, o := range all {
		o.Retry(ctx, c, attempt, err)
	}
}

// The methods below tell the Observer and the Logger of a call. Where there is neither they cost nothing:
// no clock is read.

// isWatched reports whether anybody is told how long the call took.
func (c *call) isWatched() bool {
	o := &c.db.options
	return o.Observer != nil || o.SlowCall > 0 && o.Logger != nil
}

// tellStart tells the observer that the call begins, and returns the ctx with which it goes on.
func (c *call) tellStart(ctx context.Context) context.Context {
	if c.isWatched() {
		c.begun = time.Now()
	}
	if o := c.db.options.Observer; o != nil {
		if next := o.CallStart(ctx, c.describe()); next != nil {
			return next
		}
	}
	return ctx
}

// tellEnd tells the observer, and the log where it was slow or its outcome is unknown, that the call has
// ended with err.
func (c *call) tellEnd(ctx context.Context, err error) {
	o := &c.db.options
	if c.isWatched() {
		d := c.describe()
		c.inBody(false)
		d.Attempts, d.Rows, d.Duration = max(c.attempts, 1), c.rows, time.Since(c.begun)-c.body
		d.Rerun = err != nil && c.tx != nil && c.tx.willRerun(err)
		if o.Observer != nil {
			o.Observer.CallEnd(ctx, d, err)
		}
		if o.SlowCall > 0 && o.Logger != nil && d.Duration >= o.SlowCall {
			o.Logger.LogAttrs(
				ctx, slog.LevelWarn, "slow call", slog.String("op", d.Op), slog.String("entity", d.Entity),
				slog.String("key", d.Key), slog.Duration("duration", d.Duration), slog.Int("attempts", d.Attempts),
				slog.Int("rows", d.Rows), slog.Any("error", err),
			)
		}
	}
	if err != nil && MayHaveHappened(err) && o.Logger != nil {
		o.Logger.LogAttrs(ctx, slog.LevelWarn, "write of unknown outcome", slog.Any("error", err))
	}
}

// inBody says that the body of a Find's loop begins or ends, whose time is not the call's.
func (c *call) inBody(begins bool) {
	switch {
	case c.begun.IsZero():
	case begins:
		c.bodyBegun = time.Now()
	case !c.bodyBegun.IsZero():
		c.body += time.Since(c.bodyBegun)
		c.bodyBegun = time.Time{}
	}
}

// tellConflict tells the observer of another's write.
func (c *call) tellConflict(ctx context.Context, err error) {
	if o := c.db.options.Observer; o != nil {
		o.Conflict(ctx, c.describeFor(err), c.fail(err))
	}
}

// tellContention is tellConflict for an error of the backend, when contention is what it means. A
// version conflict was told where it was found.
func (c *call) tellContention(ctx context.Context, err error) {
	if e, ok := err.(*Error); ok && e.cause != nil {
		if isContention(c.db.driver.Classify(e.cause).Class) {
			c.tellConflict(ctx, err)
		}
	}
}

// tellRetry tells the observer and the log that attempt number attempt follows, because of err.
func (c *call) tellRetry(ctx context.Context, attempt int, err error) {
	if o := c.db.options.Observer; o != nil {
		o.Retry(ctx, c.describeFor(err), attempt, err)
	}
	if l := c.db.options.Logger; l != nil && l.Enabled(ctx, slog.LevelDebug) {
		l.LogAttrs(ctx, slog.LevelDebug, "retry", slog.Int("attempt", attempt), slog.Any("error", err))
	}
}

// describe is what an observer is told of the call at any time.
func (c *call) describe() Call {
	d := Call{Op: c.op, System: c.db.info.System, Database: c.db.info.Database}
	if c.repo != nil {
		d.Entity = c.repo.table
		if c.key != nil {
			d.Key = c.repo.mapping.KeyText(c.key)
		}
	}
	if c.tx != nil {
		d.InTx, d.Run = true, c.tx.run
	}
	return d
}

// describeFor is describe for a conflict or retry because of err: that of an Atomic names the entity of the
// call in it that failed.
func (c *call) describeFor(err error) Call {
	d := c.describe()
	if e, ok := errors.AsType[*Error](err); ok && c.repo == nil {
		d.Entity, d.Key = e.Entity, e.Key
	}
	return d
}
