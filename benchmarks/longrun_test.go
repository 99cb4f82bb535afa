package benchmarks

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// TestCompareLongrun measures operations: how long after Pause returns the function's ctx has ended, what a claim and a
// list cost among 10,000 that wait, and what idle and busy workers ask the database for.
func TestCompareLongrun(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	server := testbed.MariaDB(t)
	dsn := server.Database(t)
	measureLongrun(t, server.Product()+" "+server.Version(), func(o store.Options) (*store.DB, error) {
		return mysql.Open(t.Context(), dsn, &mysql.Options{Store: o})
	})
	set := testbed.Mongo(t)
	name := set.Database(t)
	measureLongrun(t, "MongoDB "+set.Version(), func(o store.Options) (*store.DB, error) {
		return mongo.Open(t.Context(), set.URI(), name, &mongo.Options{Store: o})
	})
}

// measureLongrun prints the figures of one database.
func measureLongrun(t *testing.T, title string, open func(store.Options) (*store.DB, error)) {
	var count counter
	here, err := open(store.Options{Observer: &count})
	require.NoError(t, err)
	away, err := open(store.Options{})
	require.NoError(t, err)
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, title)
	all, err := longrun.Open(here)
	require.NoError(t, err)
	require.NoError(t, all.EnsureSchema(t.Context()))
	theirs, err := longrun.Open(away)
	require.NoError(t, err)
	for name, by := range map[string]*longrun.Operations{"same process": all, "another process": theirs} {
		took := pauses(t, here, by)
		fmt.Fprintf(w, "  pause by %s\tmedian %v\tp99 %v\n", name, at(took, 0.5), at(took, 0.99))
	}
	crowdOfOperations(t, w, here, all)
	count.requests.Store(0)
	perSecond := func(what string, workers, parallel, running int) {
		rate := workersAsk(t, here, &count, workers, parallel, running)
		fmt.Fprintf(w, "  %s\t%.0f requests a second\n", what, rate)
	}
	perSecond("100 idle workers", 100, 4, 0)
	perSecond("one worker with 1,000 operations", 1, 1000, 1000)
	require.NoError(t, w.Flush())
	require.NoError(t, here.Close())
	require.NoError(t, away.Close())
}

// pauses has a function wait for its ctx, pauses it, and returns how long after Pause's return the ctx had ended.
func pauses(t *testing.T, db *store.DB, by *longrun.Operations) (took []time.Duration) {
	began, ended := make(chan struct{}), make(chan time.Time)
	kind, err := longrun.New(db, "paused", func(ctx context.Context, _ *longrun.Step[int]) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- time.Now()
		return context.Cause(ctx)
	}, &longrun.Options{Poll: 20 * time.Millisecond})
	require.NoError(t, err)
	_ = kind.Delete(t.Context(), "7", longrun.By{})
	require.NoError(t, kind.Start(t.Context(), "7", 0, nil))
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() { _ = kind.Work(ctx) })
	for range 100 {
		<-began
		time.Sleep(50 * time.Millisecond) // its watch stands by then
		require.NoError(t, by.Pause(t.Context(), "paused", "7", longrun.By{}))
		asked := time.Now()
		took = append(took, max(0, (<-ended).Sub(asked)))
		for {
			s, _, err := kind.Status(t.Context(), "7")
			require.NoError(t, err)
			if s.Phase == longrun.Paused {
				break
			}
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, kind.Resume(t.Context(), "7", longrun.By{}))
	}
	<-began
	stop()
	<-ended
	working.Wait()
	return took
}

// crowdOfOperations has 10,000 operations wait, of which a tenth is due, and works on those.
func crowdOfOperations(t *testing.T, w *tabwriter.Writer, db *store.DB, all *longrun.Operations) {
	const waiting, due = 10_000, 1000
	kind, err := longrun.New(db, "crowd", func(context.Context, *longrun.Step[int]) error { return nil },
		&longrun.Options{Poll: 20 * time.Millisecond})
	require.NoError(t, err)
	for i := range waiting {
		o := longrun.StartOptions{}
		if i >= due {
			o.Due = time.Now().Add(time.Hour)
		}
		require.NoError(t, kind.Start(t.Context(), fmt.Sprint(i), 0, &o))
	}
	var took []time.Duration
	for range 50 {
		began := time.Now()
		_, _, err := all.List(t.Context(), longrun.Filter{Phases: []longrun.Phase{longrun.Waiting}, Limit: 50})
		require.NoError(t, err)
		took = append(took, time.Since(began))
	}
	fmt.Fprintf(w, "  list of 50 among %d that wait\tmedian %v\tp99 %v\n", waiting, at(took, 0.5), at(took, 0.99))
	ctx, stop := context.WithCancel(t.Context())
	began := time.Now()
	var working sync.WaitGroup
	working.Go(func() { _ = kind.Work(ctx) })
	for {
		counts, err := all.Counts(t.Context(), "crowd")
		require.NoError(t, err)
		if counts[longrun.Done] == due {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Fprintf(w, "  claim, run and end of one among them\t%v, by one worker with 4 at a time\n",
		(time.Since(began) / due).Round(time.Microsecond))
	stop()
	working.Wait()
}

// workersAsk counts the requests of workers for ten seconds, after they have settled.
func workersAsk(t *testing.T, db *store.DB, count *counter, workers, parallel, running int) float64 {
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	name := fmt.Sprint("busy ", running)
	var begun sync.WaitGroup
	begun.Add(running)
	kind, err := longrun.New(db, name, func(ctx context.Context, _ *longrun.Step[int]) error {
		begun.Done()
		<-ctx.Done()
		return context.Cause(ctx)
	}, &longrun.Options{Parallel: parallel})
	require.NoError(t, err)
	for i := range running {
		require.NoError(t, kind.Start(t.Context(), fmt.Sprint(i), 0, nil))
	}
	for range workers {
		working.Go(func() { _ = kind.Work(ctx) })
	}
	begun.Wait()
	time.Sleep(2 * time.Second)
	before, began := count.requests.Load(), time.Now()
	time.Sleep(10 * time.Second)
	rate := float64(count.requests.Load()-before) / time.Since(began).Seconds()
	stop()
	working.Wait()
	return rate
}
