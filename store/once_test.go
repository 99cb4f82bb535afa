package store_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// TestOnceMistakes are calls that are refused before anything is sent.
func TestOnceMistakes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := memstore.Open(nil)
	nothing := func(context.Context, *store.Tx) error { return nil }
	other, err := store.Receipts(memstore.Open(nil))
	require.NoError(t, err)
	for text, call := range map[string]func() error{
		"the DB is nil": func() error { _, err := store.Once(ctx, nil, "k", nil, nothing); return err },
		"the context is nil": func() error {
			var none context.Context
			_, err := store.Once(none, db, "k", nil, nothing)
			return err
		},
		"the function is nil": func() error { _, err := store.Once(ctx, db, "k", nil, nil); return err },
		"the key is empty":    func() error { _, err := store.Once(ctx, db, "", nil, nothing); return err },
		"ends in a space":     func() error { _, err := store.Once(ctx, db, "k ", nil, nothing); return err },
		"longer than 255": func() error {
			_, err := store.Once(ctx, db, strings.Repeat("k", 256), nil, nothing)
			return err
		},
		"OnceOptions.Timeout": func() error {
			_, err := store.Once(ctx, db, "k", &store.OnceOptions{Timeout: -1}, nothing)
			return err
		},
		"OnceOptions.Attempts": func() error {
			_, err := store.Once(ctx, db, "k", &store.OnceOptions{Attempts: -1}, nothing)
			return err
		},
		"TxOptions.RunTimeout": func() error {
			_, err := store.Once(ctx, db, "k", &store.OnceOptions{Tx: store.TxOptions{RunTimeout: -1}}, nothing)
			return err
		},
		"OnceOptions.Request": func() error {
			_, err := store.Once(ctx, db, "k", &store.OnceOptions{Request: make(chan int)}, nothing)
			return err
		},
		"OnceOptions.Receipts": func() error {
			_, err := store.Once(ctx, db, "k", &store.OnceOptions{Receipts: other}, nothing)
			return err
		},
		"belongs to a transaction": func() error {
			return db.Atomic(ctx, nil, func(ctx context.Context, _ *store.Tx) error {
				_, err := store.Once(ctx, db, "k", nil, nothing)
				return err
			})
		},
		"no JSON form": func() error {
			_, _, err := store.OnceValue(ctx, db, "k", nil,
				func(context.Context, *store.Tx) (chan int, error) { return make(chan int), nil })
			return err
		},
	} {
		err := call()
		require.ErrorIs(t, err, store.ErrInvalid, text)
		require.ErrorContains(t, err, text)
	}
	receipts, err := store.Receipts(db)
	require.NoError(t, err)
	n, err := receipts.Count(ctx, store.Query{})
	require.NoError(t, err)
	require.Zero(t, n, "nothing was stored")
}

// TestOnceWaitsInMemory has many calls of one key wait for the first: none of them begins a transaction meanwhile, and
// one whose ctx ends gives up.
func TestOnceWaitsInMemory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var begun atomic.Int64
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "begin" {
			begun.Add(1)
		}
		return nil
	}})
	working, goOn := make(chan struct{}), make(chan struct{})
	runs := 0
	work := func(context.Context, *store.Tx) (int, error) {
		runs++
		close(working)
		<-goOn
		return 7, nil
	}
	var wait sync.WaitGroup
	firsts := new(atomic.Int64)
	call := func() {
		defer wait.Done()
		n, first, err := store.OnceValue(ctx, db, "k", nil, work)
		assert.NoError(t, err)
		assert.Equal(t, 7, n)
		if first {
			firsts.Add(1)
		}
	}
	wait.Add(1)
	go call()
	<-working
	wait.Add(12)
	for range 12 {
		go call()
	}
	short, cancel := context.WithCancel(ctx)
	cancel()
	_, err := store.Once(short, db, "k", nil, func(context.Context, *store.Tx) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 1, begun.Load(), "the others wait without a connection")
	close(goOn)
	wait.Wait()
	require.Equal(t, 1, runs)
	require.EqualValues(t, 1, firsts.Load())
}

// TestOnceGivesUp has every commit remain without an answer, and then every try fail: what was unknown stays unknown,
// and the call ends by its Timeout.
func TestOnceGivesUp(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := memstore.Open(nil)
	raw, _ := memstore.Native(db)
	require.NoError(t, raw.FailNext("commit", memstore.ErrLostAfter))
	boom := errors.New("the caller's own")
	runs := 0
	_, err := store.Once(ctx, db, "k", &store.OnceOptions{Timeout: time.Minute},
		func(context.Context, *store.Tx) error {
			if runs++; runs > 1 {
				return boom
			}
			return nil
		})
	require.NoError(t, err, "the commit without an answer had happened")
	require.Equal(t, 1, runs)

	require.NoError(t, raw.FailNext("commit", memstore.ErrLostAfter))
	down := make([]error, 100)
	for i := range down {
		down[i] = memstore.ErrUnavailable
	}
	down[0] = nil
	require.NoError(t, raw.FailNext("begin", down...))
	short := &store.OnceOptions{Tx: store.TxOptions{Timeout: time.Millisecond}, Timeout: time.Millisecond}
	_, err = store.Once(ctx, db, "l", short, func(context.Context, *store.Tx) error { return nil })
	require.True(t, store.MayHaveHappened(err), "%v", err)
	require.NoError(t, raw.FailNext("begin"))
	first, err := store.Once(ctx, db, "l", nil, func(context.Context, *store.Tx) error { return boom })
	require.NoError(t, err, "it had happened")
	require.False(t, first, "in another call")
}

// TestDeleteWhere removes in steps, and passes over what is written meanwhile.
func TestDeleteWhere(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, o := range []*memstore.Options{{}, {SnapshotReads: true}, {NoTransactions: true}} {
		db := memstore.Open(o)
		raw, _ := memstore.Native(db)
		clubs := store.MustRepository[Club, int64](db, "clubs", nil)
		for i := range int64(25) {
			require.NoError(t, clubs.Insert(ctx, &Club{ID: i, Name: strconv.FormatInt(i, 10), Balance: i % 2}))
		}
		n, err := clubs.DeleteWhere(ctx, store.Where("Balance", store.Eq, int64(1)).Limit(5), 2)
		require.NoError(t, err)
		require.EqualValues(t, 5, n)
		n, err = clubs.DeleteWhere(ctx, store.Where("Balance", store.Eq, int64(1)), 3)
		require.NoError(t, err)
		require.EqualValues(t, 7, n)
		left, err := clubs.Count(ctx, store.Query{})
		require.NoError(t, err)
		require.EqualValues(t, 13, left)
		for _, mistake := range []func() (int64, error){
			func() (int64, error) { return clubs.DeleteWhere(ctx, store.Query{}, -1) },
			func() (int64, error) { return clubs.DeleteWhere(ctx, store.Query{}.Limit(0), 1) },
			func() (int64, error) { return clubs.DeleteWhere(ctx, store.Where("None", store.Eq, 1), 1) },
		} {
			_, err = mistake()
			require.ErrorIs(t, err, store.ErrInvalid)
		}
		require.NoError(t, raw.FailNext("find", nil, memstore.ErrUnavailable))
		n, err = clubs.DeleteWhere(ctx, store.Query{}, 4)
		require.ErrorIs(t, err, store.ErrTransient)
		require.EqualValues(t, 4, n, "what was removed before")
		n, err = clubs.DeleteWhere(ctx, store.Query{}, 0)
		require.NoError(t, err)
		require.EqualValues(t, 9, n)
	}
}
