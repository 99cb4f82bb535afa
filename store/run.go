package store

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// runs is one Atomic or View: the runs of its function, each in a transaction of its own. The function is
// not in it but is handed on, so that the closure that it mostly is can stay on its caller's stack.
type runs struct {
	call
	options TxOptions
	newest  *Tx // of the run that has begun last
}

// transact is Atomic and View, which differ in what their call may do. The functions that OnCommit
// was given run last: the call has ended for the observer, and a panic of theirs goes to the caller and takes
// nothing back.
func transact(ctx context.Context, rs *runs, o *TxOptions, fn func(context.Context, *Tx) error) error {
	ctx, err := rs.start(ctx)
	if err != nil {
		return err
	}
	defer rs.endUnreturned(ctx)
	err = rs.all(ctx, o, fn)
	if err = rs.end(ctx, err); err != nil {
		return err
	}
	for _, hook := range rs.newest.onCommit {
		hook()
	}
	return nil
}

// all checks what needs no I/O, rehearses where Options.Rehearse says so, and then runs the function
// until a run has an answer, or the time is up. A run also ends when that time does.
func (rs *runs) all(ctx context.Context, options *TxOptions, fn func(context.Context, *Tx) error) error {
	var err error
	if rs.options, err = options.withDefaults(); err != nil {
		return err
	}
	if fn == nil {
		return invalidf("the function is nil")
	}
	if err := rs.checkSupport(); err != nil {
		return err
	}
	if rs.db.options.Rehearse {
		if err := rs.rehearse(ctx, fn); err != nil {
			return err
		}
	}
	last := time.Now().Add(rs.options.Timeout)
	return retry(ctx, &rs.call, bounds{rs.options.Timeout, math.MaxInt}, func(n int) error {
		deadline := time.Now().Add(rs.options.RunTimeout)
		if deadline.After(last) {
			deadline = last
		}
		err := rs.one(ctx, n, deadline, fn)
		if a, ok := err.(*again); ok {
			rs.tellContention(ctx, a.err)
		}
		return err
	})
}

// checkSupport returns why the backend cannot do this.
func (rs *runs) checkSupport() error {
	info := rs.db.info
	switch {
	case rs.mayWrite && !info.Transactions:
		return explain(ErrUnsupported, "%s has no transactions", info.Server)
	case !rs.mayWrite && !info.Views && info.NoViews != "":
		return explain(ErrUnsupported, "%s has no transactions of one moment: %s", info.Server, info.NoViews)
	case !rs.mayWrite && !info.Views:
		return explain(ErrUnsupported, "%s has no transactions of one moment", info.Server)
	}
	return nil
}

var errRehearsed = errors.New("the run was a rehearsal")

// rehearse runs the function once and rolls back, whatever it returned. That two goroutines used
// the Tx is reported all the same: that is a race, which the next run may happen not to show.
func (rs *runs) rehearse(ctx context.Context, fn func(context.Context, *Tx) error) error {
	deadline := time.Now().Add(rs.options.RunTimeout)
	err := rs.one(ctx, 0, deadline, func(ctx context.Context, tx *Tx) error {
		return errors.Join(fn(ctx, tx), errRehearsed)
	})
	if own, ok := errors.AsType[*callersError](err); ok && errors.Is(own.err, errTwoGoroutines) {
		return errTwoGoroutines
	}
	return nil
}

// one is run number n of the function: it begins a transaction, calls the function with a ctx that
// ends at the deadline, and finishes the Tx. A function that does not return, because it panics or
// calls Goexit, has its transaction rolled back all the same; else its connection would stay taken
// and its locks held. An *again says that another run may succeed.
func (rs *runs) one(ctx context.Context, n int, deadline time.Time, fn func(context.Context, *Tx) error) error {
	run, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	rs.isWriting = false
	d, err := rs.db.driver.Begin(run, &driver.BeginParams{View: !rs.mayWrite})
	if err != nil {
		fault := rs.fault(run, err)
		switch {
		case run.Err() != nil && ctx.Err() == nil: // it waited for a connection, say
			fault.Err = both(rs.late("could not begin before its deadline"), run.Err())
			return &again{err: fault}
		case rs.canRerun(run, err):
			return &again{err: fault}
		}
		return fault
	}
	tx := &Tx{
		db: rs.db, driver: d, isView: !rs.mayWrite, run: n, deadline: deadline,
		late: rs.late("ran past its deadline"),
	}
	rs.newest = tx
	hasReturned := false
	defer func() {
		if !hasReturned {
			_ = rs.finish(ctx, run, cancel, errNotReturned)
		}
	}()
	defer rs.db.enterFunction()()
	err = fn(context.WithValue(run, txKey{rs.db}, tx), tx)
	hasReturned = true
	return rs.finish(ctx, run, cancel, err)
}

