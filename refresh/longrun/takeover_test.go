package longrun_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store/memstore"
)

// leaveToADead has an operation stand as a process leaves it that was killed: claimed by a worker whose last beat was
// at that time.
func leaveToADead(t *testing.T, k *longrun.Kind[camp], id string, beat time.Time) {
	t.Helper()
	require.NoError(t, k.Start(t.Context(), id, camp{Goal: 3}, nil))
	raw, ok := memstore.Native(k.DB())
	require.True(t, ok)
	require.NoError(t, raw.Put(t.Context(), longrun.WorkersTable, "dead", map[string]any{
		"version": 1, "name": "killed", "beat": 7, "at": beat,
	}))
	key := map[string]any{"kind": "training", "id": id}
	require.NoError(t, raw.Put(t.Context(), longrun.OperationsTable, key, map[string]any{
		"version": 2, "phase": "running", "claim": "dead claim", "worker": "dead", "token": 1, "attempt": 1,
	}))
}

// TestShortLivedWorkers has workers that each live shorter than a lease come to what a dead one has left, though none
// of them sees its counter stand still for so long: by the time of its last beat.
func TestShortLivedWorkers(t *testing.T) {
	t.Parallel()
	const lease = 600 * time.Millisecond
	k := kindOf(t, nil, longrun.Options{Lease: lease}, train)
	leaveToADead(t, k, "7", time.Now().Add(-9*lease))
	for end := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(t.Context(), lease/4)
		require.NoError(t, k.Work(ctx))
		cancel()
		s, state, err := k.Status(t.Context(), "7")
		require.NoError(t, err)
		if s.Phase == longrun.Done {
			assert.Equal(t, camp{Done: 3, Goal: 3}, state)
			break
		}
		require.True(t, time.Now().Before(end), "nobody took it over: %+v", s)
	}
}

// TestWishesKeepNoWorkerAlive has a page ask for something all the time while the worker is dead: the row moves, and
// the operation is taken over all the same.
func TestWishesKeepNoWorkerAlive(t *testing.T) {
	t.Parallel()
	k := kindOf(t, nil, longrun.Options{Lease: 300 * time.Millisecond}, train)
	leaveToADead(t, k, "7", time.Now())
	ctx, stop := context.WithCancel(t.Context())
	var page sync.WaitGroup
	page.Go(func() {
		for ctx.Err() == nil {
			_ = k.Pause(t.Context(), "7", longrun.By{Who: "page"})
			_ = k.Resume(t.Context(), "7", longrun.By{Who: "page"})
		}
	})
	work(t, k)
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		s, _, err := k.Status(t.Context(), "7")
		require.NoError(t, err)
		if s.Worker != "dead" {
			break
		}
		require.True(t, time.Now().Before(end), "nobody took it over: %+v", s)
	}
	stop()
	page.Wait()
	_ = k.Resume(t.Context(), "7", longrun.By{}) // where the last wish was to pause
	assert.Equal(t, longrun.Done, done(t, k, "7").Phase)
}
