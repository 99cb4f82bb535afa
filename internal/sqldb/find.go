package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"slices"

	"github.com/stillframe/stillframe/store/driver"
)

// Find implements [driver.Collection]. More keys than one statement can carry are read by several.
func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	page := pageReader{c: c, p: p}
	page.prepare()
	if p.Keys == nil {
		err := c.untilShown(p.Filter, func() error {
			page.rewind()
			return c.findBy(ctx, &page, func(b *builder) error { return c.wherePage(b, p) })
		})
		if err != nil {
			return driver.FindResult{}, err
		}
		return page.finish(), nil
	}
	for chunk := range slices.Chunk(p.Keys, c.mostKeys()) {
		if err := c.findBy(ctx, &page, func(b *builder) error { return c.whereKeys(b, chunk) }); err != nil {
			return driver.FindResult{}, err
		}
	}
	return page.finish(), nil
}

// findBy runs one statement of Find, whose condition where writes.
func (c *collection) findBy(ctx context.Context, page *pageReader, where func(b *builder) error) error {
	b := builder{dialect: c.dialect}
	b.add("SELECT ", c.list)
	for _, column := range page.extra {
		b.add(", ", column)
	}
	b.add(" FROM ", c.table)
	if err := where(&b); err != nil {
		return err
	}
	return c.runBuilt(ctx, page.p.Tx, &b, page.header, page.row)
}

// wherePage selects one page for Find, and one row more where it must be known whether there is one. The
// order is total, which package store sees to, so that the next page goes on where this one ends.
func (c *collection) wherePage(b *builder, p *driver.FindParams) error {
	if err := b.where(c, p.Filter); err != nil {
		return err
	}
	hasText := false
	for _, o := range p.Order {
		at, ok := c.position[o.Field.Path]
		if !ok {
			return fmt.Errorf("sqldb: %s has no column %s", c.spec.Table, o.Field.Path)
		}
		hasText = hasText || c.isText(&c.columns[at])
	}
	c.orderBy(b, p.Order)
	b.count++
	b.add(c.facts.Texts.PageStart, c.dialect.Param(b.count, nil), c.facts.Texts.PageEnd)
	most := int64(p.Limit)
	if (p.Peek || hasText) && most < math.MaxInt64 { // of a text orderReader looks at the row behind the page too
		most++
	}
	limit, err := c.dialect.Arg(nil, most)
	b.args.add(limit)
	return err
}

// pageReader decodes the rows of a page, and has its orderReader remember of the last one what the next page starts
// from.
type pageReader struct {
	c       *collection
	p       *driver.FindParams
	order   *orderReader // nil without an order
	extra   []string     // columns that order reads beside those of the mapping
	records []driver.Record
	result  driver.FindResult
}

func (r *pageReader) prepare() {
	if len(r.p.Order) > 0 {
		r.order, r.extra = newOrderReader(r.c, r.p.Order)
	}
}

// rewind begins the page anew. The records that it has taken serve again.
func (r *pageReader) rewind() { r.result = driver.FindResult{} }

// header is called with each answer before its first row.
func (r *pageReader) header(rows sqldriver.Rows) error {
	if len(rows.Columns()) < len(r.c.columns)+len(r.extra) {
		return errShortRow
	}
	if err := r.c.showTypes(r.p.Filter, rows); err != nil || r.order == nil {
		return err
	}
	return r.order.header(rows)
}

// row decodes one row; findBy gives it to the client's reader. The row beyond the limit, which was asked for
// to know whether there is one, is not decoded.
func (r *pageReader) row(row []sqldriver.Value) error {
	if len(row) < len(r.c.columns)+len(r.extra) {
		return errShortRow
	}
	if r.order != nil {
		if err := r.order.check(row, r.result.Rows == 0); err != nil {
			return err
		}
	}
	if r.p.Keys == nil && r.result.Rows == r.p.Limit {
		r.result.More = r.p.Peek
		return nil
	}
	if err := r.c.scan(r.record(), row); err != nil {
		return err
	}
	r.result.Rows++
	for _, value := range row {
		r.result.Bytes += sizeOf(value)
	}
	if r.order != nil {
		r.order.keep(row)
	}
	return nil
}

// record is the record for the next row. Those of a page that may be read again are remembered.
func (r *pageReader) record() driver.Record {
	if r.result.Rows < len(r.records) {
		return r.records[r.result.Rows]
	}
	record := r.p.Into()
	if r.order != nil && r.order.hasText {
		r.records = append(r.records, record)
	}
	return record
}

// finish returns the result, with the values from which the next page starts.
func (r *pageReader) finish() driver.FindResult {
	if r.result.Rows > 0 && r.order != nil {
		r.result.Last = r.order.stored()
	}
	return r.result
}
