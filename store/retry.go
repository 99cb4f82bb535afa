package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// again marks the error of an attempt that wrote nothing and may be made again. It never leaves this
// package: retry takes it off.
type again struct {
	err error
	// isAtOnce says that the next attempt needs no pause: it will wait for its turn.
	isAtOnce bool
}

func (a *again) Error() string { return a.err.Error() }

// bounds end a retry loop: time first, then attempts.
type bounds struct {
	timeout  time.Duration
	attempts int // 0: no bound
}

func (r *repo) bounds() bounds { return bounds{r.options.ModifyTimeout, r.options.ModifyAttempts} }

// The longest pause decides how often callers of one hot entity try in vain. When 64 of them paused for 64 ms
// at most, ten attempts of eleven met a newer version, and each of these cost the server a read that delayed
// the write of another.
const (
	firstPause   = time.Millisecond
	longestPause = 256 * time.Millisecond
)

// retry is the one retry loop. It calls attempt until that returns anything but an *again, or
// until a bound or ctx ends it; then it returns the last attempt's error and says why it stopped.
// An attempt that runs is never cut short by the bounds, since a write that is cut short has an
// unknown outcome.
func retry(ctx context.Context, c *call, b bounds, attempt func(n int) error) error {
	start := time.Now()
	for n := 1; ; n++ {
		c.attempts = n
		err := attempt(n)
		a, ok := err.(*again)
		if !ok {
			return err
		}
		pause := rand.N(min(longestPause, firstPause<<min(n-1, 10)))
		if a.isAtOnce {
			pause = 0
		}
		if n == b.attempts || time.Since(start)+pause >= b.timeout {
			return gaveUp(a.err, n)
		}
		if err := wait(ctx, pause); err != nil {
			return both(err, a.err)
		}
		c.tellRetry(ctx, n+1, a.err)
	}
}

// gaveUp says on the error of the last attempt that there will be no other.
func gaveUp(err error, attempts int) error {
	if attempts == 1 {
		return err
	}
	text := func(err error) error {
		return &explained{fmt.Sprintf("%v, gave up after %d attempts", err, attempts), []error{err}}
	}
	if e, ok := err.(*Error); ok {
		said := *e // which an observer may hold
		said.Err = text(e.Err)
		return &said
	}
	return text(err)
}

// wait pauses for d, or until ctx ends, whose error it then returns.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}
