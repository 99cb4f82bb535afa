package memstore

import (
	"context"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// transaction is a transaction, or the one that stands around a write without one. Its fields are
// guarded by engine.mu.
type transaction struct {
	engine   *engine
	view     bool
	snapshot uint64 // the sequence that it sees, where snapped is set
	snapped  bool
	over     bool

	rows     []*row  // with a pending change of this transaction
	locks    []*lock // that this transaction owns
	waitsFor *lock
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
	t := &transaction{engine: e, view: p.View}
	e.open[t] = struct{}{}
	return t, nil
}

// Commit implements [driver.Tx].
func (t *transaction) Commit(ctx context.Context) error {
	e := t.engine
	lost, err := e.admit(ctx, Call{Op: "commit"}, true)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.rollback(t)
		return err
	}
	if err := t.usable(); err != nil {
		return err
	}
	e.commit(t)
	return lost
}

// Rollback implements [driver.Tx]. The transaction ends whatever the hook says, as it does at a server
// that loses its client.
func (t *transaction) Rollback(ctx context.Context) error {
	e := t.engine
	_, err := e.admit(ctx, Call{Op: "rollback"}, false)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rollback(t)
	return err
}

// usable returns the error of an operation on a transaction that is over.
func (t *transaction) usable() error {
	switch {
	case t.engine.closed.Load():
		return errClosed
	case t.over:
		return errOver
	}
	return nil
}

// wantsSnapshot reports whether the next operation of t is its first and must fix what it sees.
func (t *transaction) wantsSnapshot() bool {
	return !t.snapped && (t.view || t.engine.snapshotReads)
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

// startRead leaves e.mu locked for reading when it returns nil. What the caller then reads before it
// unlocks is one moment.
func (e *engine) startRead(t *transaction) error {
	e.mu.RLock()
	if t == nil {
		return nil
	}
	if !t.over && t.wantsSnapshot() {
		e.mu.RUnlock()
		e.mu.Lock()
		if !t.over {
			e.takeSnapshot(t)
		}
		e.mu.Unlock()
		e.mu.RLock()
	}
	if err := t.usable(); err != nil {
		e.mu.RUnlock()
		return err
	}
	return nil
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
	if err := t.usable(); err != nil {
		return err
	}
	if t.view {
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
	if t == nil || !endsTransaction(err) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rollback(t)
}

// commit makes all changes of t visible at once and ends it.
func (e *engine) commit(t *transaction) {
	for _, l := range t.locks {
		if !l.claimed {
			continue
		}
		entries := l.id.table.unique[l.id.index-1].entries
		if l.holder == nil {
			delete(entries, l.id.key)
		} else {
			entries[l.id.key] = l.holder
		}
	}
	// The snapshot of t itself needs no old version any more.
	e.dropSnapshot(t)
	if len(t.rows) > 0 {
		e.sequence++
		for _, r := range t.rows {
			e.install(r, e.sequence)
		}
	}
	e.end(t)
}

// rollback ends t without a trace. It does nothing where t is over.
func (e *engine) rollback(t *transaction) {
	if t.over {
		return
	}
	for _, r := range t.rows {
		r.writer, r.pending = nil, nil
		r.forget()
	}
	e.dropSnapshot(t)
	e.end(t)
}

func (e *engine) end(t *transaction) {
	t.over = true
	delete(e.open, t)
	if l := t.waitsFor; l != nil { // the database was closed while t waited
		t.waitsFor = nil
		l.queue = slices.DeleteFunc(l.queue, func(w *waiter) bool { return w.transaction == t })
	}
	for _, l := range t.locks {
		e.release(l)
	}
	t.rows, t.locks = nil, nil
}
