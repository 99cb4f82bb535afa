package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{
			"Conflict",
			&store.Error{Op: "modify", Entity: "clubs", Key: "42", Err: &store.ConflictError{Expected: 3, Actual: 5}},
			`store: modify clubs "42": version conflict (have 3, stored 5)`,
		},
		{
			"Constraint",
			&store.Error{Op: "insert", Entity: "clubs", Key: "a\"b\n", Constraint: "clubs_name", Err: store.ErrExists},
			`store: insert clubs "a\"b\n": already exists (constraint clubs_name)`,
		},
		{"NoEntity", &store.Error{Op: "atomic", Err: store.ErrTransient}, `store: atomic: transient failure`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, tt.err, tt.want)
		})
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error { return fmt.Errorf("around: %w", &store.Error{Err: err}) }
	assert.True(t, store.Retryable(wrap(store.ErrTransient)))
	assert.True(t, store.Retryable(wrap(&store.ConflictError{})))
	assert.False(t, store.Retryable(wrap(store.ErrExists)))
	assert.False(t, store.Retryable(errors.Join(store.ErrTransient, store.ErrUnknownOutcome)))
	assert.False(t, store.Retryable(nil))
	assert.True(t, store.MayHaveHappened(wrap(store.ErrUnknownOutcome)))
	assert.False(t, store.MayHaveHappened(wrap(store.ErrTransient)))
}

func TestErrorKeyIsCut(t *testing.T) {
	t.Parallel()
	type named struct {
		store.Snapshot
		ID string `store:"key"`
	}
	repo := store.MustRepository[named, string](memstore.Open(nil), "named", nil)
	_, err := repo.Get(t.Context(), strings.Repeat("é", 100))
	assert.EqualError(t, err, `store: get named "`+strings.Repeat("é", 64)+`…": not found`)
	_, err = repo.Get(t.Context(), "\xff"+strings.Repeat("x", 300))
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.NotContains(t, err.Error(), "\\xff")
}

func TestErrorSecretKey(t *testing.T) {
	t.Parallel()
	type session struct {
		store.Snapshot
		Token string `store:"key,secret"`
	}
	repo := store.MustRepository[session, string](memstore.Open(nil), "sessions", nil)
	_, err := repo.Get(t.Context(), "hunter2")
	assert.EqualError(t, err, "store: get sessions: not found")
}

// recorder notes what it is told, a line each.
type recorder struct{ lines []string }

func (r *recorder) CallStart(ctx context.Context, c store.Call) context.Context {
	r.lines = append(r.lines, "start "+c.Op+" "+c.Entity+" "+c.Key)
	return ctx
}

func (r *recorder) CallEnd(_ context.Context, c store.Call, err error) {
	r.lines = append(r.lines, fmt.Sprintf("end %s %v", c.Op, err))
}

func (r *recorder) Conflict(_ context.Context, c store.Call, err error) {
	r.lines = append(r.lines, fmt.Sprintf("conflict %s %v", c.Op, errors.Is(err, store.ErrConflict)))
}

func (r *recorder) Retry(_ context.Context, c store.Call, attempt int, _ error) {
	r.lines = append(r.lines, fmt.Sprintf("retry %s %d", c.Op, attempt))
}

func TestObserver(t *testing.T) {
	t.Parallel()
	var seen recorder
	var logged strings.Builder
	db := memstore.Open(&memstore.Options{Store: store.Options{
		Observer: &seen,
		Logger:   slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}})
	raw, _ := memstore.Native(db)
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, clubs.Insert(t.Context(), &Club{ID: 7, Name: "a"}))
	first := true
	_, err := clubs.Modify(t.Context(), 7, func(c *Club) error {
		if first {
			first = false
			require.NoError(t, raw.Put(t.Context(), "clubs", int64(7), map[string]any{"version": 9}))
		}
		c.Balance++
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"start insert clubs 7", "end insert <nil>",
		"start modify clubs 7", "conflict modify true", "retry modify 2", "end modify <nil>",
	}, seen.lines)
	assert.Contains(t, logged.String(), "attempt=2")

	seen.lines = nil
	assert.Panics(t, func() {
		_, _ = clubs.Modify(t.Context(), 7, func(*Club) error { panic("user's") })
	})
	require.Len(t, seen.lines, 2)
	assert.Contains(t, seen.lines[1], "transient")
}

