package store

import (
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// What an error of the backend means to a caller is decided here, from what the backend says of it
// (its Fault) and from what the call knows: whether a write was sent, and whether the ctx has ended.

// failure is a request that the backend has answered with an error, or not at all.
type failure struct {
	backend string       // Info.Name
	err     error        // as the backend returned it
	fault   driver.Fault // what the backend says of err
	ended   error        // why the request's ctx has ended, nil where it has not
	late    error        // set where it has ended because the run of the Tx was over, and not by the caller
	isWrite bool         // a write outside a Tx, or a commit: only these can have happened when their answer is lost

	isOuterCall func() bool // set for a call outside a Tx
}

// meaning is the error that the caller gets. It holds the backend's code and no text of the server.
func (f *failure) meaning() error {
	var look *notApplied
	isNotApplied := errors.As(f.err, &look)
	isUnknown := f.fault.Sent && f.isWrite && !isNotApplied
	if f.ended != nil && f.mayBeOfCtx() {
		switch {
		case isUnknown:
			return both(ErrUnknownOutcome, f.ended)
		case f.late != nil:
			return both(f.late, f.ended)
		}
		return f.ended
	}
	if isUnknown {
		return f.explain(ErrUnknownOutcome, "no answer said what happened")
	}
	err := f.ofClass()
	if isNotApplied && !errors.Is(err, ErrTransient) {
		return explain(ErrTransient, "nothing was written, and why could not be read%s", f.code())
	}
	return err
}

// mayBeOfCtx reports whether the error can be what a client makes of a ctx that has ended: some
// break the connection and then name the break, not the ctx.
func (f *failure) mayBeOfCtx() bool {
	switch f.fault.Class {
	case driver.Canceled, driver.Unavailable, driver.Other:
		return true
	}
	return false
}

// ofClass is the meaning of the error by its class alone, for a ctx that goes on and an outcome that
// is known.
func (f *failure) ofClass() error {
	switch f.fault.Class {
	case driver.Duplicate:
		return ErrExists
	case driver.Conflict:
		return f.explain(ErrTransient, "write conflict")
	case driver.LockFailure:
		return f.explain(ErrTransient, "deadlock or lock timeout")
	case driver.Unavailable, driver.Canceled:
		return f.explain(ErrTransient, "the server is unavailable")
	case driver.Refused:
		// A ValueError is of our own making, and its text holds no value. That of a server may.
		if own, ok := errors.AsType[*driver.ValueError](f.err); ok {
			return invalidf("%s", own.Error())
		}
		return f.explain(ErrInvalid, "refused by the server")
	case driver.Unsupported:
		return f.explain(ErrUnsupported, f.backend)
	case driver.Closed:
		return ErrClosed
	}
	if f.fault.Problem != "" {
		return errors.New(f.fault.Problem + f.code())
	}
	return errors.New(f.backend + " error" + f.code())
}

// explain gives a sentinel what the backend says of the problem, else what the class alone says.
func (f *failure) explain(sentinel error, standard string) error {
	if f.fault.Problem != "" {
		standard = f.fault.Problem
	}
	return explain(sentinel, "%s%s", standard, f.code())
}

// code is the backend's number or name for the error, as it follows a text.
func (f *failure) code() string {
	if f.fault.Code == "" {
		return ""
	}
	return " (" + f.backend + " " + f.fault.Code + ")"
}

// isContention reports whether an error of the class comes from the work of another transaction.
func isContention(class driver.Class) bool {
	return class == driver.Conflict || class == driver.LockFailure
}

// leavesNothing reports whether an error of the class, met while the caller's ctx goes on, means that nothing
// of its transaction need remain, so that the transaction may be run again as a whole. Canceled is then
// somebody else's doing: an administrator's, or a bound that the server sets.
func leavesNothing(class driver.Class) bool {
	return isContention(class) || class == driver.Unavailable || class == driver.Canceled
}

// notApplied is the error of the read that follows a write which matched no row. Whatever it is, the
// write did not happen.
type notApplied struct{ err error }

func (e *notApplied) Error() string { return e.err.Error() }
func (e *notApplied) Unwrap() error { return e.err }

var errNotReturned = explain(ErrTransient, "the function did not return")
