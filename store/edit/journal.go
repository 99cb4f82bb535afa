package edit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// Journal is what a database knows of all edits, of whatever table: to look at them without the code that made them. It
// is safe for concurrent use.
type Journal struct {
	plans      *store.Repository[plan, string]
	lines      *store.Repository[line, place]
	operations *longrun.Operations
}

// Open makes the Journal of a database. It does no I/O.
func Open(db *store.DB) (*Journal, error) {
	plans, err := store.NewRepository[plan, string](db, PlansTable, nil)
	if err != nil {
		return nil, err
	}
	lines, err := store.NewRepository[line, place](db, JournalTable, nil)
	if err != nil {
		return nil, err
	}
	operations, err := longrun.Open(db)
	return &Journal{plans, lines, operations}, err
}

// EnsureSchema creates the tables of this package, and those of package longrun, where they are missing. It is meant
// for tests and development.
func (j *Journal) EnsureSchema(ctx context.Context) error {
	if err := j.plans.EnsureSchema(ctx); err != nil {
		return err
	}
	if err := j.lines.EnsureSchema(ctx); err != nil {
		return err
	}
	return j.operations.EnsureSchema(ctx)
}

// CheckSchema compares the live tables with what is needed.
func (j *Journal) CheckSchema(ctx context.Context) ([]store.Difference, error) {
	all, err := j.plans.CheckSchema(ctx)
	if err != nil {
		return nil, err
	}
	more, err := j.lines.CheckSchema(ctx)
	if err != nil {
		return nil, err
	}
	others, err := j.operations.CheckSchema(ctx)
	return append(append(all, more...), others...), err
}

// DDL returns the statements that create the tables, for a migration tool.
func (j *Journal) DDL() []string {
	return append(append(j.plans.DDL(), j.lines.DDL()...), j.operations.DDL()...)
}

// Status is an edit as it was when it was read.
type Status struct {
	Name       string
	Table      string
	State      State
	Since      time.Time // of the state
	PlannedBy  string
	ApprovedBy string
	AppliedBy  string
	UndoneBy   string
	Summary    Summary
	Rows       map[Phase]int64 // how many rows are in which phase; List leaves it nil
}

func (p *plan) status() Status {
	s := Status{
		Name: p.Name, Table: p.Table, State: p.State, Since: p.Since, PlannedBy: p.PlannedBy,
		ApprovedBy: p.ApprovedBy, AppliedBy: p.AppliedBy, UndoneBy: p.UndoneBy,
	}
	_ = json.Unmarshal([]byte(p.Summary), &s.Summary) // a summary of other code is left out
	return s
}

// Status reads an edit, and counts its rows. One that is not there is store.ErrNotFound.
func (j *Journal) Status(ctx context.Context, name string) (Status, error) {
	p, err := j.plans.Get(ctx, name)
	if err != nil {
		return Status{}, wrap("status", name, err)
	}
	s := p.status()
	s.Rows = map[Phase]int64{}
	for _, phase := range []Phase{RowPlanned, RowApplied, Held, Refused, RowUndone, Kept} {
		n, err := j.lines.Count(ctx, linesOf(name).And("Phase", store.Eq, string(phase)))
		if err != nil {
			return s, wrap("status", name, err)
		}
		if n > 0 {
			s.Rows[phase] = n
		}
	}
	return s, nil
}

// List reads a page of edits, those whose state began last before the others. cursor is where the page before ended,
// empty for the first; next is that of the next page, empty where there is none.
func (j *Journal) List(ctx context.Context, cursor string) (page []Status, next string, err error) {
	plans, next, err := j.plans.Page(ctx, store.Query{}.OrderByDesc("Since").Limit(100).From(cursor))
	if err != nil {
		return nil, "", fmt.Errorf("edit: list: %w", err)
	}
	for i := range plans {
		page = append(page, plans[i].status())
	}
	return page, next, nil
}

// linesOf selects the rows of an edit.
func linesOf(name string) store.Query { return store.Where("Place.Edit", store.Eq, name) }

// forget is Edit.Forget.
func (j *Journal) forget(ctx context.Context, name string, olderThan time.Duration) (int64, error) {
	p, err := j.plans.Get(ctx, name)
	if err != nil {
		return 0, err
	}
	switch p.State {
	case Applying, Undoing:
		return 0, &StateError{"forget", name, p.State}
	case Applied, Undone:
		if time.Since(p.Since) < olderThan {
			return 0, &StateError{"forget", name, p.State}
		}
	}
	// The plan goes first, by its version: one that is approved meanwhile stays. Its lines have no meaning without it.
	if err := j.plans.Delete(ctx, p); err != nil {
		return 0, err
	}
	for _, id := range []string{applying, undoing} {
		if err := j.operations.Delete(ctx, kindOf(name), id, longrun.By{}); err != nil && !isMissing(err) {
			return 0, err
		}
	}
	return j.lines.DeleteWhere(ctx, linesOf(name), 1000)
}
