// Package history records what concurrent calls on a few rows were told, and checks that the rows
// behaved as if the calls had happened one after the other, each at one moment between its start
// and its end.
//
// The check is that of porcupine. Calls that name several rows, as transactions and views do, take
// effect on all of them at their one moment. Time is a counter that moves with each start and each
// end, so that a clock's resolution does not matter.
package history

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MaxRows is the most rows that a history may name.
const MaxRows = 8

// Row is what a row holds. The zero Row is absent.
type Row struct {
	Exists  bool
	Version int64
	Value   int64 // the id of the write that made it
}

// String returns a short form, such as "v3 #17".
func (r Row) String() string {
	if !r.Exists {
		return "absent"
	}
	return fmt.Sprintf("v%d #%d", r.Version, r.Value)
}

// Kind is what a [Step] says of its row.
type Kind uint8

const (
	// Saw means that the row was exactly Seen.
	Saw Kind = iota
	// SawVersion means that the row was there with the version Expect.
	SawVersion
	// SawOther means that the row was there with another version than Expect.
	SawOther
	// SawAny means that the row was there.
	SawAny
	// Refused means that the row was absent, or had another version than Expect.
	Refused
	// Change means that the row had the version Expect, and has Next now. Where Seen exists it
	// was exactly that. Value is what it holds now, unless Keep is set.
	Change
	// Put means that the row was absent, and is there with Next and Value now.
	Put
	// Remove means that the row had the version Expect, and is absent now.
	Remove
	// RemoveAny means that the row was there, and is absent now.
	RemoveAny
)

// Step is what a call says of one row.
type Step struct {
	Row    int // below MaxRows
	Kind   Kind
	Seen   Row
	Expect int64
	Next   int64
	Value  int64
	Keep   bool
}

// Writes reports whether the step changes its row.
func (s Step) Writes() bool { return s.Kind >= Change }

// String returns the step in words.
func (s Step) String() string {
	switch s.Kind {
	case Saw:
		return fmt.Sprintf("row %d was %v", s.Row, s.Seen)
	case SawVersion:
		return fmt.Sprintf("row %d had v%d", s.Row, s.Expect)
	case SawOther:
		return fmt.Sprintf("row %d had another version than v%d", s.Row, s.Expect)
	case SawAny:
		return fmt.Sprintf("row %d was there", s.Row)
	case Refused:
		return fmt.Sprintf("row %d did not have v%d", s.Row, s.Expect)
	case Change:
		before := fmt.Sprintf("v%d", s.Expect)
		if s.Seen.Exists {
			before = s.Seen.String()
		}
		if s.Keep {
			return fmt.Sprintf("row %d from %s to v%d, touched", s.Row, before, s.Next)
		}
		return fmt.Sprintf("row %d from %s to v%d #%d", s.Row, before, s.Next, s.Value)
	case Put:
		return fmt.Sprintf("row %d inserted as v%d #%d", s.Row, s.Next, s.Value)
	case Remove:
		return fmt.Sprintf("row %d deleted at v%d", s.Row, s.Expect)
	case RemoveAny:
		return fmt.Sprintf("row %d deleted", s.Row)
	}
	return fmt.Sprintf("row %d: unknown kind", s.Row)
}

// Class says how far a call may be believed where an old primary may have answered it.
type Class uint8

const (
	// Write is a call that changes a row: it must be right always.
	Write Class = iota
	// Read is a read of one row by its key.
	Read
	// Look is any other answer that rests on a look at rows: a query, a refusal.
	Look
)

// Op is one call of a history.
type Op struct {
	Client int
	Name   string
	Call   int64
	Return int64 // 0: it may still take effect
	// Unknown says that the call's outcome is: it may take effect once, at any time after Call,
	// or never.
	Unknown bool
	Class   Class
	Steps   []Step
}

// String returns the call on one line.
func (o Op) String() string {
	var steps []string
	for _, s := range o.Steps {
		steps = append(steps, s.String())
	}
	end, unknown := fmt.Sprint(o.Return), ""
	if o.Unknown {
		end, unknown = "…", " UNKNOWN, perhaps:"
	}
	return fmt.Sprintf(
		"[%d, %s] client %d: %s:%s %s", o.Call, end, o.Client, o.Name, unknown, strings.Join(steps, "; "),
	)
}

// Recorder collects the calls of many clients. Its methods are safe for concurrent use.
type Recorder struct {
	clock atomic.Int64
	mu    sync.Mutex
	ops   []Op
}

// Pending is a call that has started.
type Pending struct {
	recorder *Recorder
	op       Op
}

// Now moves the clock and returns it, for what happens beside the calls.
func (r *Recorder) Now() int64 { return r.clock.Add(1) }

// Start notes the start of a call. A call that is never ended did nothing and saw nothing.
func (r *Recorder) Start(client int, name string) *Pending {
	return &Pending{recorder: r, op: Op{Client: client, Name: name, Call: r.clock.Add(1)}}
}

// Done notes the end of a call and what it was told. It may be called more than once, where a call
// was told several things that need not be of one moment.
func (p *Pending) Done(class Class, steps ...Step) {
	op := p.op
	op.Return, op.Class, op.Steps = p.recorder.clock.Add(1), class, steps
	p.recorder.add(op)
}

// Lost notes the end of a call that was told nothing, and what it may have done.
func (p *Pending) Lost(steps ...Step) {
	op := p.op
	op.Unknown, op.Class, op.Steps = true, Write, steps
	p.recorder.add(op)
}

func (r *Recorder) add(op Op) {
	if len(op.Steps) == 0 {
		return
	}
	op.Steps = slices.Clone(op.Steps)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// History returns what was recorded, in the order of the calls' starts.
func (r *Recorder) History() History {
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := slices.Clone(r.ops)
	slices.SortStableFunc(ops, func(a, b Op) int { return int(a.Call - b.Call) })
	return History{Ops: ops}
}