// TestObservers has two observers nest, and counts the lines of slow calls.
func TestObservers(t *testing.T) {
	t.Parallel()
	assert.Nil(t, store.Observers(nil))
	var first, second recorder
	assert.Equal(t, store.Observer(&first), store.Observers(nil, &first))
	var logged strings.Builder
	db := memstore.Open(&memstore.Options{Store: store.Options{
		Observer: store.Observers(&first, nil, &second), SlowCall: 1,
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	}})
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	require.NoError(t, clubs.Insert(t.Context(), &Club{ID: 7, Name: "a"}))
	_, err := clubs.Get(t.Context(), 8)
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.Equal(t, first.lines, second.lines)
	assert.Len(t, first.lines, 4)
	assert.Contains(t, logged.String(), `msg="slow call" op=insert entity=clubs key=7`)
	assert.Contains(t, logged.String(), `rows=1`)
	assert.Equal(t, 2, strings.Count(logged.String(), "slow call"))
}

// picky has a Validate that asks something else first, and is told that it is missing.
type picky struct {
	store.Snapshot
	ID int64 `store:"key"`
}

var errPicky = errors.New("not now")

func (*picky) Validate() error {
	return fmt.Errorf("%w: %w", errPicky, &store.Error{Op: "get", Entity: "rules", Err: store.ErrNotFound})
}

// TestValidateHasOneOutcome has Validate return an error that is an outcome of another call: the write is ErrInvalid,
// and nothing else.
func TestValidateHasOneOutcome(t *testing.T) {
	t.Parallel()
	db := memstore.Open(nil)
	r := store.MustRepository[picky, int64](db, "pickies", nil)
	err := r.Insert(t.Context(), &picky{ID: 1})
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorIs(t, err, errPicky)
	require.NotErrorIs(t, err, store.ErrNotFound)
	e, ok := errors.AsType[*store.Error](err)
	require.True(t, ok)
	require.Equal(t, "insert", e.Op)
	require.ErrorContains(t, err, "not now")
}

// TestTextsSayWhatToDo reads, as a user does, what is said of some mistakes.
func TestTextsSayWhatToDo(t *testing.T) {
	ctx := t.Context()
	type priced struct {
		store.Snapshot
		ID    int64  `store:"key"`
		Price string `store:"decimal=6.2"`
	}
	db := memstore.Open(nil)
	r := store.MustRepository[priced, int64](db, "priced", nil)
	require.NoError(t, r.Insert(ctx, &priced{ID: 1, Price: "1"}))
	nothing := func(context.Context, *store.Tx) error { return nil }
	_, mapping := store.NewRepository[priced, int64](db, "priced", &store.RepositoryOptions{PageSize: -1})
	_, replaced := r.Modify(ctx, 1, func(p *priced) error { *p = priced{ID: 1, Price: "2"}; return nil })
	var nested error
	require.NoError(t, db.Atomic(ctx, nil, func(ctx context.Context, _ *store.Tx) error {
		nested = db.Atomic(ctx, nil, nothing)
		return nil
	}))
	for text, err := range map[string]error{
		"RepositoryOptions.PageSize is negative (-1)":  mapping,
		"TxOptions.RunTimeout is negative (-1ns)":      db.Atomic(ctx, &store.TxOptions{RunTimeout: -1}, nothing),
		"do not replace the whole":                     replaced,
		"transactions do not nest":                     nested,
		`Price: is empty and not a decimal number: ze`: r.Insert(ctx, &priced{ID: 2}),
	} {
		require.ErrorIs(t, err, store.ErrInvalid)
		require.ErrorContains(t, err, text)
	}
}
