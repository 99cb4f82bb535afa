package memstore

import (
	"context"
	"slices"
	"time"
)

// lockID names what a lock guards: a row by its key, whether the row is there or not, or one value of
// a unique index.
type lockID struct {
	table *table
	index int // 0 for a row, else 1 + the position of the index in table.unique
	key   string
}

// lock is an exclusive lock. It exists from the first request until nobody holds it.
type lock struct {
	id    lockID
	owner *transaction
	queue []*waiter // in the order of arrival

	// claimed says that the owner has changed who holds the value of a unique index: holder, or nobody
	// where that is nil. It takes effect at the owner's commit.
	claimed bool
	holder  *row
}

// waiter is one request that waits in a lock's queue.
type waiter struct {
	transaction *transaction
	granted     chan struct{} // closed when the lock is the transaction's
}

// acquire makes t the owner of a lock and returns it; fresh says that t was not before. It waits for
// its turn, until ctx ends, the lock timeout passes, the database closes, or at once where waiting
// would close a circle. A transaction with a snapshot never waits: what somebody else has locked is a
// write conflict for it.
//
// The caller holds e.mu, which is given up during the wait: what it read before may have changed,
// except for what t has locked.
func (e *engine) acquire(ctx context.Context, t *transaction, id lockID) (l *lock, fresh bool, err error) {
	l = e.locks[id]
	switch {
	case l == nil:
		l = &lock{id: id, owner: t}
		e.locks[id] = l
		t.locks = append(t.locks, l)
		return l, true, nil
	case l.owner == t:
		return l, false, nil
	case t.snapped:
		return nil, false, errWritten
	}
	w := &waiter{transaction: t, granted: make(chan struct{})}
	l.queue = append(l.queue, w)
	t.waitsFor = l
	if e.deadlocked(t) {
		e.leaveQueue(l, w)
		return nil, false, errVictim
	}
	if err := e.wait(ctx, l, w); err != nil {
		return nil, false, err
	}
	return l, true, nil
}

func (e *engine) wait(ctx context.Context, l *lock, w *waiter) error {
	timeout := time.NewTimer(e.lockTimeout)
	defer timeout.Stop()
	e.waiting++
	e.mu.Unlock()
	var err error
	select {
	case <-w.granted:
	case <-ctx.Done():
	case <-timeout.C:
		err = errLockTimeout
	case <-e.done:
	}
	e.mu.Lock()
	e.waiting--
	// A lock that is granted while the wait ends for another reason stays with the transaction, which
	// gives it up when it ends. An ended context always wins: its caller must not see a write.
	granted := l.owner == w.transaction
	if !granted {
		e.leaveQueue(l, w)
	}
	switch {
	case e.closed.Load():
		return errClosed
	case ctx.Err() != nil:
		return canceled(ctx.Err())
	case granted:
		return nil
	}
	return err
}

func (e *engine) leaveQueue(l *lock, w *waiter) {
	w.transaction.waitsFor = nil
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// deadlocked reports whether t, which has just joined a queue, waits for itself. A circle can close
// only when somebody joins a queue, so that every circle is found here, and none is there before. Those
// who stand in the queue before t add nothing: they wait for the same owner.
func (e *engine) deadlocked(t *transaction) bool {
	for l := t.waitsFor; l != nil; l = l.owner.waitsFor {
		if l.owner == t {
			return true
		}
	}
	return false
}

// release passes a lock on to the first in its queue. The caller takes it out of its owner's list.
func (e *engine) release(l *lock) {
	l.claimed, l.holder = false, nil
	if len(l.queue) == 0 {
		l.owner = nil
		delete(e.locks, l.id)
		return
	}
	w := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	l.owner = w.transaction
	w.transaction.waitsFor = nil
	w.transaction.locks = append(w.transaction.locks, l)
	close(w.granted)
}

// giveBack releases a lock that t acquired last and has not used.
func (e *engine) giveBack(t *transaction, l *lock) {
	t.locks = slices.DeleteFunc(t.locks, func(held *lock) bool { return held == l })
	e.release(l)
}
