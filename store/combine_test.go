package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

// bid is an entity that many change at once.
type bid struct {
	ID     int64            `db:"id" store:"key"`
	Amount int64            `db:"amount"`
	Name   *string          `db:"name" store:"size=40,unique"`
	By     map[string]int64 `db:"by" store:"json"`
	store.Snapshot
}

// auction is a table of bids whose requests a test can stop.
type auction struct {
	*store.Repository[bid, int64]
	t  *testing.T
	db *store.DB

	mu            sync.Mutex
	gets, updates int
	inserts       int
	before, after map[string]func(ctx context.Context) error // by "get", "update", "insert"; each is called once
}

// request is one request of the runner or of a call.
func (a *auction) request(ctx context.Context, op string, count *int, next func() error) error {
	a.mu.Lock()
	*count++
	before, after := a.before[op], a.after[op]
	delete(a.before, op)
	delete(a.after, op)
	a.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	err := next()
	if after != nil && err == nil {
		err = after(ctx)
	}
	return err
}

// stop has the next request of a kind wait, before it is made or after, until the test says go.
func (a *auction) stop(when map[string]func(context.Context) error, op string) (reached chan struct{}, goOn func()) {
	reached, wait := make(chan struct{}), make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	when[op] = func(ctx context.Context) error {
		close(reached)
		select {
		case <-wait:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return reached, sync.OnceFunc(func() { close(wait) })
}

// counts returns the numbers of requests since the last time.
func (a *auction) counts() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.gets, a.updates, a.inserts = 0, 0, 0 }()
	return fmt.Sprintf("%d gets, %d updates, %d inserts", a.gets, a.updates, a.inserts)
}

type hookedDatabase struct {
	driver.Database
	a *auction
}

func (d hookedDatabase) Collection(spec *driver.Spec) (driver.Collection, error) {
	c, err := d.Database.Collection(spec)
	return hookedCollection{c, d.a}, err
}

type hookedCollection struct {
	driver.Collection
	a *auction
}

func (c hookedCollection) Get(ctx context.Context, p *driver.GetParams) (r driver.GetResult, err error) {
	err = c.a.request(ctx, "get", &c.a.gets, func() error { r, err = c.Collection.Get(ctx, p); return err })
	return r, err
}

func (c hookedCollection) Update(ctx context.Context, p *driver.UpdateParams) (r driver.WriteResult, err error) {
	err = c.a.request(ctx, "update", &c.a.updates, func() error { r, err = c.Collection.Update(ctx, p); return err })
	if err != nil {
		r = driver.WriteResult{}
	}
	return r, err
}

func (c hookedCollection) Insert(ctx context.Context, p *driver.InsertParams) (r driver.InsertResult, err error) {
	err = c.a.request(ctx, "insert", &c.a.inserts, func() error { r, err = c.Collection.Insert(ctx, p); return err })
	return r, err
}

// newAuction makes a table of bids with these keys. In the end nobody may be left in a lane.
func newAuction(t *testing.T, o store.RepositoryOptions, ids ...int64) *auction {
	mem := memstore.Open(nil)
	a := &auction{
		t: t, before: map[string]func(context.Context) error{}, after: map[string]func(context.Context) error{},
	}
	var err error
	a.db, err = store.New(hookedDatabase{mem.Driver(), a}, nil)
	require.NoError(t, err)
	a.Repository = store.MustRepository[bid, int64](a.db, "bids", &o)
	require.NoError(t, a.EnsureSchema(t.Context()))
	for _, id := range ids {
		require.NoError(t, a.Insert(t.Context(), &bid{ID: id}))
	}
	a.counts()
	t.Cleanup(func() {
		until(t, "nobody is left in a lane", func() bool { n, taken := a.db.Lanes(); return n == 0 && taken == 0 })
	})
	return a
}

// until waits until a condition holds that nothing but the test's own goroutines brings about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for start := time.Now(); !holds(); runtime.Gosched() {
		if time.Since(start) > 30*time.Second {
			t.Fatal("never: ", what)
		}
	}
}

// outcome is what a call has come to.
type outcome struct {
	bid bid
	err error
}

// modifyLater makes a call on a goroutine of its own.
func (a *auction) modifyLater(ctx context.Context, id int64, fn func(*bid) error) chan outcome {
	done := make(chan outcome, 1)
	go func() {
		defer close(done)
		b, err := a.Modify(ctx, id, fn)
		done <- outcome{b, err}
	}()
	return done
}

