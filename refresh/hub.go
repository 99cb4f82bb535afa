package refresh

import (
	"context"
	"errors"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store"
)

// The words of this package.
//
//	hub       serves all who wait for entities of one table, by one goroutine that reads for them
//	waiter    one running Wait, Gone, Watch or Follow
//	entry     what the hub knows of one key: what it has read last, and who waits for more
//	round     the number of a read. What a read shows counts for those who joined before it began
//	wake-up   a reason to read: it sets isDue, and holds no state of the entity
//	look      a read of versions alone, by which writes are found that nothing tells of
//
// Nothing can be lost between a wake-up and the read: isDue is taken back under the lock and before the read is sent,
// so that a write which that read does not show wakes anew. And a waiter has joined before its first read.

// hubs are those that have waiters, by what they serve.
var hubs struct {
	sync.Mutex
	all map[hubID]any
}

// hubID names a hub.
type hubID struct {
	db    *store.DB
	table string
	kind  reflect.Type // of the hub
}

// woken is a hub without its type parameters, for Wake.
type woken interface{ wakeAny(keys []any) }

// hub serves all waiters on one table, through one DB and by one type.
type hub[T any, K comparable] struct {
	repo *store.Repository[T, K]
	id   hubID
	news chan struct{} // tells run that there is something to do; of length 1

	// ctx ends when the last waiter has left; work waits for the goroutines, which then end.
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	begun   time.Time
	unhooks func() // DB.OnWrite

	waiters int // guarded by hubs

	mu       sync.Mutex
	entries  map[K]*entry[T]
	pages    map[*waiter]struct{} // those of Follow
	round    int64                // of the read that has begun last
	isTold   bool                 // Changes tells of all writes
	failures int                  // reads in a row that have failed because the server was away
	resumeAt time.Time            // when the next is tried
}

// entry is what a hub knows of one key.
type entry[T any] struct {
	waiters map[*waiter]struct{}
	isDue   bool
	restAt  time.Time     // it is not read again before
	lookAt  time.Time     // when its version is looked at
	pace    time.Duration // the time between two looks, which grows up to the waiters' Interval

	state[T]
	lastErr error // of the last attempt to read, nil where it succeeded
}

// state is what a read has shown.
type state[T any] struct {
	round   int64
	at      time.Time
	entity  *T // nil where it is gone; never changed, and given out as copies
	version int64
	// isOwn says that the shared read has met an error, or a codec that panics: everybody who wants to know reads for
	// himself, and has the error, or the panic, on his own goroutine.
	isOwn bool
}

// waiter is one running call.
type waiter struct {
	options Options
	isWait  bool          // it begins with looks that follow each other sooner
	signal  chan struct{} // of length 1: there may be something new
	joined  int64         // the round that had begun when it joined
}

// Bounds that no option sets.
const (
	firstPace   = 5 * time.Millisecond    // between the first two looks of a Wait
	toldPace    = 4                       // how many times fewer looks there are where the database tells of writes
	tellAfter   = 50 * time.Millisecond   // how old a hub must be to be told of writes: most Waits are over by then
	readTimeout = 10 * time.Second        // of one read of a hub
	backoff     = 10 * time.Millisecond   // after a read that has failed because the server is away; it doubles
	longest     = 1000 * time.Millisecond // of these
)

