package memstore

import (
	"iter"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// candidates returns rows among which are all that a query selects, by the shortest way that there is.
func (c *collection) candidates(m moment, p *driver.FindParams) (
	rows iter.Seq2[string, *row], inOrder bool, err error,
) {
	leaves := c.leavesOf(nil, p.Filter)
	if key, ok := c.fixedKey(leaves); ok {
		return one(rowAt(m, c.table.number, key)), true, nil
	}
	if key, ok := c.fixedUnique(m, leaves); ok {
		return one(rowAt(m, c.table.number, key)), true, nil
	}
	o, err := c.orderOf(p.Order)
	if err != nil {
		return nil, false, err
	}
	if len(p.Order) == 0 { // that of the key does as well as any
		o = c.keyOrder()
	}
	way := c.pathOf(o, leaves)
	if p.After != nil {
		if len(p.After) != len(p.Order) {
			return nil, false, &failure{text: "FindParams.After is not of the order"}
		}
		way.startBehind(c, p.Order, p.After, leaves)
	}
	if c.isByKey(way.columns) {
		return m.rows(c.table.number).between(way.low, way.high, way.backwards), true, nil
	}
	if way.isTotal {
		if sorted, ok := m.sorted(c.table.number, &c.table.orders, &way.order, p.After == nil); ok {
			return sorted.between(way.low, way.high, way.backwards), true, nil
		}
	}
	way = path{order: c.keyOrder()}
	way.bound(leaves)
	return m.rows(c.table.number).between(way.low, way.high, false), false, nil
}

// one goes over one row, or none where it is nil.
func one(r *row) iter.Seq2[string, *row] {
	return func(yield func(string, *row) bool) {
		if r != nil {
			yield(r.key, r)
		}
	}
}

// fixedKey returns the key of the only row that a query can select.
func (c *collection) fixedKey(leaves []leaf) (key string, ok bool) {
	var encoded []byte
	for _, column := range c.key {
		value := fixed(leaves, column.position)
		if value == nil {
			return "", false
		}
		encoded = appendValue(encoded, column.field.Kind, value)
	}
	return string(encoded), true
}

// fixedUnique returns the key of the only row that a query can select, empty for none, where that follows
// from a unique index.
func (c *collection) fixedUnique(m moment, leaves []leaf) (key string, ok bool) {
	if m.changes(c.table.number) != nil {
		return "", false // it may hold other values than the committed index says
	}
	for _, u := range m.committed.table(c.table.number).unique {
		var encoded []byte
		for i, position := range u.columns {
			value := fixed(leaves, position)
			if value == nil || c.kinds[position] != u.kinds[i] {
				break
			}
			encoded = appendValue(encoded, u.kinds[i], value)
			if i == len(u.columns)-1 {
				return get(u.holders, encoded), true
			}
		}
	}
	return "", false
}

// orderOf is the order of a query by column positions, cut after the last column of the key: what comes
// behind that cannot tell two rows apart.
func (c *collection) orderOf(by []driver.Order) (order, error) {
	o := order{backwards: len(by) > 0 && by[0].Desc}
	missing := len(c.key)
	for i := 0; i < len(by) && missing > 0; i++ {
		position, ok := c.positions[by[i].Field.Path]
		if !ok {
			return o, &failure{text: "no column " + by[i].Field.Path}
		}
		o.columns = append(o.columns, sortColumn{position, by[i].Field.Kind, by[i].Desc != o.backwards})
		if slices.ContainsFunc(c.key, func(k keyColumn) bool { return k.position == position }) {
			missing--
		}
	}
	o.isTotal = missing == 0
	return o, nil
}

func (c *collection) keyOrder() order {
	o := order{isTotal: true}
	for _, k := range c.key {
		o.columns = append(o.columns, sortColumn{position: k.position, kind: k.field.Kind})
	}
	return o
}

// isByKey reports whether columns are the order in which a table holds its rows.
func (c *collection) isByKey(columns []sortColumn) bool {
	return slices.EqualFunc(columns, c.key, func(s sortColumn, k keyColumn) bool {
		return s.position == k.position && !s.desc
	})
}

// leavesOf appends the comparisons that a filter requires.
func (c *collection) leavesOf(leaves []leaf, f *driver.Filter) []leaf {
	switch {
	case f == nil:
	case f.Op == driver.And:
		for _, sub := range f.Sub {
			leaves = c.leavesOf(leaves, sub)
		}
	case f.Field != nil && isSingle(f): // the rows are not kept in the order of the rounded numbers
	case f.Op >= driver.Eq && f.Op <= driver.Ge && f.Op != driver.Ne, f.Op == driver.Prefix:
		value, err := operand(f)
		if position, ok := c.positions[f.Field.Path]; ok && err == nil && value != nil {
			leaves = append(leaves, leaf{position, f.Op, value})
		}
	}
	return leaves
}

// pathOf returns the path of a query whose filter requires the leaves. Where they fix all columns of an
// index that is in the mapping, it leads through that index, in which these rows stand together and in
// the order of the query.
func (c *collection) pathOf(o order, leaves []leaf) path {
	p := path{order: o}
	for i := range c.spec.Indexes {
		index := c.indexColumns(&c.spec.Indexes[i])
		if slices.ContainsFunc(index, func(s sortColumn) bool { return fixed(leaves, s.position) == nil }) {
			continue
		}
		for _, column := range o.columns {
			if !slices.ContainsFunc(index, func(s sortColumn) bool { return s.position == column.position }) {
				index = append(index, column)
			}
		}
		p.columns = index
		break
	}
	p.bound(leaves)
	return p
}

func (c *collection) indexColumns(index *driver.Index) []sortColumn {
	columns := make([]sortColumn, len(index.Fields))
	for i, f := range index.Fields {
		columns[i] = sortColumn{position: c.positions[f.Path], kind: f.Kind}
	}
	return columns
}

// startBehind makes the path start behind a row, whose values in the order of the query are after.
func (p *path) startBehind(c *collection, by []driver.Order, after []any, leaves []leaf) {
	last := string(p.appendTo(nil, func(i int) any {
		position := p.columns[i].position
		for j, o := range by {
			if c.positions[o.Field.Path] == position && j < len(after) {
				return after[j]
			}
		}
		return fixed(leaves, position)
	}))
	if p.backwards {
		p.high = lower(p.high, last)
	} else {
		p.low = max(p.low, last+"\x00") // the first key that is above
	}
}
