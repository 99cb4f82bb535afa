package refresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

// club is what the tests wait for.
type club struct {
	ID      int64 `db:"id" bson:"_id" store:"key"`
	Budget  int64 `db:"budget" bson:"budget"`
	Version int64 `db:"version" bson:"version" store:"version"`

	Marks []int64 `db:"marks" bson:"marks" store:"json"`
}

type clubs = store.Repository[club, int64]

// bench is two programs over one database: here is the one that waits, away the other, of whose writes nobody tells.
type bench struct {
	here, away *clubs
	fault      *faults
}

// faults is what the hook of the memstore does.
type faults struct {
	mu      sync.Mutex
	do      func(memstore.Call) error
	hanging func(context.Context, memstore.Call) error
	all     []memstore.Call
}

// hang has the hook do what may take as long as its ctx.
func (f *faults) hang(do func(context.Context, memstore.Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hanging = do
}

func (f *faults) set(do func(memstore.Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do, f.all = do, nil
}

func (f *faults) hook(ctx context.Context, c memstore.Call) error {
	f.mu.Lock()
	f.all = append(f.all, c)
	do, hanging := f.do, f.hanging
	f.mu.Unlock()
	if hanging != nil {
		return hanging(ctx, c)
	}
	if do == nil {
		return nil
	}
	return do(c)
}

// count returns how many requests with the name there were since set.
func (f *faults) count(op string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.all {
		if c.Op == op {
			n++
		}
	}
	return n
}

// quiet is a database that tells nobody of writes.
type quiet struct{ driver.Database }

func (q quiet) Info() driver.Info {
	info := q.Database.Info()
	info.Changes = false
	return info
}

// behind is a database whose rows are handed on by a hook, once they have been read.
type behind struct {
	driver.Database
	hook func()
}

func (b behind) Info() driver.Info { return quiet{b.Database}.Info() }

func (b behind) Collection(spec *driver.Spec) (driver.Collection, error) {
	c, err := b.Database.Collection(spec)
	return &behindCollection{c, b.hook}, err
}

type behindCollection struct {
	driver.Collection
	hook func()
}

func (c *behindCollection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	result, err := c.Collection.Get(ctx, p)
	c.hook()
	return result, err
}

// newBench opens a database in memory that tells nobody of writes, so that those of away are found by looking.
func newBench(t testing.TB, budgets ...int64) *bench {
	t.Helper()
	b := &bench{fault: &faults{}}
	db, err := store.New(quiet{memstore.Open(&memstore.Options{Fault: b.fault.hook}).Driver()}, nil)
	require.NoError(t, err)
	other, err := store.New(db.Driver(), nil)
	require.NoError(t, err)
	b.here = store.MustRepository[club, int64](db, "clubs", nil)
	b.away = store.MustRepository[club, int64](other, "clubs", nil)
	for i, budget := range budgets {
		require.NoError(t, b.here.Insert(t.Context(), &club{ID: int64(i + 1), Budget: budget}))
	}
	t.Cleanup(func() { assert.Zero(t, refresh.HubsOf(b.here.DB()), "a hub is left") })
	return b
}

// pay adds to the budget of a club.
func pay(t testing.TB, r *clubs, id, amount int64) {
	t.Helper()
	_, err := r.Modify(t.Context(), id, func(c *club) error { c.Budget += amount; return nil })
	require.NoError(t, err)
}

// never is for a test in which nothing but a wake-up may bring news.
var never = &refresh.Options{Interval: time.Hour}

// often is for a test of looks.
var often = &refresh.Options{Interval: time.Millisecond, Least: time.Nanosecond}

// atLeast makes the function of a Wait for a budget.
func atLeast(budget int64) func(club) (bool, error) {
	return func(c club) (bool, error) { return c.Budget >= budget, nil }
}

var errOwn = errors.New("my own error")

// asError returns the *refresh.Error that err is.
func asError(t testing.TB, err error) *refresh.Error {
	t.Helper()
	e, ok := err.(*refresh.Error)
	require.True(t, ok, "%T %v", err, err)
	return e
}
