package longrun_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// camp is the state of the operations of most tests.
type camp struct{ Done, Goal int64 }

// quick are options under which a test does not wait for long.
func quick(o longrun.Options) *longrun.Options {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&o.Lease, 600 * time.Millisecond}, {&o.Poll, 20 * time.Millisecond}, {&o.Backoff, time.Millisecond}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	return &o
}

// within bounds the waits of a test.
var within = &refresh.Options{Timeout: time.Minute, Interval: 20 * time.Millisecond}

// kindOf makes a kind over a database in memory, or over db.
func kindOf(t testing.TB, db *store.DB, o longrun.Options, fn func(context.Context, *longrun.Step[camp]) error,
) *longrun.Kind[camp] {
	t.Helper()
	if db == nil {
		db = memstore.Open(nil)
	}
	k, err := longrun.New(db, "training", fn, quick(o))
	require.NoError(t, err)
	require.NoError(t, k.EnsureSchema(t.Context()))
	return k
}

// work runs a worker until it is stopped, which returns what Work has.
func work(t testing.TB, k *longrun.Kind[camp]) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Work(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// done waits for the end of an operation.
func done(t testing.TB, k *longrun.Kind[camp], id string) longrun.Status {
	t.Helper()
	s, err := k.Wait(t.Context(), id, within)
	require.NoError(t, err)
	return s
}

// is waits until an operation is in a phase.
func is(t testing.TB, k *longrun.Kind[camp], id string, p longrun.Phase) longrun.Status {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		s, _, err := k.Status(t.Context(), id)
		require.NoError(t, err)
		if s.Phase == p {
			return s
		}
		require.True(t, time.Now().Before(end), "it is %s, not %s: %+v", s.Phase, p, s)
		runtime.Gosched()
	}
}

// train does the steps of a camp, with a checkpoint after each.
func train(ctx context.Context, step *longrun.Step[camp]) error {
	for step.State.Done < step.State.Goal {
		step.State.Done++
		step.Progress(step.State.Done, step.State.Goal, "training")
		if err := step.Save(ctx); err != nil {
			return err
		}
	}
	return nil
}

func TestDone(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{}, train)
	require.NoError(t, k.Start(t.Context(), "7", camp{Goal: 5}, &longrun.StartOptions{By: longrun.By{Who: "anna"}}))
	require.ErrorIs(t, k.Start(t.Context(), "7", camp{Goal: 5}, nil), store.ErrExists)
	stop := work(t, k)
	s := done(t, k, "7")
	assert.Equal(t, longrun.Done, s.Phase)
	assert.Equal(t, "anna", s.By.Who)
	assert.Equal(t, int64(1), s.Attempt)
	assert.Equal(t, int64(1), s.Token)
	assert.Equal(t, [3]any{int64(5), int64(5), "training"}, [3]any{s.Done, s.Total, s.Text})
	require.Len(t, s.Attempts, 1)
	assert.Equal(t, "done", s.Attempts[0].Result)
	assert.False(t, s.Attempts[0].Ended.Before(s.Attempts[0].Began))
	_, state, err := k.Status(t.Context(), "7")
	require.NoError(t, err)
	assert.Equal(t, camp{5, 5}, state)
	require.NoError(t, stop())
}

// TestStartInATx has an operation be there when the transaction commits, and not else.
func TestStartInATx(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{}, train)
	boom := errors.New("boom")
	for _, end := range []error{boom, nil} {
		err := k.Operations.DB().Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			require.NoError(t, k.In(tx).Start(ctx, "7", camp{Goal: 1}, nil))
			return end
		})
		require.Equal(t, end, err)
		_, _, err = k.Status(t.Context(), "7")
		if end != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
			assert.EqualError(t, err, `longrun: status training "7": not found`)
		} else {
			require.NoError(t, err)
		}
	}
}

