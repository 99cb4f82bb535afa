package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// Find implements [driver.Collection]. More keys than one statement can carry are read by several.
func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	page := pageReader{c: c, p: p}
	page.prepare()
	if p.Keys == nil {
		if err := c.findBy(ctx, &page, func(b *builder) error { return c.wherePage(b, p) }); err != nil {
			return driver.FindResult{}, err
		}
		return page.finish()
	}
	for chunk := range slices.Chunk(p.Keys, c.mostKeys()) {
		if err := c.findBy(ctx, &page, func(b *builder) error { return c.whereKeys(b, chunk) }); err != nil {
			return driver.FindResult{}, err
		}
	}
	return page.finish()
}

// mostKeys is the most keys of one statement, a power of two as the lists are.
func (c *collection) mostKeys() int {
	return 1 << (bits.Len(uint(max(1, c.facts.Limits.Params/len(c.keys())))) - 1)
}

// findBy runs one statement of Find, whose condition where writes.
func (c *collection) findBy(ctx context.Context, page *pageReader, where func(b *builder) error) error {
	b := builder{dialect: c.dialect}
	b.add("SELECT ", c.list, " FROM ", c.table)
	if err := where(&b); err != nil {
		return err
	}
	return c.runBuilt(ctx, page.p.Tx, &b, page.row)
}

// whereKeys selects the rows with some keys, for GetMany: by IN where the key is one column, else part by
// part, since not every server knows lists of rows or uses an index for them. It must bind each value as
// whereKey does, or a row that Get finds would be missing here.
func (c *collection) whereKeys(b *builder, keys []any) error {
	part := func(key any, i int) error {
		k := &c.columns[i]
		if c.isPlainKey(key) {
			return b.compare(k, key)
		}
		value, err := k.field.Encode(c.spec.KeyValues(key)[i])
		if err != nil {
			return err
		}
		return b.compare(k, value)
	}
	if len(c.keys()) == 1 && !c.columns[0].hasEqual {
		b.add(" WHERE ", c.columns[0].name, " IN (")
		err := b.list(len(keys), func(i int) error { return part(keys[i], 0) })
		b.add(")")
		return err
	}
	b.add(" WHERE ")
	for n := range padded(len(keys)) {
		if n > 0 {
			b.add(" OR ")
		}
		key := keys[min(n, len(keys)-1)]
		for i := range c.keys() {
			b.add([]string{" AND ", "("}[btoi(i == 0)], c.columns[i].name, " = ")
			if err := part(key, i); err != nil {
				return err
			}
		}
		b.add(")")
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wherePage selects one page for Find, and one row more where it must be known whether there is one. The
// order is total, which package store sees to, so that the next page goes on where this one ends.
func (c *collection) wherePage(b *builder, p *driver.FindParams) error {
	if err := b.where(c, p.Filter); err != nil {
		return err
	}
	for i, o := range p.Order {
		at, ok := c.position[o.Field.Path]
		if !ok {
			return fmt.Errorf("sqldb: %s has no column %s", c.spec.Table, o.Field.Path)
		}
		b.add([]string{", ", " ORDER BY "}[btoi(i == 0)], c.columns[at].name)
		if o.Desc {
			b.add(" DESC")
		}
	}
	b.count++
	b.add(c.facts.Texts.PageStart, c.dialect.Param(b.count, nil), c.facts.Texts.PageEnd)
	most := int64(p.Limit)
	if p.Peek && most < math.MaxInt64 {
		most++
	}
	limit, err := c.dialect.Arg(nil, most)
	b.args.add(limit)
	return err
}

// pageReader decodes the rows of a page, and remembers of the last one what the next page starts from.
type pageReader struct {
	c      *collection
	p      *driver.FindParams
	order  []int         // the columns of p.Order
	nulls  []bool        // whether those of the last row were NULL
	last   driver.Record // the last row
	result driver.FindResult
}

func (r *pageReader) prepare() {
	for _, o := range r.p.Order {
		r.order = append(r.order, r.c.position[o.Field.Path])
	}
	r.nulls = make([]bool, len(r.order))
}

// row decodes one row; findBy gives it to the client's reader. The row beyond the limit, which was asked for
// to know whether there is one, is not decoded.
func (r *pageReader) row(row []sqldriver.Value) error {
	if r.p.Keys == nil && r.result.Rows == r.p.Limit {
		r.result.More = true
		return nil
	}
	r.last = r.p.Into()
	if err := r.c.scan(r.last, row); err != nil {
		return err
	}
	r.result.Rows++
	for i, at := range r.order {
		r.nulls[i] = row[at] == nil
	}
	return nil
}

// finish returns the result, with the values from which the next page starts. They are those of the decoded
// row, encoded again as a filter would compare them. Only a NULL is remembered from the row itself, since a
// Go type that holds none has made a zero value of it, and the next page would start somewhere else.
func (r *pageReader) finish() (driver.FindResult, error) {
	if r.result.Rows == 0 || len(r.order) == 0 {
		return r.result, nil
	}
	r.result.Last = make([]any, len(r.order))
	for i, at := range r.order {
		if r.nulls[i] {
			continue
		}
		f := r.c.columns[at].field
		value, err := f.Encode(r.last.Field(f))
		if err != nil {
			return driver.FindResult{}, err
		}
		r.result.Last[i] = value
	}
	return r.result, nil
}
