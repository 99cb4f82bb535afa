package refresh

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stillframe/stillframe/store"
)

// read reads keys and gives what it finds to their waiters.
func (h *hub[T, K]) read(keys []K) {
	ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
	defer cancel()
	hasReturned := false
	defer func() {
		if hasReturned {
			return
		}
		for _, key := range keys { // a codec of the user's has not returned
			h.give(key, state[T]{isOwn: true})
		}
		_ = recover() // of a panic; it comes again on the goroutine of each waiter
	}()
	h.mu.Lock()
	h.isNews = false
	h.mu.Unlock()
	found, err := h.readMany(ctx, keys)
	h.mu.Lock()
	isFailed := h.failed(keys, err)
	if isFailed {
		for _, key := range keys {
			if e, ok := h.entries[key]; ok {
				e.isDue = true
			}
		}
	}
	h.mu.Unlock()
	switch {
	case isFailed:
	case err != nil && len(keys) > 1:
		for _, key := range keys { // one of the rows cannot be read, and which is not known
			h.readOne(ctx, key)
		}
	case err != nil:
		h.give(keys[0], state[T]{isOwn: true})
	default:
		for _, key := range keys {
			h.settle(ctx, key, found)
		}
		h.giveBack()
	}
	hasReturned = true
}

// giveBack has a read count for nothing that has found nothing new: the database tells of a write that this process has
// told of before.
func (h *hub[T, K]) giveBack() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.isNews {
		h.spent = max(0, h.spent-h.price)
	}
}

// readMany reads keys by one request.
func (h *hub[T, K]) readMany(ctx context.Context, keys []K) (map[K]T, error) {
	if len(keys) > 1 {
		return h.repo.GetMany(ctx, keys)
	}
	entity, err := h.repo.Get(ctx, keys[0])
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return map[K]T{keys[0]: entity}, nil
}

// readOne is read for one of several keys that could not be read together.
func (h *hub[T, K]) readOne(ctx context.Context, key K) {
	hasReturned := false
	defer func() {
		if !hasReturned {
			h.give(key, state[T]{isOwn: true})
			_ = recover()
		}
	}()
	found, err := h.readMany(ctx, []K{key})
	if err != nil {
		h.give(key, state[T]{isOwn: true})
	} else {
		h.settle(ctx, key, found)
	}
	hasReturned = true
}

// settle takes what a read has found of a key. That it is gone, or has an older version than was read before, is
// believed after a confirmed read: the answer may be that of a server that has lost an election.
func (h *hub[T, K]) settle(ctx context.Context, key K, found map[K]T) {
	h.mu.Lock()
	e, ok := h.entries[key]
	var before state[T]
	if ok {
		before = e.state
	}
	h.mu.Unlock()
	if !ok {
		return
	}
	entity, isThere := found[key]
	now := state[T]{}
	if isThere {
		now.entity, now.version = &entity, h.repo.VersionOf(entity)
	}
	isBack := !isThere || before.entity != nil && now.version < before.version
	wasGone := before.round > 0 && before.entity == nil && !before.isOwn
	if isBack && !(wasGone && !isThere) {
		confirmed, err := h.repo.GetConfirmed(ctx, key)
		switch {
		case err == nil:
			now.entity, now.version = &confirmed, h.repo.VersionOf(confirmed)
		case errors.Is(err, store.ErrNotFound):
			now = state[T]{}
		default:
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.failed([]K{key}, err) {
				e.isDue = true
			} else {
				h.giveLocked(e, state[T]{isOwn: true})
			}
			return
		}
	}
	h.give(key, now)
}

// give gives the waiters of a key what the read of the present round has shown.
func (h *hub[T, K]) give(key K, s state[T]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.entries[key]; ok {
		h.giveLocked(e, s)
	}
}

// giveLocked is give under h.mu.
func (h *hub[T, K]) giveLocked(e *entry[T], s state[T]) {
	now := time.Now()
	s.round, s.at = h.round, now
	isNews := e.round == 0 || s.isOwn || e.isOwn || s.version != e.version || (s.entity == nil) != (e.entity == nil)
	h.isNews = h.isNews || isNews
	for w := range e.waiters {
		if isNews || w.joined >= e.round && w.joined < s.round {
			notify(w.signal)
		}
	}
	e.state, e.lastErr = s, nil
	e.restAt = e.restOf(now, isNews)
	h.schedule(e, now)
}

// restOf is the end of the pause after a read. It is short where the read has found nothing new: two wake-ups have told
// of one write, and the next shall not wait for that.
func (e *entry[T]) restOf(now time.Time, isNews bool) time.Time {
	if !isNews {
		return now.Add(e.least() / 4)
	}
	return now.Add(e.least())
}

// least is the shortest of the pauses that an entry's waiters ask for.
func (e *entry[T]) least() time.Duration {
	return shortest(e.waiters, func(o *Options) time.Duration { return o.Least })
}

// interval is the shortest time between two looks that they ask for.
func (e *entry[T]) interval() time.Duration {
	return shortest(e.waiters, func(o *Options) time.Duration { return o.Interval })
}

func shortest(waiters map[*waiter]struct{}, of func(*Options) time.Duration) time.Duration {
	least := time.Duration(math.MaxInt64)
	for w := range waiters {
		least = min(least, of(&w.options))
	}
	return least
}

// last returns what was read last of a key, and the error of the last attempt.
func (h *hub[T, K]) last(key K) (state[T], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entries[key]
	return e.state, e.lastErr
}
