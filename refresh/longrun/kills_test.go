package longrun_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// faults has the tests of kills work for minutes: 8 processes, 200 operations of 50 steps, 120 kills; 50 of 20 steps
// and 24 kills while the primary is killed too.
var faults = flag.Bool("faults", false, "run the tests of killed workers at full size")

const targetVariable = "STILLFRAME_LONGRUN_TARGET" // set in a process that works: the database

// dial opens the database of a target: a DSN of MySQL, or "name uri" of MongoDB.
func dial(ctx context.Context, target string) (*store.DB, error) {
	if name, uri, ok := strings.Cut(target, " "); ok {
		return mongo.Open(ctx, uri, name, nil)
	}
	return mysql.Open(ctx, target, nil)
}

// trainer is the kind that the processes work on: each step leaves a row of its own.
func trainer(db *store.DB) (*longrun.Kind[camp], *store.Repository[effect, string], error) {
	effects, err := store.NewRepository[effect, string](db, "effects", nil)
	if err != nil {
		return nil, nil, err
	}
	k, err := longrun.New(db, "training", func(ctx context.Context, step *longrun.Step[camp]) error {
		for step.State.Done < step.State.Goal {
			if err := step.Atomic(ctx, func(ctx context.Context, tx *store.Tx) error {
				step.State.Done++
				e := effect{ID: fmt.Sprint(step.ID(), "/", step.State.Done), Token: step.Token()}
				return effects.In(tx).Insert(ctx, &e)
			}); err != nil {
				return err
			}
			step.Progress(step.State.Done, step.State.Goal, "")
		}
		return nil
	}, quick(longrun.Options{Attempts: 10_000, Lease: time.Second}))
	return k, effects, err
}

// TestWorkerProcess is one of the processes of TestKilledWorkers, and does nothing by itself.
func TestWorkerProcess(t *testing.T) {
	target := os.Getenv(targetVariable)
	if target == "" {
		t.Skip("no test has started it")
	}
	ctx := context.Background()
	for {
		db, err := dial(ctx, target)
		if err != nil {
			time.Sleep(10 * time.Millisecond) // the server may just be restarted; nothing else tells
			continue
		}
		k, _, err := trainer(db)
		require.NoError(t, err)
		require.NoError(t, k.Work(ctx))
	}
}

// TestKilledWorkers kills processes in the middle of their steps, and has one stand still past its lease and go on:
// every step has happened exactly once, and every operation has finished.
func TestKilledWorkers(t *testing.T) {
	for name, target := range map[string]func(t *testing.T) string{
		"MariaDB": func(t *testing.T) string { return testbed.MariaDB(t).Database(t) },
		"Mongo": func(t *testing.T) string {
			set := testbed.StartMongo(t, 1)
			set.ForgetSoon(t)
			return set.Database(t) + " " + set.URI()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, target(t), nil)
		})
	}
	t.Run("ThreeNodes", func(t *testing.T) {
		if !*faults {
			t.Skip("only with -faults")
		}
		set := testbed.StartMongoFailover(t, 3)
		set.ForgetSoon(t)
		play(t, set.Database(t)+" "+set.URI(), func() {
			primary := set.Primary(t)
			assert.NoError(t, primary.Kill())
			assert.NoError(t, primary.Restart(t.Context()))
			set.ForgetSoon(t)
		})
	})
}

// play runs the processes, and trouble between the kills.
func play(t *testing.T, target string, trouble func()) {
	processes, operations, steps, kills := 2, 10, 10, 3
	switch {
	case *faults && trouble != nil: // each election takes seconds
		processes, operations, steps, kills = 8, 50, 20, 24
	case *faults:
		processes, operations, steps, kills = 8, 200, 50, 120
	}
	db, err := dial(t.Context(), target)
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	k, effects, err := trainer(db)
	require.NoError(t, err)
	require.NoError(t, effects.EnsureSchema(t.Context()))
	require.NoError(t, k.EnsureSchema(t.Context()))
	for i := range operations {
		require.NoError(t, k.Start(t.Context(), fmt.Sprint(i), camp{Goal: int64(steps)}, nil))
	}
	running := make([]*exec.Cmd, processes)
	for i := range running {
		running[i] = process(t, target)
	}
	count := func() int64 {
		for {
			n, err := effects.Count(t.Context(), store.Query{})
			if err == nil {
				return n
			}
			require.True(t, errors.Is(err, store.ErrTransient), "%v", err)
		}
	}
	total := int64(operations * steps)
	for kill := range kills {
		// A process is killed when all of them have got on a little.
		for at := total * int64(kill+1) / int64(kills+1); count() < at; {
			continue // count asks the server
		}
		i := rand.IntN(len(running))
		if kill%3 == 1 {
			stopped := running[i]
			require.NoError(t, stopped.Process.Signal(syscall.SIGSTOP))
			running[i] = process(t, target)
			defer func() { _ = stopped.Process.Kill() }()
			defer time.AfterFunc(3*time.Second, func() { _ = stopped.Process.Signal(syscall.SIGCONT) }).Stop()
			// It goes on for a while beside the one in its place, and not for ever: there would be ever more of them.
			defer time.AfterFunc(5*time.Second, func() { _ = stopped.Process.Kill() }).Stop()
		} else {
			require.NoError(t, running[i].Process.Kill())
			running[i] = process(t, target)
		}
		if trouble != nil && kill%6 == 0 {
			trouble()
		}
	}
	for i := range operations {
		s := done(t, k, fmt.Sprint(i))
		require.Equal(t, longrun.Done, s.Phase, "%+v", s)
	}
	require.Equal(t, total, count(), "each step has happened once")
	tokens := int64(0)
	for i := range operations {
		s, state, err := k.Status(t.Context(), fmt.Sprint(i))
		require.NoError(t, err)
		require.Equal(t, camp{int64(steps), int64(steps)}, state)
		tokens += s.Token
	}
	t.Logf("%d claims of %d operations", tokens, operations)
}

// process starts a worker.
func process(t *testing.T, target string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorkerProcess$")
	cmd.Env = append(os.Environ(), targetVariable+"="+target)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}