// TestResults has functions return each kind of error.
func TestResults(t *testing.T) {
	var tried atomic.Int64
	results := map[string]func(ctx context.Context) error{
		"fails": func(context.Context) error { return errors.New("no coach") },
		"fails once": func(context.Context) error {
			if tried.Add(1) == 1 {
				return errors.New("no coach")
			}
			return nil
		},
		"never":  func(context.Context) error { return longrun.Never(errors.New("no such player")) },
		"panics": func(context.Context) error { panic("secret") },
		"exits":  func(context.Context) error { runtime.Goexit(); return nil },
	}
	k := kindOf(t, nil, longrun.Options{Attempts: 3}, byID(results))
	for id := range results {
		require.NoError(t, k.Start(t.Context(), id, camp{}, nil))
	}
	work(t, k)
	for id, want := range map[string]struct {
		phase    longrun.Phase
		attempts int64
		failed   string
	}{
		"fails":      {longrun.Failed, 3, "no coach"},
		"fails once": {longrun.Done, 2, ""},
		"never":      {longrun.Failed, 1, "no such player"},
		"panics":     {longrun.Failed, 3, "longrun: the function has panicked (string)"},
		"exits":      {longrun.Failed, 3, "longrun: the function has called runtime.Goexit"},
	} {
		s := done(t, k, id)
		assert.Equal(t, want.phase, s.Phase, id)
		assert.Equal(t, want.attempts, s.Attempt, id)
		assert.Equal(t, want.failed, s.Error, id)
		assert.Len(t, s.Attempts, int(want.attempts), id)
	}
	require.NoError(t, k.Retry(t.Context(), "never", longrun.By{Who: "anna", Why: "he is here now"}))
	s := done(t, k, "never")
	assert.Equal(t, longrun.By{Who: "anna", Why: "he is here now"}, s.By)
	assert.Len(t, s.Attempts, 2)
}

// byID makes a function that does what stands under the operation's id.
func byID(by map[string]func(ctx context.Context) error) func(context.Context, *longrun.Step[camp]) error {
	return func(ctx context.Context, step *longrun.Step[camp]) error { return by[step.ID()](ctx) }
}

