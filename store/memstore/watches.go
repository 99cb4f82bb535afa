package memstore

import (
	"sync"
	"sync/atomic"
)

// watches are those that run.
type watches struct {
	count atomic.Int64 // of all

	mu  sync.Mutex
	all map[*watch]struct{}
}

// watch is one: what commits have written to a table since it was last told.
type watch struct {
	table   int             // its number
	pending map[string]*row // by key; guarded by watches.mu
	signal  chan struct{}   // of length 1: there is something pending
}

func (w *watches) add(table int) *watch {
	one := &watch{table: table, pending: map[string]*row{}, signal: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watch]struct{}{}
	}
	w.all[one] = struct{}{}
	w.count.Add(1)
	return one
}

func (w *watches) remove(one *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
	w.count.Add(-1)
}

// hasAny reports whether anybody watches.
func (w *watches) hasAny() bool { return w.count.Load() > 0 }

// take returns what is pending, which is not pending any more.
func (w *watches) take(one *watch) map[string]*row {
	w.mu.Lock()
	defer w.mu.Unlock()
	pending := one.pending
	one.pending = map[string]*row{}
	return pending
}

// tell notes for whoever watches what a commit has written to a table, whose rows were before until then.
func (w *watches) tell(table int, changes map[string]*row, before tree[*row]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		if one.table != table {
			continue
		}
		for key, r := range changes {
			if r == nil {
				r = get(before, key)
			}
			if r != nil {
				one.pending[key] = r
			}
		}
		select {
		case one.signal <- struct{}{}:
		default:
		}
	}
}
