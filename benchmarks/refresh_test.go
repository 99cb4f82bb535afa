package benchmarks

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// crowdTime is how long the writers of TestCompareRefresh write.
var crowdTime = flag.Duration("crowd", 5*time.Second, "how long the crowd of TestCompareRefresh is kept")

// counter counts the requests of a DB: each call of package refresh is one.
type counter struct{ requests atomic.Int64 }

func (c *counter) CallStart(ctx context.Context, _ store.Call) context.Context { return ctx }

func (c *counter) CallEnd(_ context.Context, call store.Call, _ error) {
	if call.Op != "changes" {
		c.requests.Add(1)
	}
}

func (*counter) Conflict(context.Context, store.Call, error)   {}
func (*counter) Retry(context.Context, store.Call, int, error) {}

// TestCompareRefresh measures how long after a write a Watch has the new copy, and what a crowd of them costs.
func TestCompareRefresh(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	memory := memstore.Open(nil)
	measureRefresh(t, "memstore", func(o store.Options) (*store.DB, error) { return store.New(memory.Driver(), &o) })
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		dsn := server.Database(t)
		measureRefresh(t, server.Product()+" "+server.Version(), func(o store.Options) (*store.DB, error) {
			return mysql.Open(t.Context(), dsn, &mysql.Options{Store: o})
		})
	}
	set := testbed.Mongo(t)
	name := set.Database(t)
	measureRefresh(t, "MongoDB "+set.Version(), func(o store.Options) (*store.DB, error) {
		return mongo.Open(t.Context(), set.URI(), name, &mongo.Options{Store: o})
	})
}

// measureRefresh prints the figures of one database.
func measureRefresh(t *testing.T, title string, open func(store.Options) (*store.DB, error)) {
	var count counter
	here, err := open(store.Options{Observer: &count})
	require.NoError(t, err)
	away, err := open(store.Options{})
	require.NoError(t, err)
	ours := store.MustRepository[Club, int64](here, "watched", nil)
	theirs := store.MustRepository[Club, int64](away, "watched", nil)
	require.NoError(t, ours.EnsureSchema(t.Context()))
	for id := range int64(100) {
		require.NoError(t, ours.Insert(t.Context(), &Club{ID: id}))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, title)
	for _, by := range []struct {
		name string
		repo *store.Repository[Club, int64]
	}{{"same process", ours}, {"another process", theirs}} {
		took, read, requests := wakeUps(t, ours, by.repo, &count)
		fmt.Fprintf(w, "  %s\tmedian %v\tp99 %v\ta Get %v\trequests a write %.1f\n", by.name,
			at(took, 0.5), at(took, 0.99), at(read, 0.5), requests)
	}
	crowd(t, w, ours, theirs, &count)
	require.NoError(t, w.Flush())
	if title != "memstore" {
		require.NoError(t, here.Close())
		require.NoError(t, away.Close())
	}
}

func at(took []time.Duration, share float64) time.Duration {
	slices.Sort(took)
	return took[int(share*float64(len(took)-1))].Round(time.Microsecond)
}

// wakeUps has one write and another watch, and returns how long after the write's return each copy was there.
func wakeUps(
	t *testing.T, watched, by *store.Repository[Club, int64], count *counter,
) (took, read []time.Duration, requests float64) {
	const n = 200
	type seen struct {
		version int64
		at      time.Time
	}
	arrived := make(chan seen, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		for c, err := range refresh.Watch(ctx, watched, 0, nil) {
			if err != nil {
				return
			}
			arrived <- seen{c.Version, time.Now()}
		}
	})
	<-arrived
	time.Sleep(300 * time.Millisecond) // a stream stands by then
	for range n {
		time.Sleep(time.Duration(25+rand.IntN(10)) * time.Millisecond) // longer than the pause after a read
		began := time.Now()
		_, err := watched.Get(t.Context(), 1)
		require.NoError(t, err)
		read = append(read, time.Since(began))
		before := count.requests.Load()
		c, err := by.Modify(t.Context(), 0, func(c *Club) error { c.Balance++; return nil })
		require.NoError(t, err)
		written := time.Now()
		s := <-arrived
		require.Equal(t, c.Version, s.version)
		took = append(took, max(0, s.at.Sub(written)))
		requests += float64(count.requests.Load() - before)
		if by == watched {
			requests-- // the Modify itself
		}
	}
	cancel()
	over.Wait()
	return took, read, requests / n
}

// crowd has 1,000 watch 100 entities that 16 write all the time: each sees rising versions, and the last one.
func crowd(t *testing.T, w *tabwriter.Writer, ours, theirs *store.Repository[Club, int64], count *counter) {
	const watchers, entities, writers = 1000, 100, 16
	ctx, cancel := context.WithTimeout(t.Context(), *crowdTime+time.Minute)
	defer cancel()
	var watching, writing, begun sync.WaitGroup
	var given atomic.Int64
	begun.Add(watchers)
	for i := range watchers {
		watching.Go(func() {
			last := int64(0)
			for c, err := range refresh.Watch(ctx, ours, int64(i%entities), nil) {
				if !assert.NoError(t, err) || !assert.Greater(t, c.Version, last) {
					return
				}
				if last == 0 {
					begun.Done()
				}
				last = c.Version
				given.Add(1)
				if c.Balance < 0 {
					return
				}
			}
		})
	}
	begun.Wait()
	before, cpu, began := count.requests.Load(), processorTime(), time.Now()
	var written atomic.Int64
	for i := range writers {
		writing.Go(func() {
			for n := i; time.Since(began) < *crowdTime; n++ {
				_, err := theirs.Modify(ctx, int64(n*7%entities), func(c *Club) error { c.Balance++; return nil })
				if assert.NoError(t, err) {
					written.Add(1)
				}
			}
		})
	}
	writing.Wait()
	seconds := time.Since(began).Seconds()
	rate := float64(count.requests.Load()-before) / seconds
	fmt.Fprintf(w, "  crowd\t%.0f writes a second\t%.0f copies a second\t%.1f requests a second\t"+
		"%.0f times fewer than by 1,000 loops that read each 250 ms\t%.0f %% of a processor, writers included\n",
		float64(written.Load())/seconds, float64(given.Load())/seconds, rate, 4*watchers/rate,
		100*(processorTime()-cpu).Seconds()/seconds)
	for id := range int64(entities) {
		_, err := theirs.Modify(ctx, id, func(c *Club) error { c.Balance = -1; return nil })
		require.NoError(t, err)
	}
	watching.Wait()
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