// together makes calls that wait for one that is at work, so that all are in one round after it, in their order. With
// stopped the test has a hand in what comes after the one that is at work.
func (a *auction) together(id int64, stopped func(), calls ...func() chan outcome) []chan outcome {
	reached, goOn := a.stop(a.before, "get")
	first := a.modifyLater(context.Background(), id, func(*bid) error { return nil })
	<-reached
	var all []chan outcome
	for i, call := range calls {
		all = append(all, call())
		until(a.t, "the call waits", func() bool { return a.Waiting(id) == i+1 })
	}
	if stopped != nil {
		stopped()
	}
	a.counts()
	goOn()
	<-first
	return all
}

func add(n int64) func(*bid) error {
	return func(b *bid) error { b.Amount += n; return nil }
}

func (a *auction) adding(ctx context.Context, id, n int64) func() chan outcome {
	return func() chan outcome { return a.modifyLater(ctx, id, add(n)) }
}

var combined = store.RepositoryOptions{Combine: true}

func TestCombinedCallsShareAWrite(t *testing.T) {
	a := newAuction(t, combined, 1)
	var calls []func() chan outcome
	for range 10 {
		calls = append(calls, a.adding(t.Context(), 1, 1))
	}
	for i, done := range a.together(1, nil, calls...) {
		o := <-done
		require.NoError(t, o.err)
		assert.EqualValues(t, i+2, o.bid.Version, "each has a version of its own")
		assert.EqualValues(t, i+1, o.bid.Amount, "and the state that is its version's")
		assert.False(t, o.bid.ReadAt.IsZero())
	}
	assert.Equal(t, "1 gets, 1 updates, 0 inserts", a.counts())
	b, err := a.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.EqualValues(t, 11, b.Version)
	assert.EqualValues(t, 10, b.Amount)
}

// TestCombinedAnswersWait has a function return an error, and another change nothing, because of a change that is not
// stored: neither may be told to its caller.
func TestCombinedAnswersWait(t *testing.T) {
	a := newAuction(t, combined, 1)
	errRich := errors.New("rich")
	var richRuns, idleRuns atomic.Int64
	fail := true
	all := a.together(1, nil,
		a.adding(t.Context(), 1, 100),
		func() chan outcome {
			return a.modifyLater(t.Context(), 1, func(b *bid) error {
				if richRuns.Add(1); b.Amount >= 100 {
					return errRich
				}
				b.Amount++
				return nil
			})
		},
		func() chan outcome {
			return a.modifyLater(t.Context(), 1, func(*bid) error {
				idleRuns.Add(1)
				if fail {
					// The write of this round meets another's.
					fail = false
					a.mu.Lock()
					defer a.mu.Unlock()
					a.before["update"] = func(context.Context) error { return memstore.ErrWriteConflict }
				}
				return nil
			})
		},
	)
	for i, done := range all {
		o := <-done
		if i == 1 && o.err != nil {
			assert.Equal(t, errRich, o.err)
			continue
		}
		require.NoError(t, o.err, i)
	}
	assert.Greater(t, richRuns.Load(), int64(1), "what it said rested on a state that was not stored")
	assert.Greater(t, idleRuns.Load(), int64(1))
}

// TestCombinedLateMember lets a call come after the read of the round in which it is: an entity that is inserted
// between is there for it.
func TestCombinedLateMember(t *testing.T) {
	a := newAuction(t, combined)
	read, goOn := a.stop(a.after, "get")
	first := a.modifyLater(t.Context(), 1, add(1))
	<-read // by itself, so that the next is the runner's
	second := a.modifyLater(t.Context(), 1, add(1))
	until(t, "the call waits", func() bool { return a.Waiting(1) == 1 })
	runnerRead, runnerGoOn := a.stop(a.after, "get")
	goOn()
	require.ErrorIs(t, (<-first).err, store.ErrNotFound)
	<-runnerRead
	require.NoError(t, a.Insert(t.Context(), &bid{ID: 1}))
	late := a.modifyLater(t.Context(), 1, add(10))
	until(t, "the call waits", func() bool { return a.Waiting(1) == 1 })
	runnerGoOn()
	require.ErrorIs(t, (<-second).err, store.ErrNotFound)
	o := <-late
	require.NoError(t, o.err, "it came after the insert")
	assert.EqualValues(t, 10, o.bid.Amount)
}

