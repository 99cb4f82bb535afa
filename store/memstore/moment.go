package memstore

import "sync/atomic"

// moment is what one operation sees of the database: it does not change while the operation runs.
type moment struct {
	committed *state
	own       *ownChanges   // on top of what is committed; nil without a transaction
	isOld     bool          // committed is the snapshot of a transaction, and not what is committed now
	looked    *atomic.Int64 // counts the rows that are gone past
}

// changes returns the transaction's own changes of a table, nil where there are none.
func (m moment) changes(table int) *ownRows {
	if m.own == nil {
		return nil
	}
	return m.own.of(table)
}

// rowAt returns one row, nil where there is none.
func rowAt[K string | []byte](m moment, table int, key K) *row {
	if own := m.changes(table); own != nil {
		if r, ok := own.changes[string(key)]; ok {
			return r
		}
	}
	return get(m.committed.table(table).rows, key)
}

// rows returns all rows of a table.
func (m moment) rows(table int) tree[*row] {
	committed := m.committed.table(table).rows
	if own := m.changes(table); own != nil {
		return own.over(committed, m.looked)
	}
	return committed
}

// sorted returns the rows of a table in an order; shared are the orders of what is committed. It reports
// false where that would be more work than to look at all rows once: the order was not used of late, and
// this is the first page.
func (m moment) sorted(table int, shared *orders, o *order, isFirst bool) (tree[*row], bool) {
	kept, isNew := shared.use(o.columns)
	if isNew && isFirst {
		return tree[*row]{}, false
	}
	now := m.committed.table(table)
	if !m.isOld && m.changes(table) == nil {
		return kept.committed(now, m.looked).byOrder, true
	}
	own, _ := m.own.orders.use(o.columns)
	s := own.newest.Load()
	if s == nil {
		s = kept.committed(now, m.looked)
	}
	s = s.sort(o.columns, m.rows(table), 0, m.looked)
	own.newest.Store(s)
	return s.byOrder, true
}
