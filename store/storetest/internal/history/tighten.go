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
	o := &observers{writers: map[cell]*Op{}, happened: map[*Op]bool{}, number: map[held]int{}}
	at := map[*Op]*porcupine.Operation{}
	steps := func(visit func(op *Op, s Step)) {
		for i := range operations {
			if op, ok := operations[i].Input.(*Op); ok {
				at[op] = &operations[i]
				for _, s := range op.Steps {
					visit(op, s)
				}
			}
		}
	}
	steps(func(op *Op, s Step) {
		o.happened[op] = !op.Unknown
		if s.Kind != Put && (s.Kind != Change || s.Keep) {
			return
		}
		wrote := cell{s.Row, s.Value}
		if other, ok := o.writers[wrote]; ok && other != op {
			op = nil
		}
		o.writers[wrote] = op
	})
	for more := true; more; {
		more = false
		steps(func(op *Op, s Step) {
			if writer := o.writer(op, s); writer != nil && !o.happened[writer] {
				o.happened[writer], more = true, true
			}
		})
	}
	steps(func(op *Op, s Step) {
		if s.Kind == Saw && o.counts(op, s) {
			o.number[held{s.Row, s.Seen}]++
		}
	})
	for moved := true; moved; {
		moved = false
		steps(func(op *Op, s Step) {
			writer := o.writer(op, s)
			if writer == nil {
				return
			}
			first, second := at[writer], at[op]
			if second.Call < first.Call {
				second.Call, moved = first.Call, true
			}
			if first.Return > second.Return {
				first.Return, moved = second.Return, true
			}
		})
	}
	for _, operation := range operations {
		if operation.Call > operation.Return {
			return o, false
		}
	}
	return o, true
}
