package longrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
)

// attempt is one claim of an operation by a worker, from the claim to its end.
type attempt struct {
	rows    *store.Repository[operation, name]
	options *Options
	name    name
	claim   string
	token   int64
	number  int64
	code    int64 // the version of this code
	state   string

	checkpoint int64      // as it was claimed
	sleepsTo   *time.Time // likewise

	observed Observed
	stored   time.Time // the last checkpoint, or when the attempt began

	ctx      context.Context // the function's
	cancel   context.CancelCauseFunc
	isAsleep atomic.Bool // in Step.Sleep, which is not quiet

	mu       sync.Mutex
	last     time.Time // when it has moved last, by which Options.Quiet counts
	done     int64
	total    int64
	text     string
	isStored bool // the progress
}

// write changes the operation's row, for as long as it is this claim's. It goes on until it is known that the change is
// stored, or ctx has ended: do may be called again on a row that holds the change already.
func (a *attempt) write(ctx context.Context, do func(row *operation)) error {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		_, err := a.rows.Modify(ctx, a.name, func(row *operation) error {
			if row.Claim != a.claim {
				return ErrLost
			}
			do(row)
			a.takeProgress(row)
			return nil
		})
		if err = a.seen(err); err == nil || errors.Is(err, ErrLost) {
			return err
		}
		again := store.MayHaveHappened(err) || errors.Is(err, store.ErrTransient)
		if !again || !sleep(ctx, pause) {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
}

// seen looks at an error of a write: when the operation is another's, the function ends.
func (a *attempt) seen(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		err = ErrLost
	}
	if errors.Is(err, ErrLost) {
		a.cancel(ErrLost)
	}
	return err
}

// moved notes that the function has stored something.
func (a *attempt) moved() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = time.Now()
}

// checkpointed tells of a checkpoint that is stored. The function's goroutine calls it.
func (a *attempt) checkpointed(ctx context.Context) {
	a.moved()
	took := time.Since(a.stored)
	a.stored = time.Now()
	a.options.Observer.Stored(ctx, a.observed, took)
}

// progress is Step.Progress.
func (a *attempt) progress(done, total int64, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done, a.total, a.text, a.isStored, a.last = done, total, cut(text, 200), false, time.Now()
}

// takeProgress puts the progress into the row that is written.
func (a *attempt) takeProgress(row *operation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.isStored {
		row.Progress, row.Total, row.Text = a.done, a.total, a.text
		a.isStored = true
	}
}

// hasProgress reports whether there is progress to store.
func (a *attempt) hasProgress() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.isStored
}

// quietSince is when the function has moved last.
func (a *attempt) quietSince() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// watch ends the function's ctx when somebody wishes that, when the operation becomes another's and when it has been
// quiet for too long, and stores progress now and then. It returns when ctx ends.
func (a *attempt) watch(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() {
		for row, err := range refresh.Watch(ctx, a.rows, a.name, nil) {
			switch {
			case ctx.Err() != nil:
				return
			case err != nil || row.Claim != a.claim:
				a.cancel(ErrLost)
				return
			case row.Wish == Paused:
				a.cancel(ErrPaused)
			case row.Wish == Cancelled:
				a.cancel(ErrCancelled)
			}
		}
	})
	all.Go(func() {
		for sleep(ctx, a.tick()) {
			if a.hasProgress() {
				_ = a.write(ctx, func(row *operation) { row.Moved = now() })
			}
			if q := a.options.Quiet; q > 0 && !a.isAsleep.Load() && time.Since(a.quietSince()) > q {
				a.cancel(fmt.Errorf("%w: it was quiet for %v (Options.Quiet)", ErrTimeout, q))
			}
		}
	})
	all.Wait()
}

// tick is how often watch looks at the progress.
func (a *attempt) tick() time.Duration {
	if q := a.options.Quiet; q > 0 {
		return min(time.Second, max(q/4, time.Millisecond))
	}
	return time.Second
}

