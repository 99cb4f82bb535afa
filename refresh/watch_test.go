package refresh_test

import (
	"context"
	sqldriver "database/sql/driver"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestWatch(t *testing.T) {
	b := newBench(t, 0)
	var versions []int64
	for c, err := range refresh.Watch(t.Context(), b.here, 1, never) {
		require.NoError(t, err)
		assert.Equal(t, c.Version-1, c.Budget)
		if versions = append(versions, c.Version); c.Version == 5 {
			break
		}
		pay(t, b.here, 1, 1)
	}
	assert.Equal(t, []int64{1, 2, 3, 4, 5}, versions)
}

// TestWatchPassesOver has a body that takes long: it gets the newest.
func TestWatchPassesOver(t *testing.T) {
	b := newBench(t, 0)
	var versions []int64
	for c, err := range refresh.Watch(t.Context(), b.here, 1, often) {
		require.NoError(t, err)
		if versions = append(versions, c.Version); c.Version >= 100 {
			break
		}
		for range 99 {
			pay(t, b.here, 1, 1)
		}
		// Another sees them all go by, while this body keeps the loop waiting.
		_, err = refresh.Wait(t.Context(), b.here, 1, atLeast(99), often)
		require.NoError(t, err)
	}
	assert.Equal(t, int64(1), versions[0])
	assert.Equal(t, int64(100), versions[len(versions)-1])
	assert.Less(t, len(versions), 5, "a body that takes long is given what has passed")
}

func TestWatchEnds(t *testing.T) {
	b := newBench(t, 0)
	next := func(do func(club)) error {
		for c, err := range refresh.Watch(t.Context(), b.here, 1, often) {
			if err != nil {
				assert.Zero(t, c)
				return err
			}
			do(c)
		}
		return nil
	}
	err := next(func(c club) { require.NoError(t, b.away.Delete(t.Context(), c)) })
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.EqualError(t, err, `refresh: watch on clubs "1": not found`)

	// Another life of the key.
	require.NoError(t, b.here.Insert(t.Context(), &club{ID: 1}))
	pay(t, b.here, 1, 1)
	isBegun := false
	err = next(func(c club) {
		if !isBegun {
			isBegun = true
			pay(t, b.here, 1, 1)
			return
		}
		b.fault.set(func(c memstore.Call) error { // no read comes between the two
			if c.Op == "get" || c.Op == "find" {
				return memstore.ErrUnavailable
			}
			return nil
		})
		require.NoError(t, b.away.Delete(t.Context(), c))
		require.NoError(t, b.away.Insert(t.Context(), &club{ID: 1}))
		b.fault.set(nil)
	})
	var conflict *store.ConflictError
	require.ErrorAs(t, err, &conflict)
	assert.Equal(t, store.ConflictError{Expected: 3, Actual: 1}, *conflict)
	assert.EqualError(t, err, `refresh: watch on clubs "1": version conflict (have 3, stored 1)`)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range refresh.Watch(ctx, b.here, 1, never) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			break
		}
		cancel()
	}

	// It is not there yet.
	for _, err := range refresh.Watch(t.Context(), b.here, 2, nil) {
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	go func() { assert.NoError(t, b.here.Insert(t.Context(), &club{ID: 2})) }()
	later := &refresh.Options{Interval: time.Hour, AwaitInsert: true}
	for c, err := range refresh.Watch(t.Context(), b.here, 2, later) {
		require.NoError(t, err)
		assert.Equal(t, int64(1), c.Version)
		break
	}
}

