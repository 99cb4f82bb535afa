package memstore

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stillframe/stillframe/store/driver"
)

// The errors that [Options].Fault and [Database.FailNext] may give, as they are or wrapped. What the database does by
// itself carries them too: errors.Is(err, ErrDeadlock) holds for a deadlock that nobody injected.
var (
	// ErrUnavailable means that the server was never reached: nothing happened. Its class is
	// Unavailable.
	ErrUnavailable = errors.New("server is not available")

	// ErrDeadlock means that the operation lost a deadlock, or waited too long for a lock: nothing
	// happened, and of the transaction it was in nothing remains. Its class is LockFailure.
	ErrDeadlock = errors.New("deadlock")

	// ErrWriteConflict means a write conflict: nothing happened, and of the transaction it was in nothing
	// remains. Its class is Conflict.
	ErrWriteConflict = errors.New("write conflict")

	// ErrLostBefore means that the connection broke before the server had done the operation: it does
	// not happen, and the caller cannot know that. Its class is Unavailable, with Sent for a write and
	// a commit. A transaction whose commit is lost so is rolled back.
	ErrLostBefore = errors.New("connection lost, the operation had not been done")

	// ErrLostAfter means that the connection broke after the server had done the operation: it does
	// happen, and the caller cannot know that. Its class is Unavailable, with Sent for a write and a
	// commit. The begin of a transaction that is lost so leaves no transaction.
	ErrLostAfter = errors.New("connection lost, the operation had been done")
)

// Call describes one operation to [Options].Fault.
type Call struct {
	// Op is "get", "find", "count", "version", "insert", "update", "delete", "begin", "commit",
	// "rollback", "schema" or "watch".
	Op string
	// Table is the table's name; it is empty for begin, commit and rollback.
	Table string
	// Key is the key of a get, version, update or delete, and of the insert of one record whose key
	// the database does not make. It is nil otherwise.
	Key any
}

// operations are the values of Call.Op.
var operations = []string{
	"get", "find", "count", "version", "insert", "update", "delete", "begin", "commit", "rollback", "schema",
	"watch",
}

// plannedFaults are the errors that FailNext has set and no operation has met yet.
type plannedFaults struct {
	left atomic.Int64 // how many there are, so that an operation need not lock where there are none
	mu   sync.Mutex
	all  []plannedFault
}

// plannedFault is what the next operation of a kind meets: nil lets it pass.
type plannedFault struct {
	op  string // empty for each kind
	err error
}

// plan adds the errors of an operation, or takes those away that are left where there are none to add.
func (p *plannedFaults) plan(op string, errs []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(errs) == 0 {
		p.all = slices.DeleteFunc(p.all, func(f plannedFault) bool { return f.op == op })
	}
	for _, err := range errs {
		p.all = append(p.all, plannedFault{op, err})
	}
	p.left.Store(int64(len(p.all)))
}

// next takes what an operation meets.
func (p *plannedFaults) next(op string) error {
	if p.left.Load() == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.all, func(f plannedFault) bool { return f.op == "" || f.op == op })
	if i < 0 {
		return nil
	}
	err := p.all[i].err
	p.all = slices.Delete(p.all, i, i+1)
	p.left.Store(int64(len(p.all)))
	return err
}

// injectedFault says what an error of the hook means, and whether it is one of the errors above.
func injectedFault(err error) (driver.Fault, bool) {
	switch {
	case errors.Is(err, ErrUnavailable):
		return driver.Fault{Class: driver.Unavailable, Code: "unavailable"}, true
	case errors.Is(err, ErrDeadlock):
		return driver.Fault{Class: driver.LockFailure, Code: "deadlock"}, true
	case errors.Is(err, ErrWriteConflict):
		return driver.Fault{Class: driver.Conflict, Code: "write conflict"}, true
	case errors.Is(err, ErrLostBefore), errors.Is(err, ErrLostAfter):
		return driver.Fault{Class: driver.Unavailable, Code: "connection lost", Sent: true}, true
	}
	return driver.Fault{}, false
}
