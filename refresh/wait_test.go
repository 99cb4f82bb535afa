package refresh_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestWait(t *testing.T) {
	t.Run("IsThereAlready", func(t *testing.T) {
		b := newBench(t, 100)
		got, err := refresh.Wait(t.Context(), b.here, 1, atLeast(100), never)
		require.NoError(t, err)
		assert.Equal(t, club{ID: 1, Budget: 100, Version: 1}, got)
	})
	t.Run("OwnWriteWakes", func(t *testing.T) {
		b := newBench(t, 100)
		asked := 0
		got, err := refresh.Wait(t.Context(), b.here, 1, func(c club) (bool, error) {
			if asked++; asked == 1 {
				go pay(t, b.here, 1, 50)
			}
			return c.Budget == 150, nil
		}, never)
		require.NoError(t, err)
		assert.Equal(t, club{ID: 1, Budget: 150, Version: 2}, got)
		assert.Equal(t, 2, asked)
	})
	t.Run("WriteOfAnotherIsFound", func(t *testing.T) {
		b := newBench(t, 100)
		got, err := refresh.Wait(t.Context(), b.here, 1, func(c club) (bool, error) {
			if c.Version == 1 {
				pay(t, b.away, 1, 50)
			}
			return c.Budget == 150, nil
		}, nil)
		require.NoError(t, err)
		assert.Equal(t, int64(2), got.Version)
	})
	t.Run("OwnError", func(t *testing.T) {
		b := newBench(t, 100)
		_, err := refresh.Wait(t.Context(), b.here, 1, func(club) (bool, error) { return false, errOwn }, nil)
		assert.Equal(t, errOwn, err)
	})
	t.Run("CopyIsItsOwn", func(t *testing.T) {
		b := newBench(t, 100)
		_, err := refresh.Wait(t.Context(), b.here, 1, func(c club) (bool, error) {
			if c.Budget == 100 {
				c.Budget = 1000
				pay(t, b.here, 1, 50)
				return false, nil
			}
			return c.Budget == 150, nil
		}, never)
		require.NoError(t, err)
	})
}

