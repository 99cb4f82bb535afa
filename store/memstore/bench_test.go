package memstore

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

func benchCollection(tb testing.TB) driver.Collection {
	c, err := newEngine(settings{}).Collection(accountSpec())
	require.NoError(tb, err)
	for id := range int64(1000) {
		_, err := c.Insert(tb.Context(), &driver.InsertParams{
			Records: []driver.Record{driver.RecordOf(&account{ID: id, Name: "name"})}, Version: 1,
		})
		require.NoError(tb, err)
	}
	return c
}

func BenchmarkGet(b *testing.B) {
	c := benchCollection(b)
	var a account
	p := &driver.GetParams{Key: int64(700), Into: driver.RecordOf(&a)}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Get(b.Context(), p)
	}
}

func BenchmarkUpdate(b *testing.B) {
	c := benchCollection(b)
	p := &driver.UpdateParams{Key: int64(700), Record: driver.RecordOf(&account{}), Fields: []int{balanceField}}
	b.ReportAllocs()
	for b.Loop() {
		p.Expect++
		p.Next = p.Expect + 1
		_, _ = c.Update(b.Context(), p)
	}
}

func BenchmarkFindPage(b *testing.B) {
	c := benchCollection(b)
	spec := accountSpec()
	p := &driver.FindParams{
		Order: []driver.Order{{Field: &spec.Key}}, Limit: 20,
		Into: func() driver.Record { return driver.RecordOf(&account{}) },
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Find(b.Context(), p)
	}
}

// sizes are the numbers of rows at which the time per row is compared.
var sizes = []int{1000, 10_000, 100_000, 160_000}

// benchLeague is a league without a test's checks.
func benchLeague(b *testing.B, n int) (*store.DB, *store.Repository[player, int64]) {
	db := Open(nil)
	players := store.MustRepository[player, int64](db, "players", nil)
	batch := make([]*player, n)
	for i := range batch {
		rank := int64(i * 7919 % n)
		batch[i] = &player{ID: int64(i), City: fmt.Sprintf("c%04d", i*31%1009), Score: int64(i % 10), Rank: &rank}
	}
	require.NoError(b, players.InsertMany(b.Context(), batch))
	return db, players
}

var benchQueries = []struct {
	name  string
	query store.Query
}{
	{"Key", store.Query{}},
	{"KeyDescending", store.Query{}.OrderByDesc("ID")},
	{"Indexed", store.Query{}.OrderBy("City")},
	{"FewValues", store.Query{}.OrderByDesc("Score")},
	{"Condition", store.Where("Score", store.Ge, 5).OrderBy("Rank")},
}

// BenchmarkFindAll and BenchmarkPageAll give the time per row of the table. The first order is not sorted
// yet: each run has a database of its own.
func BenchmarkFindAll(b *testing.B) {
	benchAll(b, func(players *store.Repository[player, int64], q store.Query) (n int) {
		for _, err := range players.Find(b.Context(), q) {
			require.NoError(b, err)
			n++
		}
		return n
	})
}

func BenchmarkPageAll(b *testing.B) {
	benchAll(b, func(players *store.Repository[player, int64], q store.Query) (n int) {
		for cursor := ""; ; {
			items, next, err := players.Page(b.Context(), q.From(cursor))
			require.NoError(b, err)
			n += len(items)
			if cursor = next; next == "" {
				return n
			}
		}
	})
}

// benchAll runs a benchmark for each query and size. Filling the database is no part of the time.
func benchAll(b *testing.B, read func(players *store.Repository[player, int64], q store.Query) int) {
	for _, q := range benchQueries {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", q.name, n), func(b *testing.B) {
				found := 0
				for b.Loop() {
					b.StopTimer()
					_, players := benchLeague(b, n)
					b.StartTimer()
					found = read(players, q.query)
				}
				require.NotZero(b, found)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
			})
		}
	}
}

// BenchmarkGetParallel is to take no longer with more goroutines, as long as there are processors for them.
func BenchmarkGetParallel(b *testing.B) {
	_, players := benchLeague(b, 10_000)
	for _, goroutines := range []int{1, 2, 4, 8} {
		b.Run(strconv.Itoa(goroutines), func(b *testing.B) {
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ResetTimer()
			for g := range goroutines {
				all.Go(func() {
					for i := int64(g); left.Add(-1) >= 0; i++ {
						_, _ = players.Get(b.Context(), i*31%10_000)
					}
				})
			}
			all.Wait()
		})
	}
}

// BenchmarkModify is to take as long beside a View that has been open for a hundred thousand writes.
func BenchmarkModify(b *testing.B) {
	const n = 10_000
	modify := func(b *testing.B, players *store.Repository[player, int64]) {
		for i := int64(0); b.Loop(); i++ {
			_, _ = players.Modify(b.Context(), i%n, func(p *player) error { p.Score++; return nil })
		}
	}
	b.Run("Alone", func(b *testing.B) {
		_, players := benchLeague(b, n)
		modify(b, players)
	})
	b.Run("BesideAView", func(b *testing.B) {
		db, players := benchLeague(b, n)
		require.NoError(b, db.View(b.Context(), &patient, func(ctx context.Context, tx *store.Tx) error {
			if _, err := players.In(tx).Get(ctx, 1); err != nil {
				return err
			}
			for i := range int64(100_000) {
				_, _ = players.Modify(b.Context(), i%n, func(p *player) error { p.Score++; return nil })
			}
			modify(b, players)
			return nil
		}))
	})
}

// A Get of a row with scalar fields allocates nothing of its own.
func TestGetAllocations(t *testing.T) {
	c := benchCollection(t)
	ctx := t.Context()
	var a account
	p := &driver.GetParams{Key: int64(700), Into: driver.RecordOf(&a)}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Get(ctx, p) }))
}
