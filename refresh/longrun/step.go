package longrun

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stillframe/stillframe/store"
)

// Step is an attempt, as its function sees it. It belongs to the function's goroutine; Progress and Token may be called
// from others.
type Step[S any] struct {
	// State is what the last checkpoint has stored, and what the next one stores.
	State S

	attempt    *attempt
	checkpoint int64
	sleepsTo   *time.Time // of the Sleep that the attempt before was in, until a checkpoint
}

// ID is that of the operation.
func (s *Step[S]) ID() string { return s.attempt.name.ID }

// Attempt is the number of the attempt, from 1.
func (s *Step[S]) Attempt() int64 { return s.attempt.number }

// Token is a number that grows with each claim of the operation, for systems outside that refuse what comes from a
// worker which has lost it: they take a token only if it is at least the greatest that they have seen.
func (s *Step[S]) Token() int64 { return s.attempt.token }

// Save stores State as a checkpoint: an attempt after this one begins with it. ErrLost means that the operation is
// another's, and nothing was stored.
func (s *Step[S]) Save(ctx context.Context) error {
	text, err := s.encode()
	if err != nil {
		return err
	}
	number := s.checkpoint + 1
	err = s.attempt.write(ctx, func(row *operation) {
		row.State, row.Code, row.Checkpoint = text, s.attempt.code, number
		row.SleepsTo, row.Moved = nil, now()
	})
	if err == nil {
		s.checkpoint, s.sleepsTo = number, nil
		s.attempt.checkpointed(ctx)
	}
	return err
}

// Atomic runs fn in a transaction that stores State with what fn writes: both, or none. fn may run again, and finds
// State each time as it was before; when Atomic fails it is that too. The operation's row is written first, so that a
// worker which has lost the operation writes nothing, and a commit whose answer was lost is settled: ErrUnknownOutcome
// does not come from it while ctx goes on. A database without transactions is store.ErrUnsupported.
func (s *Step[S]) Atomic(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error) error {
	before, err := s.encode()
	if err != nil {
		return err
	}
	number := s.checkpoint + 1
	for {
		err := s.try(ctx, before, number, fn)
		landed := err == nil
		if err != nil && store.MayHaveHappened(err) && ctx.Err() == nil {
			// A read cannot tell whether the commit will still land. A write of the row can: on the version that it
			// had before, it keeps the other from landing. So it must change something.
			settled := s.attempt.write(ctx, func(row *operation) {
				if landed = row.Checkpoint == number; !landed {
					row.Moved = row.Moved.Add(time.Millisecond)
				}
			})
			if settled == nil && !landed {
				continue
			}
			if settled != nil {
				landed, err = false, settled
			}
		}
		if landed {
			s.checkpoint, s.sleepsTo = number, nil
			s.attempt.checkpointed(ctx)
			return nil
		}
		if e := s.decode(before); e != nil {
			return e
		}
		return err
	}
}

// try is one transaction of Atomic.
func (s *Step[S]) try(
	ctx context.Context, before string, number int64, fn func(ctx context.Context, tx *store.Tx) error,
) error {
	return s.attempt.rows.DB().Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if err := s.decode(before); err != nil {
			return err
		}
		rows := s.attempt.rows.In(tx)
		_, err := rows.Modify(ctx, s.attempt.name, func(row *operation) error {
			if row.Claim != s.attempt.claim {
				return ErrLost
			}
			row.Checkpoint, row.Code, row.SleepsTo, row.Moved = number, s.attempt.code, nil, now()
			return nil
		})
		if err != nil {
			return s.attempt.seen(err)
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		text, err := s.encode()
		if err != nil {
			return err
		}
		_, err = rows.Modify(ctx, s.attempt.name, func(row *operation) error { row.State = text; return nil })
		return err
	})
}

// Progress says how far the operation is, for who looks at it: total may be 0 where it is not known, and text is at
// most 200 characters. It is stored within a second, and with the next checkpoint.
func (s *Step[S]) Progress(done, total int64, text string) { s.attempt.progress(done, total, text) }

// Sleep waits, and the wait is stored: an attempt that comes after one which ended in it waits for what is left. That
// is so for its first Sleep, unless a checkpoint comes before. It returns an error when ctx ends. What takes long is
// better left to Later, which holds no worker.
func (s *Step[S]) Sleep(ctx context.Context, d time.Duration) error {
	if s.sleepsTo == nil {
		to := now().Add(d)
		if err := s.attempt.write(ctx, func(row *operation) { row.SleepsTo = &to }); err != nil {
			return err
		}
		s.sleepsTo = &to
	}
	s.attempt.isAsleep.Store(true)
	defer func() {
		s.attempt.isAsleep.Store(false)
		s.attempt.moved()
	}()
	if !sleep(ctx, time.Until(*s.sleepsTo)) {
		return context.Cause(ctx)
	}
	s.sleepsTo = nil
	return s.attempt.write(ctx, func(row *operation) { row.SleepsTo = nil })
}

func (s *Step[S]) encode() (string, error) {
	text, err := json.Marshal(s.State)
	if err != nil {
		return "", Never(invalidf("the state has no JSON: %v", err))
	}
	return string(text), nil
}

func (s *Step[S]) decode(text string) error {
	var state S
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return Never(errors.Join(invalidf("the stored state does not fit %T: %v", state, err)))
	}
	s.State = state
	return nil
}
