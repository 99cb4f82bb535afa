package memstore

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// failure is an error of this database. Its text never holds a stored value.
type failure struct {
	fault driver.Fault
	text  string
	err   error // what it wraps, nil when there is nothing
}

func (f *failure) Error() string {
	if f.err == nil {
		return "memstore: " + f.text
	}
	return "memstore: " + f.text + ": " + f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

var (
	errClosed = &failure{fault: driver.Fault{Class: driver.Closed}, text: "the database is closed"}

	errOver = &failure{text: "the transaction is over"}

	errReadOnly = &failure{
		fault: driver.Fault{Class: driver.Unsupported},
		text:  "a view cannot write",
	}

	errForeignTx = &failure{text: "the transaction belongs to another database"}

	errNoTransactions = &failure{
		fault: driver.Fault{Class: driver.Unsupported},
		text:  "this database has no transactions",
	}

	errVictim = &failure{
		fault: driver.Fault{Class: driver.LockFailure, Code: "deadlock"},
		text:  "a circle of lock waits",
		err:   ErrDeadlock,
	}

	errLockTimeout = &failure{
		fault: driver.Fault{Class: driver.LockFailure, Code: "lock timeout"},
		text:  "waited too long for a row lock",
		err:   ErrDeadlock,
	}

	errWritten = &failure{
		fault: driver.Fault{Class: driver.Conflict, Code: "write conflict"},
		text:  "the row was written since the transaction's snapshot",
		err:   ErrWriteConflict,
	}
)

func canceled(cause error) error {
	return &failure{fault: driver.Fault{Class: driver.Canceled}, text: "nothing was done", err: cause}
}

func duplicate(constraint string) error {
	return &failure{
		fault: driver.Fault{Class: driver.Duplicate, Code: "duplicate", Constraint: constraint},
		text:  "duplicate value for " + constraint,
	}
}

func classify(err error) driver.Fault {
	if failed, ok := errors.AsType[*failure](err); ok {
		return failed.fault
	}
	if _, ok := errors.AsType[*driver.ValueError](err); ok {
		return driver.Fault{Class: driver.Refused}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return driver.Fault{Class: driver.Canceled}
	}
	fault, _ := injectedFault(err)
	return fault
}

// endsTransaction reports whether a server that answers err has already rolled back.
func endsTransaction(err error) bool {
	switch classify(err).Class {
	case driver.LockFailure, driver.Conflict:
		return true
	}
	return false
}
