package storetest

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Many goroutines and handles at once. What is compared are sets, never counters alone: each write
// carries an id of its own, so that one that was lost and one that was doubled do not cancel out.
var (
	_ = register(
		"Modify",
		Test{Name: "ManyOnOneEntity", run: manyModify},
		Test{Name: "ManyUpsertOneKey", run: manyUpsert},
	)
	_ = register(
		"Versions",
		Test{Name: "OneOfManySavesWins", run: manySaves},
		Test{Name: "OneOfManyInsertsWins", run: manyInserts},
		Test{Name: "OneOfManyDeletesWins", run: manyDeletes},
	)
	_ = register(
		"Atomic",
		Test{Name: "ConcurrentTransfers", needs: transactions, run: manyTransfers},
		Test{Name: "ManyOnTwoRows", needs: transactions, run: manyAtomic},
	)
	_ = register(
		"FreshReads",
		Test{Name: "NeverGoBack", run: manyReads},
	)
	_ = register(
		"TxThatDoesNotCommit",
		Test{Name: "IsNeverSeen", needs: transactions, run: manyRollbacks},
	)
)

// collector gathers what goroutines find.
type collector struct {
	mu     sync.Mutex
	errs   []error
	values []int64
}

func (c *collector) add(err error, values ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	c.values = append(c.values, values...)
}

// patient lets contended calls take as long as the server needs.
var patient = &store.RepositoryOptions{ModifyTimeout: 15 * time.Minute, ModifyAttempts: 1 << 20}

// manyModify is the contended counter. The versions that the calls returned must be exactly those
// between the first and the last, each once: two calls that got the same one have lost an update.
func manyModify(e *env) {
	r := newAccounts(e, 0)
	workers, each := scaled(64, 16), scaled(200, 20)
	handles := []*store.Repository[account, int64]{r.on(e.db, patient), r.on(e.open(store.Options{}), patient)}
	var found collector
	parallel(workers, func(w int) {
		for range each {
			a, err := handles[w%2].Modify(e.ctx, 1, func(a *account) error { a.Amount++; return nil })
			found.add(err, a.Version)
			if err != nil {
				return
			}
		}
	})
	require.NoError(e, errors.Join(found.errs...))
	n := int64(workers * each)
	require.Equal(e, n, r.number(1, "amount"))
	require.Equal(e, n+1, r.number(1, "version"))
	slices.Sort(found.values)
	require.Equal(e, upTo(n + 1)[1:], found.values, "the versions that Modify returned")
}

func manyUpsert(e *env) {
	r := newAccounts(e)
	workers := scaled(16, 8)
	ours := r.on(e.db, patient)
	var found collector
	var inserts atomic.Int64
	parallel(workers, func(w int) {
		inserted := false
		a, err := ours.Upsert(e.ctx, 1, func(a *account, exists bool) error {
			inserted = !exists
			a.Amount++
			a.Marks = append(a.Marks, int64(w))
			return nil
		})
		if inserted {
			inserts.Add(1)
		}
		found.add(err, a.Version)
	})
	require.NoError(e, errors.Join(found.errs...))
	require.EqualValues(e, 1, inserts.Load(), "one of them inserts")
	slices.Sort(found.values)
	require.Equal(e, upTo(int64(workers)), found.values)
	a := r.get(1)
	slices.Sort(a.Marks)
	for w := range a.Marks {
		require.EqualValues(e, w, a.Marks[w], "each write is there once")
	}
	require.Len(e, a.Marks, workers)
}

// race has many goroutines try the same, of which exactly one may succeed.
func race(e *env, loser error, try func(w int) error) {
	e.Helper()
	workers := scaled(16, 8)
	start := newMeeting(int32(workers))
	var won atomic.Int64
	parallel(workers, func(w int) {
		start.arrive()
		if err := try(w); err == nil {
			won.Add(1)
		} else {
			assert.ErrorIs(e, err, loser)
		}
	})
	require.EqualValues(e, 1, won.Load())
}

