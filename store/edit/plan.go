package edit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/stillframe/stillframe/store"
)

// Summary is what a plan comes to.
type Summary struct {
	Total     int64 // the rows of the table
	Matched   int64 // those that the query selects
	Planned   int64 // those that the edit would change
	Unchanged int64 // those that its function leaves as they are
	Refused   int64
	Delete    bool
	Reasons   map[string]int64  // of refusals, the twenty first kinds of them
	Fields    map[string]*Field // those that change
	Examples  []Example
}

// Field is how an edit changes one field.
type Field struct {
	Rows int64
	// Of a number: by how much it grows, and how many rows each way.
	IsNumber           bool
	Least, Most, Total float64
	Up, Down           int64
}

// Example is one row of a plan: its changed fields as JSON.
type Example struct {
	Key    string
	Before map[string]string
	After  map[string]string // nil where it is deleted
}

// Plan is a plan as it stands in the database.
type Plan struct {
	Status
	// IsOld says that it was there before this call, which has changed nothing.
	IsOld bool
}

var errTaken = errors.New("another Plan has begun meanwhile")

// Plan writes down what the edit would do, and changes none of its rows: for each row the fields before and after. The
// rows are read once, by their keys, and fn runs twice for each: a function that gives two results (of time.Now, say)
// is ErrInvalid. What goes beyond Options.Most or Options.Fraction is a [BoundError]. A plan that is there already is
// returned as it is; one that was interrupted is begun anew. A secret field that fn changes is ErrInvalid.
func (e *Edit[T, K]) Plan(ctx context.Context) (*Plan, error) {
	p, err := e.plan(ctx)
	return p, e.wrap("plan", err)
}

// plan is Plan: the row of the plan is this run's from then on, and a plan that could not be made leaves none.
func (e *Edit[T, K]) plan(ctx context.Context) (*Plan, error) {
	if e.err != nil {
		return nil, e.err
	}
	run, isOld := randomID(), false
	_, err := e.journal.plans.Upsert(ctx, e.name, func(p *plan, found bool) error {
		isOld = found && p.State != Planning
		switch {
		case found && p.Table != e.rows.Table():
			return invalidf("there is an edit of this name of table %s", p.Table)
		case isOld:
			return nil
		}
		at := now()
		p.become(Planning, at)
		p.Run, p.Table, p.PlannedBy, p.PlannedAt = run, e.rows.Table(), e.options.By, &at
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !isOld {
		err := e.draw(ctx, run)
		if errors.Is(err, store.ErrInvalid) { // nothing to go on with: the name is free again
			err = errors.Join(err, e.discard(context.WithoutCancel(ctx), run))
		}
		if err != nil {
			return nil, err
		}
	}
	s, err := e.journal.Status(ctx, e.name)
	return &Plan{s, isOld}, err
}

// discard removes a plan that has failed, where it still is this run's.
func (e *Edit[T, K]) discard(ctx context.Context, run string) error {
	p, err := e.journal.plans.Get(ctx, e.name)
	if err == nil && p.Run == run && p.State == Planning {
		_, err = e.journal.forget(ctx, e.name, 0)
	}
	if isMissing(err) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

func isMissing(err error) bool {
	return errors.Is(err, store.ErrNotFound) && !store.MayHaveHappened(err)
}

// draw writes the journal, in batches that are this run's as long as the row of the plan says so.
func (e *Edit[T, K]) draw(ctx context.Context, run string) error {
	if _, err := e.journal.lines.DeleteWhere(ctx, linesOf(e.name), 1000); err != nil {
		return err
	}
	s := Summary{Reasons: map[string]int64{}, Fields: map[string]*Field{}, Delete: e.options.Delete}
	var err error
	if s.Total, err = e.rows.Count(ctx, store.Query{}); err != nil {
		return err
	}
	if s.Matched, err = e.rows.Count(ctx, e.query); err != nil {
		return err
	}
	if err := e.bounded(&s, s.Matched); err != nil {
		return err
	}
	s.Matched = 0
	var batch []*line
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := e.journal.plans.DB().Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if err := e.ours(ctx, tx, run, func(*plan) {}); err != nil {
				return err
			}
			return e.journal.lines.In(tx).InsertMany(ctx, batch)
		})
		batch = nil
		return err
	}
	number := int64(0)
	for entity, err := range e.rows.Find(ctx, e.query) {
		if err != nil {
			return err
		}
		s.Matched++
		if err := e.bounded(&s, s.Matched); err != nil {
			return err
		}
		l, err := e.line(entity, &s)
		if err != nil {
			return fmt.Errorf("key %s: %w", e.rows.KeyText(e.rows.KeyOf(entity)), err)
		}
		if l == nil {
			continue
		}
		number++
		l.Place = place{e.name, number}
		if batch = append(batch, l); len(batch) == 500 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return e.journal.plans.DB().Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return e.ours(ctx, tx, run, func(p *plan) {
			p.Summary = encodeSummary(s)
			p.become(Planned, now())
		})
	})
}

// ours changes the row of the plan in a Tx, which it keeps from committing where another Plan has begun.
func (e *Edit[T, K]) ours(ctx context.Context, tx *store.Tx, run string, do func(p *plan)) error {
	_, err := e.journal.plans.In(tx).Modify(ctx, e.name, func(p *plan) error {
		if p.Run != run {
			return errTaken
		}
		p.Since = now() // a write each time, or two runs would not meet
		do(p)
		return nil
	})
	return err
}

