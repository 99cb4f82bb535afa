package history

import "github.com/anishathalye/porcupine"

// cell is what one write has put into one row.
type cell struct {
	row   int
	value int64
}

// held is one state of one row.
type held struct {
	row  int
	seen Row
}

// observers are those that have seen each state of a row that cannot come back.
type observers struct {
	writers  map[cell]*Op // nil where there are several
	happened map[*Op]bool
	number   map[held]int
}

// counts reports whether a step of a call is one of those that have seen its row's state.
func (o *observers) counts(op *Op, s Step) bool {
	return o != nil && s.Seen.Exists && o.happened[op] && o.writers[cell{s.Row, s.Seen.Value}] != nil
}

// of is how many have seen a row's state.
func (o *observers) of(row int, state Row) int {
	if o == nil {
		return 0
	}
	return o.number[held{row, state}]
}

// writer is who has written what a step of a happened call saw, nil where it is not known or was the
// call itself.
func (o *observers) writer(op *Op, s Step) *Op {
	writer := o.writers[cell{s.Row, s.Seen.Value}]
	if !s.Seen.Exists || !o.happened[op] || writer == op {
		return nil
	}
	return writer
}

// tighten makes the search for an order short by what the calls were told. Calls that wait for one
// another in a queue all overlap, and could have been served in any order; but each write puts a
// value of its own into its rows. So who saw that value came after its writer, which then has
// happened whatever its caller was told, and before the row was changed again. The times between
// which a call may have taken effect are narrowed by the first, and the observers are for the second.
// No order is excluded that the rows would allow. It reports false where the times leave no room for
// one.
func tighten(operations []porcupine.Operation) (*observers, bool) {
	t := &tightening{
		observers: &observers{writers: map[cell]*Op{}, happened: map[*Op]bool{}, number: map[held]int{}},
		at:        map[*Op]*porcupine.Operation{},
	}
	for i := range operations {
		if op, ok := operations[i].Input.(*Op); ok {
			t.at[op] = &operations[i]
			t.calls = append(t.calls, op)
		}
	}
	t.findWriters()
	t.findHappened()
	t.countObservers()
	t.narrow()
	for _, operation := range operations {
		if operation.Call > operation.Return {
			return t.observers, false
		}
	}
	return t.observers, true
}

// tightening is one run of tighten: what it finds out, and the operations whose times it narrows.
type tightening struct {
	*observers

	calls []*Op
	at    map[*Op]*porcupine.Operation
}

// steps visits each step of each call.
func (t *tightening) steps(visit func(op *Op, s Step)) {
	for _, op := range t.calls {
		for _, s := range op.Steps {
			visit(op, s)
		}
	}
}

// findWriters notes who has put each value into a row. A value that two calls have put there names nobody.
func (t *tightening) findWriters() {
	t.steps(func(op *Op, s Step) {
		t.happened[op] = !op.Unknown
		if s.Kind != Put && (s.Kind != Change || s.Keep) {
			return
		}
		wrote := cell{s.Row, s.Value}
		if other, ok := t.writers[wrote]; ok && other != op {
			op = nil
		}
		t.writers[wrote] = op
	})
}

// findHappened notes the calls of unknown outcome of which a call that happened has seen a value. They have
// happened then too, and what they saw says the same of others.
func (t *tightening) findHappened() {
	for isMoving := true; isMoving; {
		isMoving = false
		t.steps(func(op *Op, s Step) {
			if writer := t.writer(op, s); writer != nil && !t.happened[writer] {
				t.happened[writer], isMoving = true, true
			}
		})
	}
}

// countObservers counts who has seen each state of a row. The row may not change before they all have.
func (t *tightening) countObservers() {
	t.steps(func(op *Op, s Step) {
		if s.Kind == Saw && t.counts(op, s) {
			t.number[held{s.Row, s.Seen}]++
		}
	})
}

// narrow makes a writer end before those that saw its value do, and makes those begin after it began, until
// nothing moves any more.
func (t *tightening) narrow() {
	for isMoving := true; isMoving; {
		isMoving = false
		t.steps(func(op *Op, s Step) {
			writer := t.writer(op, s)
			if writer == nil {
				return
			}
			first, second := t.at[writer], t.at[op]
			if second.Call < first.Call {
				second.Call, isMoving = first.Call, true
			}
			if first.Return > second.Return {
				first.Return, isMoving = second.Return, true
			}
		})
	}
}