func manySaves(e *env) {
	r := newAccounts(e, 0)
	for range scaled(20, 5) {
		base := r.get(1)
		race(e, store.ErrConflict, func(w int) error {
			mine := base
			mine.Amount = int64(w)
			return r.Save(e.ctx, &mine)
		})
		require.Equal(e, base.Version+1, r.number(1, "version"))
	}
}

func manyInserts(e *env) {
	r := newAccounts(e)
	for id := range int64(scaled(20, 5)) {
		var winner atomic.Int64
		race(e, store.ErrExists, func(w int) error {
			err := r.Insert(e.ctx, &account{ID: id, Amount: int64(w)})
			if err == nil {
				winner.Store(int64(w))
			}
			return err
		})
		require.Equal(e, winner.Load(), r.number(id, "amount"), "what is stored is the winner's")
	}
}

func manyDeletes(e *env) {
	r := newAccounts(e)
	for id := range int64(scaled(20, 5)) {
		a := inserted(r, account{ID: id})
		race(e, store.ErrNotFound, func(int) error { return r.Delete(e.ctx, a) })
		r.gone(id)
	}
}

var errEveryFifth = errors.New("every fifth transfer is given up")

// manyTransfers moves money between accounts, in Atomic, and gives up a fifth of the transfers on
// purpose after their writes. Each leaves its id on both accounts. Meanwhile sums are read in a View.
func manyTransfers(e *env) {
	const n, each = 5, 1000
	r := newAccounts(e, each, each, each, each, each)
	workers, turns := scaled(8, 4), scaled(50, 15)
	var committed collector
	given := map[int64]bool{}
	var mu sync.Mutex
	done := make(chan struct{})
	go func() {
		defer close(done)
		parallel(workers, func(w int) {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range turns {
				mark := int64(w*10_000 + i + 1)
				from, to := random.Int64N(n)+1, random.Int64N(n)+1
				if from == to {
					to = to%n + 1
				}
				amount := random.Int64N(20) + 1
				giveUp := i%5 == 4
				err := e.db.Atomic(e.ctx, &store.TxOptions{RunTimeout: time.Minute, Timeout: 15 * time.Minute}, func(ctx context.Context, tx *store.Tx) error {
					for id, delta := range map[int64]int64{from: -amount, to: amount} { // in either order: deadlocks are wanted
						if _, err := r.In(tx).Modify(ctx, id, func(a *account) error {
							a.Amount += delta
							a.Marks = append(a.Marks, mark)
							return nil
						}); err != nil {
							return err
						}
					}
					if giveUp {
						return errEveryFifth
					}
					return nil
				})
				if giveUp {
					assert.ErrorIs(e, err, errEveryFifth)
					mu.Lock()
					given[mark] = true
					mu.Unlock()
					continue
				}
				committed.add(err, mark, mark)
			}
		})
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		if e.info.Views && !viewSum(e, r, n*each) {
			break
		}
	}
	soon(e, done, "the end of the transfers")
	require.NoError(e, errors.Join(committed.errs...))
	var sum int64
	var marks []int64
	for id := range int64(n) {
		a := r.get(id + 1)
		sum += a.Amount
		marks = append(marks, a.Marks...)
		require.EqualValues(e, len(a.Marks)+1, a.Version)
	}
	require.EqualValues(e, n*each, sum)
	slices.Sort(marks)
	slices.Sort(committed.values)
	require.Equal(e, committed.values, marks, "each committed transfer is on two accounts, and no other is")
	require.Len(e, given, workers*turns/5)
}

// viewSum reports whether a View shows the whole sum, by reads that come one after the other.
func viewSum(e *env, r *accounts, want int64) bool {
	var sum int64
	err := e.db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		sum = 0
		for id := int64(1); id <= 5; id++ {
			a, err := r.In(tx).Get(ctx, id)
			if err != nil {
				return err
			}
			sum += a.Amount
		}
		return nil
	})
	return assert.NoError(e, err) && assert.Equal(e, want, sum, "a torn sum")
}

