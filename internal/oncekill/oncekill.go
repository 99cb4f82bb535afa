// Package oncekill plays store.Once against real servers, for the tests of the backends: processes ask for the same
// keys, are killed, and lose answers, and in the end each key must have happened once.
package oncekill

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

const (
	target = "STILLFRAME_ONCE_TARGET" // set in a process that asks: the database
	amount = "STILLFRAME_ONCE_KEYS"   // how many keys it asks for
)

// Effect is what the function of a key writes: a row of its own, so that a function that happens twice leaves two.
type Effect struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `db:"id" bson:"_id" store:"key"`
	For            int64 `db:"for_key" bson:"for_key"`
}

// Run says how the processes are made and troubled.
type Run struct {
	// Child is the name of the test that calls Ask.
	Child string
	// Target is the database that the processes work on, as Ask's open takes it.
	Target string
	// DB is the same database without faults, for the check in the end.
	DB *store.DB
	// Processes ask for Keys each, of which Kills are killed, one after another.
	Processes, Keys, Kills int
	// Trouble, unless it is nil, is called between the kills.
	Trouble func()
	// Calm ends all trouble. The processes must come to their end after it.
	Calm func()
}

// Ask is the work of a process: it asks for all keys in an order of its own, each until it has an answer, and prints
// the answers. It returns false in a process that is not one of those.
func Ask(t *testing.T, open func(ctx context.Context, target string) (*store.DB, error)) bool {
	at := os.Getenv(target)
	if at == "" {
		return false
	}
	keys, err := strconv.Atoi(os.Getenv(amount))
	require.NoError(t, err)
	ctx := context.Background()
	var db *store.DB
	for db == nil {
		if db, err = open(ctx, at); err != nil {
			time.Sleep(10 * time.Millisecond) // the server may just be restarted; nothing else tells
		}
	}
	effects := store.MustRepository[Effect, int64](db, "effects", nil)
	for _, key := range rand.Perm(keys) {
		for {
			id, err := ask(ctx, db, effects, int64(key))
			if err == nil {
				fmt.Printf("answer %d %d\n", key, id)
				break
			}
			if !store.MayHaveHappened(err) && !store.Retryable(err) {
				t.Fatal(err)
			}
		}
	}
	fmt.Println("answer done 0")
	return true
}

// ask asks for one key.
func ask(ctx context.Context, db *store.DB, effects *store.Repository[Effect, int64], key int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	id, _, err := store.OnceValue(ctx, db, fmt.Sprint("key ", key), nil,
		func(ctx context.Context, tx *store.Tx) (int64, error) {
			e := Effect{ID: rand.Int64(), For: key}
			return e.ID, effects.In(tx).Insert(ctx, &e)
		})
	if ctx.Err() != nil && err != nil {
		return 0, fmt.Errorf("%w: %w", store.ErrTransient, err)
	}
	return id, err
}

// answers are what the processes were told.
type answers struct {
	mu    sync.Mutex
	all   map[string]map[string]bool
	done  int
	count chan struct{} // gets one for each answer
}

// listen reads the answers of one process to its end.
func (a *answers) listen(lines *bufio.Scanner) {
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 || words[0] != "answer" {
			continue
		}
		a.mu.Lock()
		if words[1] == "done" {
			a.done++
		} else {
			if a.all[words[1]] == nil {
				a.all[words[1]] = map[string]bool{}
			}
			a.all[words[1]][words[2]] = true
		}
		a.mu.Unlock()
		a.count <- struct{}{}
	}
}

// Play runs the processes, kills some and starts others in their place, and checks what has come of it.
func (r Run) Play(t *testing.T) {
	ctx := t.Context()
	effects := store.MustRepository[Effect, int64](r.DB, "effects", nil)
	require.NoError(t, effects.EnsureSchema(ctx))
	receipts, err := store.Receipts(r.DB)
	require.NoError(t, err)
	require.NoError(t, receipts.EnsureSchema(ctx))
	told := answers{all: map[string]map[string]bool{}, count: make(chan struct{})}
	var all sync.WaitGroup
	running := make([]*exec.Cmd, r.Processes)
	for i := range running {
		running[i] = r.start(t, &told, &all)
	}
	for range r.Kills {
		// A process is killed in the middle of its work, when all of them have got on a little.
		for range 1 + rand.IntN(r.Keys*r.Processes/(r.Kills+1)) {
			<-told.count
		}
		i := rand.IntN(len(running))
		_ = running[i].Process.Kill()
		running[i] = r.start(t, &told, &all)
		if r.Trouble != nil {
			r.Trouble()
		}
	}
	if r.Calm != nil {
		r.Calm()
	}
	go func() {
		for range told.count { // whom nobody waits for any more
		}
	}()
	all.Wait()
	close(told.count)
	require.GreaterOrEqual(t, told.done, r.Processes, "each process has come to its end, or was killed")
	happened := map[int64]int64{}
	for e, err := range effects.Find(ctx, store.Query{}) {
		require.NoError(t, err)
		_, isTwice := happened[e.For]
		assert.False(t, isTwice, "key %d happened twice", e.For)
		happened[e.For] = e.ID
	}
	assert.Len(t, happened, r.Keys, "each key happened")
	for key, id := range happened {
		answer := told.all[strconv.FormatInt(key, 10)]
		want := map[string]bool{strconv.FormatInt(id, 10): true}
		assert.Equal(t, want, answer, "everybody was told the same of %d", key)
	}
	n, err := receipts.Count(ctx, store.Query{})
	require.NoError(t, err)
	assert.EqualValues(t, r.Keys, n)
}

// start starts a process that asks.
func (r Run) start(t *testing.T, told *answers, all *sync.WaitGroup) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^"+r.Child+"$", "-test.v")
	cmd.Env = append(os.Environ(), target+"="+r.Target, amount+"="+strconv.Itoa(r.Keys))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	all.Go(func() {
		told.listen(bufio.NewScanner(out))
		_ = cmd.Wait()
	})
	return cmd
}
