package refresh_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// TestAReadThatBeganBeforeIsNotTaken joins while the first read of another is under way, which has read before a
// write that was acknowledged before the second call.
func TestAReadThatBeganBeforeIsNotTaken(t *testing.T) {
	b := newBench(t, 0)
	var once sync.Once
	hasRead, goOn := make(chan struct{}), make(chan struct{})
	db, err := store.New(behind{b.here.DB().Driver(), func() {
		once.Do(func() {
			close(hasRead)
			<-goOn
		})
	}}, nil)
	require.NoError(t, err)
	here := store.MustRepository[club, int64](db, "clubs", nil)
	var work sync.WaitGroup
	work.Go(func() {
		_, err := refresh.Wait(t.Context(), here, 1, atLeast(1), never)
		assert.NoError(t, err)
	})
	<-hasRead
	pay(t, b.away, 1, 1)
	work.Go(func() {
		first := true
		_, err := refresh.Wait(t.Context(), here, 1, func(c club) (bool, error) {
			assert.True(t, !first || c.Version == 2, "the first copy is older than the call: version %d", c.Version)
			first = false
			return c.Version == 2, nil
		}, never)
		assert.NoError(t, err)
	})
	for refresh.WaitersOf(db) < 2 {
		runtime.Gosched() // until it has joined, which nothing tells
	}
	close(goOn)
	work.Wait()
}

// TestAPauseIsKept writes an entity that rests, and has another one show that the hub has gone on meanwhile.
func TestAPauseIsKept(t *testing.T) {
	b := newBench(t, 0, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for _, err := range refresh.Watch(ctx, b.here, 1, &refresh.Options{Interval: time.Hour, Least: time.Hour}) {
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			close(begun)
		}
	}()
	<-begun
	b.fault.set(nil)
	for range 3 {
		pay(t, b.away, 1, 1)
		refresh.Wake(b.here, 1)
	}
	_, err := refresh.Wait(t.Context(), b.here, 2, atLeast(0), never)
	require.NoError(t, err)
	b.fault.mu.Lock()
	for _, c := range b.fault.all {
		assert.NotEqual(t, "find", c.Op, "both were read")
	}
	b.fault.mu.Unlock()
	cancel()
	<-over
}

// TestCopiesShareNoMemory has two who wait be given what one read has found.
func TestCopiesShareNoMemory(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.here.Insert(t.Context(), &club{ID: 1, Marks: []int64{0}}))
	var begun, both, over sync.WaitGroup
	begun.Add(2)
	both.Add(2)
	for own := range int64(2) {
		over.Go(func() {
			for c, err := range refresh.Watch(t.Context(), b.here, 1, never) {
				if !assert.NoError(t, err) {
					return
				}
				if c.Version == 1 {
					begun.Done()
					continue
				}
				c.Marks[0] = own
				both.Done()
				both.Wait()
				assert.Equal(t, own, c.Marks[0])
				return
			}
		})
	}
	begun.Wait()
	pay(t, b.here, 1, 1)
	over.Wait()
}

// TestNothingOutlivesTheCall ends a Wait while a read of its hub is under way.
func TestNothingOutlivesTheCall(t *testing.T) {
	b := newBench(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var isRunning atomic.Bool
	b.fault.hang(func(ctx context.Context, c memstore.Call) error {
		isRunning.Store(true)
		cancel()
		<-ctx.Done()
		isRunning.Store(false)
		return ctx.Err()
	})
	_, err := refresh.Wait(ctx, b.here, 1, atLeast(0), nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, isRunning.Load(), "a read is still under way")
	assert.Zero(t, refresh.HubsOf(b.here.DB()))
}

// TestOwnReadsAreGivenOnce has a codec panic once, for one of two entities that are read together: each of those who
// wait reads for himself then, and is not given again what he has.
func TestOwnReadsAreGivenOnce(t *testing.T) {
	b := newBench(t)
	repo := store.MustRepository[broken, int64](b.here.DB(), "broken", nil)
	require.NoError(t, repo.InsertMany(t.Context(), []*broken{{ID: 1}, {ID: 2}}))
	var begun, over sync.WaitGroup
	begun.Add(2)
	for id := range int64(2) {
		over.Go(func() {
			last := int64(0)
			for c, err := range refresh.Watch(t.Context(), repo, id+1, never) {
				if !assert.NoError(t, err) || !assert.Greater(t, c.Version, last) {
					return
				}
				if last = c.Version; last == 1 {
					begun.Done()
				} else if last == 2 {
					return
				}
			}
		})
	}
	begun.Wait()
	defer func() { onScan = func() {} }()
	isFirst := atomic.Bool{}
	isFirst.Store(true)
	onScan = func() {
		if isFirst.Swap(false) {
			panic("of the codec")
		}
	}
	refresh.Wake(repo)
	for isFirst.Load() {
		runtime.Gosched() // until the hub has read
	}
	for id := range int64(2) {
		c, err := repo.Get(t.Context(), id+1)
		require.NoError(t, err)
		require.NoError(t, repo.Touch(t.Context(), &c))
	}
	over.Wait()
}
