package tasks

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soon is far more than what comes needs, brief is what is waited for what does not come.
const (
	soon  = time.Minute
	brief = 20 * time.Millisecond
)

func TestTaskOutcome(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	boom := errors.New("boom")
	require.NoError(t, g.Go("returns", func(context.Context) error { return nil }).Wait(soon))
	require.Equal(t, boom, g.Go("fails", func(context.Context) error { return boom }).Wait(soon))
	err := g.Go("exits", func(context.Context) error { runtime.Goexit(); return nil }).Wait(soon)
	require.ErrorIs(t, err, ErrExited)
	err = g.Go("panics", func(context.Context) error { panic("boom") }).Wait(soon)
	panicked, ok := errors.AsType[*PanicError](err)
	require.True(t, ok)
	require.Equal(t, "boom", panicked.Value)
	require.Contains(t, panicked.Stack, "TestTaskOutcome")
	names, stacks := g.Running()
	require.Empty(t, names)
	require.Empty(t, stacks)
	require.NoError(t, g.Stop(0))
}

// hangs is a call that comes back with its context.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTaskThatHangs(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	task := g.Go("a call", hangs)
	stuck, ok := errors.AsType[*StuckError](task.Wait(brief))
	require.True(t, ok)
	require.Equal(t, []string{"a call"}, stuck.Names)
	require.Contains(t, stuck.Stacks, "tasks.hangs")
	require.NoError(t, g.Stop(soon), "it comes back with its context")
	require.ErrorIs(t, task.Wait(0), context.Canceled)
}

func TestTaskThatHangsForEver(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	release := make(chan struct{})
	task := g.Go("deaf", func(context.Context) error { <-release; return nil })
	stuck, ok := errors.AsType[*StuckError](g.Stop(brief))
	require.True(t, ok)
	require.Equal(t, []string{"deaf"}, stuck.Left)
	require.Contains(t, stuck.Error(), "TestTaskThatHangsForEver")
	close(release)
	require.NoError(t, task.Wait(soon))
}

func TestTurns(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	var next [4]int
	bounds := Bounds{Stall: soon, Grace: soon}
	require.NoError(t, g.Turns("worker", len(next), 50, bounds, func(_ context.Context, w, turn int) error {
		if next[w] != turn {
			return errors.New("not in order")
		}
		next[w]++
		return nil
	}))
	require.Equal(t, [4]int{50, 50, 50, 50}, next)
}

// TestTurnsStopAtAnError has one worker fail while the others would never come back.
func TestTurnsStopAtAnError(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"Error":  func() error { return errors.New("boom") },
		"Panic":  func() error { panic("boom") },
		"Goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewGroup(t.Context())
			bounds := Bounds{Stall: soon, Grace: soon}
			err := g.Turns("worker", 3, 2, bounds, func(ctx context.Context, w, turn int) error {
				if w == 1 && turn == 1 {
					return fail()
				}
				if turn == 1 {
					return hangs(ctx)
				}
				return nil
			})
			require.ErrorContains(t, err, "worker 1, turn 1")
			require.NotErrorIs(t, err, context.Canceled, "the others only say that they were stopped")
			names, _ := g.Running()
			require.Empty(t, names)
		})
	}
}

// TestTurnsThatStall has a call hang when the other workers are done.
func TestTurnsThatStall(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	bounds := Bounds{Stall: brief, Grace: soon}
	err := g.Turns("worker", 4, 3, bounds, func(ctx context.Context, w, turn int) error {
		if w == 2 && turn == 1 {
			return hangs(ctx)
		}
		return nil
	})
	stuck, ok := errors.AsType[*StuckError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{"worker 2, turn 1"}, stuck.Names)
	require.Empty(t, stuck.Left, "it came back when it was told to stop")
	require.Contains(t, stuck.Stacks, "tasks.hangs")
	names, _ := g.Running()
	require.Empty(t, names, "no goroutine is left behind")
}

// TestTurnsThatNeverComeBack has a call that does not end with its context: it is named, and nothing waits
// for it any longer than it must.
func TestTurnsThatNeverComeBack(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	release := make(chan struct{})
	err := g.Turns("worker", 2, 1, Bounds{Stall: brief, Grace: brief}, func(_ context.Context, w, _ int) error {
		if w == 1 {
			<-release
		}
		return nil
	})
	stuck, ok := errors.AsType[*StuckError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{"worker 1, turn 0"}, stuck.Left)
	names, _ := g.Running()
	require.Equal(t, stuck.Left, names)
	close(release)
	require.NoError(t, g.Stop(soon))
}

// TestTurnsThatAreSlow has each turn take as long as the stall, nearly, so that all of them take far longer:
// somebody comes on, and that is enough.
func TestTurnsThatAreSlow(t *testing.T) {
	t.Parallel()
	g := NewGroup(t.Context())
	var turns atomic.Int64
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	bounds := Bounds{Stall: time.Second, Grace: soon}
	require.NoError(t, g.Turns("worker", 2, 600, bounds, func(context.Context, int, int) error {
		<-ticks.C
		turns.Add(1)
		return nil
	}))
	require.EqualValues(t, 1200, turns.Load())
}
