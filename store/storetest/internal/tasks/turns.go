package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Bounds are how long [Group.Turns] waits.
type Bounds struct {
	// Stall is how long no turn of any worker may end. A worker that is only slow, because the others
	// come first, is no reason to give up.
	Stall time.Duration
	// Grace is how long the workers have to come back when they were told to stop.
	Grace time.Duration
}

// Turns runs fn for each turn of each worker: the workers at once, the turns of one in order. It returns
// when all have come back. The first error stops the others by their context, and so does it when all
// workers together come to nothing for as long as the stall: the error then has a *StuckError, which names
// each that was not back.
func (g *Group) Turns(
	name string, workers, turns int, bounds Bounds, fn func(ctx context.Context, worker, turn int) error,
) error {
	ctx, stop := context.WithCancel(g.ctx)
	defer stop()
	var ended atomic.Int64
	all := make([]*Task, workers)
	for w := range workers {
		all[w] = g.start(ctx, fmt.Sprintf("%s %d", name, w), func(ctx context.Context, t *Task) error {
			isThrough := false
			defer func() {
				if !isThrough { // an error, a panic, or the end of the goroutine
					stop()
				}
			}()
			for turn := range turns {
				t.rename(fmt.Sprintf("%s %d, turn %d", name, w, turn))
				if err := fn(ctx, w, turn); err != nil {
					return err
				}
				ended.Add(1)
			}
			isThrough = true
			return nil
		})
	}
	stuck := watch(ctx, all, &ended, bounds.Stall)
	stop()
	left := waitForAll(all, bounds.Grace)
	if stuck == nil && len(left) > 0 {
		stuck = &StuckError{After: bounds.Grace, Names: namesOf(left), Stacks: stacksOf(left)}
	}
	if stuck != nil {
		stuck.Left = namesOf(left)
	}
	return outcomeOf(all, stuck)
}

// watch waits until all workers have come back, one of them has failed, or no turn has ended for as long as
// stall. In the last case it says where they are.
func watch(ctx context.Context, all []*Task, ended *atomic.Int64, stall time.Duration) *StuckError {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, t := range all {
			select {
			case <-t.done:
			case <-ctx.Done():
				return
			}
		}
	}()
	for before := ended.Load(); !waitFor(done, stall); {
		now := ended.Load()
		if now != before {
			before = now
			continue
		}
		var slow []*Task
		for _, t := range all {
			if !waitFor(t.done, 0) {
				slow = append(slow, t)
			}
		}
		return &StuckError{After: stall, Names: namesOf(slow), Stacks: stacksOf(slow)}
	}
	return nil
}

// outcomeOf joins the errors of the workers that have come back, under their names. Those that only say
// that the context was ended are left out where another says why.
func outcomeOf(all []*Task, stuck *StuckError) error {
	var causes, ends []error
	if stuck != nil {
		causes = append(causes, stuck)
	}
	for _, t := range all {
		select {
		case <-t.done:
		default:
			continue
		}
		switch err := t.err; {
		case err == nil:
		case errors.Is(err, context.Canceled):
			ends = append(ends, fmt.Errorf("%s: %w", t.Name(), err))
		default:
			causes = append(causes, fmt.Errorf("%s: %w", t.Name(), err))
		}
	}
	if len(causes) == 0 {
		causes = ends
	}
	return errors.Join(causes...)
}
