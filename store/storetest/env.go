package storetest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/outcome"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// patience bounds every wait for something that must come. It is reached only by a failing test. The
// environment variable STORETEST_PATIENCE sets another: the suite's own tests of broken backends, in which
// much never comes, wait less. A value that is no time fails every test.
var patience, errPatience = patienceOf(os.Getenv("STORETEST_PATIENCE"))

func patienceOf(text string) (time.Duration, error) {
	if text == "" {
		return 20 * time.Second, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d <= 0 {
		err = errors.New("not positive")
	}
	if err != nil {
		err = fmt.Errorf("STORETEST_PATIENCE=%q is no time to wait, such as 5s: %w", text, err)
	}
	return d, err
}

// glance is how long a test waits for something that must not come, or need not. No assertion
// depends on its length: a longer one only gives a wrong backend more time to show it.
const glance = 150 * time.Millisecond

// env is what one test works with.
type env struct {
	*testing.T
	h    Harness
	db   *store.DB
	info store.Info
	ctx  context.Context // ends when the test does, or when a busy machine too would have done it

	tasks *tasks.Group // the goroutines of the test, or of this part of it
}

// newEnv is the environment of a test that has just begun. Its owner calls end.
func newEnv(t *testing.T, h Harness) *env {
	require.NoError(t, errPatience)
	end := time.Now().Add(20 * time.Minute)
	if deadline, ok := t.Deadline(); ok { // a call that hangs is to be named before all tests are killed
		if before := deadline.Add(-time.Minute); before.Before(end) {
			end = before
		}
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	t.Cleanup(cancel)
	e := &env{T: t, h: h, ctx: ctx, tasks: tasks.NewGroup(ctx)}
	e.db = e.open(store.Options{})
	e.info = e.db.Info()
	return e
}

// end is called when the test, or the part of it, has ended in any way, and before its handles are closed. It
// waits for the goroutines that the test has started and fails it with the names of those that stay.
func (e *env) end() {
	e.Helper()
	if err := e.tasks.Stop(patience); err != nil {
		e.Errorf("goroutines are left: %v", err)
	}
}

// open opens another handle and closes it with the test.
func (e *env) open(o store.Options) *store.DB {
	db := e.h.Open(e, o)
	e.Cleanup(func() { assert.NoError(e, db.Close()) })
	return db
}

// behind opens a handle whose calls on the backend go through hook.
func (e *env) behind(o store.Options, hook intercept.Hook) *store.DB {
	db, err := store.New(intercept.New(e.open(store.Options{}).Driver(), hook), &o)
	require.NoError(e, err)
	return db
}

// run starts a part of the test that shares its handle.
func (e *env) run(name string, part func(e *env)) {
	e.Run(name, func(t *testing.T) {
		sub := *e
		sub.T, sub.tasks = t, tasks.NewGroup(e.ctx)
		defer sub.end()
		defer named(t)
		part(&sub)
	})
}

// seed is where the random choices of a test begin. It is printed; the environment variable
// STORETEST_SEED sets it.
func (e *env) seed() uint64 {
	e.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("STORETEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(e, err)
	}
	e.Logf("STORETEST_SEED=%d", seed)
	return seed
}

var tables atomic.Int64

// table makes up the name of a table that no other test has.
func (e *env) table(name string) string {
	sum := fnv.New32a()
	fmt.Fprint(sum, e.Name(), started)
	return e.h.Table(e, fmt.Sprintf("st_%s_%08x_%d", name, sum.Sum32(), tables.Add(1)))
}

var started = time.Now().UnixNano()

// atomic runs fn in a transaction that must commit.
func (e *env) atomic(fn func(ctx context.Context, tx *store.Tx) error) {
	e.Helper()
	require.NoError(e, e.db.Atomic(e.ctx, nil, fn))
}

// only asserts that err is one outcome and no other.
func (e *env) only(err, want error, about ...any) bool {
	e.Helper()
	if !assert.ErrorIs(e, err, want, about...) {
		return false
	}
	right := true
	for _, other := range outcome.Sentinels {
		if !errors.Is(want, other) {
			right = assert.NotErrorIs(e, err, other, about...) && right
		}
	}
	return right
}

// names asserts that the text of err names all of the words.
func (e *env) names(err error, words ...string) {
	e.Helper()
	if !assert.Error(e, err) {
		return
	}
	for _, w := range words {
		assert.Contains(e, err.Error(), w)
	}
}

// cut is a time as the backend stores it.
func (e *env) cut(t time.Time) time.Time { return t.UTC().Truncate(e.info.TimePrecision) }

// repeated is a number of turns of goroutines that all want the same row: n, a part of it under -short, and a quarter
// under the race detector, for which each turn is several times as much work and which sees in any of them what they
// share. How many goroutines there are stays.
func repeated(n, short int) int {
	if isRace {
		n = max(short, n/4)
	}
	return scaled(n, short)
}

// scaled is n, and a part of it under -short.
func scaled(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// isRefusal reports whether err refuses what a backend cannot do.
func isRefusal(err error) bool {
	return errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrUnsupported)
}

// named turns a panic into the failure of one test, so that the others still run.
func named(t *testing.T) {
	if v := recover(); v != nil {
		t.Fatalf("panicked: %v\n%s", v, debug.Stack())
	}
}
