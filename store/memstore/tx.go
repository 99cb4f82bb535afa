package memstore

import (
	"context"
	"sync/atomic"

	"github.com/stillframe/stillframe/store/driver"
)

// transaction is a transaction, or the one that stands around a write without one.
type transaction struct {
	engine *engine
	isView bool
	isOver atomic.Bool // stored under engine.mu

	// What it sees belongs to the one operation that a transaction has at a time, which may read it
	// without a lock. It is changed under engine.mu, for whoever asks what is pending; a view, which
	// writes nothing, is of no interest to anybody else.
	snapshot *state // what it sees, nil for what is committed at each read
	own      ownChanges

	owner          // guarded by engine.mu
	isCounted bool // in engine.snapshots; guarded by engine.mu
}

var _ driver.Tx = (*transaction)(nil)

// Begin implements [driver.Database].
func (e *engine) Begin(ctx context.Context, p *driver.BeginParams) (driver.Tx, error) {
	if _, err := e.admit(ctx, Call{Op: "begin"}, false); err != nil {
		return nil, err
	}
	if e.noTransactions {
		return nil, errNoTransactions
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Load() {
		return nil, errClosed
	}
	t := &transaction{engine: e, isView: p.View}
	e.open[t] = struct{}{}
	return t, nil
}

// Commit implements [driver.Tx].
func (t *transaction) Commit(ctx context.Context) error {
	e := t.engine
	isAdmitted := false
	defer func() {
		if !isAdmitted { // a hook that panics leaves no transaction either
			e.endBadly(t)
		}
	}()
	lost, err := e.admit(ctx, Call{Op: "commit"}, true)
	if err != nil {
		return err
	}
	isAdmitted = true
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := t.checkOpen(); err != nil {
		return err
	}
	e.commit(t)
	return lost
}

// Rollback implements [driver.Tx]. The transaction ends whatever the hook says, as it does at a server
// that loses its client.
func (t *transaction) Rollback(ctx context.Context) error {
	e := t.engine
	defer e.endBadly(t)
	_, err := e.admit(ctx, Call{Op: "rollback"}, false)
	return err
}

// checkOpen returns the error of an operation on a transaction that is over.
func (t *transaction) checkOpen() error {
	switch {
	case t.engine.closed.Load():
		return errClosed
	case t.isOver.Load():
		return errOver
	}
	return nil
}

// wantsSnapshot reports whether the next operation of t is its first and must fix what it sees.
func (t *transaction) wantsSnapshot() bool {
	return t.snapshot == nil && (t.isView || t.engine.snapshotReads)
}

// join returns the transaction of an operation, nil where it has none.
func (e *engine) join(tx driver.Tx) (*transaction, error) {
	if tx == nil {
		return nil, nil
	}
	t, ok := tx.(*transaction)
	if !ok || t.engine != e {
		return nil, errForeignTx
	}
	return t, nil
}

// takeSnapshot lets t see the present state until its end.
func (e *engine) takeSnapshot(t *transaction) {
	t.snapshot = e.state.Load()
	t.isCounted, t.neverWaits = true, true
	e.snapshots.take(t.snapshot.sequence)
}

// dropSnapshot says that t writes no more.
func (e *engine) dropSnapshot(t *transaction) {
	if t.isCounted {
		t.isCounted = false
		e.snapshots.drop(t.snapshot.sequence)
	}
}

// present returns what t sees now: its snapshot, or the newest commit. t may be nil.
func (e *engine) present(t *transaction) moment {
	m := moment{looked: &e.looked}
	if t != nil {
		m.own = &t.own
		if m.committed = t.snapshot; m.committed != nil {
			m.isOld = true
			return m
		}
	}
	m.committed = e.state.Load()
	return m
}

// look is present for an operation that only reads. It takes the snapshot of a transaction, where that is
// due. t may be nil.
func (e *engine) look(t *transaction) (moment, error) {
	if t == nil {
		return e.present(nil), nil
	}
	if err := t.checkOpen(); err != nil {
		return moment{}, err
	}
	switch {
	case !t.wantsSnapshot():
	case t.isView:
		t.snapshot = e.state.Load()
	default:
		e.mu.Lock()
		defer e.mu.Unlock()
		e.takeSnapshot(t)
	}
	return e.present(t), nil
}

// changedSince reports whether a change of a row was committed that the snapshot of t does not hold.
func (e *engine) changedSince(t *transaction, id lockID) bool {
	if t.snapshot == nil {
		return false
	}
	then, now := get(t.snapshot.table(id.table).rows, id.key), get(e.state.Load().table(id.table).rows, id.key)
	return then != now || e.snapshots.isDeletedSince(rowID{id.table, id.key}, t.snapshot.sequence)
}

// start is the first step of every operation of a collection: it returns the caller's transaction, nil
// where there is none, and what admit does.
func (e *engine) start(ctx context.Context, call Call, tx driver.Tx, writes bool) (t *transaction, lost, err error) {
	if t, err = e.join(tx); err != nil {
		return nil, nil, err
	}
	if lost, err = e.admit(ctx, call, writes); err != nil {
		e.failed(t, err)
		return nil, nil, err
	}
	return t, lost, nil
}

// change runs the changes of one operation in t, or in a transaction of their own where t is nil. The
// function is called under e.mu and may wait for locks; when it returns an error it has changed
// nothing.
func (e *engine) change(t *transaction, fn func(t *transaction) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t == nil {
		return e.changeAlone(fn)
	}
	if err := t.checkOpen(); err != nil {
		return err
	}
	if t.isView {
		return errReadOnly
	}
	if t.wantsSnapshot() {
		e.takeSnapshot(t)
	}
	err := fn(t)
	if err != nil && endsTransaction(err) {
		e.rollback(t)
	}
	return err
}

// changeAlone is change for an operation without a transaction of the caller.
func (e *engine) changeAlone(fn func(t *transaction) error) error {
	if e.closed.Load() {
		return errClosed
	}
	t := &transaction{engine: e}
	if err := fn(t); err != nil {
		e.rollback(t)
		return err
	}
	e.commit(t)
	return nil
}

// failed rolls back the transaction of an operation that the hook let fail, where a server would have.
func (e *engine) failed(t *transaction, err error) {
	if t != nil && endsTransaction(err) {
		e.endBadly(t)
	}
}

// endBadly is rollback for a caller that does not hold e.mu.
func (e *engine) endBadly(t *transaction) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rollback(t)
}

