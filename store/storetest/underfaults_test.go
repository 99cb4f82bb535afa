package storetest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// breaks is a connection that loses the next few requests of any kind before they were done, or the
// answers to the next few writes.
type breaks struct {
	before, after atomic.Int32
}

// hook breaks calls as a connection does: before the server has the request, or after it has done it and before it
// could answer.
func (b *breaks) hook(ctx context.Context, c *intercept.Call, next intercept.Next) error {
	lost := &intercept.Error{
		Fault: driver.Fault{Class: driver.Unavailable, Sent: c.Write() || c.Op == intercept.Commit},
	}
	switch {
	case c.Op == intercept.Rollback || c.Op == intercept.Schema || c.Tx != nil && c.Op != intercept.Commit:
		return next(ctx)
	case b.before.Add(-1) >= 0:
		if c.Op == intercept.Commit {
			_ = c.Tx.Rollback(ctx)
		}
		return lost
	case (c.Write() || c.Op == intercept.Commit) && b.after.Add(-1) >= 0:
		if err := next(ctx); err != nil {
			return err
		}
		if w, ok := c.Result.(*driver.WriteResult); ok {
			*w = driver.WriteResult{}
		}
		return lost
	}
	return next(ctx)
}

// underFaults runs histories on the in-process backend, behind a second hook where there is one.
func underFaults(t *testing.T, second made) storetest.FaultReport {
	b := &breaks{}
	hook := intercept.Hook(intercept.Pass)
	h := newHarness(memstore.Options{}, func(d driver.Database, native *memstore.Database) driver.Database {
		if second != nil {
			hook, second = second(native), nil
		}
		return intercept.New(intercept.New(d, b.hook), hook)
	})
	return storetest.UnderFaults(t, storetest.FaultRun{
		Harness: h,
		Strikes: []storetest.Strike{
			{Name: "requests lost", Begin: func(testing.TB) { b.before.Store(3) }},
			{Name: "answers lost", Begin: func(testing.TB) { b.after.Store(3) }},
			{
				Name: "outages", Alone: true, Begin: func(testing.TB) { b.before.Store(1 << 30) },
				End: func(testing.TB) { b.before.Store(0) },
			},
		},
	})
}

func TestUnderFaults(t *testing.T) {
	report := underFaults(t, nil)
	require.GreaterOrEqual(t, report.Calls, 400)
	require.Positive(t, report.Unknown)
	require.Positive(t, report.Conflicts)
	require.Positive(t, report.Nothing)
	require.Positive(t, report.Writes)
	require.Len(t, report.Strikes, 3)
}