// TestCombinedCopies has each call keep and change what it was given and what it got, while the functions of others
// run on what it has left.
func TestCombinedCopies(t *testing.T) {
	a := newAuction(t, combined)
	require.NoError(t, a.Insert(t.Context(), &bid{ID: 1, By: map[string]int64{"first": 1}}))
	isChanged := make(chan struct{})
	var given []*bid
	keeping := func(i int) func(*bid) error {
		return func(b *bid) error {
			for _, before := range given {
				before.By["kept"] = int64(i)
			}
			given = append(given, b)
			b.By[fmt.Sprint(i)] = int64(i)
			return nil
		}
	}
	all := a.together(1, nil,
		func() chan outcome {
			done := make(chan outcome, 1)
			go func() {
				b, err := a.Modify(t.Context(), 1, func(*bid) error { return nil })
				b.By["mine"] = 1
				close(isChanged)
				done <- outcome{b, err}
			}()
			return done
		},
		func() chan outcome {
			return a.modifyLater(t.Context(), 1, func(*bid) error { <-isChanged; return nil })
		},
		func() chan outcome { return a.modifyLater(t.Context(), 1, keeping(0)) },
		func() chan outcome { return a.modifyLater(t.Context(), 1, keeping(1)) },
		func() chan outcome { return a.modifyLater(t.Context(), 1, keeping(2)) },
		func() chan outcome {
			return a.modifyLater(t.Context(), 1, func(*bid) error { return keeping(3)(&bid{By: map[string]int64{}}) })
		},
	)
	for _, done := range all {
		require.NoError(t, (<-done).err)
	}
	b, err := a.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{"first": 1, "0": 0, "1": 1, "2": 2}, b.By)
}

// TestCombinedSlowFunction has a function wait for another call on the same entity. It is put out, and what it came
// to the first time does not count.
func TestCombinedSlowFunction(t *testing.T) {
	a := newAuction(t, combined, 1)
	other := make(chan struct{})
	var runs atomic.Int64
	all := a.together(1, nil,
		func() chan outcome {
			return a.modifyLater(t.Context(), 1, func(b *bid) error {
				if runs.Add(1) == 1 {
					<-other
					b.Amount += 1000
					return nil
				}
				b.Amount++
				return nil
			})
		},
		func() chan outcome {
			done := a.adding(t.Context(), 1, 10)()
			relayed := make(chan outcome, 1)
			go func() { o := <-done; close(other); relayed <- o }()
			return relayed
		},
	)
	slow, quick := <-all[0], <-all[1]
	require.NoError(t, quick.err)
	assert.EqualValues(t, 10, quick.bid.Amount)
	require.NoError(t, slow.err)
	assert.EqualValues(t, 11, slow.bid.Amount)
	assert.GreaterOrEqual(t, runs.Load(), int64(2))
}

// TestCombinedRefusalIsItsAuthors has one of many set a name that another row has.
func TestCombinedRefusalIsItsAuthors(t *testing.T) {
	a := newAuction(t, combined, 1)
	taken := "taken"
	require.NoError(t, a.Insert(t.Context(), &bid{ID: 2, Name: &taken}))
	for bad := range 9 {
		before, err := a.Get(t.Context(), 1)
		require.NoError(t, err)
		var calls []func() chan outcome
		for i := range 9 {
			calls = append(calls, func() chan outcome {
				return a.modifyLater(t.Context(), 1, func(b *bid) error {
					b.Amount++
					if i == bad {
						b.Name = &taken
					}
					return nil
				})
			})
		}
		var versions []int64
		for i, done := range a.together(1, nil, calls...) {
			o := <-done
			if i == bad {
				require.ErrorIs(t, o.err, store.ErrExists)
				e, ok := errors.AsType[*store.Error](o.err)
				require.True(t, ok)
				assert.Equal(t, "1", e.Key)
				continue
			}
			require.NoError(t, o.err, "%d of %d", i, bad)
			versions = append(versions, o.bid.Version-before.Version)
		}
		slices.Sort(versions)
		assert.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8}, versions)
	}
}

