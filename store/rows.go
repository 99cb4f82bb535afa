package store

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// readRows is the request that reads one page, or the rows of some keys, for Find, First, Page and
// GetMany. It stamps each row with the moment of the request; each goes over the rows that p.Into has
// given out.
func readRows(
	ctx context.Context, c *call, p *driver.FindParams, each func(func(driver.Record)),
) (driver.FindResult, error) {
	at, err := c.enter(ctx)
	if err != nil {
		return driver.FindResult{}, err
	}
	defer c.abandon()
	p.Tx = c.driverTx()
	result, err := c.repo.collection.Find(ctx, p)
	if err == nil {
		m := c.repo.mapping
		each(func(r driver.Record) {
			m.StampReadAt(r, at)
			c.rows++
			if c.tx != nil && !c.tx.isView {
				c.saw(m.KeyOf(r), m.Version(r))
			}
		})
	}
	if err = c.leave(ctx, err); err != nil {
		c.nameRow(err, each)
	}
	return result, err
}

// nameRow gives an error of a stored value that does not fit its field the key of the row, the last that was begun:
// without it nobody knows which of the rows it is that stops every Find.
func (c *call) nameRow(err error, each func(func(driver.Record))) {
	e, ok := err.(*Error)
	if !ok {
		return
	}
	value, ok := errors.AsType[*driver.ValueError](e.cause)
	if !ok {
		return
	}
	m := c.repo.mapping
	for _, f := range append(m.Spec.KeyFields(), m.Spec.Version) {
		if f.Name == value.Field {
			return // the key itself has not been read
		}
	}
	each(func(r driver.Record) { e.Key = m.KeyText(m.KeyOf(r)) })
}

// rowsOf collects rows in blocks, so that a row stays where it is and a block serves many.
type rowsOf[T any] struct {
	most   int // the most rows there can be
	count  int
	blocks [][]T
}

// firstBlock is the number of rows in the first block; each block after it doubles.
const firstBlock = 16

// next returns a zero row.
func (r *rowsOf[T]) next() driver.Record {
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == cap(r.blocks[last]) {
		size := min(firstBlock<<min(len(r.blocks), 10), max(1, r.most-r.count))
		r.blocks = append(r.blocks, make([]T, 0, size))
		last++
	}
	var zero T
	r.blocks[last] = append(r.blocks[last], zero)
	r.count++
	block := r.blocks[last]
	return driver.RecordOf(&block[len(block)-1])
}

// all goes over the rows in the order of their reading.
func (r *rowsOf[T]) all(yield func(*T) bool) {
	for _, block := range r.blocks {
		for i := range block {
			if !yield(&block[i]) {
				return
			}
		}
	}
}

func (r *rowsOf[T]) each(do func(driver.Record)) {
	for entity := range r.all {
		do(driver.RecordOf(entity))
	}
}