// join makes w a waiter of the hub of a repository, and of one key of it unless it is for a page. The caller must
// leave.
func join[T any, K comparable](r *store.Repository[T, K], w *waiter, key *K) *hub[T, K] {
	id := hubID{r.DB(), r.Table(), reflect.TypeFor[hub[T, K]]()}
	hubs.Lock()
	defer hubs.Unlock()
	h, ok := hubs.all[id].(*hub[T, K])
	if !ok {
		h = &hub[T, K]{
			repo: r, id: id, news: make(chan struct{}, 1), begun: time.Now(),
			entries: map[K]*entry[T]{}, pages: map[*waiter]struct{}{},
		}
		h.ctx, h.cancel = context.WithCancel(context.Background())
		h.unhooks = r.DB().OnWrite(h.wrote)
		if hubs.all == nil {
			hubs.all = map[hubID]any{}
		}
		hubs.all[id] = h
		h.work.Go(h.run)
		if r.DB().Info().Changes {
			h.work.Go(h.listen)
		}
	}
	h.waiters++
	h.mu.Lock()
	defer h.mu.Unlock()
	w.joined = h.round
	if key == nil {
		h.pages[w] = struct{}{}
		return h
	}
	e := h.entries[*key]
	if e == nil {
		e = &entry[T]{waiters: map[*waiter]struct{}{}}
		h.entries[*key] = e
	}
	e.waiters[w] = struct{}{}
	e.isDue = true
	if w.isWait || e.pace == 0 {
		e.pace = e.interval()
		if w.isWait {
			e.pace = min(e.pace, firstPace)
		}
	}
	notify(h.news)
	return h
}

// leave is the end of a waiter. When the last has left, nothing of the hub is there any more.
func (h *hub[T, K]) leave(w *waiter, key *K) {
	h.mu.Lock()
	delete(h.pages, w)
	if key != nil {
		e := h.entries[*key]
		if delete(e.waiters, w); len(e.waiters) == 0 {
			delete(h.entries, *key)
		}
	}
	h.mu.Unlock()
	hubs.Lock()
	h.waiters--
	isLast := h.waiters == 0
	if isLast {
		delete(hubs.all, h.id)
	}
	hubs.Unlock()
	if isLast {
		h.unhooks()
		h.cancel()
		h.work.Wait()
	}
}

// notify sets a flag that somebody waits for.
func notify(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

// wrote is told of the writes of this process.
func (h *hub[T, K]) wrote(w store.Written) {
	if w.Table != h.id.table {
		return
	}
	if key, ok := w.Key.(K); ok {
		h.wake([]K{key}, false)
		return
	}
	h.wake(nil, true) // by a repository whose keys are of another type
}

// wakeAny is Wake.
func (h *hub[T, K]) wakeAny(keys []any) {
	all := make([]K, 0, len(keys))
	for _, key := range keys {
		k, ok := key.(K)
		if !ok {
			h.wake(nil, true)
			return
		}
		all = append(all, k)
	}
	h.wake(all, len(keys) == 0)
}

// wake has the keys read, or all that somebody waits for.
func (h *hub[T, K]) wake(keys []K, isAll bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.pages {
		notify(w.signal)
	}
	isAny := false
	for _, key := range keys {
		if e, ok := h.entries[key]; ok {
			e.isDue, isAny = true, true
		}
	}
	if isAll {
		for _, e := range h.entries {
			e.isDue, isAny = true, true
		}
	}
	if isAny {
		notify(h.news)
	}
}

// listen has the database tell of the writes of others, where it does. Until then, and where it ends, looks find them.
func (h *hub[T, K]) listen() {
	if !sleep(h.ctx, tellAfter-time.Since(h.begun)) {
		return
	}
	_ = h.repo.Changes(h.ctx, func(c store.Changes[K]) {
		if c.All {
			h.mu.Lock()
			h.isTold = true
			h.mu.Unlock()
		}
		h.wake(c.Keys, c.All)
	})
	h.mu.Lock()
	h.isTold = false
	h.mu.Unlock()
}

// sleep reports whether the time has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

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
	for key, e := range h.entries {
		switch {
		case e.isDue && !now.Before(e.restAt):
			due = append(due, key)
		case e.isDue:
			sooner(e.restAt)
		case !now.Before(e.lookAt):
			looks = append(looks, key)
		default:
			sooner(e.lookAt)
		}
	}
	if len(due) > 0 {
		h.round++
		for _, key := range due {
			h.entries[key].isDue = false
		}
	}
	return due, looks, next
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
	}
	hasReturned = true
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
	for w := range e.waiters {
		if isNews || w.joined >= e.round && w.joined < s.round {
			notify(w.signal)
		}
	}
	e.state, e.lastErr = s, nil
	e.restAt = now.Add(e.least())
	h.schedule(e, now)
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