// commit makes all changes of t visible at once and ends it.
func (e *engine) commit(t *transaction) {
	if len(t.own.tables) > 0 {
		e.dropSnapshot(t) // which is no reason to remember what t itself deletes
		last := e.state.Load()
		next, edit := last.successor(), new(edit)
		for _, own := range t.own.tables {
			tab := next.edit(own.table)
			for key, r := range own.changes {
				tab.rows = tab.rows.set(edit, key, r)
				if r == nil {
					e.snapshots.remember(rowID{own.table, key}, next.sequence)
				}
			}
			tab.changes += uint64(len(own.changes))
			e.numbered[own.table].orders.forget(tab)
		}
		e.commitValues(t, next, edit)
		e.state.Store(next)
		if e.watches.hasAny() {
			for _, own := range t.own.tables { // what they are told of can be read by now
				e.watches.tell(own.table, own.changes, last.table(own.table).rows)
			}
		}
	}
	e.end(t)
}

// commitValues writes who holds the values of unique indexes, in tables that the commit has written.
func (e *engine) commitValues(t *transaction, next *state, edit *edit) {
	last := -1 // the table whose indexes are the commit's own
	for _, l := range t.locks {
		if !l.isClaimed {
			continue
		}
		tab := next.tables[l.id.table]
		if l.id.table != last {
			last = l.id.table
			tab.editUnique(e.numbered[last].unique)
		}
		index := &tab.unique[l.id.index-1]
		index.holders = index.holders.set(edit, l.id.key, l.holder)
	}
}

// rollback ends t without a trace. It does nothing where t is over.
func (e *engine) rollback(t *transaction) {
	if !t.isOver.Load() {
		e.end(t)
	}
}

// end gives back all that t holds: its snapshot and its locks. Its changes are committed by then, or lost.
func (e *engine) end(t *transaction) {
	t.isOver.Store(true)
	delete(e.open, t)
	e.dropSnapshot(t)
	e.locks.releaseAll(&t.owner)
}
