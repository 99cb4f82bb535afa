package edit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// The ids of the two operations that an edit may be. Their kind is kindOf the edit.
const (
	applying = "apply"
	undoing  = "undo"
)

// kindPrefix begins the kinds of the operations that edits are.
const kindPrefix = "edit:"

func kindOf(name string) string { return kindPrefix + name }

// pass is the state of an Apply or Undo: how far it is, and what it has met.
type pass struct {
	Undo    bool
	Merge   bool
	Number  int64 // of the last row of this sweep
	Swept   int64 // rows that were settled in this sweep
	Futile  int   // sweeps in which there were rows, and none could be settled
	Done    int64
	Total   int64
	Refused int
}

// Apply writes what was planned and approved, and returns when that has ended. It is an operation of package longrun,
// of the kind "edit:" and the edit's name: it may be paused, resumed and cancelled there, and when this process dies
// the next Apply, in any process, goes on. Rows are written in batches, each in one transaction with its part of the
// journal, so that no row is changed twice. Live traffic wins: a row is changed where it still matches the query and
// the function makes the same change on it as was planned, whatever else of it has changed; any other is held. After
// Options.Refusals rows that cannot be written it stops with an error, and the next Apply goes on. To apply again what
// is applied changes nothing. The Status says how many rows came to what, and comes with an error too.
func (e *Edit[T, K]) Apply(ctx context.Context) (Status, error) {
	err := e.move(ctx, "apply", func(p *plan, at time.Time) error {
		switch p.State {
		case Approved:
			p.become(Applying, at)
			p.AppliedBy, p.AppliedAt = e.options.By, &at
		case Applying, Applied:
		default:
			return &StateError{"apply", p.Name, p.State}
		}
		return nil
	})
	if err != nil {
		return Status{}, err
	}
	return e.operate(ctx, applying, Applied, pass{})
}

// UndoOptions configure an Undo.
type UndoOptions struct {
	// Merge takes back the fields that the edit has changed and nobody since, and leaves the others. Without it a row
	// is taken back where all of it is as the edit left it, since half an undo may be a new mistake. Validate runs in
	// any case.
	Merge bool
}

// Undo takes back what was applied, the last row first, as Apply goes: in batches, as an operation that survives the
// process. A row that is not as the edit has left it stays, with the phase [Kept] and a reason: touched since, gone,
// there again, or refused by the database. A deleted row is inserted with the fields of the journal, in a new life:
// version 1. Once an Undo has begun, Apply has ended for good; rows that were not applied stay as they are. A nil o
// means defaults.
func (e *Edit[T, K]) Undo(ctx context.Context, o *UndoOptions) (Status, error) {
	first := pass{Undo: true, Number: last}
	if o != nil {
		first.Merge = o.Merge
	}
	if e.err == nil {
		s, err := e.journal.operations.Status(ctx, kindOf(e.name), applying)
		if err == nil && !s.Phase.IsFinished() {
			return Status{}, e.wrap("undo", invalidf("its apply is %s: wait for it, or cancel it", s.Phase))
		}
	}
	err := e.move(ctx, "undo", func(p *plan, at time.Time) error {
		switch p.State {
		case Applied, Applying:
			p.become(Undoing, at)
			p.UndoneBy, p.UndoneAt = e.options.By, &at
		case Undoing, Undone:
		default:
			return &StateError{"undo", p.Name, p.State}
		}
		return nil
	})
	if err != nil {
		return Status{}, err
	}
	return e.operate(ctx, undoing, Undone, first)
}

// operate starts the operation of an Apply or Undo, or takes it up, works on it in this process, and waits for its end
// wherever it runs.
func (e *Edit[T, K]) operate(ctx context.Context, id string, end State, first pass) (Status, error) {
	s, err := e.journal.Status(ctx, e.name)
	if err != nil || s.State == end {
		return s, err
	}
	for _, phase := range []Phase{RowPlanned, RowApplied} {
		if (phase == RowApplied) == first.Undo {
			first.Total = s.Rows[phase]
		}
	}
	kind, err := longrun.New(e.rows.DB(), kindOf(e.name), e.step, &e.options.Longrun)
	if err != nil {
		return s, e.wrap(id, err)
	}
	by := longrun.By{Who: e.options.By}
	if err = kind.Start(ctx, id, first, &longrun.StartOptions{By: by}); errors.Is(err, store.ErrExists) {
		// One that has stopped goes on; to ask one that has not is no mistake.
		if err = kind.Retry(ctx, id, by); errors.Is(err, store.ErrInvalid) {
			err = nil
		}
	}
	if err != nil {
		return s, e.wrap(id, err)
	}
	workCtx, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- kind.Work(workCtx) }()
	o, err := kind.Wait(ctx, id, &refresh.Options{Timeout: 1000 * time.Hour})
	stop()
	if w := <-worked; err == nil && w != nil {
		err = w
	}
	if err == nil && o.Phase != longrun.Done {
		err = fmt.Errorf("its operation is %s: %s", o.Phase, o.Error)
	}
	s, e2 := e.journal.Status(context.WithoutCancel(ctx), e.name)
	return s, e.wrap(id, errors.Join(err, e2))
}