// TestLater goes on later, without counting an attempt.
func TestLater(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{Attempts: 2}, func(ctx context.Context, step *longrun.Step[camp]) error {
		if step.State.Done++; step.State.Done < 5 {
			if err := step.Save(ctx); err != nil {
				return err
			}
			return longrun.Later(time.Millisecond)
		}
		return step.Save(ctx)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	work(t, k)
	s := done(t, k, "7")
	assert.Equal(t, longrun.Done, s.Phase)
	assert.Equal(t, int64(1), s.Attempt)
	assert.Equal(t, int64(5), s.Token)
}

// TestPauseAndResume interrupts a function that waits, and has it go on from its checkpoint.
func TestPauseAndResume(t *testing.T) {
	begun := make(chan int64, 9)
	k := kindOf(t, nil, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		step.State.Done++
		if err := step.Save(ctx); err != nil {
			return err
		}
		begun <- step.State.Done
		if step.State.Done == 2 {
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	work(t, k)
	assert.Equal(t, int64(1), <-begun)
	require.NoError(t, k.Pause(t.Context(), "7", longrun.By{Who: "anna", Why: "rain"}))
	s := is(t, k, "7", longrun.Paused)
	assert.Equal(t, longrun.By{Who: "anna", Why: "rain"}, s.By)
	assert.Zero(t, s.Attempt, "it does not count")
	assert.Equal(t, "paused", s.Attempts[0].Result)
	require.NoError(t, k.Pause(t.Context(), "7", longrun.By{}))
	require.NoError(t, k.Resume(t.Context(), "7", longrun.By{Who: "ben"}))
	assert.Equal(t, int64(2), <-begun)
	assert.Equal(t, longrun.Done, done(t, k, "7").Phase)
	err := k.Pause(t.Context(), "7", longrun.By{})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.EqualError(t, err, `longrun: pause training "7": it is done`)
	require.ErrorIs(t, k.Pause(t.Context(), "8", longrun.By{}), store.ErrNotFound)
}

// TestResumeBeforeThePauseHappened takes a wish to pause back when the function's ctx has ended already: the operation
// goes on, by another attempt, and does not stay paused.
func TestResumeBeforeThePauseHappened(t *testing.T) {
	begun, ended, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	k := kindOf(t, nil, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		if step.Token() > 1 {
			return nil
		}
		close(begun)
		<-ctx.Done()
		close(ended)
		<-goOn
		return context.Cause(ctx)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	work(t, k)
	<-begun
	require.NoError(t, k.Pause(t.Context(), "7", longrun.By{Who: "ann"}))
	<-ended
	require.NoError(t, k.Resume(t.Context(), "7", longrun.By{Who: "bob"}))
	close(goOn)
	s := done(t, k, "7")
	assert.Equal(t, longrun.Done, s.Phase)
	assert.Equal(t, "handed back", s.Attempts[0].Result)
	assert.Equal(t, "bob", s.By.Who)
}

func TestCancel(t *testing.T) {
	begun := make(chan struct{})
	k := kindOf(t, nil, longrun.Options{}, func(ctx context.Context, _ *longrun.Step[camp]) error {
		close(begun)
		<-ctx.Done()
		assert.ErrorIs(t, context.Cause(ctx), longrun.ErrCancelled)
		return ctx.Err()
	})
	require.NoError(t, k.Start(t.Context(), "waits", camp{}, &longrun.StartOptions{Due: time.Now().Add(time.Hour)}))
	require.NoError(t, k.Cancel(t.Context(), "waits", longrun.By{}))
	assert.Equal(t, longrun.Cancelled, done(t, k, "waits").Phase)
	require.NoError(t, k.Start(t.Context(), "runs", camp{}, nil))
	work(t, k)
	<-begun
	require.NoError(t, k.Cancel(t.Context(), "runs", longrun.By{}))
	assert.Equal(t, longrun.Cancelled, done(t, k, "runs").Phase)
}

// TestStop gives back what runs, and another worker goes on with it at once.
func TestStop(t *testing.T) {
	begun := make(chan struct{}, 9)
	k := kindOf(t, nil, longrun.Options{Lease: time.Hour}, func(ctx context.Context, step *longrun.Step[camp]) error {
		step.State.Done++
		if err := step.Save(ctx); err != nil {
			return err
		}
		begun <- struct{}{}
		if step.State.Done == 2 {
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	stop := work(t, k)
	<-begun
	require.NoError(t, stop())
	s, _, err := k.Status(t.Context(), "7")
	require.NoError(t, err)
	assert.Equal(t, longrun.Waiting, s.Phase)
	assert.Zero(t, s.Attempt)
	assert.Equal(t, "handed back", s.Attempts[0].Result)
	work(t, k)
	<-begun
	assert.Equal(t, longrun.Done, done(t, k, "7").Phase)
}

// TestGrace has a function that does not return: the operation is given back, and what it still does is not stored.
func TestGrace(t *testing.T) {
	begun, goOn, saved := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	o := longrun.Options{Grace: time.Millisecond}
	k := kindOf(t, nil, o, func(ctx context.Context, step *longrun.Step[camp]) error {
		close(begun)
		<-goOn
		step.State.Done = 99
		saved <- step.Save(context.WithoutCancel(ctx))
		return nil
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	stop := work(t, k)
	<-begun
	err := stop()
	require.Error(t, err)
	assert.EqualError(t, err, "longrun: work on training: 1 functions have not returned within Options.Grace")
	close(goOn)
	require.ErrorIs(t, <-saved, longrun.ErrLost)
	s, state, err := k.Status(t.Context(), "7")
	require.NoError(t, err)
	assert.Equal(t, longrun.Waiting, s.Phase)
	assert.Zero(t, state.Done)
}

// TestTimeouts ends attempts that take too long, and that are quiet.
func TestTimeouts(t *testing.T) {
	for name, o := range map[string]longrun.Options{
		"Timeout": {Timeout: 5 * time.Millisecond, Attempts: 2},
		"Quiet":   {Quiet: 5 * time.Millisecond, Attempts: 2},
	} {
		t.Run(name, func(t *testing.T) {
			k := kindOf(t, nil, o, func(ctx context.Context, _ *longrun.Step[camp]) error {
				<-ctx.Done()
				return ctx.Err()
			})
			require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
			work(t, k)
			s := done(t, k, "7")
			assert.Equal(t, longrun.Failed, s.Phase)
			assert.Contains(t, s.Error, "Options."+name)
		})
	}
}

// TestForce takes an operation away from a function that hangs, whose worker then stores nothing of it.
func TestForce(t *testing.T) {
	begun, lost := make(chan struct{}, 9), make(chan error, 1)
	k := kindOf(t, nil, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		begun <- struct{}{}
		if step.Token() > 1 {
			return nil
		}
		<-ctx.Done()
		lost <- context.Cause(ctx)
		return step.Save(context.WithoutCancel(ctx))
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	work(t, k)
	<-begun
	require.NoError(t, k.Force(t.Context(), "7", longrun.By{Who: "anna", Why: "it hangs"}))
	s := done(t, k, "7")
	assert.Equal(t, longrun.Done, s.Phase)
	assert.Equal(t, int64(2), s.Token)
	assert.Equal(t, "lost", s.Attempts[0].Result)
	require.ErrorIs(t, <-lost, longrun.ErrLost)
}

// TestAnotherLife has a function go on whose operation was deleted and started again: it stores nothing over the
// second.
func TestAnotherLife(t *testing.T) {
	begun, goOn, saved := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	k := kindOf(t, nil, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		if step.State.Goal == 2 {
			return nil
		}
		close(begun)
		<-goOn
		step.State.Done = 99
		saved <- step.Save(context.WithoutCancel(ctx))
		return nil
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{Goal: 1}, nil))
	work(t, k)
	<-begun
	require.NoError(t, k.Delete(t.Context(), "7", longrun.By{}))
	_, _, err := k.Status(t.Context(), "7")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, k.Start(t.Context(), "7", camp{Goal: 2}, nil))
	close(goOn)
	require.ErrorIs(t, <-saved, longrun.ErrLost)
	s := done(t, k, "7")
	assert.Equal(t, int64(2), s.Token, "it goes on counting")
	_, state, err := k.Status(t.Context(), "7")
	require.NoError(t, err)
	assert.Equal(t, camp{Goal: 2}, state)
}

// TestVersions leaves alone what this code cannot read, and names a state that does not fit.
func TestVersions(t *testing.T) {
	db := memstore.Open(nil)
	newer := kindOf(t, db, longrun.Options{Version: 3}, train)
	require.NoError(t, newer.Start(t.Context(), "newer", camp{Goal: 1}, nil))
	older := kindOf(t, db, longrun.Options{Version: 1}, train)
	require.NoError(t, older.Start(t.Context(), "older", camp{Goal: 1}, nil))
	mine := kindOf(t, db, longrun.Options{Version: 2, Reads: []int64{1}}, train)
	work(t, mine)
	s := done(t, mine, "older")
	assert.Equal(t, int64(2), s.Version)
	s, _, err := mine.Status(t.Context(), "newer")
	require.NoError(t, err)
	assert.Equal(t, longrun.Waiting, s.Phase)

	other, err := longrun.New(db, "training", func(context.Context, *longrun.Step[string]) error { return nil },
		quick(longrun.Options{Version: 2}))
	require.NoError(t, err)
	require.NoError(t, other.Start(t.Context(), "text", "a text", nil))
	s = done(t, mine, "text")
	assert.Equal(t, longrun.Failed, s.Phase)
	assert.Contains(t, s.Error, "the stored state does not fit longrun_test.camp")
	_, _, err = mine.Status(t.Context(), "text")
	require.ErrorIs(t, err, store.ErrInvalid)
}

// name is the key of an operation's row.
type name struct {
	Kind string `db:"kind" bson:"kind" store:"size=60"`
	ID   string `db:"id" bson:"id" store:"size=120"`
}

// asleep is the part of an operation's row that says until when it sleeps.
type asleep struct {
	store.Snapshot `bson:",inline"`
	Name           name       `bson:"_id" store:"key"`
	To             *time.Time `db:"sleeps_to" bson:"sleeps_to"`
}

// TestSleepIsStored stops a worker in a Sleep: the next waits for what is left alone.
func TestSleepIsStored(t *testing.T) {
	db := memstore.Open(nil)
	begun := make(chan struct{}, 9)
	k := kindOf(t, db, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		begun <- struct{}{}
		d := time.Hour
		if step.Token() == 1 {
			d = 300 * time.Millisecond
		}
		return step.Sleep(ctx, d)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	stop := work(t, k)
	<-begun
	// A worker that is stopped before its Sleep is stored leaves nothing to go on with: the next begins an hour.
	rows := store.MustRepository[asleep, name](db, "longrun_operations", nil)
	isStored := func(a asleep) (bool, error) { return a.To != nil, nil }
	_, err := refresh.Wait(t.Context(), rows, name{"training", "7"}, isStored, nil)
	require.NoError(t, err)
	require.NoError(t, stop())
	work(t, k)
	<-begun
	assert.Equal(t, longrun.Done, done(t, k, "7").Phase)
}

// TestManyWorkers has several do many operations: each step's effect is there exactly once.
func TestManyWorkers(t *testing.T) {
	db := memstore.Open(nil)
	many(t, db, 4, 40, 10)
}

// effect is what one step of one operation has done.
type effect struct {
	store.Snapshot `bson:",inline"`
	ID             string `db:"id" bson:"_id" store:"key,size=60"`
	Token          int64  `db:"token" bson:"token"`
}

// many has workers do operations of steps, some of which fail, and checks that each step has happened once.
func many(t *testing.T, db *store.DB, workers, operations, steps int) {
	t.Helper()
	effects := store.MustRepository[effect, string](db, "effects", nil)
	require.NoError(t, effects.EnsureSchema(t.Context()))
	var runs atomic.Int64
	k := kindOf(t, db, longrun.Options{Attempts: 1000}, func(ctx context.Context, step *longrun.Step[camp]) error {
		for step.State.Done < step.State.Goal {
			if err := step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
				step.State.Done++
				e := effect{ID: fmt.Sprint(step.ID(), "/", step.State.Done), Token: step.Token()}
				return effects.In(tx).Insert(ctx, &e)
			}); err != nil {
				return err
			}
			if runs.Add(1)%7 == 0 {
				return errors.New("a broken leg")
			}
		}
		return nil
	})
	for i := range operations {
		require.NoError(t, k.Start(t.Context(), fmt.Sprint(i), camp{Goal: int64(steps)}, nil))
	}
	for range workers {
		work(t, k)
	}
	for i := range operations {
		s := done(t, k, fmt.Sprint(i))
		require.Equal(t, longrun.Done, s.Phase, "%+v", s)
	}
	n, err := effects.Count(t.Context(), store.Query{})
	require.NoError(t, err)
	assert.EqualValues(t, operations*steps, n)
}

// TestLostCommits loses the answers of commits: each is settled.
func TestLostCommits(t *testing.T) {
	var n atomic.Int64
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "commit" {
			switch n.Add(1) % 5 {
			case 0:
				return memstore.ErrLostAfter
			case 1:
				return memstore.ErrLostBefore
			}
		}
		return nil
	}})
	many(t, db, 2, 10, 10)
	assert.Greater(t, n.Load(), int64(100))
}

func TestMistakes(t *testing.T) {
	db := memstore.Open(nil)
	fn := func(context.Context, *longrun.Step[camp]) error { return nil }
	for _, try := range []func() error{
		func() error { _, err := longrun.New(nil, "a", fn, nil); return err },
		func() error { _, err := longrun.New(db, "", fn, nil); return err },
		func() error { _, err := longrun.New[camp](db, "a", nil, nil); return err },
		func() error { _, err := longrun.New(db, "a", fn, &longrun.Options{Lease: -1}); return err },
		func() error { _, err := longrun.New(db, "a", fn, &longrun.Options{Parallel: -1}); return err },
		func() error {
			k, err := longrun.New(db, "a", func(context.Context, *longrun.Step[chan int]) error { return nil }, nil)
			require.NoError(t, err)
			return k.Start(t.Context(), "7", make(chan int), nil)
		},
	} {
		require.ErrorIs(t, try(), store.ErrInvalid)
	}
}

func TestList(t *testing.T) {
	k := kindOf(t, nil, longrun.Options{}, train)
	for i := range 5 {
		require.NoError(t, k.Start(t.Context(), fmt.Sprint(i), camp{}, nil))
	}
	require.NoError(t, k.Pause(t.Context(), "3", longrun.By{}))
	require.NoError(t, k.Delete(t.Context(), "4", longrun.By{}))
	page, next, err := k.List(t.Context(), longrun.Filter{Kind: "training", Limit: 3})
	require.NoError(t, err)
	require.Len(t, page, 3)
	rest, next, err := k.List(t.Context(), longrun.Filter{Kind: "training", Limit: 3, Cursor: next})
	require.NoError(t, err)
	assert.Len(t, rest, 1)
	assert.Empty(t, next)
	paused, _, err := k.List(t.Context(), longrun.Filter{Phases: []longrun.Phase{longrun.Paused}})
	require.NoError(t, err)
	require.Len(t, paused, 1)
	assert.Equal(t, "3", paused[0].ID)
	counts, err := k.Counts(t.Context(), "training")
	require.NoError(t, err)
	assert.Equal(t, int64(3), counts[longrun.Waiting])
	assert.Equal(t, int64(1), counts[longrun.Paused])
}

// TestSilentWorkerGoesOn has the beats of the only worker fail for a lease: its function ends, and the worker takes the
// operation up again when it is heard.
func TestSilentWorkerGoesOn(t *testing.T) {
	var isMute atomic.Bool
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if isMute.Load() && c.Table == longrun.WorkersTable {
			return memstore.ErrUnavailable
		}
		return nil
	}})
	k := kindOf(t, db, longrun.Options{}, func(ctx context.Context, step *longrun.Step[camp]) error {
		if step.Attempt() > 1 {
			return nil
		}
		isMute.Store(true)
		<-ctx.Done()
		isMute.Store(false)
		return context.Cause(ctx)
	})
	require.NoError(t, k.Start(t.Context(), "7", camp{}, nil))
	work(t, k)
	s := done(t, k, "7")
	assert.Equal(t, longrun.Done, s.Phase)
	require.Len(t, s.Attempts, 2)
	assert.Equal(t, "lost", s.Attempts[0].Result)
}