func manyAtomic(e *env) {
	r := newAccounts(e, 0, 0)
	workers, turns := scaled(16, 6), scaled(25, 8)
	var found collector
	o := &store.TxOptions{RunTimeout: time.Minute, Timeout: 15 * time.Minute}
	parallel(workers, func(w int) {
		for i := range turns {
			var versions [2]int64
			err := e.db.Atomic(e.ctx, o, func(ctx context.Context, tx *store.Tx) error {
				for _, id := range []int64{int64(w+i)%2 + 1, int64(w+i+1)%2 + 1} {
					a, err := r.In(tx).Modify(ctx, id, credit(1))
					if err != nil {
						return err
					}
					versions[id-1] = a.Version
				}
				return nil
			})
			found.add(err, versions[:]...)
		}
	})
	require.NoError(e, errors.Join(found.errs...))
	n := int64(workers * turns)
	require.Equal(e, []int64{n, n}, amounts(r, 1, 2))
	slices.Sort(found.values)
	var want []int64
	for _, version := range upTo(n + 1)[1:] {
		want = append(want, version, version)
	}
	require.Equal(e, want, found.values, "each version of each row was returned by one committed run")
}

// manyReads has readers on other handles watch a row that is written all the time. What a reader sees
// is at least what was acknowledged before its call, and never older than what it saw before.
func manyReads(e *env) {
	r := newAccounts(e, 0)
	var acknowledged atomic.Int64
	stop := make(chan struct{})
	writer := async(func() error {
		for {
			select {
			case <-stop:
				return nil
			default:
			}
			a, err := r.Modify(e.ctx, 1, credit(1))
			if err != nil {
				return err
			}
			acknowledged.Store(a.Version)
		}
	})
	var handles []*store.Repository[account, int64]
	for range 3 {
		handles = append(handles, r.on(e.open(store.Options{}), nil))
	}
	parallel(len(handles), func(i int) {
		ours := handles[i]
		last := int64(0)
		for range scaled(300, 60) {
			least := acknowledged.Load()
			a, err := ours.Get(e.ctx, 1)
			if !assert.NoError(e, err) || !assert.GreaterOrEqual(e, a.Version, least, "an acknowledged write was not seen") ||
				!assert.GreaterOrEqual(e, a.Version, last, "the version went back") || !assert.Equal(e, a.Version-1, a.Amount, "a torn row") {
				return
			}
			last = a.Version
		}
	})
	close(stop)
	require.NoError(e, soon(e, writer, "the end of the writer"))
}

// manyRollbacks has writers roll back all that they do. No reader outside may ever see any of it.
func manyRollbacks(e *env) {
	r := newAccounts(e, 10, 20)
	stop := make(chan struct{})
	writer := async(func() error {
		for i := int64(1000); ; i++ {
			select {
			case <-stop:
				return nil
			default:
			}
			err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
				in := r.In(tx)
				if _, err := in.Modify(ctx, 1, func(a *account) error { a.Amount = i; return nil }); err != nil {
					return err
				}
				if err := in.Insert(ctx, &account{ID: i, Amount: i}); err != nil {
					return err
				}
				if err := in.DeleteKey(ctx, 2); err != nil {
					return err
				}
				return errBoom
			})
			if !errors.Is(err, errBoom) {
				return err
			}
		}
	})
	want := map[int64]int64{1: 10, 2: 20}
	for range scaled(200, 40) {
		have := map[int64]int64{}
		all, err := store.Collect(r.Find(e.ctx, store.Query{}))
		if !assert.NoError(e, err) {
			break
		}
		for _, a := range all {
			have[a.ID] = a.Amount
		}
		if !assert.True(e, maps.Equal(want, have), "%v was never committed", have) {
			break
		}
	}
	close(stop)
	require.NoError(e, soon(e, writer, "the end of the writer"))
}