func TestWaitForWhatIsMissing(t *testing.T) {
	b := newBench(t)
	_, err := refresh.Wait(t.Context(), b.here, 7, atLeast(0), nil)
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.EqualError(t, err, `refresh: wait on clubs "7": not found`)

	go func() { assert.NoError(t, b.here.Insert(t.Context(), &club{ID: 7, Budget: 1})) }()
	later := &refresh.Options{Interval: time.Hour, AwaitInsert: true}
	got, err := refresh.Wait(t.Context(), b.here, 7, atLeast(1), later)
	require.NoError(t, err)
	assert.Equal(t, int64(1), got.Version)

	// What goes while it is waited for.
	_, err = refresh.Wait(t.Context(), b.here, 7, func(c club) (bool, error) {
		return false, b.here.Delete(t.Context(), c)
	}, never)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestWaitEnds(t *testing.T) {
	b := newBench(t, 100)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := refresh.Wait(ctx, b.here, 1, func(club) (bool, error) { cancel(); return false, nil }, never)
	require.ErrorIs(t, err, context.Canceled)
	e := asError(t, err)
	assert.Equal(t, int64(1), e.Version)
	assert.False(t, e.ReadAt.IsZero())
	assert.Equal(t, "wait", e.Op)

	_, err = refresh.Wait(t.Context(), b.here, 1, atLeast(500),
		&refresh.Options{Timeout: time.Millisecond, Name: "the club is rich"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Regexp(t, `^refresh: wait for "the club is rich" on clubs "1": context deadline exceeded: `+
		`Options\.Timeout of 1ms is over \((nothing was read|last read: version 1, at \d\d:\d\d:\d\d\.\d{3})\)$`,
		err.Error())
}

func TestWaitWhileTheServerIsAway(t *testing.T) {
	b := newBench(t, 100)
	failed := 0
	b.fault.set(func(memstore.Call) error {
		if failed++; failed < 5 {
			return memstore.ErrUnavailable
		}
		return nil
	})
	got, err := refresh.Wait(t.Context(), b.here, 1, atLeast(100), never)
	require.NoError(t, err)
	assert.Equal(t, int64(1), got.Version)

	b.fault.set(func(memstore.Call) error { return memstore.ErrUnavailable })
	_, err = refresh.Wait(t.Context(), b.here, 1, atLeast(100), &refresh.Options{Timeout: 50 * time.Millisecond})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, store.ErrTransient)
	assert.Contains(t, err.Error(), `(nothing was read; the last attempt: store: get clubs "1": transient failure`)
	b.fault.set(nil)
}

func TestMistakes(t *testing.T) {
	b := newBench(t, 100)
	ctx := t.Context()
	_, err := refresh.Wait(ctx, b.here, 1, nil, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.EqualError(t, err, `refresh: wait on clubs "1": invalid: the function is nil`)
	err = refresh.Gone(ctx, b.here, 1, &refresh.Options{Least: -time.Second})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.EqualError(t, err,
		`refresh: gone on clubs "1": invalid: Options.Least is negative (-1s): 0 means its default`)
	err = refresh.Gone[club, int64](ctx, (*clubs)(nil), 1, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.NoError(t, b.here.DB().Atomic(ctx, nil, func(inside context.Context, tx *store.Tx) error {
		for _, call := range []func() error{
			func() error { return refresh.Gone(ctx, b.here.In(tx), 1, nil) },
			func() error { return refresh.Gone(inside, b.here, 1, nil) },
		} {
			require.ErrorIs(t, call(), store.ErrInvalid)
		}
		return nil
	}))
	for _, err := range refresh.Follow(ctx, b.here, store.Query{}, nil) {
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.EqualError(t, err, "refresh: follow on clubs: invalid: the query needs a Limit of at most 1000")
	}
	require.NoError(t, b.away.DB().Close())
	_, err = refresh.Wait(ctx, b.away, 1, atLeast(0), nil)
	require.ErrorIs(t, err, store.ErrClosed)
	var none context.Context // a mistake that is tried
	_, err = refresh.Wait(none, b.here, 1, atLeast(0), nil)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// TestCloseEndsAWait closes the DB under a Wait.
func TestCloseEndsAWait(t *testing.T) {
	b := newBench(t, 100)
	_, err := refresh.Wait(t.Context(), b.here, 1, func(club) (bool, error) {
		refresh.Wake(b.here)
		return false, b.here.DB().Close()
	}, never)
	require.ErrorIs(t, err, store.ErrClosed)
}

func TestGone(t *testing.T) {
	b := newBench(t, 100)
	require.NoError(t, refresh.Gone(t.Context(), b.here, 2, never))
	left := make(chan error)
	go func() { left <- refresh.Gone(t.Context(), b.here, 1, nil) }()
	pay(t, b.away, 1, 1)
	require.NoError(t, b.away.DeleteKey(t.Context(), 1))
	require.NoError(t, <-left)
}

// TestWake has a message tell of the write of another program.
func TestWake(t *testing.T) {
	b := newBench(t, 100, 100)
	for _, wake := range []func(){
		func() { refresh.Wake(b.here, 1) },
		func() { refresh.Wake(b.here) },
	} {
		began, err := b.here.Get(t.Context(), 1)
		require.NoError(t, err)
		_, err = refresh.Wait(t.Context(), b.here, 1, func(c club) (bool, error) {
			if c.Version == began.Version {
				pay(t, b.away, 1, 1)
				go wake()
			}
			return c.Version > began.Version, nil
		}, &refresh.Options{Interval: time.Hour, Least: time.Nanosecond})
		require.NoError(t, err)
	}
	refresh.Wake(b.here, 1) // nobody waits
}

// own embeds the repository, and has a Get of another kind.
type own struct{ *clubs }

func (own) Get(string) bool { return true }

// TestTypesAreInferred compiles.
func TestTypesAreInferred(t *testing.T) {
	b := newBench(t, 100)
	_, err := refresh.Wait(t.Context(), own{b.here}, 1, func(c club) (bool, error) { return true, nil }, nil)
	require.NoError(t, err)
	for c, err := range refresh.Watch(t.Context(), own{b.here}, 1, nil) {
		require.NoError(t, err)
		assert.Equal(t, int64(100), c.Budget)
		break
	}
	for page, err := range refresh.Follow(t.Context(), own{b.here}, store.Query{}.Limit(3), nil) {
		require.NoError(t, err)
		assert.Equal(t, []int64{1}, page.Entered)
		break
	}
	refresh.Wake(own{b.here}, 1)
}
