package edit_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/edit"
)

// kills has TestKilledEdits work at full size.
var kills = flag.Bool("kills", false, "kill Apply and Undo twenty times each, beside 16 writers, over 2,000 rows")

const targetVariable = "STILLFRAME_EDIT_TARGET" // set in a process that edits: what to do, and the database

// dial opens the database of a target: a DSN of MySQL, or "name uri" of MongoDB.
func dial(ctx context.Context, target string) (*store.DB, error) {
	if name, uri, ok := strings.Cut(target, " "); ok {
		return mongo.Open(ctx, uri, name, nil)
	}
	return mysql.Open(ctx, target, nil)
}

// editOf is the edit that the processes apply and undo.
func editOf(db *store.DB) (*edit.Edit[player, int64], *store.Repository[player, int64]) {
	players := store.MustRepository[player, int64](db, "players", nil)
	return edit.New(players, "bonus", low, bonus, quick(edit.Options{
		Most: 10_000, Batch: 20, Refusals: 10_000, Progress: func(done, total int64) { fmt.Println("at", done) },
	})), players
}

// TestEditProcess is one of the processes of TestKilledEdits, and does nothing by itself.
func TestEditProcess(t *testing.T) {
	what, target, ok := strings.Cut(os.Getenv(targetVariable), ":")
	if !ok {
		t.Skip("no test has started it")
	}
	db, err := dial(t.Context(), target)
	require.NoError(t, err)
	e, _ := editOf(db)
	if what == "undo" {
		_, err = e.Undo(t.Context(), nil)
	} else {
		_, err = e.Apply(t.Context())
	}
	require.NoError(t, err)
}

// TestKilledEdits kills the processes that apply and undo an edit in the middle of their batches, beside writers: each
// row is changed once or held by rule, the journal and the table agree, and an undo gives back what nobody has touched.
func TestKilledEdits(t *testing.T) {
	for name, target := range map[string]func(t *testing.T) string{
		"MariaDB": func(t *testing.T) string { return testbed.MariaDB(t).Database(t) },
		"MongoDB": func(t *testing.T) string {
			set := testbed.StartMongo(t, 1)
			set.ForgetSoon(t)
			return set.Database(t) + " " + set.URI()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, times, writers := int64(200), 2, 2
			if *kills {
				rows, times, writers = 2000, 20, 16
			}
			target := target(t)
			db, err := dial(t.Context(), target)
			require.NoError(t, err)
			defer func() { assert.NoError(t, db.Close()) }()
			prepare(t, db, rows)
			e, players := editOf(db)
			_, err = e.Plan(t.Context())
			require.NoError(t, err)
			require.NoError(t, e.Approve(t.Context(), "bob"))

			// The writers note how much gold they have given to whom; odd rows alone are theirs.
			var mu sync.Mutex
			given := map[int64]int64{}
			touched := map[int64]bool{}
			write := func(during func()) {
				ctx, stop := context.WithCancel(t.Context())
				var writing sync.WaitGroup
				for range writers {
					writing.Go(func() {
						for ctx.Err() == nil {
							id := 2*rand.Int64N(rows/2) + 1
							_, err := players.Modify(t.Context(), id, func(p *player) error {
								p.Level, p.Gold = 1-p.Level, p.Gold+1
								return nil
							})
							mu.Lock()
							touched[id] = true
							if err == nil {
								given[id]++
							} else if !errors.Is(err, store.ErrTransient) || store.MayHaveHappened(err) {
								assert.NoError(t, err)
							}
							mu.Unlock()
						}
					})
				}
				during()
				stop()
				writing.Wait()
			}
			write(func() { killed(t, "apply:"+target, times) })
			phases := agree(t, e, players, given)
			require.Zero(t, phases[edit.RowPlanned])
			t.Logf("%s: applied: %v", name, phases)
			before := len(touched)
			write(func() { killed(t, "undo:"+target, times) })
			phases = agree(t, e, players, given)
			require.Zero(t, phases[edit.RowApplied])
			t.Logf("%s: undone: %v; %d, then %d rows were touched by others", name, phases, before, len(touched))
			for id := int64(2); id <= rows; id += 2 { // which nobody has touched
				p, err := players.Get(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, []int64{10, 1, 3}, []int64{p.Gold, p.Level, p.Version}, "player %d", id)
			}
		})
	}
}

// agree compares the table with what the journal and the writers say, and counts the rows of each phase.
func agree(
	t *testing.T, e *edit.Edit[player, int64], players *store.Repository[player, int64], given map[int64]int64,
) map[edit.Phase]int {
	phases := map[edit.Phase]int{}
	for r, err := range e.Rows(t.Context()) {
		require.NoError(t, err)
		phases[r.Phase]++
		want := 10 + given[r.Key]
		if r.Phase == edit.RowApplied || r.Phase == edit.Kept {
			want += 50
		}
		p, err := players.Get(t.Context(), r.Key)
		require.NoError(t, err)
		require.Equal(t, want, p.Gold, "player %d is %s", r.Key, r.Phase)
	}
	return phases
}

// killed runs a process until it has ended by itself, and kills it a few batches after it has begun, so many times.
func killed(t *testing.T, target string, times int) {
	for n := 0; ; n++ {
		require.Less(t, n, times+100)
		cmd := exec.Command(os.Args[0], "-test.run=^TestEditProcess$")
		cmd.Env = append(os.Environ(), targetVariable+"="+target)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		var last string
		for seen := 0; lines.Scan(); {
			last = lines.Text()
			if strings.HasPrefix(last, "at ") {
				if seen++; seen > n%3 && n < times {
					_ = cmd.Process.Kill()
				}
			}
		}
		err = cmd.Wait()
		if err == nil {
			return
		}
		require.Less(t, n, times, "the process has failed: %s", last)
	}
}
