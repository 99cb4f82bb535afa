package edit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
)

// Options configure an [Edit]. What is below zero is ErrInvalid.
type Options struct {
	// Most is how many rows the query may select: with more nothing is planned. There is no default: whoever changes
	// production data says how much of it.
	Most int
	// Fraction bounds the same as a share of the table, 0.1 say. Defaults to none.
	Fraction float64
	// Delete has the edit delete what the query selects. It has no function then.
	Delete bool
	// By is who plans, applies and undoes, at most 100 characters.
	By string
	// Refusals is how many rows an Apply or Undo may meet that cannot be written before it stops. Defaults to 10.
	Refusals int
	// Batch is how many rows are written in one transaction. It becomes smaller while other writers are in the way.
	// Defaults to 100.
	Batch int
	// PerSecond bounds the rows that are written in a second. Defaults to none.
	PerSecond int
	// Pause is asked before each batch how long to wait first: by the lag of a replica, say. Defaults to none.
	Pause func(ctx context.Context) time.Duration
	// Examples is how many rows a plan shows. Defaults to 5.
	Examples int
	// Progress is told after each batch: [Bar] draws it on a terminal. It must return soon. Defaults to none.
	Progress func(done, total int64)
	// Longrun configures the operations that Apply and Undo are.
	Longrun longrun.Options
}

// Edit is a change of many rows under a name. It is safe for concurrent use.
type Edit[T any, K comparable] struct {
	name    string
	query   store.Query
	fn      func(*T) error
	must    func(before, after T) error
	options Options
	rows    *store.Repository[T, K]
	codec   *codec[T, K]
	journal *Journal
	err     error // what is wrong with the edit; every call returns it
}

// New makes an edit of the rows that query selects: fn changes one. It does no I/O; what is wrong with the arguments is
// the ErrInvalid of each call of it. name is 1 to 50 characters, and the edit is that name: a process that makes it
// again, on another day, goes on with the same plan. query is a condition alone: a plan goes by the keys. fn must be a
// function of its argument, and change nothing else; an error of it refuses the row. With Options.Delete it is nil.
func New[T any, K comparable](
	rows interface {
		Base() *store.Repository[T, K]
	}, name string, query store.Query, fn func(*T) error, o *Options,
) *Edit[T, K] {
	e := &Edit[T, K]{name: name, query: store.AllOf(query), fn: fn, rows: rows.Base()}
	e.options, e.err = o.withDefaults()
	switch {
	case e.err != nil:
		return e
	case name == "" || utf8.RuneCountInString(name) > 50 || strings.HasSuffix(name, " "):
		e.err = invalidf("the name of an edit is 1 to 50 characters that do not end in a space")
	case e.options.Delete == (fn != nil):
		e.err = invalidf("an edit has a function, or Options.Delete")
	case e.rows.Tx() != nil:
		e.err = invalidf("the repository is bound to a Tx, and an edit makes its own")
	}
	if e.err == nil {
		e.codec, e.err = newCodec(e.rows)
	}
	if e.err == nil {
		e.journal, e.err = Open(e.rows.DB())
	}
	if e.err == nil && e.options.Delete && len(e.codec.secrets) > 0 {
		e.err = invalidf("field %s is secret: it stands in no journal, so that a deletion could not be undone",
			e.codec.secrets[0])
	}
	return e
}

// Must adds a condition that each row must meet after the change: an error of check refuses the row in an Apply, and
// the whole plan. It returns e, for the line that New stands in.
func (e *Edit[T, K]) Must(check func(before, after T) error) *Edit[T, K] {
	e.must = check
	return e
}

// withDefaults returns the options in which what was left at zero has its default, for New.
func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	for _, n := range []struct {
		name  string
		value *int
		or    int
	}{
		{"Most", &v.Most, 0},
		{"Refusals", &v.Refusals, 10},
		{"Batch", &v.Batch, 100},
		{"PerSecond", &v.PerSecond, 0},
		{"Examples", &v.Examples, 5},
	} {
		if *n.value < 0 {
			return v, invalidf("Options.%s is negative (%d)", n.name, *n.value)
		}
		if *n.value == 0 {
			*n.value = n.or
		}
	}
	switch {
	case v.Most == 0:
		return v, invalidf("Options.Most is not set: say how many rows the edit may change")
	case v.Fraction < 0 || v.Fraction > 1:
		return v, invalidf("Options.Fraction is %v, and must be between 0 and 1", v.Fraction)
	case v.Batch > 1000:
		return v, invalidf("Options.Batch is %d, and may be 1,000", v.Batch)
	}
	v.By = cut(v.By, 100)
	return v, nil
}

