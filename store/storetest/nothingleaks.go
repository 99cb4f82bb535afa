package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// NothingLeaks: no goroutine, connection, cursor or transaction outlives a call. These tests run while
// no other test of the suite does.
var _ = register(
	"NothingLeaks",
	Test{Name: "Goroutines", serial: true, run: leaksGoroutines},
	Test{Name: "Server", serial: true, run: leaksServer},
	Test{Name: "EachTxEndsOnce", serial: true, needs: transactions, run: leaksTx},
	Test{Name: "LocksAreFreedWhereATxWasAbandoned", serial: true, needs: transactions, run: leaksLocks},
	Test{Name: "NoCallIsMadeAfterTheEnd", serial: true, run: leaksAfterEnd},
)

// workload makes calls of every kind through a handle: that succeed, fail, panic, are broken off, are
// cancelled, and are given up with runtime.Goexit. It uses no other connection, which would be taken for one that the
// handle has left open.
func workload(e *env, db *store.DB, r *accounts) {
	ours := r.on(db, &store.RepositoryOptions{PageSize: 1, ModifyAttempts: 3})
	own := r.at(e)
	own.Repository = ours
	quiet := func(fn func()) { // whatever becomes of it
		_ = e.await(e.async("a call", func(context.Context) error { fn(); return nil }))
	}
	for _, v := range verbs {
		for cause, ctx := range e.overContexts() {
			a, _ := ours.Get(e.ctx, 1)
			_ = v.call(ctx, ours, &a)
			_ = cause
		}
		a, _ := ours.Get(e.ctx, 1)
		_ = v.call(e.ctx, ours, &a)
		if _, err := ours.Get(e.ctx, 1); errors.Is(err, store.ErrNotFound) {
			inserted(own, account{ID: 1, Amount: 10})
		}
	}
	for range ours.Find(e.ctx, store.Query{}) { //stalecheck:ignore the loop is what is tested
		break
	}
	quiet(func() {
		for range ours.Find(e.ctx, store.Query{}) { //stalecheck:ignore the loop is what is tested
			panic("boom")
		}
	})
	quiet(func() { _, _ = ours.Modify(e.ctx, 1, func(*account) error { panic("boom") }) })
	quiet(func() { _, _ = ours.Modify(e.ctx, 1, func(*account) error { runtime.Goexit(); return nil }) })
	o := &store.TxOptions{Timeout: 3 * time.Second} // more than a right backend needs
	// Long enough for a run to begin: one that cannot is repeated, for as long as all of them may take.
	brief := &store.TxOptions{RunTimeout: 20 * time.Millisecond, Timeout: o.Timeout}
	for _, run := range []func(context.Context, *store.TxOptions, txFunc) error{db.Atomic, db.View} {
		work := func(ctx context.Context, tx *store.Tx) {
			_, _ = ours.In(tx).Get(ctx, 1)
			_, _ = ours.In(tx).Modify(ctx, 1, credit(1))
			for range ours.In(tx).Find(ctx, store.Query{}) { //stalecheck:ignore the loop is what is tested
				break
			}
		}
		_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error { work(ctx, tx); return nil })
		_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error { work(ctx, tx); return errBoom })
		_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
			work(ctx, tx)
			return ours.In(tx).Insert(ctx, &account{ID: 1})
		})
		quiet(func() {
			_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error { work(ctx, tx); panic("boom") })
		})
		quiet(func() {
			_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
				work(ctx, tx)
				runtime.Goexit()
				return nil
			})
		})
		ctx, cancel := context.WithCancel(e.ctx)
		_ = run(ctx, o, func(ctx context.Context, tx *store.Tx) error { work(ctx, tx); cancel(); return nil })
		cancel()
		_ = run(e.ctx, brief, func(ctx context.Context, tx *store.Tx) error {
			work(ctx, tx)
			<-ctx.Done()
			return ctx.Err()
		})
		runs := 0
		_ = run(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
			if runs++; runs == 1 {
				return clash(ctx, own, tx, 2)
			}
			return nil
		})
	}
}

