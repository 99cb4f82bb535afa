package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
	"github.com/stillframe/stillframe/store/storetest/internal/script"
)

// Many transactions at once. What is compared are sets, never counters alone: each write carries an
// id of its own, so that one that was lost and one that was doubled do not cancel out.
var _ = register(
	"Atomic",
	Test{Name: "ConcurrentTransfers", needs: transactions, run: manyTransfers},
	Test{Name: "ManyOnTwoRows", needs: transactions, run: manyAtomic},
	Test{Name: "HistoryIsSerializable", needs: transactions, run: historyOfAtomic},
	Test{
		Name: "TranscriptIsThatOfMemstore", needs: transactions,
		run: func(e *env) { transcripts(e, scaled(200, 80), script.Transactions) },
	},
)

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
				err := e.db.Atomic(e.ctx, &store.TxOptions{
					RunTimeout: time.Minute, Timeout: 15 * time.Minute,
				}, func(ctx context.Context, tx *store.Tx) error {
					for id, delta := range map[int64]int64{
						from: -amount, to: amount,
					} { // in either order: deadlocks are wanted
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

// manyAtomic has workers write the same two rows in alternating order, so that deadlocks and conflicts come. Every run
// that committed got versions of its own, with no gap.
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

// historyOfAtomic has transactions of two and three rows race with each other and with single calls.
// A Tx that commits takes effect on all of its rows at one moment, since it writes every row that it
// decides by; one that does not commit leaves nothing that anybody could see.
func historyOfAtomic(e *env) {
	r := newAccounts(e)
	played(e, r, accountShape, 4, 1, draw.Spread(map[string]int{
		"atomic": 8, "get": 3, "get many": 1, "find": 1, "modify": 2, "save": 2, "reload": 1, "upsert": 1, "insert": 1,
		"delete key": 1,
	}))
}