// bounded returns why n rows are too many.
func (e *Edit[T, K]) bounded(s *Summary, n int64) error {
	bound := ""
	switch most := e.options.Fraction; {
	case n > int64(e.options.Most):
		bound = fmt.Sprintf("Options.Most is %d", e.options.Most)
	case most > 0 && float64(n) > most*float64(s.Total):
		bound = fmt.Sprintf("Options.Fraction is %v", most)
	default:
		return nil
	}
	return &BoundError{Edit: e.name, Table: e.rows.Table(), Matched: n, Total: s.Total, Bound: bound}
}

// line is what the edit would do with one entity, nil where that is nothing.
func (e *Edit[T, K]) line(entity T, s *Summary) (*line, error) {
	key, err := e.codec.encodeKey(e.rows.KeyOf(entity))
	if err != nil {
		return nil, err
	}
	l := &line{Phase: RowPlanned, Entity: key, At: now()}
	if l.Before, err = e.codec.encode(entity, nil); err != nil {
		return nil, err
	}
	var names []string
	after := entity
	if !e.options.Delete {
		if after, names, err = e.change(entity); err != nil {
			refusal, ok := errors.AsType[*refusal](err)
			if !ok {
				return nil, err
			}
			s.Refused++
			l.Phase, l.Reason = Refused, cut(refusal.Error(), 500)
			if _, ok := s.Reasons[l.Reason]; ok || len(s.Reasons) < 20 {
				s.Reasons[l.Reason]++
			}
			return l, nil
		}
		if len(names) == 0 {
			s.Unchanged++
			return nil, nil
		}
		if l.After, err = e.codec.encode(after, names); err != nil {
			return nil, err
		}
		if e.must != nil {
			if err := e.must(entity, after); err != nil {
				return nil, invalidf("the condition of Must is not met: %v", err)
			}
		}
	}
	s.Planned++
	e.count(s, entity, after, names)
	return l, nil
}

// refusal is an error by which the function or Validate refuses a row.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// change runs the function twice on copies of an entity, and returns one with the names of the fields that it changes.
func (e *Edit[T, K]) change(entity T) (after T, names []string, err error) {
	if after, err = e.changed(entity); err != nil {
		return after, nil, err
	}
	again, err := e.changed(entity)
	if err != nil {
		return after, nil, err
	}
	if d := e.rows.Different(after, again); len(d) > 0 {
		return after, nil, invalidf("the function gives two results for field %s of one row: it is not a function of "+
			"its argument", d[0])
	}
	names = e.rows.Different(entity, after)
	for _, name := range names {
		if slices.Contains(e.codec.secrets, name) {
			return after, nil, invalidf("the function changes field %s, which is secret: it stands in no plan", name)
		}
	}
	return after, names, nil
}

// changed runs the function, and Validate where there is one, on a copy of an entity.
func (e *Edit[T, K]) changed(entity T) (T, error) {
	after, err := e.rows.Copy(entity)
	if err != nil {
		return after, err
	}
	if err := e.fn(&after); err != nil {
		return after, &refusal{err}
	}
	if e.rows.KeyOf(after) != e.rows.KeyOf(entity) {
		return after, invalidf("the function changes the key")
	}
	if v, ok := any(&after).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return after, &refusal{err}
		}
	}
	return after, nil
}

// count takes a row into the summary.
func (e *Edit[T, K]) count(s *Summary, before, after T, names []string) {
	a, b := reflect.ValueOf(&before).Elem(), reflect.ValueOf(&after).Elem()
	example := Example{Key: e.rows.KeyText(e.rows.KeyOf(before)), Before: map[string]string{}}
	isShown := len(s.Examples) < e.options.Examples
	for _, f := range e.codec.fields {
		isChanged := slices.Contains(names, f.Name)
		old, young := a.FieldByIndex(f.Index), b.FieldByIndex(f.Index)
		if isShown && (isChanged || e.options.Delete) {
			example.Before[f.Name] = shown(old)
			if isChanged {
				if example.After == nil {
					example.After = map[string]string{}
				}
				example.After[f.Name] = shown(young)
			}
		}
		if isChanged {
			s.field(f.Name).take(old, young)
		}
	}
	if isShown {
		s.Examples = append(s.Examples, example)
	}
}

// field is that of the summary with a name.
func (s *Summary) field(name string) *Field {
	f := s.Fields[name]
	if f == nil {
		f = &Field{Least: math.Inf(1), Most: math.Inf(-1)}
		s.Fields[name] = f
	}
	return f
}

// take notes a change of the field.
func (f *Field) take(old, young reflect.Value) {
	f.Rows++
	a, isNumber := number(old)
	b, _ := number(young)
	d := b - a
	if !isNumber || math.IsNaN(d) || math.IsInf(d, 0) {
		if f.Rows == 1 {
			f.Least, f.Most = 0, 0
		}
		return
	}
	if !f.IsNumber {
		f.IsNumber, f.Least, f.Most = true, d, d
	}
	f.Least, f.Most, f.Total = min(f.Least, d), max(f.Most, d), f.Total+d
	if d > 0 {
		f.Up++
	} else {
		f.Down++
	}
}

func number(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
