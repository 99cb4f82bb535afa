package memstore

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lockID names what a lock guards: a row by its key, whether the row is there or not, or one value of
// a unique index.
type lockID struct {
	table int // its number
	index int // 0 for a row, else 1 + the position of the index in table.unique
	key   string
}

// locks are the locks of a database. Their methods are called under mu.
type locks struct {
	mu      *sync.Mutex // the database's
	timeout time.Duration
	done    chan struct{} // closed with the database

	held    map[lockID]*lock
	waiting int
}

// lock is an exclusive lock. It exists from the first request until nobody holds it.
type lock struct {
	id    lockID
	owner *owner
	queue []*waiter // in the order of arrival

	// isClaimed says that the owner has changed who holds the value of a unique index: the row whose key is
	// holder, or nobody where that is empty. It takes effect at the owner's commit.
	isClaimed bool
	holder    string
}

// owner is who owns locks: a transaction.
type owner struct {
	locks    []*lock
	waitsFor *lock
	// neverWaits says that what somebody else has locked is a write conflict: it has a snapshot, which
	// would not hold what the other one writes.
	neverWaits bool
}

// waiter is one request that waits in a lock's queue.
type waiter struct {
	owner   *owner
	granted chan struct{} // closed when the lock is the owner's
}

// acquire makes o the owner of a lock and returns it; isNew says that o was not before. It waits for its
// turn, until ctx ends, the timeout passes, the database closes, or at once where waiting would close a
// circle.
//
// mu is given up during the wait: what the caller read before may have changed, except for what o has
// locked.
func (l *locks) acquire(ctx context.Context, o *owner, id lockID) (wanted *lock, isNew bool, err error) {
	wanted = l.held[id]
	switch {
	case wanted == nil:
		wanted = &lock{id: id, owner: o}
		l.held[id] = wanted
		o.locks = append(o.locks, wanted)
		return wanted, true, nil
	case wanted.owner == o:
		return wanted, false, nil
	case o.neverWaits:
		return nil, false, errWritten
	}
	w := &waiter{owner: o, granted: make(chan struct{})}
	wanted.queue = append(wanted.queue, w)
	o.waitsFor = wanted
	if o.isDeadlocked() {
		wanted.leaveQueue(w)
		return nil, false, errVictim
	}
	if err := l.wait(ctx, wanted, w); err != nil {
		return nil, false, err
	}
	return wanted, true, nil
}

// wait waits in the queue of a lock, for acquire, until it is granted, ctx or the timeout ends, or the
// database is closed. It gives up l.mu meanwhile, so that others go on, and has it again when it returns.
func (l *locks) wait(ctx context.Context, wanted *lock, w *waiter) error {
	timeout := time.NewTimer(l.timeout)
	defer timeout.Stop()
	l.waiting++
	l.mu.Unlock()
	var err error
	select {
	case <-w.granted:
	case <-ctx.Done():
	case <-timeout.C:
		err = errLockTimeout
	case <-l.done:
	}
	l.mu.Lock()
	l.waiting--
	// A lock that is granted while the wait ends for another reason stays with its owner, who gives it up
	// when it ends. An ended context always wins: its caller must not see a write.
	isGranted := wanted.owner == w.owner
	if !isGranted {
		wanted.leaveQueue(w)
	}
	select {
	case <-l.done:
		return errClosed
	default:
	}
	switch {
	case ctx.Err() != nil:
		return canceled(ctx.Err())
	case isGranted:
		return nil
	}
	return err
}

// leaveQueue is how a waiter goes that was not granted the lock.
func (l *lock) leaveQueue(w *waiter) {
	w.owner.waitsFor = nil
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

// isDeadlocked reports whether o, which has just joined a queue, waits for itself. A circle can close
// only when somebody joins a queue, so that every circle is found here, and none is there before. Those
// who stand in the queue before o add nothing: they wait for the same owner.
func (o *owner) isDeadlocked() bool {
	for l := o.waitsFor; l != nil; l = l.owner.waitsFor {
		if l.owner == o {
			return true
		}
	}
	return false
}

// release passes a lock on to the first in its queue. The caller takes it out of its owner's list.
func (l *locks) release(given *lock) {
	given.isClaimed, given.holder = false, ""
	if len(given.queue) == 0 {
		given.owner = nil
		delete(l.held, given.id)
		return
	}
	w := given.queue[0]
	given.queue = slices.Delete(given.queue, 0, 1)
	given.owner = w.owner
	w.owner.waitsFor = nil
	w.owner.locks = append(w.owner.locks, given)
	close(w.granted)
}

// giveBack releases a lock that o acquired last and has not used.
func (l *locks) giveBack(o *owner, given *lock) {
	o.locks = slices.DeleteFunc(o.locks, func(held *lock) bool { return held == given })
	l.release(given)
}

// releaseAll releases what o owns and waits for.
func (l *locks) releaseAll(o *owner) {
	if wanted := o.waitsFor; wanted != nil { // the database was closed during the wait
		o.waitsFor = nil
		wanted.queue = slices.DeleteFunc(wanted.queue, func(w *waiter) bool { return w.owner == o })
	}
	for _, held := range o.locks {
		l.release(held)
	}
	o.locks = nil
}
