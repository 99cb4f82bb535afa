// Package load holds the load that each backend's tests put on a real server, beside those of the
// conformance suite: transfers between tables while views add up. Tests import it, and nobody else.
package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Account is what the loads write. Marks holds the id of each transfer that reached it.
type Account struct {
	store.Snapshot `bson:",inline"`
	ID             int64   `db:"id" bson:"_id" store:"key"`
	Balance        int64   `db:"balance" bson:"balance"`
	Marks          []int64 `db:"marks" bson:"marks" store:"json"`
}

func accounts(t *testing.T, db *store.DB, table string, n, balance int64) *store.Repository[Account, int64] {
	t.Helper()
	r, err := store.NewRepository[Account, int64](db, table, nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	for id := range n {
		require.NoError(t, r.Insert(t.Context(), &Account{ID: id, Balance: balance}))
	}
	return r
}

var errAborted = errors.New("aborted on purpose")

const (
	tables     = 3
	perTable   = 4
	startMoney = 1000
)

// Transfers has 50 goroutines move money between the accounts of three tables, 20 times each and in
// either order, so that they deadlock, a fifth of it in vain. Whenever a View adds up, the sum is
// that of the start; at the end exactly the transfers that were acknowledged have left their mark,
// once on each side.
func Transfers(t *testing.T, db *store.DB) {
	t.Helper()
	workers, rounds := 50, 20
	if testing.Short() {
		workers, rounds = 10, 10
	}
	var banks []*store.Repository[Account, int64]
	for i := range tables {
		banks = append(banks, accounts(t, db, fmt.Sprint("bank", i), perTable, startMoney))
	}
	done := make(chan struct{})
	var views, transfers sync.WaitGroup
	views.Go(func() {
		for {
			sum, _ := addUp(t, db, banks)
			assert.EqualValues(t, tables*perTable*startMoney, sum)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	var mu sync.Mutex
	acknowledged := map[int64]bool{}
	for w := range workers {
		transfers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range rounds {
				mark := int64(w*rounds + i)
				err := transfer(t.Context(), db, banks, random, mark, mark%5 == 0)
				if mark%5 == 0 {
					assert.ErrorIs(t, err, errAborted)
				} else if assert.NoError(t, err) {
					mu.Lock()
					acknowledged[mark] = true
					mu.Unlock()
				}
			}
		})
	}
	transfers.Wait()
	close(done)
	views.Wait()
	sum, marks := addUp(t, db, banks)
	require.EqualValues(t, tables*perTable*startMoney, sum)
	require.Len(t, acknowledged, workers*rounds*4/5)
	require.Len(t, marks, len(acknowledged))
	for mark, sides := range marks {
		require.True(t, acknowledged[mark], "transfer %d was aborted", mark)
		require.Equal(t, 2, sides, "transfer %d", mark)
	}
}

// transfer moves money between two different accounts.
func transfer(ctx context.Context, db *store.DB, banks []*store.Repository[Account, int64], random *rand.Rand, mark int64, abort bool) error {
	places := random.Perm(tables * perTable)
	amount := random.Int64N(50) + 1
	return db.Atomic(ctx, &store.TxOptions{Timeout: 5 * time.Minute}, func(ctx context.Context, tx *store.Tx) error {
		for i, delta := range []int64{-amount, amount} {
			_, err := banks[places[i]/perTable].In(tx).Modify(ctx, int64(places[i]%perTable), func(a *Account) error {
				a.Balance += delta
				a.Marks = append(a.Marks, mark)
				return nil
			})
			if err != nil {
				return err
			}
		}
		if abort {
			return errAborted
		}
		return nil
	})
}

// addUp returns the money in all accounts, and how often each transfer has left its mark, as of one
// moment.
func addUp(t *testing.T, db *store.DB, banks []*store.Repository[Account, int64]) (sum int64, marks map[int64]int) {
	t.Helper()
	assert.NoError(t, db.View(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		sum, marks = 0, map[int64]int{}
		for _, r := range banks {
			for a, err := range r.In(tx).Find(ctx, store.Query{}) {
				if err != nil {
					return err
				}
				sum += a.Balance
				for _, mark := range a.Marks {
					marks[mark]++
				}
			}
		}
		return nil
	}))
	return sum, marks
}
