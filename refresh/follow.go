package refresh

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/stillframe/stillframe/store"
)

// MostFollowed is the largest Limit of a query that Follow takes.
const MostFollowed = 1000

// Page is what a query has selected at one moment, and what is new in it. The keys of entities that came, changed or
// left are in the order of the page, those of what left in that of the page before.
type Page[T any, K comparable] struct {
	Items   []T
	Entered []K // they were not in the page before; all, in the first page
	Changed []K // they have another version than in the page before
	Left    []K // they are not in the page any more: deleted, or no longer selected
}

// Follow gives the page that a query selects, and then, whenever anything in it has changed, the page as it is now:
// never an older version of an entity after a newer one. It reads the page when this process writes to the table, when
// the database tells of a write (Info.Changes), and every Options.Interval. The query needs a Limit of at most
// [MostFollowed].
//
// It ends with an error, which comes with the zero Page, once. A server that is away ends no Follow. Each loop over the
// result begins anew. Every Follow reads by itself: for many who look at the same page, follow it once and give
// each of them what it gives. A nil o means defaults.
func Follow[T any, K comparable](
	ctx context.Context, r Source[T, K], q store.Query, o *Options,
) iter.Seq2[Page[T, K], error] {
	return func(yield func(Page[T, K], error) bool) {
		c, err := begin[T, K](ctx, "follow", r, nil, o)
		if err == nil {
			if n, ok := q.Limited(); !ok || n > MostFollowed {
				err = c.fail(fmt.Errorf("%w: the query needs a Limit of at most %d", store.ErrInvalid, MostFollowed))
			}
		}
		if err != nil {
			yield(Page[T, K]{}, err)
			return
		}
		c.join()
		defer c.leave()
		f := follower[T, K]{call: c, query: q, seen: map[K]seen{}}
		for {
			page, err := f.next(ctx)
			if err != nil {
				yield(Page[T, K]{}, c.fail(err))
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// follower is a running Follow.
type follower[T any, K comparable] struct {
	*call[T, K]
	query store.Query

	isBegun  bool
	shown    []K        // the keys of the last page, in its order
	seen     map[K]seen // by the keys of the last page, and of others that have left not long ago
	readAt   time.Time
	failures int
}

// seen is what was shown of an entity.
type seen struct {
	version int64
	at      time.Time // when it was shown last
}

// next reads the page until it is another than the last.
func (f *follower[T, K]) next(ctx context.Context) (Page[T, K], error) {
	for {
		if err := f.pause(ctx); err != nil {
			return Page[T, K]{}, err
		}
		items, err := f.read(ctx)
		f.readAt = time.Now()
		switch {
		case err == nil:
			f.failures, f.ownErr = 0, nil
		case !isAway(err) || ctx.Err() != nil:
			return Page[T, K]{}, err
		default:
			f.failures++
			f.ownErr = err
			continue
		}
		if page, isNew := f.compare(items); isNew {
			return page, nil
		}
	}
}

// pause waits until there is a reason to read.
func (f *follower[T, K]) pause(ctx context.Context) error {
	if f.failures > 0 {
		if !sleep(ctx, min(backoff<<min(f.failures-1, 10), longest)) {
			return context.Cause(ctx)
		}
		return nil
	}
	if !f.isBegun {
		return nil
	}
	timer := time.NewTimer(f.interval())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-f.signal:
	case <-timer.C:
	}
	if !sleep(ctx, time.Until(f.readAt.Add(f.options.Least))) {
		return context.Cause(ctx)
	}
	return nil
}

// interval is the time until the page is read without a reason.
func (f *follower[T, K]) interval() time.Duration {
	if f.hub.tells() {
		return f.options.Interval * toldPace
	}
	return f.options.Interval
}

// tells reports whether the database tells of all writes.
func (h *hub[T, K]) tells() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isTold
}

// read reads the page. A page that seems to go back, since an entity has left it or has an older version than was
// shown, is read again after a read that cannot be taken back: the answer may have been that of a server that has lost
// an election, and after that read the client asks no such server.
func (f *follower[T, K]) read(ctx context.Context) ([]T, error) {
	items, err := f.find(ctx)
	if err != nil || !f.isBegun {
		return items, err
	}
	suspects := f.suspects(items)
	if len(suspects) == 0 {
		return items, nil
	}
	for _, key := range suspects {
		entity, err := f.repo.GetConfirmed(ctx, key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			delete(f.seen, key) // whatever is there from now on is another life
		case err != nil:
			return nil, err
		case f.repo.VersionOf(entity) < f.seen[key].version:
			delete(f.seen, key)
		}
	}
	if items, err = f.find(ctx); err != nil {
		return nil, err
	}
	if f.isBack(items) {
		return nil, errOld
	}
	return items, nil
}

var errOld = fmt.Errorf("%w: the server has answered with an old state", store.ErrTransient)

func (f *follower[T, K]) find(ctx context.Context) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return store.Collect(f.repo.Find(ctx, f.query))
}

// suspects are the keys of entities that a page shows in an older version than was shown, and one of those that left.
func (f *follower[T, K]) suspects(items []T) (keys []K) {
	isThere := make(map[K]bool, len(items))
	for _, item := range items {
		key := f.repo.KeyOf(item)
		isThere[key] = true
		if f.repo.VersionOf(item) < f.seen[key].version {
			keys = append(keys, key)
		}
	}
	i := slices.IndexFunc(f.shown, func(key K) bool { return !isThere[key] })
	if i >= 0 {
		keys = append(keys, f.shown[i])
	}
	return keys
}

// isBack reports whether a page shows an entity in an older version than was shown.
func (f *follower[T, K]) isBack(items []T) bool {
	return slices.ContainsFunc(items, func(item T) bool {
		return f.repo.VersionOf(item) < f.seen[f.repo.KeyOf(item)].version
	})
}

// compare makes a page of what was read, and reports whether anything in it is new.
func (f *follower[T, K]) compare(items []T) (Page[T, K], bool) {
	page := Page[T, K]{Items: items}
	now := time.Now()
	before := f.shown
	f.shown = make([]K, len(items))
	isThere := make(map[K]bool, len(items))
	wasShown := make(map[K]bool, len(before))
	for _, key := range before {
		wasShown[key] = true
	}
	for i, item := range items {
		key, version := f.repo.KeyOf(item), f.repo.VersionOf(item)
		f.shown[i], isThere[key] = key, true
		switch old := f.seen[key]; {
		case !wasShown[key]:
			page.Entered = append(page.Entered, key)
		case old.version != version:
			page.Changed = append(page.Changed, key)
		}
		f.seen[key] = seen{version: version, at: now}
	}
	for _, key := range before {
		if !isThere[key] {
			page.Left = append(page.Left, key)
		}
	}
	f.forget(isThere, now)
	isNew := !f.isBegun || len(page.Entered)+len(page.Changed)+len(page.Left) > 0 || !slices.Equal(before, f.shown)
	f.isBegun = true
	return page, isNew
}

// remembered is how long the version of an entity that has left a page is known: longer than a server can go on
// answering that has lost an election.
const remembered = 2 * time.Minute

// forget drops what has left the page long ago. It looks when there is more of that than a page.
func (f *follower[T, K]) forget(isThere map[K]bool, now time.Time) {
	if len(f.seen) <= 2*MostFollowed {
		return
	}
	for key, s := range f.seen {
		if !isThere[key] && now.Sub(s.at) > remembered {
			delete(f.seen, key)
		}
	}
}
