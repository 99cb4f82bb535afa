package longrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/store"
)

// The tables, or collections, of this package.
const (
	OperationsTable = "longrun_operations"
	WorkersTable    = "longrun_workers"
)

// Operations are all operations of a database, of whatever kind: to look at them and to ask something of them, without
// the code that does them. It is safe for concurrent use.
type Operations struct {
	db      *store.DB
	rows    *store.Repository[operation, name]
	workers *store.Repository[worker, string]
}

// Open makes the Operations of a database. It does no I/O.
func Open(db *store.DB) (*Operations, error) {
	rows, err := store.NewRepository[operation, name](db, OperationsTable, nil)
	if err != nil {
		return nil, err
	}
	workers, err := store.NewRepository[worker, string](db, WorkersTable, nil)
	if err != nil {
		return nil, err
	}
	return &Operations{db, rows, workers}, nil
}

// EnsureSchema creates the two tables where they are missing. It is meant for tests and development.
func (o *Operations) EnsureSchema(ctx context.Context) error {
	if err := o.rows.EnsureSchema(ctx); err != nil {
		return err
	}
	return o.workers.EnsureSchema(ctx)
}

// CheckSchema compares the live tables with what is needed.
func (o *Operations) CheckSchema(ctx context.Context) ([]store.Difference, error) {
	all, err := o.rows.CheckSchema(ctx)
	if err != nil {
		return nil, err
	}
	more, err := o.workers.CheckSchema(ctx)
	return append(all, more...), err
}

// DDL returns the statements that create the tables, for a migration tool.
func (o *Operations) DDL() []string { return append(o.rows.DDL(), o.workers.DDL()...) }

// Status is an operation as it was when it was read.
type Status struct {
	Kind  string
	ID    string
	Phase Phase
	Since time.Time // of the phase
	Due   time.Time // not before then, while it waits
	// State is the last checkpoint, as JSON. [Kind.Status] has it in its own type.
	State   string
	Version int64 // Options.Version of the code that has stored it
	Attempt int64
	Token   int64
	Worker  string // the id of the worker that has it
	Wish    Phase  // Paused or Cancelled, where that was asked for and has not happened yet
	By      By     // who has asked for something last
	Asked   time.Time
	Error   string // of the last attempt
	Done    int64  // of Step.Progress
	Total   int64
	Text    string
	Moved   time.Time // when a checkpoint or progress was stored last
	// Attempts are the last twenty.
	Attempts []Attempt
	Trace    string // of Observer.Started
	Created  time.Time
	ReadAt   time.Time
}

func (o *operation) status() Status {
	return Status{
		Kind: o.Name.Kind, ID: o.Name.ID, Phase: o.Phase, Since: o.Since, Due: o.Due, State: o.State, Version: o.Code,
		Attempt: o.Attempt, Token: o.Token, Worker: o.Worker, Wish: o.Wish, By: By{o.Who, o.Why}, Asked: o.Asked,
		Error: o.Failed, Done: o.Progress, Total: o.Total, Text: o.Text, Moved: o.Moved, Attempts: o.Attempts,
		Trace: o.Trace, Created: o.Created, ReadAt: o.ReadAt,
	}
}

// Status reads an operation. One that is not there, or a tombstone, is store.ErrNotFound.
func (o *Operations) Status(ctx context.Context, kind, id string) (Status, error) {
	row, err := o.rows.Get(ctx, name{kind, id})
	if err != nil {
		return Status{}, wrap("status", kind, id, err)
	}
	if row.Phase == Deleted {
		return Status{}, wrap("status", kind, id, store.ErrNotFound)
	}
	return row.status(), nil
}

// Filter selects operations for [Operations.List].
type Filter struct {
	Kind   string  // empty is all
	Phases []Phase // none is all but tombstones
	Limit  int     // of the page; 0 is 100
	Cursor string  // where the page before ended, empty for the first
}

// query is what the filter selects, and how it is sorted.
func (f *Filter) query() store.Query {
	q := store.Where("Phase", store.Ne, string(Deleted))
	if len(f.Phases) > 0 {
		q = store.Where("Phase", store.In, f.Phases)
	}
	if f.Kind != "" {
		q = q.And("Name.Kind", store.Eq, f.Kind)
	}
	limit := f.Limit
	if limit == 0 {
		limit = 100
	}
	return q.OrderByDesc("Since").Limit(limit).From(f.Cursor)
}

// List reads a page of operations, those whose phase began last before the others. next is the cursor of the next page,
// empty where there is none.
func (o *Operations) List(ctx context.Context, f Filter) (page []Status, next string, err error) {
	rows, next, err := o.rows.Page(ctx, f.query())
	if err != nil {
		return nil, "", fmt.Errorf("longrun: list: %w", err)
	}
	for i := range rows {
		page = append(page, rows[i].status())
	}
	return page, next, nil
}