// TestCombinedUnknownOutcome loses the answer of a write: it is unknown to those who have changed something, and to
// nobody else.
func TestCombinedUnknownOutcome(t *testing.T) {
	for _, lost := range []error{memstore.ErrLostAfter, memstore.ErrLostBefore} {
		a := newAuction(t, combined, 1)
		errMine := errors.New("mine")
		var unchangedSaw atomic.Int64
		losing := func(context.Context) error { return lost }
		when := a.before
		if errors.Is(lost, memstore.ErrLostAfter) {
			when = a.after
		}
		all := a.together(1, nil,
			func() chan outcome {
				return a.modifyLater(t.Context(), 1, func(b *bid) error {
					b.Amount++
					a.mu.Lock()
					defer a.mu.Unlock()
					when["update"] = losing
					return nil
				})
			},
			a.adding(t.Context(), 1, 1),
			func() chan outcome { return a.modifyLater(t.Context(), 1, func(*bid) error { return errMine }) },
			func() chan outcome {
				return a.modifyLater(t.Context(), 1, func(b *bid) error { unchangedSaw.Store(b.Amount); return nil })
			},
		)
		for i := range 2 {
			o := <-all[i]
			require.ErrorIs(t, o.err, store.ErrUnknownOutcome)
			assert.Zero(t, o.bid)
		}
		assert.Equal(t, errMine, (<-all[2]).err)
		unchanged := <-all[3]
		require.NoError(t, unchanged.err)
		stored, err := a.Get(t.Context(), 1)
		require.NoError(t, err)
		assert.Equal(t, stored.Amount, unchangedSaw.Load(), "it has seen what is stored")
		assert.Equal(t, stored.Version, unchanged.bid.Version)
	}
}

// TestCombinedCancellation ends calls that wait, and calls whose change is being written.
func TestCombinedCancellation(t *testing.T) {
	a := newAuction(t, combined, 1)
	ctx, cancel := context.WithCancel(t.Context())
	all := a.together(1, func() {
		cancel()
		until(t, "the call has left", func() bool { return a.Waiting(1) == 1 })
	}, a.adding(t.Context(), 1, 1), a.adding(ctx, 1, 10))
	require.NoError(t, (<-all[0]).err)
	o := <-all[1]
	require.ErrorIs(t, o.err, context.Canceled)
	require.False(t, store.MayHaveHappened(o.err), "it only waited")

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	writes := make(chan chan struct{}, 1)
	all = a.together(1, nil,
		a.adding(ctx, 1, 1),
		func() chan outcome {
			return a.modifyLater(ctx, 1, func(b *bid) error {
				b.Amount += 10
				reached, _ := a.stop(a.before, "update")
				writes <- reached
				return nil
			})
		},
		func() chan outcome {
			return a.modifyLater(ctx, 1, func(*bid) error { return errors.New("only when it is stored") })
		})
	<-<-writes
	cancel() // the last that the request is made for: it ends by the ctx that the backend sees
	for i, done := range all {
		o := <-done
		require.ErrorIs(t, o.err, context.Canceled)
		assert.Equal(t, i < 2, store.MayHaveHappened(o.err), i)
	}
	b, err := a.Modify(t.Context(), 1, add(100))
	require.NoError(t, err)
	assert.EqualValues(t, 101, b.Amount)
}

// TestCombinedPanic has functions not return. The others are none the worse.
func TestCombinedPanic(t *testing.T) {
	for name, stop := range map[string]func(){"panic": func() { panic("of the function") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			a := newAuction(t, combined, 1)
			var recovered any
			stopping := func() chan outcome {
				done := make(chan outcome)
				go func() {
					defer close(done)
					defer func() { recovered = recover() }()
					_, _ = a.Modify(t.Context(), 1, func(b *bid) error { b.Amount += 1000; stop(); return nil })
				}()
				return done
			}
			all := a.together(1, nil, a.adding(t.Context(), 1, 1), stopping, a.adding(t.Context(), 1, 1))
			require.NoError(t, (<-all[0]).err)
			<-all[1]
			if name == "panic" {
				assert.Equal(t, "of the function", recovered)
			}
			o := <-all[2]
			require.NoError(t, o.err)
			assert.EqualValues(t, 2, o.bid.Amount)
		})
	}
}

// TestCombinedRunnerIsEnded has the user's code end the runner: each call meets it on its own goroutine then.
func TestCombinedRunnerIsEnded(t *testing.T) {
	for name, stop := range map[string]func(){"panic": func() { panic("of a codec") }, "Goexit": runtime.Goexit} {
		for _, op := range []string{"get", "update"} {
			t.Run(name+" in "+op, func(t *testing.T) {
				a := newAuction(t, combined, 1)
				all := a.together(1, func() {
					a.mu.Lock()
					defer a.mu.Unlock()
					a.before[op] = func(context.Context) error { stop(); return nil }
				}, a.adding(t.Context(), 1, 1), a.adding(t.Context(), 1, 1))
				for _, done := range all {
					o := <-done
					if op == "update" {
						require.ErrorIs(t, o.err, store.ErrUnknownOutcome)
						continue
					}
					require.NoError(t, o.err)
				}
				b, err := a.Get(t.Context(), 1)
				require.NoError(t, err)
				assert.Equal(t, b.Amount+1, b.Version)
			})
		}
	}
}