// finish ends the Tx of a run after its function has returned err, or has not returned at all. The
// result is nil when and only when the commit is known to have happened. ctx is the caller's, and run
// the one of this run, which cancel ends.
func (rs *runs) finish(ctx, run context.Context, cancel func(), err error) error {
	tx := rs.newest
	if !tx.mu.TryLock() {
		// A goroutine that the function left behind is using the Tx: end its request first.
		cancel()
		tx.mu.Lock()
		tx.doomedBy, tx.canRerun = errTwoGoroutines, false
	}
	defer tx.mu.Unlock()
	if tx.isOver {
		return ErrTxDone
	}
	tx.isOver = true
	if err == nil && tx.doomedBy == nil {
		if run.Err() == nil {
			return rs.commit(ctx)
		}
		tx.doomedBy = rs.ranLate(ctx, run)
	}
	rs.rollback(ctx)
	switch {
	case tx.doomedBy != nil && tx.canRerun:
		return &again{err: tx.doomedBy}
	case tx.doomedBy == nil && tx.gaveUpFor(err) != nil:
		return &again{err: tx.gaveUpFor(err)}
	case tx.doomedBy == nil && ctx.Err() == nil && run.Err() != nil && errors.Is(err, run.Err()):
		// The function says that its ctx has ended, or passes on a call that says so.
		if !errors.Is(err, ErrTransient) {
			err = both(tx.late, err)
		}
		return &callersError{err}
	case err == nil:
		return tx.doomedBy
	case tx.doomedBy != nil && !errors.Is(err, tx.doomedBy):
		return &callersError{errors.Join(err, tx.doomedBy)}
	}
	return &callersError{err}
}

// ranLate is the error of a function that returned nil after its ctx had ended.
func (rs *runs) ranLate(ctx, run context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return both(rs.newest.late, run.Err())
}

// late is an ErrTransient for a run that was over too soon, and names the settings that decide it.
func (rs *runs) late(what string) error {
	o := rs.options
	return explain(ErrTransient, "the transaction %s (TxOptions: RunTimeout %v, Timeout %v)",
		what, o.RunTimeout, o.Timeout)
}

// commit commits, under a ctx that does not end with the caller's: a commit that was sent must be
// waited for. Whatever goes wrong, the entities are put back, since nothing is known to have happened.
// Only where it is known that nothing has, another run follows.
func (rs *runs) commit(ctx context.Context) error {
	if rs.newest.isView {
		// There is nothing to commit, and nothing that could fail. What Reload has read stays.
		rs.newest.undo.Forget()
		rs.rollback(ctx)
		return nil
	}
	defer rs.newest.undo.Revert() // also where the backend panics, in a hook of the user's
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), rs.options.EndTimeout)
	defer cancel()
	rs.isWriting = true
	err := rs.newest.driver.Commit(end)
	if err == nil {
		rs.newest.undo.Forget()
		rs.newest.tellCommitted(false)
		return nil
	}
	fault := rs.fault(end, err)
	if MayHaveHappened(fault) {
		rs.newest.tellCommitted(true)
	}
	if !MayHaveHappened(fault) && rs.canRerun(end, err) {
		return &again{err: fault}
	}
	return fault
}

// rollback puts the entities back and ends the transaction at the backend, under a ctx that does not
// end with the caller's. That it failed is logged and changes nothing: the backend has given up the
// connection then, and what was not committed did not happen.
func (rs *runs) rollback(ctx context.Context) {
	rs.newest.undo.Revert()
	ctx = context.WithoutCancel(ctx)
	end, cancel := context.WithTimeout(ctx, rs.options.EndTimeout)
	defer cancel()
	if err := rs.newest.driver.Rollback(end); err != nil && rs.db.options.Logger != nil {
		f := failure{backend: rs.db.info.Name, fault: rs.db.driver.Classify(err)}
		rs.db.options.Logger.LogAttrs(ctx, slog.LevelWarn, "rollback failed"+f.code())
	}
}

// tellCommitted tells of what a Tx has written, when its commit has succeeded or has an unknown outcome.
func (tx *Tx) tellCommitted(isUnknown bool) {
	for _, w := range tx.written {
		if w.Unknown = isUnknown; isUnknown {
			w.Version = 0
		}
		tx.db.listeners.tell(w)
	}
}