// step is the function of the operation: it sweeps over the rows until none is left.
func (e *Edit[T, K]) step(ctx context.Context, step *longrun.Step[pass]) error {
	size := e.options.Batch
	for {
		if err := e.pace(ctx, size); err != nil {
			return err
		}
		s := &step.State
		lines, err := e.next(ctx, s, size)
		switch {
		case err != nil:
			return err
		case len(lines) > 0:
		default:
			isOver, err := e.isOver(ctx, s)
			if err != nil {
				return err
			}
			if isOver {
				return e.close(ctx, step)
			}
			continue
		}
		runs, err := e.write(ctx, step, lines)
		if err != nil {
			return err
		}
		if runs > 1 { // live traffic wins: others wanted the same rows
			size = max(1, size/2)
		} else {
			size = min(e.options.Batch, size+max(1, size/4))
		}
		step.Progress(s.Done, s.Total, "")
		if e.options.Progress != nil {
			e.options.Progress(s.Done, s.Total)
		}
		if s.Refused > e.options.Refusals {
			s.Refused = 0 // who applies again has looked at them
			if err := step.Save(ctx); err != nil {
				return err
			}
			return longrun.Never(invalidf("more than %d rows were refused (Options.Refusals)", e.options.Refusals))
		}
	}
}

// isOver reports whether a pass has settled all of its rows, and begins its next sweep where it has not: what another
// was writing is met again.
func (e *Edit[T, K]) isOver(ctx context.Context, s *pass) (bool, error) {
	phase := RowPlanned
	if s.Undo {
		phase = RowApplied
	}
	left, err := e.journal.lines.Count(ctx, linesOf(e.name).And("Phase", store.Eq, string(phase)))
	if err != nil || left == 0 {
		return err == nil, err
	}
	if s.Swept == 0 {
		s.Futile++
	}
	s.Swept, s.Number = 0, 0
	if s.Undo {
		s.Number = last
	}
	return false, nil
}

// last is behind the number of every row.
const last = 1 << 62

// close ends a pass, with the edit in its last state.
func (e *Edit[T, K]) close(ctx context.Context, step *longrun.Step[pass]) error {
	end := Applied
	if step.State.Undo {
		end = Undone
	}
	return step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := e.journal.plans.In(tx).Modify(ctx, e.name, func(p *plan) error {
			p.become(end, now())
			return nil
		})
		return err
	})
}

// pace waits before a batch, as the options say.
func (e *Edit[T, K]) pace(ctx context.Context, size int) error {
	var wait time.Duration
	if n := e.options.PerSecond; n > 0 {
		wait = time.Duration(size) * time.Second / time.Duration(n)
	}
	if e.options.Pause != nil {
		wait = max(wait, e.options.Pause(ctx))
	}
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// next reads the next rows of the sweep.
func (e *Edit[T, K]) next(ctx context.Context, s *pass, size int) (lines []line, err error) {
	q := linesOf(e.name)
	if s.Undo {
		q = q.And("Phase", store.Eq, string(RowApplied)).And("Place.Number", store.Lt, s.Number).
			OrderByDesc("Place.Edit", "Place.Number")
	} else {
		q = q.And("Phase", store.Eq, string(RowPlanned)).And("Place.Number", store.Gt, s.Number)
	}
	for l, err := range e.journal.lines.Find(ctx, q.Limit(size)) {
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// write settles rows in one transaction. Where one of them is refused they are split, down to that row, which is
// refused by itself. It returns how often the greatest transaction ran.
func (e *Edit[T, K]) write(ctx context.Context, step *longrun.Step[pass], lines []line) (runs int, err error) {
	end := lines[len(lines)-1].Place.Number
	err = step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
		runs++
		settle := e.apply
		if step.State.Undo {
			settle = e.undo
		}
		settled, err := settle(ctx, tx, &step.State, lines)
		if err != nil {
			return err
		}
		if err := e.save(ctx, tx, settled); err != nil {
			return err
		}
		step.State.note(end, len(settled))
		return nil
	})
	if err == nil || !isRefusal(err) || ctx.Err() != nil {
		return runs, err
	}
	if len(lines) > 1 {
		for _, part := range [][]line{lines[:len(lines)/2], lines[len(lines)/2:]} {
			if _, err := e.write(ctx, step, part); err != nil {
				return runs, err
			}
		}
		return runs, nil
	}
	l := lines[0]
	l.Phase, l.Reason, l.At = Refused, cut(err.Error(), 500), now()
	if step.State.Undo {
		l.Phase = Kept
	}
	return runs, step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.save(ctx, tx, []line{l}); err != nil {
			return err
		}
		step.State.note(end, 1)
		step.State.Refused++
		return nil
	})
}

// note moves the pass on.
func (p *pass) note(number int64, settled int) {
	p.Number = number
	p.Swept += int64(settled)
	p.Done += int64(settled)
}

// save writes rows of the journal.
func (e *Edit[T, K]) save(ctx context.Context, tx *store.Tx, lines []line) error {
	into := make([]*line, len(lines))
	for i := range lines {
		l := lines[i]
		into[i] = &l
	}
	return e.journal.lines.In(tx).SaveMany(ctx, into)
}

// isRefusal reports whether an error is about a row, and not about the server, the operation, or time.
func isRefusal(err error) bool {
	for _, other := range []error{
		store.ErrTransient, store.ErrUnknownOutcome, store.ErrClosed, store.ErrTxDone, store.ErrConflict,
		store.ErrUnsupported, longrun.ErrLost, longrun.ErrPaused, longrun.ErrCancelled, longrun.ErrStopped,
		longrun.ErrTimeout, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return true
}