var labels atomic.Int64

// leaksGoroutines runs everything under a profiler label, which goroutines inherit from the one that
// starts them, so that those of other tests are not counted.
func leaksGoroutines(e *env) {
	r := newAccounts(e, 10, 20, 30)
	label := fmt.Sprintf("storetest-%d", labels.Add(1))
	pprof.Do(e.ctx, pprof.Labels("storetest", label), func(context.Context) {
		db := e.h.Open(e, store.Options{})
		workload(e, db, r)
		require.NoError(e, db.Close())
	})
	e.noGoroutines(label)
}

// noGoroutines asserts that no goroutine with a label is left, or soon will be.
func (e *env) noGoroutines(label string) {
	e.Helper()
	look := time.NewTicker(5 * time.Millisecond) // a look stops all goroutines, also those that would end
	defer look.Stop()
	var left string
	for end := time.Now().Add(patience); time.Now().Before(end); <-look.C {
		if left = goroutines(e, label); left == "" {
			return
		}
	}
	require.Empty(e, left, "goroutines have outlived the handle")
}

// goroutines returns the stacks of the goroutines with a label.
func goroutines(e *env, label string) string {
	var b bytes.Buffer
	require.NoError(e, pprof.Lookup("goroutine").WriteTo(&b, 1))
	var found []string
	for block := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(block, `"`+label+`"`) {
			found = append(found, block)
		}
	}
	return strings.Join(found, "\n\n")
}

func leaksServer(e *env) {
	r := newAccounts(e, 10, 20, 30)
	workload(e, e.db, r)
	if e.h.Leaks == nil {
		e.Log("the harness cannot look at the server: only the rows are asked")
	} else {
		e.h.Leaks(e) // while the handle is open: closing it would hide what it left
	}
	free(e, r, 1, 2, 3)
}

// leaksTx counts how transactions end.
func leaksTx(e *env) {
	r := newAccounts(e, 10, 20, 30)
	var mu sync.Mutex
	open := 0
	ended := map[any]int{}
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		err := next(ctx)
		mu.Lock()
		defer mu.Unlock()
		switch c.Op {
		case intercept.Begin:
			if err == nil {
				open++
			}
		case intercept.Commit, intercept.Rollback:
			ended[c.Tx]++
		}
		return err
	})
	workload(e, db, r)
	mu.Lock()
	defer mu.Unlock()
	require.Positive(e, open)
	require.Len(e, ended, open, "transactions were begun and not ended")
	for _, times := range ended {
		require.Equal(e, 1, times, "a transaction was ended twice")
	}
}

// leaksLocks ends transactions in every way and then writes their rows: a lock that was left would be met.
func leaksLocks(e *env) {
	r := newAccounts(e, 10, 20, 30)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	for name, end := range endings(cancel) {
		_ = end(e, func(fn txFunc) error { return e.db.Atomic(ctx, nil, fn) },
			func(ctx context.Context, tx *store.Tx) error {
				for id := range int64(3) {
					if _, err := r.In(tx).Modify(ctx, id+1, credit(1)); err != nil {
						return err
					}
				}
				return nil
			})
		e.Log("after: ", name)
		free(e, r, 1, 2, 3)
	}
	require.Equal(e, []int64{10, 20, 30}, amounts(r, 1, 2, 3))
}

// leaksAfterEnd watches for calls on the backend when no call of the user runs.
func leaksAfterEnd(e *env) {
	r := newAccounts(e, 10, 20, 30)
	db, spy := e.spied(store.Options{})
	workload(e, db, r)
	require.NotEmpty(e, spy.take())
	runtime.Gosched()
	require.False(e, within(e.ctx.Done()))
	require.Empty(e, spy.take(), "something goes on by itself")
}
