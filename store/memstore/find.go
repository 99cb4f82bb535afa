package memstore

import (
	"context"
	"math"

	"github.com/stillframe/stillframe/store/driver"
)

// Find implements [driver.Collection].
func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	t, _, err := c.start(ctx, Call{Op: "find", Table: c.spec.Table}, p.Tx, false)
	if err != nil {
		return driver.FindResult{}, err
	}
	m, err := c.engine.look(t)
	if err != nil {
		return driver.FindResult{}, err
	}
	var found []*row
	if p.Keys != nil {
		found, err = c.findKeys(m, p.Keys)
	} else {
		found, err = c.findPage(m, p)
	}
	if err != nil {
		return driver.FindResult{}, err
	}
	result := driver.FindResult{}
	if p.Peek && len(found) > p.Limit {
		found, result.More = found[:p.Limit], true
	}
	result.Rows = len(found)
	for _, r := range found {
		if err := c.decode(p.Into(), r.data); err != nil {
			return driver.FindResult{}, err
		}
	}
	if len(found) > 0 && len(p.Order) > 0 {
		last := found[len(found)-1]
		for _, o := range p.Order {
			result.Last = append(result.Last, owned(at(last.data, c.positions[o.Field.Path])))
		}
	}
	return result, nil
}

// Count implements [driver.Collection].
func (c *collection) Count(ctx context.Context, p *driver.CountParams) (int64, error) {
	t, _, err := c.start(ctx, Call{Op: "count", Table: c.spec.Table}, p.Tx, false)
	if err != nil {
		return 0, err
	}
	m, err := c.engine.look(t)
	if err != nil {
		return 0, err
	}
	if p.Filter == nil {
		return int64(m.rows(c.table.number).size), nil
	}
	var n int64
	err = c.scan(m, &driver.FindParams{Filter: p.Filter}, func(*row, bool) bool { n++; return true })
	return n, err
}

func (c *collection) findKeys(m moment, keys []any) ([]*row, error) {
	found := make([]*row, 0, len(keys))
	for _, key := range keys {
		var buffer [keyBuffer]byte
		encoded, err := c.appendKey(buffer[:0], key)
		if err != nil {
			return nil, err
		}
		if r := rowAt(m, c.table.number, encoded); r != nil {
			found = append(found, r)
		}
	}
	return found, nil
}

// findPage returns the rows of a page, and one more where FindParams.Peek asks whether there is one.
func (c *collection) findPage(m moment, p *driver.FindParams) ([]*row, error) {
	o, err := c.orderOf(p.Order)
	if err != nil {
		return nil, err
	}
	page := firstRows{order: &o, limit: max(p.Limit, 1)}
	if p.Peek && page.limit < math.MaxInt {
		page.limit++
	}
	if err := c.scan(m, p, page.add); err != nil {
		return nil, err
	}
	return page.rows(), nil
}

// scan calls visit with the rows that the filter selects, until it returns false. inOrder says that the
// rows come in the order of the query; otherwise they come in any.
func (c *collection) scan(m moment, p *driver.FindParams, visit func(r *row, inOrder bool) bool) error {
	rows, inOrder, err := c.candidates(m, p)
	if err != nil {
		return err
	}
	// The names are asked for when the rows are known, so that they are those of all columns.
	var names []string
	if hasNative(p.Filter) {
		names = c.engine.names(c.table)
	}
	selects, err := compileFilter(p.Filter, c.positions, names)
	if err != nil {
		return err
	}
	looked := int64(0)
	defer func() { c.engine.looked.Add(looked) }()
	for _, r := range rows {
		looked++
		if selects(r.data) && !visit(r, inOrder) {
			break
		}
	}
	return nil
}
