package longrun

import (
	"context"
	"time"

	"github.com/stillframe/stillframe/store"
)

// Observer is told what becomes of operations, for traces and metrics: Options.Observer. Package store/otel has one.
// Its methods are called by many goroutines at once, between what they tell of and what comes next, and must not block.
type Observer interface {
	// Started is told that Start is about to store an operation. The trace that it returns, of at most 200 characters,
	// is stored with the operation and comes with each of its attempts, in whatever process.
	Started(ctx context.Context, kind, id string) (trace string)
	// AttemptBegan is told of an attempt before its function is called. The function's ctx is the one that it
	// returns, which must come from ctx.
	AttemptBegan(ctx context.Context, a Observed) context.Context
	// Stored is told of each checkpoint. took is the time since the one before, or since the attempt began. ctx is that
	// of AttemptBegan.
	Stored(ctx context.Context, a Observed, took time.Duration)
	// AttemptEnded is told of the end of an attempt when it is stored: result is as in Attempt, and "lost" also where
	// it could not be stored. err is what the function has returned.
	AttemptEnded(ctx context.Context, a Observed, result string, err error)
}

// Observed is an attempt, as an Observer is told of it.
type Observed struct {
	Kind   string
	ID     string
	Trace  string // of Observer.Started
	Number int64
	Token  int64
	Worker string // Options.Worker
	Began  time.Time
	Waited time.Duration // how long the operation was due before it was claimed; 0 where it was taken over
}

// unobserved is the Observer of those who have none.
type unobserved struct{}

func (unobserved) Started(context.Context, string, string) string                  { return "" }
func (unobserved) AttemptBegan(ctx context.Context, _ Observed) context.Context    { return ctx }
func (unobserved) Stored(context.Context, Observed, time.Duration)                 {}
func (unobserved) AttemptEnded(ctx context.Context, _ Observed, _ string, _ error) {}

// OldestDue returns since when the operation waits that has waited longest after it was due; the empty kind is all. It
// reports false where none does.
func (o *Operations) OldestDue(ctx context.Context, kind string) (since time.Time, found bool, err error) {
	q := store.Where("Phase", store.Eq, string(Waiting)).And("Due", store.Le, now())
	if kind != "" {
		q = q.And("Name.Kind", store.Eq, kind)
	}
	rows, _, err := o.rows.Page(ctx, q.OrderBy("Due").Limit(1))
	if err != nil || len(rows) == 0 {
		return time.Time{}, false, wrap("oldest due", kind, "", err)
	}
	return rows[0].Due, true, nil
}