// run runs the function of an attempt, and stores how it has ended. It returns when the function has, or Options.Grace
// after its ctx has ended: the operation is given back then, and left tells that the function still runs.
func run[S any](k *Kind[S], a *attempt) (left bool) {
	ctx := a.ctx
	defer a.cancel(nil)
	if t := k.options.Timeout; t > 0 {
		timer := time.AfterFunc(t, func() {
			a.cancel(fmt.Errorf("%w: it ran for %v (Options.Timeout)", ErrTimeout, t))
		})
		defer timer.Stop()
	}
	watchCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { a.watch(watchCtx) })
	a.stored = time.Now()
	observedCtx := k.options.Observer.AttemptBegan(ctx, a.observed)
	ended := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { ended <- err }()
		err = a.call(observedCtx, func(ctx context.Context) error { return do(ctx, k, a) })
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		grace := time.NewTimer(k.options.Grace)
		select {
		case err = <-ended:
		case <-grace.C:
			left, err = true, fmt.Errorf("longrun: the function has not returned within Options.Grace of %v",
				k.options.Grace)
		}
		grace.Stop()
	}
	stop()
	watching.Wait()
	result := a.end(context.WithoutCancel(ctx), context.Cause(ctx), err)
	k.options.Observer.AttemptEnded(context.WithoutCancel(observedCtx), a.observed, result, err)
	return left
}

// do reads the state and calls the function.
func do[S any](ctx context.Context, k *Kind[S], a *attempt) error {
	step := &Step[S]{attempt: a, checkpoint: a.checkpoint, sleepsTo: a.sleepsTo}
	if err := step.decode(a.state); err != nil {
		return err
	}
	return k.fn(ctx, step)
}

var errGoexit = errors.New("longrun: the function has called runtime.Goexit")

// call calls the function, and makes an error of a panic, whose stack goes to the log alone: the row may be read by
// people who must not see what is in it.
func (a *attempt) call(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		a.options.Logger.LogAttrs(ctx, slog.LevelError, "an operation has panicked", slog.String("kind", a.name.Kind),
			slog.String("id", a.name.ID), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		err = fmt.Errorf("longrun: the function has panicked (%T)", v)
	}()
	return fn(ctx)
}

// end stores how the attempt has ended, and returns its result. cause is why the function's ctx has ended, nil where it
// goes on.
func (a *attempt) end(ctx context.Context, cause, err error) (result string) {
	log := a.options.Logger.With("kind", a.name.Kind, "id", a.name.ID, "attempt", a.number)
	if errors.Is(cause, ErrLost) || errors.Is(err, ErrLost) {
		log.Warn("an operation was lost to another worker")
		return "lost"
	}
	ctx, cancel := context.WithTimeout(ctx, a.options.Lease)
	defer cancel()
	written := a.write(ctx, func(row *operation) { result = a.conclude(row, cause, err) })
	switch {
	case written != nil:
		log.Warn("the end of an attempt could not be stored: another worker takes the operation over", "error", written)
		return "lost"
	case result == "failed":
		log.Warn("an attempt has failed", "error", err)
	default:
		log.Info("an attempt has ended", "result", result)
	}
	return result
}

// conclude moves a row to where it is after the attempt, and returns the attempt's result.
func (a *attempt) conclude(row *operation, cause, err error) (result string) {
	at := now()
	uncounted := func(p Phase, due time.Time) {
		row.Attempt--
		row.become(p, at)
		row.Due = due
	}
	wait, isLater := errors.AsType[*later](err)
	_, isNever := errors.AsType[*never](err)
	row.Failed = ""
	switch {
	case err == nil:
		result = "done"
		row.become(Done, at)
	case isLater:
		result = "later"
		uncounted(Waiting, at.Add(wait.after))
	case isNever:
		result = "failed"
		row.become(Failed, at)
	case errors.Is(cause, ErrCancelled) || row.Wish == Cancelled:
		result = "cancelled"
		row.become(Cancelled, at)
	case row.Wish == Paused:
		result = "paused"
		uncounted(Paused, at)
	case errors.Is(cause, ErrStopped) || errors.Is(cause, ErrPaused): // the wish to pause was taken back meanwhile
		result = "handed back"
		uncounted(Waiting, at)
	default:
		result = "failed"
		if errors.Is(cause, ErrTimeout) {
			err = cause
		}
		if row.Attempt >= int64(a.options.Attempts) {
			row.become(Failed, at)
		} else {
			row.become(Waiting, at)
			row.Due = at.Add(a.options.Backoff * time.Duration(min(int64(1)<<min(row.Attempt-1, 7), 100)))
		}
	}
	if result == "failed" {
		row.Failed = cut(err.Error(), 1000)
	}
	row.noteEnd(result, row.Failed, at)
	return result
}
