package interop

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

// rivals are Go and a Python service, which each add 1 to the gold of the same player.
type rivals[T any] struct {
	python *client
	repo   *store.Repository[T, int64]
	player func(id int64) T
	gold   func(*T) *int64
	last   atomic.Int64
}

// fresh makes a player without gold.
func (r *rivals[T]) fresh(t testing.TB) int64 {
	t.Helper()
	id := 1000 + r.last.Add(1)
	player := r.player(id)
	require.NoError(t, r.repo.Insert(t.Context(), &player))
	return id
}

// stored is how much gold the player has.
func (r *rivals[T]) stored(t testing.TB, id int64) int64 {
	t.Helper()
	player, err := r.repo.Get(t.Context(), id)
	require.NoError(t, err)
	return *r.gold(&player)
}

// add adds 1 by Modify. between is called in its first run, between what it reads and what it writes.
func (r *rivals[T]) add(t testing.TB, id int64, between func()) (runs int, err error) {
	t.Helper()
	_, err = r.repo.Modify(t.Context(), id, func(player *T) error {
		if runs++; runs == 1 && between != nil {
			between()
		}
		*r.gold(player)++
		return nil
	})
	return runs, err
}

// meeting is what came of two that each add 1 at the same time.
type meeting string

// What can come of a meeting.
const (
	exact      meeting = "exact"
	pythonTold meeting = "exact: Python is told"
	goRuns     meeting = "exact: Modify runs again"
	goTold     meeting = "exact: `ErrConflict`"
	goLost     meeting = "**Go's is lost**"
	pythonLost meeting = "**Python's is lost**"
)

// isLoss says that an increment is gone and nobody knows.
func (m meeting) isLoss() bool { return m == goLost || m == pythonLost }

// meetings has the two meet in each of three ways: Go writes between what the service reads and what it writes, and
// the service between what Modify, or a Get and a Save, reads and writes.
func (r *rivals[T]) meetings(t testing.TB, way string) (inPython, inModify, inSave meeting) {
	t.Helper()
	whole := func(id int64) {
		must[any](t, r.python, "begin", arguments{"way": way, "id": id})
		must[any](t, r.python, "finish", arguments{"way": way})
	}

	id := r.fresh(t)
	must[any](t, r.python, "begin", arguments{"way": way, "id": id})
	_, err := r.add(t, id, nil)
	require.NoError(t, err)
	_, err = ask[any](r.python, "finish", arguments{"way": way})
	refusal, isRefused := errors.AsType[*raised](err)
	switch sum := r.stored(t, id); {
	case isRefused && sum == 1:
		assert.Contains(t, []string{"StaleDataError", "Refused", "SaveConditionError"}, refusal.Class, refusal)
		inPython = pythonTold
	case err == nil && sum == 2:
		inPython = exact
	case err == nil && sum == 1:
		inPython = goLost
	default:
		t.Fatalf("%s: %d, %v", way, sum, err)
	}

	id = r.fresh(t)
	runs, err := r.add(t, id, func() { whole(id) })
	require.NoError(t, err)
	switch sum := r.stored(t, id); {
	case sum == 2 && runs == 2:
		inModify = goRuns
	case sum == 2 && runs == 1:
		inModify = exact
	case sum == 1 && runs == 1:
		inModify = pythonLost
	default:
		t.Fatalf("%s: %d after %d runs", way, sum, runs)
	}

	id = r.fresh(t)
	held, err := r.repo.Get(t.Context(), id)
	require.NoError(t, err)
	whole(id)
	*r.gold(&held)++
	err = r.repo.Save(t.Context(), &held)
	switch sum := r.stored(t, id); {
	case errors.Is(err, store.ErrConflict) && sum == 1:
		inSave = goTold
	case err == nil && sum == 1:
		inSave = pythonLost
	default:
		t.Fatalf("%s: %d, %v", way, sum, err)
	}
	return inPython, inModify, inSave
}

// tally is what was counted while Go and services added at the same time.
type tally struct {
	rounds                         int
	expected, sum                  int64
	pythonAgain, saveAgain, runsOf int64 // how often each had to begin anew
	took                           time.Duration
}

func (c tally) String() string {
	return fmt.Sprintf("%d of %d stored, %d lost; Python began anew %d times, Save %d, Modify %d; %d rounds, %.1f s",
		c.sum, c.expected, c.expected-c.sum, c.pythonAgain, c.saveAgain, c.runsOf, c.rounds, c.took.Seconds())
}

// together has two services, two goroutines with Modify and two with Save add to one player at the same time, each
// often, round after round until enough says so: what a load meets is no matter of the first round alone.
func (r *rivals[T]) together(t testing.TB, services []*client, way string, enough func(tally) bool) tally {
	t.Helper()
	const each = 40
	id := r.fresh(t)
	var c tally
	var again, saves, runs atomic.Int64
	began := time.Now()
	for !enough(c) && time.Since(began) < testbed.Patience {
		var group sync.WaitGroup
		for _, service := range services {
			group.Go(func() {
				n, err := ask[int64](service, "run", arguments{"way": way, "id": id, "count": each})
				assert.NoError(t, err)
				again.Add(n)
			})
		}
		for range 2 {
			group.Go(func() {
				for range each {
					n, err := r.add(t, id, nil)
					for store.Retryable(err) { // it has given up, on a machine that does other things too
						n, err = r.add(t, id, nil)
					}
					assert.NoError(t, err)
					runs.Add(int64(n) - 1)
				}
			})
			group.Go(func() { saves.Add(r.saves(t, id, each)) })
		}
		group.Wait()
		require.False(t, t.Failed())
		c.rounds++
		c.expected += each * int64(len(services)+4)
		c.sum = r.stored(t, id)
		c.pythonAgain, c.saveAgain, c.runsOf = again.Load(), saves.Load(), runs.Load()
	}
	c.took = time.Since(began)
	t.Logf("%s: %s", way, c)
	return c
}

// saves adds 1 by Get and Save, count times, and returns how often it was refused.
func (r *rivals[T]) saves(t testing.TB, id int64, count int) (refused int64) {
	for count > 0 {
		player, err := r.repo.Get(t.Context(), id)
		if !assert.NoError(t, err) {
			return refused
		}
		*r.gold(&player)++
		switch err := r.repo.Save(t.Context(), &player); {
		case err == nil:
			count--
		case store.Retryable(err):
			refused++
		default:
			assert.NoError(t, err)
			return refused
		}
	}
	return refused
}

// table is a table of Markdown.
type table struct{ text strings.Builder }

func (b *table) row(cells ...string) {
	b.text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// newTable begins a table.
func newTable(heads ...string) *table {
	b := &table{}
	b.row(heads...)
	b.row(strings.Split(strings.Repeat("---,", len(heads)-1)+"---", ",")...)
	return b
}
