package store

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/stillframe/stillframe/store/driver"
)

// A call inside the function of an Atomic that is made without In(tx), and with a ctx from outside
// that function, runs in a transaction of its own. It cannot be refused, since a program may mean just
// that: to write a log entry that stays when the Tx is rolled back. But where it needs what the Tx
// holds, a lock or the pool's last connection, it waits for itself. No ctx shows that. What shows it is
// the goroutine: the DB remembers which ones run a function.

// enterFunction notes that this goroutine runs the function of an Atomic or View, until leave is
// called.
func (db *DB) enterFunction() (leave func()) {
	id := goroutine()
	outer, _ := db.inFunction.Load(id) // of a Tx that was begun with an outer ctx inside another
	n, _ := outer.(int)
	db.inFunction.Store(id, n+1)
	return func() {
		if n == 0 {
			db.inFunction.Delete(id)
		} else {
			db.inFunction.Store(id, n)
		}
	}
}

// isOuterCall reports whether this goroutine runs a function of this DB, for a call outside a Tx. It
// costs about a microsecond.
func (db *DB) isOuterCall() bool {
	_, ok := db.inFunction.Load(goroutine())
	return ok
}

var errOuterCall = invalidf("this goroutine runs the function of an Atomic or View of this database: " +
	"use In(tx), and the context that the function was given (Options.RefuseOuterCalls)")

// withOuterHint says on the error of a call outside a Tx that it may have waited for its own goroutine.
func (f *failure) withOuterHint(err error) error {
	waited := f.ended != nil
	switch f.fault.Class {
	case driver.LockFailure, driver.Canceled, driver.Unavailable: // or a bound of the backend's own was up
		waited = true
	}
	if !waited || f.isOuterCall == nil || !f.isOuterCall() {
		return err
	}
	text := "%v; it was made inside the function of an Atomic or View, for which it may have waited: use In(tx)"
	return &explained{fmt.Sprintf(text, err), []error{err}}
}

// goroutine is the number of this goroutine. The runtime shows it in stack traces alone, whose first
// line is "goroutine 7 [running]:".
func goroutine() string {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)]
	line = bytes.TrimPrefix(line, []byte("goroutine "))
	id, _, _ := bytes.Cut(line, []byte(" "))
	return string(id)
}
