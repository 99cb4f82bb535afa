package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Tx is one run of the function that [DB.Atomic] or [DB.View] was given. [Repository.In] binds a
// repository to it.
//
// A Tx belongs to the goroutine that runs the function. A call in it while another one runs is
// ErrInvalid, a call after the function has returned is ErrTxDone.
type Tx struct {
	db       *DB
	driver   driver.Tx
	isView   bool
	run      int // 1 for the first run of the function, 0 for a rehearsal
	deadline time.Time

	// mu is held during each operation. It is never waited for by one: a second operation at
	// the same time is the caller's mistake.
	mu       sync.Mutex
	done     bool
	failed   error // what doomed it
	rerun    bool  // failed is of a class that reruns the function
	conflict error // the last conflict of a Save, Delete or Touch on a copy that this Tx read
	readAt   time.Time
	entities map[entityKey]entityState
	undo     mapping.Undo
	onCommit []func()
}

// entityKey names one entity in a Tx.
type entityKey struct {
	table string
	key   any
}

// entityState is what a Tx knows of an entity.
type entityState struct {
	seen    int64 // the version that was last read or written here
	written bool  // by this Tx
}

// OnCommit has fn called once after the commit is known to have happened, on the goroutine that
// called Atomic, in the order of the calls of OnCommit. It is not called when the Tx does not
// commit, when the outcome of the commit is unknown, or for a run that was thrown away; for a View
// it is called when the function has returned nil. The Tx is over by then. A panic in fn goes
// through to the caller of Atomic. OnCommit on a Tx that has ended does nothing.
func (tx *Tx) OnCommit(fn func()) {
	if fn == nil {
		return
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if !tx.done {
		tx.onCommit = append(tx.onCommit, fn)
	}
}

// Driver returns the backend's transaction, for the backends' own functions that give out a
// native handle.
func (tx *Tx) Driver() driver.Tx { return tx.driver }

// nilTx stands for the nil that In was given.
var nilTx = &Tx{done: true}

type txKey struct{ db *DB }

// txOf returns the Tx of db that ctx was made for, nil when there is none.
func txOf(ctx context.Context, db *DB) *Tx {
	tx, _ := ctx.Value(txKey{db}).(*Tx)
	return tx
}

var errTwoGoroutines = invalidf("the transaction is used by two goroutines at once")

// lock starts one operation. It does not wait.
func (tx *Tx) lock() error {
	if !tx.mu.TryLock() {
		return errTwoGoroutines
	}
	var err error
	switch {
	case tx.done:
		err = ErrTxDone
	case tx.failed != nil:
		err = both(ErrTxDone, tx.failed)
	}
	if err != nil {
		tx.mu.Unlock()
	}
	return err
}

// doom ends the Tx's hope to commit. rerun says that Atomic runs its function again.
func (tx *Tx) doom(err error, rerun bool) {
	if tx.failed == nil {
		tx.failed, tx.rerun = err, rerun
	}
}

func (tx *Tx) note(key entityKey, version int64, written bool) {
	if tx.entities == nil {
		tx.entities = make(map[entityKey]entityState)
	}
	old := tx.entities[key]
	tx.entities[key] = entityState{version, written || old.written}
}

// noteConflict remembers the conflict of a Save, Delete or Touch. It is an answer, after which the Tx
// goes on. But where the Tx itself had read the copy, another's write came in between, and Atomic
// runs the function again if it gives up because of that conflict.
func (tx *Tx) noteConflict(key entityKey, expected int64, err error) {
	if state, ok := tx.entities[key]; ok && state.seen == expected && !state.written {
		tx.conflict = err
	}
}

// lastSaw reports whether the version of an entity that was last read or written in this Tx is the
// one given.
func (tx *Tx) lastSaw(key entityKey, version int64) bool { return tx.entities[key].seen == version }

// finish ends the Tx after the function has returned err, or has not returned at all. The result
// is nil when and only when the commit is known to have happened.
func (tx *Tx) finish(ctx, run context.Context, c *call, o TxOptions, cancel func(), err error) error {
	if !tx.mu.TryLock() {
		// A goroutine that the function left behind is using the Tx: end its request first.
		cancel()
		tx.mu.Lock()
		tx.failed, tx.rerun = errTwoGoroutines, false
	}
	defer tx.mu.Unlock()
	if tx.done {
		return ErrTxDone
	}
	tx.done = true
	if err == nil && tx.failed == nil {
		if run.Err() == nil {
			return tx.commit(ctx, c, o)
		}
		tx.failed = tx.late(ctx, run, o)
	}
	tx.rollback(ctx, o)
	switch {
	case tx.failed != nil && tx.rerun:
		return &again{tx.failed}
	case tx.failed == nil && tx.conflict != nil && errors.Is(err, tx.conflict):
		return &again{tx.conflict}
	case err == nil:
		return tx.failed
	case tx.failed != nil && !errors.Is(err, tx.failed):
		return &callersError{errors.Join(err, tx.failed)}
	}
	return &callersError{err}
}

// late is the error of a function that returned nil after its context had ended.
func (tx *Tx) late(ctx, run context.Context, o TxOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return both(explain(ErrTransient, "the function ran past its deadline (RunTimeout %v, Timeout %v)", o.RunTimeout, o.Timeout), run.Err())
}

func (tx *Tx) commit(ctx context.Context, c *call, o TxOptions) error {
	if tx.isView {
		tx.rollback(ctx, o) // there is nothing to commit, and nothing that could fail
		return nil
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.EndTimeout)
	defer cancel()
	c.isWriting = true
	err := tx.driver.Commit(end)
	if err == nil {
		return nil
	}
	tx.restore()
	fault := c.fault(end, err)
	if !MayHaveHappened(fault) && c.canRerun(end, err) {
		return &again{fault}
	}
	return fault
}

func (tx *Tx) rollback(ctx context.Context, o TxOptions) {
	tx.restore()
	ctx = context.WithoutCancel(ctx)
	end, cancel := context.WithTimeout(ctx, o.EndTimeout)
	defer cancel()
	if err := tx.driver.Rollback(end); err != nil && tx.db.options.Logger != nil {
		f := failure{backend: tx.db.info.Name, fault: tx.db.driver.Classify(err)}
		tx.db.options.Logger.LogAttrs(ctx, slog.LevelWarn, "rollback failed"+f.code())
	}
}

// restore puts every entity that the Tx was handed by pointer back as it was.
func (tx *Tx) restore() {
	tx.undo.Revert()
}
