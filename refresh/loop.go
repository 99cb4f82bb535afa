package refresh

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stillframe/stillframe/store"
)

// run reads and looks until the last waiter has left.
func (h *hub[T, K]) run() {
	hasReturned := false
	defer func() {
		if !hasReturned { // a codec of the user's has called Goexit
			h.work.Go(h.run)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for h.ctx.Err() == nil {
		now := time.Now()
		due, looks, next := h.plan(now)
		switch {
		case len(due) > 0:
			h.read(due)
			continue
		case len(looks) > 0:
			h.look(looks)
			continue
		}
		wait := time.Hour // nobody waits for a key
		if !next.IsZero() {
			wait = next.Sub(now)
		}
		timer.Reset(wait)
		select {
		case <-h.ctx.Done():
		case <-h.news:
		case <-timer.C:
		}
	}
	hasReturned = true
}

// plan returns the keys that are to be read now, those whose versions are to be looked at, and where there are neither
// the time of the next. A key that is to be read is taken as read from here on.
func (h *hub[T, K]) plan(now time.Time) (due, looks []K, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sooner := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if now.Before(h.resumeAt) {
		return nil, nil, h.resumeAt
	}
	isNew, least := false, time.Duration(math.MaxInt64)
	for key, e := range h.entries {
		switch {
		case e.isDue && !now.Before(e.restAt):
			due = append(due, key)
			isNew, least = isNew || e.isNew, min(least, e.least())
		case e.isDue:
			sooner(e.restAt)
		case !now.Before(e.lookAt):
			looks = append(looks, key)
		default:
			sooner(e.lookAt)
		}
	}
	if len(due) == 0 {
		return nil, looks, next
	}
	if wait := h.afford(now, least); wait > 0 && !isNew {
		sooner(now.Add(wait))
		return nil, looks, next
	}
	h.round++
	for _, key := range due {
		e := h.entries[key]
		e.isDue, e.isNew = false, false
	}
	return due, nil, time.Time{}
}

// afford returns how long a read has to wait, and counts it where that is no time. In the long run a hub reads once in
// one and a half pauses, so that in a table where many entities are written all the time they are read together; some
// reads may follow each other at once.
func (h *hub[T, K]) afford(now time.Time, least time.Duration) time.Duration {
	price := least + least/2
	h.price = 0
	h.spent = max(0, h.spent-now.Sub(h.spentAt))
	h.spentAt = now
	if over := h.spent - (burst-1)*price; over > 0 {
		return over
	}
	h.price = price
	h.spent += price
	return 0
}

// schedule says when the version of an entry is looked at next. Those that have reached their Interval are looked at
// together: at multiples of it since the hub began.
func (h *hub[T, K]) schedule(e *entry[T], now time.Time) {
	interval := e.interval()
	if h.isTold {
		interval *= toldPace
	}
	if e.pace = max(e.pace, 1); e.pace >= interval {
		e.pace = interval
		e.lookAt = h.begun.Add((now.Sub(h.begun)/interval + 1) * interval)
		return
	}
	e.lookAt = now.Add(e.pace)
	e.pace *= 2
}

var errNotReturned = errors.New("refresh: a codec has not returned")

// look reads the versions of keys, and wakes those that have another than was read.
func (h *hub[T, K]) look(keys []K) {
	ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
	defer cancel()
	versions, err := map[K]int64(nil), errNotReturned
	defer func() {
		_ = recover() // of a codec of the user's, which the read comes to again
		h.looked(keys, versions, err)
	}()
	versions, err = h.repo.Versions(ctx, keys)
}

// looked takes what a look has found. What it could not read is read.
func (h *hub[T, K]) looked(keys []K, versions map[K]int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed(keys, err) {
		return
	}
	now := time.Now()
	for _, key := range keys {
		e, ok := h.entries[key]
		if !ok {
			continue
		}
		version, isThere := versions[key]
		if err != nil || e.isOwn || isThere != (e.entity != nil) || version != e.version {
			e.isDue = true
		}
		h.schedule(e, now)
	}
}

// failed notes what became of a read of keys. It reports whether it is to be made again later, since the server is
// away.
func (h *hub[T, K]) failed(keys []K, err error) bool {
	if err == nil || !isAway(err) {
		h.failures, h.resumeAt = 0, time.Time{}
		return false
	}
	h.resumeAt = time.Now().Add(min(backoff<<min(h.failures, 10), longest))
	h.failures++
	for _, key := range keys {
		if e, ok := h.entries[key]; ok {
			e.lastErr = err
		}
	}
	return true
}

// isAway reports whether a read can be made again: an error of the server's absence, or of the time that it took.
func isAway(err error) bool {
	return errors.Is(err, store.ErrTransient) || isOfCtx(err)
}

func isOfCtx(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