// Approve lets Apply write what is planned. by is who has looked at the plan; whether it may be the one who has planned
// is the caller's to decide, and both are recorded. To approve again changes nothing; a plan that is not complete
// is ErrInvalid.
func (e *Edit[T, K]) Approve(ctx context.Context, by string) error {
	return e.move(ctx, "approve", func(p *plan, at time.Time) error {
		switch p.State {
		case Planned:
			p.become(Approved, at)
			p.ApprovedBy, p.ApprovedAt = cut(by, 100), &at
		case Planning:
			return &StateError{"approve", p.Name, p.State}
		}
		return nil
	})
}

// move changes the row of the edit.
func (e *Edit[T, K]) move(ctx context.Context, op string, do func(p *plan, at time.Time) error) error {
	if e.err != nil {
		return e.wrap(op, e.err)
	}
	_, err := e.journal.plans.Modify(ctx, e.name, func(p *plan) error {
		if p.Table != e.rows.Table() {
			return invalidf("it is an edit of table %s", p.Table)
		}
		return do(p, now())
	})
	return e.wrap(op, err)
}

// Status reads the edit, and counts its rows.
func (e *Edit[T, K]) Status(ctx context.Context) (Status, error) {
	if e.err != nil {
		return Status{}, e.wrap("status", e.err)
	}
	return e.journal.Status(ctx, e.name)
}

// Row is a row of an edit, as the journal has it.
type Row[K comparable] struct {
	Key    K
	Phase  Phase
	Before string // its fields as JSON, secret ones left out
	After  string // those that the edit changes; empty where it deletes
	Reason string // why it was held, refused or kept
	At     time.Time
}

// Rows gives the rows of the edit that are in one of the phases, all where none is named, in the order of their keys.
func (e *Edit[T, K]) Rows(ctx context.Context, phases ...Phase) iter.Seq2[Row[K], error] {
	return func(yield func(Row[K], error) bool) {
		if e.err != nil {
			yield(Row[K]{}, e.wrap("rows", e.err))
			return
		}
		q := linesOf(e.name)
		if len(phases) > 0 {
			q = q.And("Phase", store.In, phases)
		}
		for l, err := range e.journal.lines.Find(ctx, q) {
			var r Row[K]
			if err == nil {
				r = Row[K]{Phase: l.Phase, Before: l.Before, After: l.After, Reason: l.Reason, At: l.At}
				r.Key, err = e.codec.keyOf(&l)
			}
			if !yield(r, e.wrap("rows", err)) || err != nil {
				return
			}
		}
	}
}

// Forget removes the plan and its journal, where that is in no use: it was not applied, or has been for longer than
// olderThan. Then it can neither be applied nor undone, and its name is free. It returns how many rows of the journal
// it has removed.
func (e *Edit[T, K]) Forget(ctx context.Context, olderThan time.Duration) (int64, error) {
	if e.err != nil {
		return 0, e.wrap("forget", e.err)
	}
	n, err := e.journal.forget(ctx, e.name, olderThan)
	return n, e.wrap("forget", err)
}

// StateError is returned by what cannot be done with an edit in its state. It is a store.ErrInvalid; nothing was
// changed.
type StateError struct {
	Op    string // "apply"
	Edit  string
	State State
}

// Error returns the text, such as `edit: apply "2026-11-bonus": it is planned, and not approved yet`.
func (e *StateError) Error() string {
	text := fmt.Sprintf("edit: %s %q: it is %s", e.Op, e.Edit, e.State)
	if e.Op == "apply" && e.State == Planned {
		text += ", and not approved yet"
	}
	return text
}

// Is reports whether target is store.ErrInvalid.
func (e *StateError) Is(target error) bool { return target == store.ErrInvalid }

// BoundError is returned by a Plan that would change more than its Options allow. It is a store.ErrInvalid; nothing was
// planned and nothing was changed.
type BoundError struct {
	Edit    string
	Table   string
	Matched int64 // what the query selects
	Total   int64 // what the table holds
	Bound   string
}

// Error returns the text, such as `edit: plan "2026-11-bonus": the query selects 10000 of the 10000 rows of players,
// and Options.Most is 5000: nothing was planned`.
func (e *BoundError) Error() string {
	return fmt.Sprintf("edit: plan %q: the query selects %d of the %d rows of %s, and %s: nothing was planned",
		e.Edit, e.Matched, e.Total, e.Table, e.Bound)
}

// Is reports whether target is store.ErrInvalid.
func (e *BoundError) Is(target error) bool { return target == store.ErrInvalid }

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, args...)...)
}

// wrap says which call an error is of.
func (e *Edit[T, K]) wrap(op string, err error) error { return wrap(op, e.name, err) }

func wrap(op, name string, err error) error {
	_, isState := errors.AsType[*StateError](err)
	_, isBound := errors.AsType[*BoundError](err)
	if err == nil || isState || isBound {
		return err
	}
	return fmt.Errorf("edit: %s %q: %w", op, cut(name, 64), err)
}

func randomID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // which never fails
	return hex.EncodeToString(id[:])
}

func encodeSummary(s Summary) string {
	text, err := json.Marshal(s)
	if err != nil { // a number that is not finite
		text = []byte("{}")
	}
	return string(text)
}
