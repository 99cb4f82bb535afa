package memstore

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// Money moves between three accounts, in transactions that may deadlock, conflict or give up, while
// views and counts look. No look may see half a commit, and no version may be reached twice.
func TestConcurrentTransfers(t *testing.T) {
	for _, snapshotReads := range []bool{false, true} {
		f := setup(t, settings{snapshotReads: snapshotReads, lockTimeout: time.Minute})
		for id := int64(1); id <= 3; id++ {
			f.mustUpdate(nil, id, 1, 100)
		}
		var writers, readers sync.WaitGroup
		var mu sync.Mutex
		reached := map[[2]int64]bool{} // account and version, of commits
		for seed := range uint64(8) {
			writers.Go(func() {
				random := rand.New(rand.NewPCG(seed, 1))
				for range 200 {
					from := random.Int64N(3) + 1
					to := from%3 + 1
					versions, ok := f.transfer(from, to, random.Int64N(10), random.IntN(5) == 0)
					if !ok {
						continue
					}
					mu.Lock()
					for i, id := range []int64{from, to} {
						at := [2]int64{id, versions[i]}
						assert.False(t, reached[at], "account and version %v", at)
						reached[at] = true
					}
					mu.Unlock()
				}
			})
		}
		done := make(chan struct{})
		for range 2 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					tx := f.view()
					sum := f.balance(tx, 1) + f.balance(tx, 2) + f.balance(tx, 3)
					assert.EqualValues(t, 300, sum)
					assert.NoError(t, tx.Commit(t.Context()))
					sum = 0
					_, err := f.accounts.Find(t.Context(), &driver.FindParams{
						Filter: &driver.Filter{Op: driver.Native, Native: matching(func(row map[string]any) bool {
							sum += row["balance"].(int64)
							return true
						})},
						Order: []driver.Order{{Field: &accountSpec().Key}}, Limit: 3,
						Into: func() driver.Record { return driver.RecordOf(&account{}) },
					})
					assert.NoError(t, err)
					assert.EqualValues(t, 300, sum, "a find is one moment")
				}
			})
		}
		writers.Wait()
		close(done)
		readers.Wait()
		require.NotEmpty(t, reached)
		for id := int64(1); id <= 3; id++ {
			a, _ := f.get(nil, id)
			n := 0
			for at := range reached {
				if at[0] == id {
					n++
				}
			}
			assert.EqualValues(t, n+2, a.Version, "no commit is lost and none is made up")
		}
	}
}

// transfer tries once to move money, and returns the versions that it wrote when it committed.
func (f *fixture) transfer(from, to, amount int64, givesUp bool) (versions [2]int64, ok bool) {
	tx, err := f.engine.Begin(f.Context(), &driver.BeginParams{})
	if !assert.NoError(f, err) {
		return versions, false
	}
	for i, id := range []int64{from, to} {
		var a account
		_, err := f.accounts.Get(f.Context(), &driver.GetParams{
			Tx: tx, Key: id, Lock: i == 0, Into: driver.RecordOf(&a),
		})
		var result driver.WriteResult
		if err == nil {
			result, err = f.update(tx, id, a.Version, a.Balance+amount*int64(2*i-1))
		}
		if err != nil || result.Outcome != driver.Applied || givesUp && i == 1 {
			if err != nil {
				class := f.engine.Classify(err).Class
				assert.True(f, class == driver.LockFailure || class == driver.Conflict, "%v", err)
			}
			assert.NoError(f, tx.Rollback(f.Context()))
			return versions, false
		}
		versions[i] = result.Stored
	}
	return versions, assert.NoError(f, tx.Commit(f.Context()))
}
