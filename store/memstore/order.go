package memstore

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stillframe/stillframe/store/driver"
)

// mostOrders is the most orders that a table keeps sorted, one of them costing a key and a pointer a
// row. It takes more Finds than that, in as many orders and at once, until pages are sorted in vain.
const mostOrders = 8

// order is an order in which rows are read: that of some columns, perhaps backwards. The first column
// ascends, so that an order and its reverse are one, and the last completes the key, so that no two rows
// are equal.
type order struct {
	columns   []sortColumn
	backwards bool
	isTotal   bool // there is a last column, as there is in each order that package store asks for
}

// sortColumn is one column of an order.
type sortColumn struct {
	position int
	kind     driver.Kind
	desc     bool
}

// appendTo appends an encoding of values, as many as there are columns or fewer, that is ordered by its
// bytes as they are in the order.
func (o *order) appendTo(to []byte, values func(i int) any) []byte {
	for i, column := range o.columns {
		to = column.appendTo(to, values(i))
	}
	return to
}

func (s sortColumn) appendTo(to []byte, value any) []byte {
	start := len(to)
	to = appendValue(to, s.kind, value)
	if s.desc {
		turnOver(to[start:])
	}
	return to
}

// compare compares two rows.
func (o *order) compare(a, b *row) int {
	for _, column := range o.columns {
		result := compare(column.kind, at(a.data, column.position), at(b.data, column.position))
		if result != 0 {
			if column.desc != o.backwards {
				result = -result
			}
			return result
		}
	}
	return 0
}

// orders are the orders in which the rows of a table, or of a transaction that sees others than those
// that are committed, are kept sorted. They are made when an order is used again, and brought up to date
// when it is used: a write does nothing for them.
type orders struct {
	mu   sync.Mutex
	kept []*keptOrder // the last used at the end
}

// keptOrder is one order of some rows.
type keptOrder struct {
	columns []sortColumn
	mu      sync.Mutex // held while newest is made
	newest  atomic.Pointer[sorted]
}

// sorted are rows in an order. They never change.
type sorted struct {
	rows    tree[*row] // by key
	byOrder tree[*row]
	changes uint64 // tableState.changes, where the rows are committed
}

// use returns a kept order, which is new when it was not used of late.
func (o *orders) use(columns []sortColumn) (kept *keptOrder, isNew bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.kept, func(k *keptOrder) bool { return slices.Equal(k.columns, columns) })
	switch {
	case i >= 0:
		kept = o.kept[i]
		o.kept = slices.Delete(o.kept, i, i+1)
	case len(o.kept) == mostOrders:
		o.kept = slices.Delete(o.kept, 0, 1)
	}
	if kept == nil {
		kept, isNew = &keptOrder{columns: columns}, true
	}
	o.kept = append(o.kept, kept)
	return kept, isNew
}

// forget drops what is so old that to sort anew costs no more. Otherwise an order that nobody uses any
// more would keep a whole table that is long replaced.
func (o *orders) forget(now *tableState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, kept := range o.kept {
		if s := kept.newest.Load(); s != nil && now.changes-s.changes > uint64(now.rows.size) {
			kept.newest.Store(nil)
		}
	}
}

// sort returns rows in an order. s is what is known of the same order, for rows that may be others; nil
// is nothing.
func (s *sorted) sort(columns []sortColumn, rows tree[*row], changes uint64, looked *atomic.Int64) *sorted {
	if s == nil {
		s = &sorted{}
	}
	if s.rows.root == rows.root { // nothing is in the order but what is in the rows
		return s
	}
	o := order{columns: columns}
	key := func(r *row) string {
		var buffer [2 * keyBuffer]byte
		return string(o.appendTo(buffer[:0], func(i int) any { return at(r.data, columns[i].position) }))
	}
	next, edit := &sorted{rows: rows, byOrder: s.byOrder, changes: changes}, new(edit)
	steps := difference(s.rows, rows, func(_ string, old, current *row) {
		var from, to string
		if old != nil {
			from = key(old)
		}
		if current != nil {
			to = key(current)
		}
		if from != to && old != nil {
			next.byOrder = next.byOrder.delete(edit, from)
		}
		if current != nil {
			next.byOrder = next.byOrder.put(edit, to, current)
		}
	})
	looked.Add(int64(steps))
	return next
}

// committed returns the committed rows of a table in an order.
func (k *keptOrder) committed(now *tableState, looked *atomic.Int64) *sorted {
	if s := k.newest.Load(); s != nil && s.rows.root == now.rows.root {
		return s
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.newest.Load()
	next := s.sort(k.columns, now.rows, now.changes, looked)
	if s == nil || s.changes < now.changes { // else the reader sees an older moment than others have
		k.newest.Store(next)
	}
	return next
}

// firstRows keeps the first rows of an order among those that are added.
type firstRows struct {
	order  *order
	limit  int
	kept   []*row
	isFull bool // kept[limit-1] is the last row that can be in the result
	sorted bool // the rows came in the order
}

// add takes a row that may be among the first, and reports whether it wants more.
func (f *firstRows) add(r *row, inOrder bool) bool {
	if f.sorted = inOrder; inOrder {
		f.kept = append(f.kept, r)
		return len(f.kept) < f.limit
	}
	if f.isFull && f.order.compare(r, f.kept[f.limit-1]) >= 0 {
		return true
	}
	f.kept = append(f.kept, r)
	if len(f.kept)-f.limit >= max(f.limit, 64) {
		f.cut()
	}
	return true
}

// rows returns the first rows in order.
func (f *firstRows) rows() []*row {
	if !f.sorted {
		f.cut()
	}
	return f.kept
}

func (f *firstRows) cut() {
	slices.SortFunc(f.kept, f.order.compare)
	if len(f.kept) >= f.limit {
		clear(f.kept[f.limit:])
		f.kept, f.isFull = f.kept[:f.limit], true
	}
}
