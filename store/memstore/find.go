package memstore

import (
	"context"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// Find implements [driver.Collection].
func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	t, _, err := c.engine.start(ctx, Call{Op: "find", Table: c.spec.Table}, p.Tx, false)
	if err != nil {
		return driver.FindResult{}, err
	}
	var found [][]any
	if p.Keys != nil {
		found, err = c.findKeys(t, p.Keys)
	} else {
		found, err = c.findPage(t, p)
	}
	if err != nil {
		return driver.FindResult{}, err
	}
	result := driver.FindResult{}
	if p.Peek && len(found) > p.Limit {
		found, result.More = found[:p.Limit], true
	}
	result.Rows = len(found)
	for _, data := range found {
		if err := c.decode(p.Into(), data); err != nil {
			return driver.FindResult{}, err
		}
	}
	if len(found) > 0 && len(p.Order) > 0 {
		last := found[len(found)-1]
		for _, o := range p.Order {
			result.Last = append(result.Last, owned(at(last, c.positions[o.Field.Path])))
		}
	}
	return result, nil
}

// Count implements [driver.Collection].
func (c *collection) Count(ctx context.Context, p *driver.CountParams) (int64, error) {
	t, _, err := c.engine.start(ctx, Call{Op: "count", Table: c.spec.Table}, p.Tx, false)
	if err != nil {
		return 0, err
	}
	var n int64
	err = c.scan(t, p.Filter, func([]any) { n++ })
	return n, err
}

func (c *collection) findKeys(t *transaction, keys []any) ([][]any, error) {
	encoded := make([]string, len(keys))
	for i, key := range keys {
		k, err := c.appendKey(nil, key)
		if err != nil {
			return nil, err
		}
		encoded[i] = string(k)
	}
	if err := c.engine.startRead(t); err != nil {
		return nil, err
	}
	defer c.engine.mu.RUnlock()
	found := make([][]any, 0, len(keys))
	for _, key := range encoded {
		if data := c.table.rows[key].visible(t); data != nil {
			found = append(found, data)
		}
	}
	return found, nil
}

func (c *collection) findPage(t *transaction, p *driver.FindParams) ([][]any, error) {
	order := make([]sortColumn, len(p.Order))
	for i, o := range p.Order {
		position, ok := c.positions[o.Field.Path]
		if !ok {
			return nil, &failure{text: "no column " + o.Field.Path}
		}
		order[i] = sortColumn{position, o.Field.Kind, o.Desc}
	}
	limit := max(p.Limit, 1)
	if p.Peek {
		limit++
	}
	page := firstRows{order: order, limit: limit}
	if err := c.scan(t, p.Filter, page.add); err != nil {
		return nil, err
	}
	return page.rows(), nil
}

// scan calls visit with each row that t sees and the filter selects, all as of one moment and in no
// order.
func (c *collection) scan(t *transaction, filter *driver.Filter, visit func(data []any)) error {
	e := c.engine
	native := hasNative(filter)
	var names []string // of the columns, for a native condition; set below, with the rows
	selects, err := c.compileFilter(filter, &names)
	if err != nil {
		return err
	}
	key, pinned := c.pinnedKey(filter)
	if err := e.startRead(t); err != nil {
		return err
	}
	var candidates [][]any // of a native condition, which must not run under the lock
	each := func(data []any) {
		switch {
		case data == nil:
		case native:
			candidates = append(candidates, data)
		case selects(data):
			visit(data)
		}
	}
	if pinned {
		each(c.table.rows[key].visible(t))
	} else {
		for _, r := range c.table.rows {
			each(r.visible(t))
		}
	}
	if native {
		names = c.table.names()
	}
	e.mu.RUnlock()
	for _, data := range candidates {
		if selects(data) {
			visit(data)
		}
	}
	return nil
}

// sortColumn is one column of an order.
type sortColumn struct {
	position int
	kind     driver.Kind
	desc     bool
}

// firstRows keeps the first rows of an order among those that are added.
type firstRows struct {
	order []sortColumn
	limit int
	kept  [][]any
	full  bool // kept[limit-1] is the last row that can be in the result
}

// add takes a row that may be among the first.
func (f *firstRows) add(data []any) {
	if f.full && f.compare(data, f.kept[f.limit-1]) >= 0 {
		return
	}
	f.kept = append(f.kept, data)
	if len(f.kept)-f.limit >= max(f.limit, 64) {
		f.cut()
	}
}

// rows returns the first rows in order.
func (f *firstRows) rows() [][]any {
	f.cut()
	return f.kept
}

func (f *firstRows) cut() {
	slices.SortFunc(f.kept, f.compare)
	if len(f.kept) >= f.limit {
		clear(f.kept[f.limit:])
		f.kept, f.full = f.kept[:f.limit], true
	}
}

func (f *firstRows) compare(a, b []any) int {
	for _, column := range f.order {
		order := compare(column.kind, at(a, column.position), at(b, column.position))
		if order == 0 {
			continue
		}
		if column.desc {
			return -order
		}
		return order
	}
	return 0
}
