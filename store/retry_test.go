package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testCall() *call {
	return &call{db: &DB{options: Options{Now: time.Now}}, op: "test"}
}

func TestRetryIsBoundedByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, attempts := time.Now(), 0
		err := retry(t.Context(), testCall(), bounds{timeout: 10 * time.Second}, func(int) error {
			attempts++
			return &again{err: &ConflictError{Expected: 1, Actual: 2}}
		})
		require.ErrorIs(t, err, ErrConflict)
		assert.Contains(t, err.Error(), "gave up after")
		assert.LessOrEqual(t, time.Since(start), 10*time.Second)
		assert.Greater(t, time.Since(start), 9*time.Second)
		// The pauses grow to the longest, whose mean is half of it.
		assert.Greater(t, attempts, int(10*time.Second/longestPause))
		assert.Less(t, attempts, int(4*10*time.Second/longestPause))
	})
}

func TestRetryIsBoundedByAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		err := retry(t.Context(), testCall(), bounds{time.Hour, 7}, func(n int) error {
			attempts++
			assert.Equal(t, attempts, n)
			return &again{err: ErrTransient}
		})
		require.ErrorIs(t, err, ErrTransient)
		assert.Equal(t, 7, attempts)
		assert.Contains(t, err.Error(), "gave up after 7 attempts")
	})
}

func TestRetryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := retry(ctx, testCall(), bounds{timeout: time.Hour}, func(int) error { return &again{err: ErrConflict} })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ErrConflict)
	})
}

func TestRetryReturnsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	final := errors.New("final")
	err := retry(t.Context(), testCall(), bounds{timeout: time.Hour}, func(n int) error {
		if n < 3 {
			return &again{err: ErrConflict}
		}
		return final
	})
	assert.Equal(t, final, err)
}
