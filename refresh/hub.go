package refresh

import (
	"context"
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
	spent    time.Duration        // of the time that burst reads take, see afford
	spentAt  time.Time            // when that was so
	price    time.Duration        // of the read that runs
	isNews   bool                 // the read that runs has found something new
	failures int                  // reads in a row that have failed because the server was away
	resumeAt time.Time            // when the next is tried
}

// entry is what a hub knows of one key.
type entry[T any] struct {
	waiters map[*waiter]struct{}
	isDue   bool
	isNew   bool          // somebody has joined and was given nothing yet: he need not wait for others
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
	burst       = 16                      // reads of a hub that may follow each other at once
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
	e.isDue, e.isNew = true, true
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
