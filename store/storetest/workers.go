package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// What runs on other goroutines than the test's never fails the test: it returns an error, which the
// test's goroutine judges. What a function gets as ctx ends with the test, and with the first failure of
// those that run beside it. A call that takes too long is stopped by it and named with its stack.

// stall is how long calls at once may come to nothing, all of them together.
var stall = 3 * patience

// async runs fn on a goroutine of its own. The name says in a failure what has not come back.
func (e *env) async(name string, fn func(ctx context.Context) error) *tasks.Task {
	return e.tasks.Go(name, fn)
}

// await waits for a task and returns its error. It fails the test when that takes too long.
func (e *env) await(t *tasks.Task) error {
	e.Helper()
	err := t.Wait(patience)
	if stuck, ok := errors.AsType[*tasks.StuckError](err); ok {
		e.Fatal(stuck)
	}
	return err
}

// parallel runs fn for each turn of each worker, the workers at once, and waits for all. It fails the test
// with the errors of those that had one, and when nobody comes on any more.
func (e *env) parallel(workers, turns int, fn func(ctx context.Context, worker, turn int) error) {
	e.Helper()
	bounds := tasks.Bounds{Stall: stall, Grace: patience}
	if err := e.tasks.Turns("worker", workers, turns, bounds, fn); err != nil {
		e.Fatal(err)
	}
}

// meanwhile has n goroutines take turns, again and again, until body has returned. The context that body
// gets ends when one of them fails, so that it need not go on. It fails the test with their errors, also
// where body has failed it before.
func (e *env) meanwhile(n int, turn func(ctx context.Context, worker int) error, body func(ctx context.Context)) {
	e.Helper()
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	var isOver atomic.Bool
	loops := make([]*tasks.Task, n)
	for w := range loops {
		loops[w] = e.async(fmt.Sprintf("loop %d", w), func(own context.Context) error {
			for !isOver.Load() {
				if err := turn(own, w); err != nil {
					cancel()
					return err
				}
			}
			return nil
		})
	}
	defer func() {
		isOver.Store(true)
		errs := make([]error, n)
		for w, loop := range loops {
			errs[w] = loop.Wait(patience)
		}
		if err := errors.Join(errs...); err != nil {
			e.Fatal(err)
		}
	}()
	body(ctx)
}

// soon waits for ch. It fails the test when that takes too long.
func soon[V any](e *env, ch <-chan V, what string) V {
	e.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		names, stacks := e.tasks.Running()
		require.FailNow(e, "never happened: "+what, "not back: %q\n%s", names, stacks)
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
func (m *meeting) arrive(ctx context.Context) {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
	case <-ctx.Done():
	case <-time.After(patience):
	}
}

// collector gathers what goroutines find.
type collector struct {
	mu     sync.Mutex
	values []int64
}

func (c *collector) add(values ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values = append(c.values, values...)
}

// patient lets contended calls take as long as the server needs, and patientTx contended transactions.
var (
	patient   = &store.RepositoryOptions{ModifyTimeout: 15 * time.Minute, ModifyAttempts: 1 << 20}
	patientTx = &store.TxOptions{RunTimeout: time.Minute, Timeout: 15 * time.Minute}
)

// race has many goroutines try the same, of which exactly one may succeed; the others must lose by an error
// that is loser.
func race(e *env, loser error, try func(ctx context.Context, w int) error) {
	e.Helper()
	workers := scaled(16, 8)
	start := newMeeting(int32(workers))
	var won atomic.Int64
	e.parallel(workers, 1, func(ctx context.Context, w, _ int) error {
		start.arrive(ctx)
		err := try(ctx, w)
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, loser):
			return fmt.Errorf("one that lost must say %q: %w", loser.Error(), err)
		}
		return nil
	})
	require.EqualValues(e, 1, won.Load())
}
