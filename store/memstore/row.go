package memstore

import (
	"slices"
	"sort"
)

// row is one key of a table with its committed versions, the newest first, and at most one change that
// is not committed. The writer of that change holds the row's lock.
type row struct {
	table *table
	key   string

	newest   *version
	writer   *transaction
	pending  []any // the change of writer; nil deletes
	outdated bool  // is in engine.outdated
}

// version is one committed state of a row. It never changes, except that older versions that no
// snapshot can see are taken out of the chain.
type version struct {
	sequence uint64
	data     []any // the values by column position, nil where the row is deleted
	older    *version
}

// at returns the value of one column. A row that was written before the column was made is shorter.
func at(data []any, position int) any {
	if position < len(data) {
		return data[position]
	}
	return nil
}

// visible returns the data that t sees, nil for no row: its own change, else what its snapshot holds,
// else what is committed. t may be nil.
func (r *row) visible(t *transaction) []any {
	if r == nil {
		return nil
	}
	v := r.newest
	if t != nil {
		if r.writer == t {
			return r.pending
		}
		if t.snapped {
			for v != nil && v.sequence > t.snapshot {
				v = v.older
			}
		}
	}
	if v == nil {
		return nil
	}
	return v.data
}

// changedSince reports whether a change was committed that the snapshot of t does not hold.
func (r *row) changedSince(t *transaction) bool {
	return r != nil && t.snapped && r.newest != nil && r.newest.sequence > t.snapshot
}

// snapshot counts the open transactions that see the state after one commit.
type snapshot struct {
	sequence uint64
	users    int
}

// takeSnapshot lets t see the present state until its end.
func (e *engine) takeSnapshot(t *transaction) {
	t.snapped, t.snapshot = true, e.sequence
	if n := len(e.snapshots); n > 0 && e.snapshots[n-1].sequence == e.sequence {
		e.snapshots[n-1].users++
		return
	}
	e.snapshots = append(e.snapshots, snapshot{e.sequence, 1})
}

// dropSnapshot ends the snapshot of t, if it has one, and takes out what only it could see.
func (e *engine) dropSnapshot(t *transaction) {
	if !t.snapped {
		return
	}
	t.snapped = false
	i := sort.Search(len(e.snapshots), func(i int) bool { return e.snapshots[i].sequence >= t.snapshot })
	e.snapshots[i].users--
	if e.snapshots[i].users > 0 {
		return
	}
	e.snapshots = slices.Delete(e.snapshots, i, i+1)
	e.outdated = slices.DeleteFunc(e.outdated, func(r *row) bool {
		r.outdated = e.prune(r)
		return !r.outdated
	})
}

// isSeen reports whether an open snapshot sees a version that was committed at from and replaced at
// until.
func (e *engine) isSeen(from, until uint64) bool {
	i := sort.Search(len(e.snapshots), func(i int) bool { return e.snapshots[i].sequence >= from })
	return i < len(e.snapshots) && e.snapshots[i].sequence < until
}

// install makes the pending change of a row its newest version.
func (e *engine) install(r *row, sequence uint64) {
	r.newest = &version{sequence: sequence, data: r.pending, older: r.newest}
	r.writer, r.pending = nil, nil
	if e.prune(r) && !r.outdated {
		r.outdated = true
		e.outdated = append(e.outdated, r)
	}
}

// prune takes out of a row's chain what no open snapshot sees, and the whole row where nothing is
// left. It reports whether there will be more to take out when a snapshot ends.
func (e *engine) prune(r *row) bool {
	if r.newest == nil {
		return false
	}
	for v := r.newest; v.older != nil; {
		if e.isSeen(v.older.sequence, v.sequence) {
			v = v.older
		} else {
			v.older = v.older.older
		}
	}
	if r.newest.older != nil {
		return true
	}
	if r.newest.data != nil {
		return false
	}
	// That the row is gone must be known for as long as a snapshot is older: a transaction that sees
	// that snapshot and writes the key is in conflict.
	if len(e.snapshots) > 0 && e.snapshots[0].sequence < r.newest.sequence {
		return true
	}
	r.newest = nil
	r.forget()
	return false
}

// forget takes a row that has neither a version nor a change out of its table.
func (r *row) forget() {
	if r.newest == nil && r.writer == nil && r.table.rows[r.key] == r {
		delete(r.table.rows, r.key)
	}
}