// TestCombinedInsideItself calls Modify in a function, on the same entity and crosswise on two.
func TestCombinedInsideItself(t *testing.T) {
	for _, o := range []store.RepositoryOptions{combined, {}} {
		o.ModifyAttempts = 4
		a := newAuction(t, o, 1, 2)
		_, err := a.Modify(t.Context(), 1, func(b *bid) error {
			b.Amount++
			_, err := a.Modify(t.Context(), 1, add(10))
			return err
		})
		require.True(t, store.Retryable(err), "its own write is another's: %v", err)

		a = newAuction(t, store.RepositoryOptions{Combine: o.Combine}, 1, 2)
		crosswise := func(id, other int64) chan outcome {
			return a.modifyLater(t.Context(), id, func(b *bid) error {
				b.Amount += 100
				_, err := a.Modify(t.Context(), other, add(1))
				return err
			})
		}
		one, two := crosswise(1, 2), crosswise(2, 1)
		require.NoError(t, (<-one).err)
		require.NoError(t, (<-two).err)
	}
}

// TestCombinedUpsert has many make one entity.
func TestCombinedUpsert(t *testing.T) {
	a := newAuction(t, combined)
	var made atomic.Int64
	upsert := func() chan outcome {
		done := make(chan outcome, 1)
		go func() {
			b, err := a.Upsert(t.Context(), 1, func(b *bid, found bool) error {
				if b.Amount++; !found {
					made.Add(1)
				}
				return nil
			})
			done <- outcome{b, err}
		}()
		return done
	}
	all := a.together(1, nil, upsert, upsert, a.adding(t.Context(), 1, 1), upsert)
	for i, done := range all {
		o := <-done
		require.NoError(t, o.err)
		assert.EqualValues(t, i+1, o.bid.Version)
		assert.EqualValues(t, i+1, o.bid.Amount)
	}
	assert.EqualValues(t, 1, made.Load())
	assert.Equal(t, "1 gets, 0 updates, 1 inserts", a.counts())
	b, err := a.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.EqualValues(t, 4, b.Version)
}

// TestCombinedTypes has calls of two repositories over one table wait for one entity.
func TestCombinedTypes(t *testing.T) {
	type amount struct {
		ID     int64 `db:"id" store:"key"`
		Amount int64 `db:"amount"`
		store.Snapshot
	}
	a := newAuction(t, combined, 1)
	amounts := store.MustRepository[amount, int64](a.db, "bids", &combined)
	plain := store.MustRepository[amount, int64](a.db, "bids", nil)
	other := func(r *store.Repository[amount, int64]) func() chan outcome {
		return func() chan outcome {
			done := make(chan outcome, 1)
			go func() {
				b, err := r.Modify(t.Context(), 1, func(b *amount) error { b.Amount++; return nil })
				done <- outcome{bid{Amount: b.Amount, Snapshot: b.Snapshot}, err}
			}()
			return done
		}
	}
	one := a.adding(t.Context(), 1, 1)
	all := a.together(1, nil, one, other(amounts), one, other(plain), other(amounts), other(amounts), one)
	var versions []int64
	for _, done := range all {
		o := <-done
		require.NoError(t, o.err)
		assert.Equal(t, o.bid.Version-1, o.bid.Amount)
		versions = append(versions, o.bid.Version)
	}
	slices.Sort(versions)
	assert.Equal(t, []int64{2, 3, 4, 5, 6, 7, 8}, versions)
}

// TestTurns lets many goroutines of a process modify one entity without Combine: they do not race each other.
func TestTurns(t *testing.T) {
	a := newAuction(t, store.RepositoryOptions{}, 1)
	const goroutines, turns = 100, 10
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range turns {
				if _, err := a.Modify(context.Background(), 1, add(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	b, err := a.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.EqualValues(t, goroutines*turns, b.Amount)
	// One that the scheduler leaves in its function for longer than its patience is passed by, and tries again.
	assert.Less(t, a.updates, goroutines*turns*11/10)
}

func TestCombineRefused(t *testing.T) {
	db := memstore.Open(nil)
	type stamped struct {
		ID      int64 `db:"id" store:"key"`
		Version int64 `db:"version" store:"version,auto"`
	}
	_, err := store.NewRepository[stamped, int64](db, "stamped", &combined)
	require.ErrorIs(t, err, store.ErrInvalid)
	type computed struct {
		ID int64 `db:"id" store:"key"`
		N  int64 `db:"n" store:"generated"`
		store.Snapshot
	}
	_, err = store.NewRepository[computed, int64](db, "computed", &combined)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "Combine")
}