// TestNoWakeUpIsLost has every step take its time by chance, and nothing but wake-ups to go by: whoever watches comes
// to the last version all the same, and never sees an older one.
func TestNoWakeUpIsLost(t *testing.T) {
	b := newBench(t, 0, 0, 0, 0)
	b.fault.set(func(memstore.Call) error {
		for range rand.IntN(200) {
			runtime.Gosched()
		}
		return nil
	})
	const rounds, paid = 20, 5
	options := &refresh.Options{Interval: time.Hour, Least: time.Nanosecond, Timeout: time.Minute}
	for range rounds {
		var work sync.WaitGroup
		var before [4]int64
		for i := range before {
			c, err := b.here.Get(t.Context(), int64(i+1))
			require.NoError(t, err)
			before[i] = c.Budget
		}
		for i := range 4 {
			id := int64(i + 1)
			for range 3 {
				work.Go(func() {
					last := int64(0)
					for c, err := range refresh.Watch(t.Context(), b.here, id, options) {
						if !assert.NoError(t, err) || !assert.Greater(t, c.Version, last) {
							return
						}
						if last = c.Version; c.Budget == before[i]+2*paid {
							return
						}
					}
				})
			}
			for range 2 {
				work.Go(func() {
					for range paid {
						pay(t, b.here, id, 1)
					}
				})
			}
		}
		work.Wait()
	}
}

// TestReadsAreShared counts them: however many watch, one read serves all.
func TestReadsAreShared(t *testing.T) {
	b := newBench(t, 0)
	const watchers = 50
	var begun, over sync.WaitGroup
	begun.Add(watchers)
	for range watchers {
		over.Go(func() {
			for c, err := range refresh.Watch(t.Context(), b.here, 1, never) {
				if !assert.NoError(t, err) || c.Version > 1 {
					return
				}
				begun.Done()
			}
		})
	}
	begun.Wait()
	began, err := b.here.Get(t.Context(), 1)
	require.NoError(t, err)
	b.fault.set(nil)
	require.NoError(t, b.here.Save(t.Context(), &began))
	over.Wait()
	assert.Equal(t, 1, b.fault.count("get"))
	assert.Zero(t, b.fault.count("find"))
}

// observer keeps the ends of calls.
type observer struct {
	mu  sync.Mutex
	all []store.Call
}

func (*observer) CallStart(ctx context.Context, _ store.Call) context.Context { return ctx }

func (o *observer) CallEnd(_ context.Context, c store.Call, _ error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, c)
}

func (*observer) Conflict(context.Context, store.Call, error)   {}
func (*observer) Retry(context.Context, store.Call, int, error) {}

// TestLooksAreShared has one look serve all keys, and a read only where it has found something.
func TestLooksAreShared(t *testing.T) {
	b := newBench(t, 0, 0, 0)
	var seen observer
	db, err := store.New(b.here.DB().Driver(), &store.Options{Observer: &seen})
	require.NoError(t, err)
	here := store.MustRepository[club, int64](db, "clubs", nil)
	looks := &refresh.Options{Interval: 10 * time.Millisecond}
	var begun, over sync.WaitGroup
	begun.Add(3)
	for id := range int64(3) {
		over.Go(func() {
			for c, err := range refresh.Watch(t.Context(), here, id+1, looks) {
				if !assert.NoError(t, err) || c.Version > 1 {
					return
				}
				begun.Done()
			}
		})
	}
	begun.Wait()
	looked := func() (n int) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for _, c := range seen.all {
			if c.Op == "versions" && c.Rows == 3 {
				n++
			}
		}
		return n
	}
	for began := looked(); looked() < began+3; {
		runtime.Gosched()
	}
	for id := range int64(3) {
		pay(t, b.away, id+1, 1)
	}
	over.Wait()
}

// broken is a type whose decoding does what a test says.
type broken struct {
	ID      int64 `db:"id" store:"key"`
	Text    text  `db:"text"`
	Version int64 `db:"version" store:"version"`
}

type text string

var onScan = func() {}

func (x text) Value() (sqldriver.Value, error) { return string(x), nil }

func (x *text) Scan(value any) error { onScan(); *x = text(value.(string)); return nil }

