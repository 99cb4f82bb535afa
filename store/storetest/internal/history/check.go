package history

import (
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is a list of calls.
type History struct {
	Ops []Op
	// Notes say what else happened, in order.
	Notes []Note
	// AnyVersion says that a version may change by any amount with a write. Otherwise an insert
	// stores 1 and each write adds 1.
	AnyVersion bool
}

// Note is something that happened beside the calls.
type Note struct {
	At   int64
	Text string
}

// state is what the rows hold.
type state struct {
	rows [MaxRows]Row
	// seen counts those that have seen a row as it is.
	seen [MaxRows]int
	// ended is set when everything that was answered has happened: a call of unknown outcome that
	// has not taken effect by then is taken never to have.
	ended bool
}

// end is the operation that sets state.ended.
type end struct{}

// apply does the steps of a call, one after the other. It reports whether the rows allow it. No row
// is changed before all those have seen it that o knows of.
func (h *History) apply(now state, op *Op, o *observers) (bool, state) {
	for _, s := range op.Steps {
		row := &now.rows[s.Row]
		if !h.allows(*row, s) {
			return false, now
		}
		if !s.Writes() {
			if s.Kind == Saw && o.counts(op, s) {
				now.seen[s.Row]++
			}
			continue
		}
		if now.seen[s.Row] < o.of(s.Row, *row) && !(h.AnyVersion && s.Keep) {
			return false, now
		}
		now.seen[s.Row] = 0
		switch s.Kind {
		case Change:
			value := s.Value
			if s.Keep {
				value = row.Value
			}
			*row = Row{true, s.Next, value}
		case Put:
			*row = Row{true, s.Next, s.Value}
		case Remove, RemoveAny:
			*row = Row{}
		case Saw, SawVersion, SawOther, SawAny, Refused:
		}
	}
	return true, now
}

// allows reports whether a row can answer a step as it was answered. It is the meaning of each kind of step, by which
// the checker judges every order of the calls.
func (h *History) allows(row Row, s Step) bool {
	has := row.Exists && row.Version == s.Expect
	switch s.Kind {
	case Saw:
		return row == s.Seen
	case SawVersion, Remove:
		return has
	case SawOther:
		return row.Exists && !has
	case SawAny, RemoveAny:
		return row.Exists
	case Refused:
		return !has
	case Change:
		moved := s.Next == s.Expect+1
		if h.AnyVersion {
			moved = s.Next != s.Expect
		}
		return has && moved && (!s.Seen.Exists || row == s.Seen)
	case Put:
		return !row.Exists && (h.AnyVersion || s.Next == 1)
	}
	return false
}

// model is the sequential meaning of the calls, for porcupine. o may be nil.
func (h *History) model(o *observers) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(before, input, _ any) (bool, any) {
			now := before.(state)
			if _, ok := input.(end); ok {
				now.ended = true
				return true, now
			}
			op := input.(*Op)
			if op.Unknown && now.ended {
				return true, now
			}
			ok, now := h.apply(now, op, o)
			return ok, now
		},
		Hash: func(s any) uint64 { return maphash.Comparable(seed, s.(state)) },
		DescribeOperation: func(input, _ any) string {
			if op, ok := input.(*Op); ok {
				return op.String()
			}
			return "the end of all answers"
		},
		DescribeState: func(s any) string {
			text := ""
			for i, row := range s.(state).rows {
				if row.Exists {
					text += fmt.Sprintf("%d: %v\n", i, row)
				}
			}
			return text
		},
	}
}

// components splits the calls so that no row is named in two parts.
func (h *History) components() []*History {
	var group [MaxRows]int
	for i := range group {
		group[i] = i
	}
	for _, op := range h.Ops {
		for _, s := range op.Steps {
			from, to := group[s.Row], group[op.Steps[0].Row]
			for i := range group {
				if group[i] == from {
					group[i] = to
				}
			}
		}
	}
	parts := map[int]*History{}
	var all []*History
	for _, op := range h.Ops {
		id := group[op.Steps[0].Row]
		if parts[id] == nil {
			parts[id] = &History{AnyVersion: h.AnyVersion, Notes: h.Notes}
			all = append(all, parts[id])
		}
		parts[id].Ops = append(parts[id].Ops, op)
	}
	return all
}

// operations are the calls of one component as porcupine wants them. Those for which old says so
// may have taken effect at any time before their end.
func (h *History) operations(old func(*Op) bool) []porcupine.Operation {
	last := int64(0)
	for _, op := range h.Ops {
		last = max(last, op.Call, op.Return)
	}
	clients := 0
	operations := make([]porcupine.Operation, 0, len(h.Ops)+1)
	for i := range h.Ops {
		op := &h.Ops[i]
		o := porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return}
		if op.Unknown {
			o.Return = last + 3
		}
		if old != nil && old(op) {
			o.Call = 0
		}
		clients = max(clients, op.Client+1)
		operations = append(operations, o)
	}
	return append(operations, porcupine.Operation{ClientId: clients, Input: end{}, Call: last + 1, Return: last + 2})
}

// Verdict is the result of a check.
type Verdict struct {
	// Wrong are the parts of the history that have no order in which they could have happened.
	Wrong []*History
	// Undecided are those for which the time was too short to say.
	Undecided []*History
}

// Right reports whether all of the history could have happened.
func (v Verdict) Right() bool { return len(v.Wrong) == 0 && len(v.Undecided) == 0 }

// Check looks for an order of the calls that explains all that they were told. It gives up on a part
// of the history after the timeout; 0 is none.
func (h *History) Check(timeout time.Duration) Verdict { return h.check(timeout, nil) }