// Counts returns how many operations of a kind there are in each phase; the empty kind is all.
func (o *Operations) Counts(ctx context.Context, kind string) (map[Phase]int64, error) {
	counts := map[Phase]int64{}
	for _, p := range []Phase{Waiting, Running, Paused, Done, Failed, Cancelled} {
		q := store.Where("Phase", store.Eq, string(p))
		if kind != "" {
			q = q.And("Name.Kind", store.Eq, kind)
		}
		n, err := o.rows.Count(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("longrun: counts: %w", err)
		}
		counts[p] = n
	}
	return counts, nil
}

// Pause has an operation wait until Resume. The ctx of one that runs ends within milliseconds where it runs in this
// process or the database tells of writes, and else within a quarter of a second; it is paused when its function has
// returned, and its attempt does not count. To pause what is paused is no error.
func (o *Operations) Pause(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "pause", kind, id, by, func(row *operation, now time.Time) bool {
		switch row.Phase {
		case Waiting:
			row.become(Paused, now)
		case Running:
			if row.Wish != Cancelled {
				row.Wish = Paused
			}
		case Paused:
		default:
			return false
		}
		return true
	})
}

// Resume has a paused operation go on from its last checkpoint, not before it was due. A wish to pause that has not
// happened yet is taken back. To resume what waits or runs is no error.
func (o *Operations) Resume(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "resume", kind, id, by, func(row *operation, now time.Time) bool {
		switch row.Phase {
		case Paused:
			row.become(Waiting, now)
			if row.Due.Before(now) {
				row.Due = now
			}
		case Running:
			if row.Wish == Paused {
				row.Wish = ""
			}
		case Waiting:
		default:
			return false
		}
		return true
	})
}

// Cancel ends an operation for good, as Pause interrupts it. To cancel what is cancelled is no error.
func (o *Operations) Cancel(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "cancel", kind, id, by, func(row *operation, now time.Time) bool {
		switch row.Phase {
		case Waiting, Paused:
			row.become(Cancelled, now)
		case Running:
			row.Wish = Cancelled
		case Cancelled:
		default:
			return false
		}
		return true
	})
}

// Retry has an operation that has failed, or was cancelled, begin anew from its last checkpoint, with all attempts
// before it.
func (o *Operations) Retry(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "retry", kind, id, by, func(row *operation, now time.Time) bool {
		if row.Phase != Failed && row.Phase != Cancelled {
			return false
		}
		row.become(Waiting, now)
		row.Due, row.Attempt = now, 0
		return true
	})
}

// Force takes an operation away from the worker that has it, and has it wait for any: for one that is stuck. What the
// other still does is not stored. One that waits is due at once.
func (o *Operations) Force(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "force", kind, id, by, func(row *operation, now time.Time) bool {
		switch row.Phase {
		case Running:
			row.noteEnd("lost", "forced", now)
			row.become(Waiting, now)
			row.Due = now
		case Waiting:
			row.Due = now
		default:
			return false
		}
		return true
	})
}

// Delete removes an operation, whatever it does. A tombstone stays for Options.Keep, so that an operation of the same
// id that is started later goes on counting its token.
func (o *Operations) Delete(ctx context.Context, kind, id string, by By) error {
	return o.ask(ctx, "delete", kind, id, by, func(row *operation, now time.Time) bool {
		row.become(Deleted, now)
		row.State, row.Attempts, row.Text, row.Failed = "", nil, "", ""
		return true
	})
}

// ask changes an operation for one of the calls above. do reports whether the phase allows it.
func (o *Operations) ask(
	ctx context.Context, op, kind, id string, by By, do func(row *operation, now time.Time) bool,
) error {
	_, err := o.rows.Modify(ctx, name{kind, id}, func(row *operation) error {
		if row.Phase == Deleted {
			return store.ErrNotFound
		}
		now := now()
		before := *row
		if !do(row, now) {
			return &PhaseError{op, kind, id, row.Phase}
		}
		if row.Phase != before.Phase || row.Wish != before.Wish || !row.Due.Equal(before.Due) {
			row.ask(by, now)
		}
		return nil
	})
	return wrap(op, kind, id, err)
}

// now is the present time as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// wrap says which call an error is of.
func wrap(op, kind, id string, err error) error {
	switch _, isPhase := errors.AsType[*PhaseError](err); {
	case err == nil, isPhase:
		return err
	}
	isMissing := errors.Is(err, store.ErrNotFound) && !store.MayHaveHappened(err)
	if e, ok := errors.AsType[*store.Error](err); ok && isMissing {
		err = e.Err
	}
	return fmt.Errorf("longrun: %s %s %q: %w", op, kind, cut(id, 64), err)
}

// DB returns the database of the operations.
func (o *Operations) DB() *store.DB { return o.db }
