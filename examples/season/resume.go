package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// replayed is what -resume stores of a replay: how many of the file's matches, from the first, are done.
type replayed struct {
	Season  string
	Matches int
	Next    int
}

// replayID is that of the only operation of its kind, which -resume names.
const replayID = "replay"

// resume replays the season as an operation of package longrun, which is stored beside the clubs: a process that is
// killed leaves it at its last checkpoint, and whoever comes next with the same name goes on from there, or waits while
// another does it. What was done since the checkpoint is done again, which play takes for done.
func resume(ctx context.Context, o *options, l *league, s *season, play func(context.Context, match) error,
	played func(),
) error {
	counted := 0
	kind, err := longrun.New(s.table.db, "season "+o.resume,
		func(ctx context.Context, step *longrun.Step[replayed]) error {
			if step.State.Season != l.Season || step.State.Matches != len(l.Matches) {
				return longrun.Never(fmt.Errorf("it is of %s with %d matches, and the file is another",
					step.State.Season, step.State.Matches))
			}
			for {
				for ; counted < step.State.Next; counted++ {
					played()
				}
				step.Progress(int64(counted), int64(len(l.Matches)), "matches")
				if counted == len(l.Matches) {
					return nil
				}
				next := l.Matches[counted:min(counted+4*o.workers, len(l.Matches))]
				if err := replay(ctx, next, o.workers, play, func() {}); err != nil {
					return err
				}
				step.State.Next += len(next)
				if err := step.Save(ctx); err != nil {
					return err
				}
			}
		}, &longrun.Options{Lease: 2 * time.Second, Poll: 100 * time.Millisecond, Attempts: 100, Parallel: 1})
	if err != nil {
		return err
	}
	if err := kind.EnsureSchema(ctx); err != nil {
		return err
	}
	if o.fresh {
		err := kind.Delete(ctx, replayID, longrun.By{Why: "-fresh"})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	err = kind.Start(ctx, replayID, replayed{Season: l.Season, Matches: len(l.Matches)}, nil)
	if errors.Is(err, store.ErrExists) {
		err = begin(ctx, kind)
	}
	if err != nil {
		return err
	}
	return finishReplay(ctx, kind)
}

// begin has an operation that has failed before begin again.
func begin(ctx context.Context, kind *longrun.Kind[replayed]) error {
	status, _, err := kind.Status(ctx, replayID)
	if err == nil && (status.Phase == longrun.Failed || status.Phase == longrun.Cancelled) {
		err = kind.Retry(ctx, replayID, longrun.By{Why: "-resume"})
	}
	return err
}

// finishReplay works until the operation has finished, here or in another process.
func finishReplay(ctx context.Context, kind *longrun.Kind[replayed]) error {
	workCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- kind.Work(workCtx) }()
	status, err := kind.Wait(ctx, replayID, &refresh.Options{Timeout: 24 * time.Hour})
	stop()
	err = errors.Join(err, <-ended)
	if err == nil && status.Phase != longrun.Done {
		err = fmt.Errorf("the replay has %s: %s", status.Phase, status.Error)
	}
	return err
}