// check is Check, for which some calls may have seen an older state: those that old picks.
func (h *History) check(timeout time.Duration, old func(*Op) bool) Verdict {
	var v Verdict
	for _, part := range h.components() {
		operations := part.operations(old)
		o, ok := tighten(operations)
		if !ok {
			v.Wrong = append(v.Wrong, part)
			continue
		}
		switch porcupine.CheckOperationsTimeout(part.model(o), operations, timeout) {
		case porcupine.Illegal:
			v.Wrong = append(v.Wrong, part)
		case porcupine.Unknown:
			v.Undecided = append(v.Undecided, part)
		case porcupine.Ok:
		}
	}
	return v
}

// CheckOld is Check for a database that may answer reads, and looks, with a state that is no longer
// the newest: what they saw must have been true at some time before their end. Writes must be right
// all the same. It counts the answers that were old.
func (h *History) CheckOld(timeout time.Duration) (v Verdict, reads, looks int) {
	v = h.Check(timeout)
	if v.Right() {
		return v, 0, 0
	}
	suspects := append(slices.Clone(v.Wrong), v.Undecided...)
	v = Verdict{}
	for _, part := range suspects {
		weaker := part.check(timeout, func(op *Op) bool { return op.Class != Write })
		v.Wrong = append(v.Wrong, weaker.Wrong...)
		v.Undecided = append(v.Undecided, weaker.Undecided...)
		if !weaker.Right() {
			continue
		}
		r, l := part.old(timeout)
		if r+l == 0 {
			v.Wrong = append(v.Wrong, part) // no single answer is to blame
		}
		reads, looks = reads+r, looks+l
	}
	return v, reads, looks
}

// CheckUndone is Check for a database that shows a commit before it is safe from a crash, as InnoDB
// does, which makes it visible before its log is written: a read that ended before a crash may have
// seen a write of unknown outcome that the crash then undid. It cannot have where a write was made
// and acknowledged between the two: the log is one, and was written up to there. Such reads are left
// out and counted. Writes must be right all the same. The crashes are by the recorder's clock.
func (h *History) CheckUndone(timeout time.Duration, crashes []int64) (v Verdict, undone int) {
	v = h.Check(timeout)
	if v.Right() || len(crashes) == 0 {
		return v, 0
	}
	suspects := append(slices.Clone(v.Wrong), v.Undecided...)
	v = Verdict{}
	for _, part := range suspects {
		writes := part.writes()
		rest := &History{AnyVersion: h.AnyVersion}
		for _, op := range part.Ops {
			if op.Class != Write && part.mayBeUndone(op, crashes) {
				alone := &History{Ops: append(slices.Clone(writes), op), AnyVersion: h.AnyVersion}
				if len(alone.Check(timeout).Wrong) > 0 {
					undone++
					continue
				}
			}
			rest.Ops = append(rest.Ops, op)
		}
		switch again := rest.Check(timeout); {
		case len(again.Wrong) > 0:
			v.Wrong = append(v.Wrong, part)
		case !again.Right():
			v.Undecided = append(v.Undecided, part)
		}
	}
	return v, undone
}

// mayBeUndone reports whether a read saw what a call of unknown outcome would have written, and a crash
// followed with no acknowledged write between the two.
func (h *History) mayBeUndone(read Op, crashes []int64) bool {
	next := slices.IndexFunc(crashes, func(crash int64) bool { return crash > read.Return })
	if next < 0 {
		return false
	}
	for _, op := range h.Ops {
		if op.Class == Write && !op.Unknown && op.Call > read.Return && op.Return < crashes[next] {
			return false
		}
	}
	return slices.ContainsFunc(h.Ops, func(op Op) bool {
		return op.Unknown && op.Call <= read.Return && mayHaveSeen(read, op)
	})
}

// mayHaveSeen reports whether a read says of some row what a write would have made of it.
func mayHaveSeen(read, write Op) bool {
	return slices.ContainsFunc(write.Steps, func(wrote Step) bool {
		return slices.ContainsFunc(read.Steps, func(saw Step) bool { return saw.Row == wrote.Row && saw.maySee(wrote) })
	})
}

// maySee reports whether a step that looked at a row may have looked at what another step wrote there.
func (s Step) maySee(wrote Step) bool {
	switch s.Kind {
	case Saw:
		if !s.Seen.Exists {
			return wrote.Kind == Remove || wrote.Kind == RemoveAny
		}
		return s.Seen.Version == wrote.Next
	case SawVersion:
		return s.Expect == wrote.Next
	case SawOther, SawAny, Refused, Change, Put, Remove, RemoveAny:
	}
	return true // it says too little to tell
}

// old counts the reads and looks that no order explains, each beside all writes and nothing else.
func (h *History) old(timeout time.Duration) (reads, looks int) {
	writes := h.writes()
	for _, op := range h.Ops {
		if op.Class == Write {
			continue
		}
		alone := &History{Ops: append(slices.Clone(writes), op), AnyVersion: h.AnyVersion}
		if alone.Check(timeout).Right() {
			continue
		}
		if op.Class == Read {
			reads++
		} else {
			looks++
		}
	}
	return reads, looks
}

func (h *History) writes() []Op {
	var writes []Op
	for _, op := range h.Ops {
		if op.Class == Write {
			writes = append(writes, op)
		}
	}
	return writes
}

// Unknown returns the number of calls whose outcome is unknown.
func (h *History) Unknown() int {
	n := 0
	for _, op := range h.Ops {
		if op.Unknown {
			n++
		}
	}
	return n
}