// TestCodecsThatDoNotReturn has a panic and a Goexit of a codec come out where it was waited, and nowhere else.
func TestCodecsThatDoNotReturn(t *testing.T) {
	b := newBench(t)
	repo := store.MustRepository[broken, int64](b.here.DB(), "broken", nil)
	require.NoError(t, repo.InsertMany(t.Context(), []*broken{{ID: 1}, {ID: 2}}))
	watch := func(do func()) {
		t.Helper()
		begun, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			isDone := false
			for _, err := range refresh.Watch(t.Context(), repo, 1, never) {
				if !isDone {
					isDone = true
					assert.NoError(t, err)
					close(begun)
					continue
				}
				assert.Error(t, err, "what came is no copy")
				return
			}
		}()
		<-begun
		do()
		<-over
	}
	defer func() { onScan = func() {} }()
	fresh, err := repo.Get(t.Context(), 1)
	require.NoError(t, err)
	watch(func() {
		onScan = func() { runtime.Goexit() }
		require.NoError(t, repo.Touch(t.Context(), &fresh))
	})
	onScan = func() {}
	caught := make(chan any)
	go func() {
		defer func() { caught <- recover() }()
		for c, err := range refresh.Watch(t.Context(), repo, 1, never) {
			assert.NoError(t, err)
			onScan = func() { panic("of the codec") }
			assert.NoError(t, repo.Touch(t.Context(), &c))
		}
	}()
	assert.Equal(t, "of the codec", <-caught)
}

// stale is a database whose plain reads are those of a server that has lost an election: they show an old row.
type stale struct {
	driver.Database
	old *club // nil where they show what is there
	mu  sync.Mutex
}

func (s *stale) set(old *club) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old = old
}

func (s *stale) Collection(spec *driver.Spec) (driver.Collection, error) {
	c, err := s.Database.Collection(spec)
	return &staleCollection{c, s}, err
}

type staleCollection struct {
	driver.Collection
	of *stale
}

func (c *staleCollection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.old == nil || p.Confirmed {
		c.of.old = nil // the client has found out
		return c.Collection.Get(ctx, p)
	}
	if c.of.old.ID == 0 {
		return driver.GetResult{}, nil
	}
	*p.Into.Pointer().(*club) = *c.of.old
	return driver.GetResult{Found: true}, nil
}

func (c *staleCollection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.old == nil {
		return c.Collection.Find(ctx, p)
	}
	if c.of.old.ID == 0 {
		return driver.FindResult{}, nil
	}
	*p.Into().Pointer().(*club) = *c.of.old
	return driver.FindResult{Rows: 1}, nil
}

// TestOldAnswersAreNotBelieved has a server show what was, and what is not.
func TestOldAnswersAreNotBelieved(t *testing.T) {
	for name, old := range map[string]club{"AnOlderVersion": {ID: 1, Budget: 1, Version: 2}, "NoSuchRow": {}} {
		t.Run(name, func(t *testing.T) {
			s := &stale{Database: memstore.Open(nil).Driver()}
			db, err := store.New(s, nil)
			require.NoError(t, err)
			repo := store.MustRepository[club, int64](db, "clubs", nil)
			require.NoError(t, repo.Insert(t.Context(), &club{ID: 1}))
			pay(t, repo, 1, 1)
			pay(t, repo, 1, 1)
			last := int64(2)
			for c, err := range refresh.Watch(t.Context(), repo, 1, never) {
				require.NoError(t, err)
				require.Equal(t, last+1, c.Version)
				if last = c.Version; last == 5 {
					break
				}
				pay(t, repo, 1, 1)
				s.set(&old)
			}
			s.set(nil)
			last = 4
			for page, err := range refresh.Follow(t.Context(), repo, store.Query{}.Limit(10), never) {
				require.NoError(t, err)
				require.Len(t, page.Items, 1)
				require.Equal(t, last+1, page.Items[0].Version)
				if last = page.Items[0].Version; last == 8 {
					break
				}
				pay(t, repo, 1, 1)
				s.set(&old)
			}
		})
	}
}
