package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

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

// manyTransfers moves money between the accounts of three tables, in Atomic and in either order, so that deadlocks
// come, and gives up a fifth of the transfers on purpose after their writes. Each leaves its id on both accounts.
// Meanwhile sums are read in a View.
func manyTransfers(e *env) {
	const n, each = 12, 1000
	all := newBanks(e, n, each)
	workers, turns := scaled(50, 4), scaled(20, 15)
	var committed, given collector
	random := make([]*rand.Rand, workers)
	for w := range random {
		random[w] = rand.New(rand.NewPCG(uint64(w), 1))
	}
	move := func(ctx context.Context, w, turn int) error {
		from, to, amount := random[w].Int64N(n)+1, random[w].Int64N(n)+1, random[w].Int64N(20)+1
		if from == to {
			to = to%n + 1
		}
		mark, givesUp := int64(w*10_000+turn+1), turn%5 == 4
		err := e.db.Atomic(ctx, patientTx, func(ctx context.Context, tx *store.Tx) error {
			for id, delta := range map[int64]int64{from: -amount, to: amount} {
				if err := all.credit(ctx, tx, id, delta, mark); err != nil {
					return err
				}
			}
			if givesUp {
				return errEveryFifth
			}
			return nil
		})
		switch {
		case err == nil:
			committed.add(mark, mark)
		case givesUp && errors.Is(err, errEveryFifth):
			given.add(mark)
		default:
			return err
		}
		return nil
	}
	readers := 0
	if e.info.Views {
		readers = 1
	}
	wholeSum := func(ctx context.Context, _ int) error { return all.sum(ctx, e.db, n*each) }
	e.meanwhile(readers, wholeSum, func(context.Context) { e.parallel(workers, turns, move) })
	var sum int64
	var marks []int64
	for id := range int64(n) {
		a := all.of(id + 1).get(id + 1)
		sum += a.Amount
		marks = append(marks, a.Marks...)
		require.EqualValues(e, len(a.Marks)+1, a.Version)
	}
	require.EqualValues(e, n*each, sum)
	slices.Sort(marks)
	slices.Sort(committed.values)
	require.Equal(e, committed.values, marks, "each committed transfer is on two accounts, and no other is")
	require.Len(e, given.values, workers*turns/5)
}

// banks are accounts in several tables: a transaction that moves money between them holds locks in two.
type banks []*accounts

// newBanks makes accounts 1 to n with the same amount.
func newBanks(e *env, n, amount int64) banks {
	e.Helper()
	all := banks{newAccounts(e), newAccounts(e), newAccounts(e)}
	for id := range n {
		inserted(all.of(id+1), account{ID: id + 1, Amount: amount})
	}
	return all
}

// of returns the table of an account.
func (b banks) of(id int64) *accounts { return b[id%int64(len(b))] }

// credit changes the amount of an account in a Tx and leaves a mark on it.
func (b banks) credit(ctx context.Context, tx *store.Tx, id, amount, mark int64) error {
	_, err := b.of(id).In(tx).Modify(ctx, id, func(a *account) error {
		a.Amount += amount
		a.Marks = append(a.Marks, mark)
		return nil
	})
	return err
}

// sum adds up all accounts in one View, by reads that come one after the other.
func (b banks) sum(ctx context.Context, db *store.DB, want int64) error {
	var have int64
	err := db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		have = 0
		for _, r := range b {
			for a, err := range r.In(tx).Find(ctx, store.Query{}) {
				if err != nil {
					return err
				}
				have += a.Amount
			}
		}
		return nil
	})
	if err == nil && have != want {
		err = fmt.Errorf("a torn sum: %d, want %d", have, want)
	}
	return err
}

// manyAtomic has workers write the same two rows in alternating order, so that deadlocks and conflicts come. Every run
// that committed got versions of its own, with no gap.
func manyAtomic(e *env) {
	r := newAccounts(e, 0, 0)
	workers, turns := scaled(16, 6), scaled(25, 8)
	var found collector
	e.parallel(workers, turns, func(ctx context.Context, w, turn int) error {
		var versions [2]int64
		err := e.db.Atomic(ctx, patientTx, func(ctx context.Context, tx *store.Tx) error {
			for _, id := range []int64{int64(w+turn)%2 + 1, int64(w+turn+1)%2 + 1} {
				a, err := r.In(tx).Modify(ctx, id, credit(1))
				if err != nil {
					return err
				}
				versions[id-1] = a.Version
			}
			return nil
		})
		if err == nil {
			found.add(versions[:]...)
		}
		return err
	})
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
