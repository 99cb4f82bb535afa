package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// soon waits for ch. It fails the test when that takes too long.
func soon[V any](e *env, ch <-chan V, what string) V {
	e.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(e, "never happened: "+what)
		panic("unreachable")
	}
}

// within reports whether ch gives something, or is closed, within a glance.
func within[V any](ch <-chan V) bool {
	select {
	case <-ch:
		return true
	case <-time.After(glance):
		return false
	}
}

// async runs fn on a goroutine of its own and gives its error, which is errGone where fn did not
// return.
func async(fn func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := errGone
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panicked: %v", v)
			}
			done <- err
		}()
		err = fn()
	}()
	return done
}

// errGone says that a function ended its goroutine.
var errGone = errors.New("the function did not return")

// parallel runs fn n times at once and waits for all. A panic in one of them is one of the caller.
func parallel(n int, fn func(i int)) {
	var all sync.WaitGroup
	panics := make(chan any, n)
	for i := range n {
		all.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					panics <- v
				}
			}()
			fn(i)
		})
	}
	all.Wait()
	select {
	case v := <-panics:
		panic(v)
	default:
	}
}

// meeting lets goroutines wait for each other.
type meeting struct {
	missing atomic.Int32
	all     chan struct{}
}

func newMeeting(n int32) *meeting {
	m := &meeting{all: make(chan struct{})}
	m.missing.Store(n)
	return m
}

// arrive returns when everybody has, or when that takes too long.
func (m *meeting) arrive() {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
	case <-time.After(patience):
	}
}

// collector gathers what goroutines find.
type collector struct {
	mu     sync.Mutex
	errs   []error
	values []int64
}

func (c *collector) add(err error, values ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	c.values = append(c.values, values...)
}

// patient lets contended calls take as long as the server needs.
var patient = &store.RepositoryOptions{ModifyTimeout: 15 * time.Minute, ModifyAttempts: 1 << 20}

// race has many goroutines try the same, of which exactly one may succeed.
func race(e *env, loser error, try func(w int) error) {
	e.Helper()
	workers := scaled(16, 8)
	start := newMeeting(int32(workers))
	var won atomic.Int64
	parallel(workers, func(w int) {
		start.arrive()
		if err := try(w); err == nil {
			won.Add(1)
		} else {
			assert.ErrorIs(e, err, loser)
		}
	})
	require.EqualValues(e, 1, won.Load())
}
