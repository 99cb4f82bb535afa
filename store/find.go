package store

import (
	"context"
	"iter"

	"github.com/stillframe/stillframe/store/driver"
)

// pageGrowth is how many times RepositoryOptions.PageSize the pages of Find grow to.
const pageGrowth = 10

// Find returns the entities that the query selects, in its order, which always ends in the key.
//
// It reads whole pages and holds no connection, cursor or lock while the loop's body runs, so the
// body may use the same repository and the same Tx. Outside a View each page is of its own moment.
// An error ends the loop: it comes with the zero T, once. Nothing is read before the loop starts,
// and each loop over the result reads again.
func (r *Repository[T, K]) Find(ctx context.Context, q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		c := r.call("find", nil, false)
		var none T
		ctx, err := c.start(ctx)
		if err != nil {
			yield(none, err)
			return
		}
		ended := false
		end := func(err error) error {
			ended = true
			return c.end(ctx, err)
		}
		defer func() {
			if !ended { // the body broke out of the loop, or panicked
				_ = end(nil)
			}
		}()
		if stopped, err := findPages(ctx, c, q, yield); !stopped {
			if err := end(err); err != nil {
				yield(none, err)
			}
		}
	}
}

// findPages yields page after page. stopped reports that the loop's body wants no more.
func findPages[T any](ctx context.Context, c *call, q Query, yield func(T, error) bool) (stopped bool, err error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return false, err
	}
	filter, left := query.filter, query.limit
	for size := c.repo.options.PageSize; ; size = min(2*size, pageGrowth*c.repo.options.PageSize) {
		n := size
		if left > 0 {
			n = min(n, left)
		}
		rows := rowsOf[T]{most: n}
		params := driver.FindParams{Filter: filter, Order: query.order, Limit: n, Peek: n != left, Into: rows.next}
		result, err := c.find(ctx, &params, rows.each)
		if err != nil {
			return false, err
		}
		for entity := range rows.all {
			if !yield(*entity, nil) {
				return true, nil
			}
		}
		if !result.More {
			return false, nil
		}
		left -= min(n, left)
		last, err := query.decodeLast(result.Last)
		if err != nil {
			return false, err
		}
		filter = query.after(last)
	}
}

// First returns the first entity that the query selects, ErrNotFound when there is none.
func (r *Repository[T, K]) First(ctx context.Context, q Query) (T, error) {
	c := r.call("first", nil, false)
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	entity, err := first[T](ctx, c, q)
	if err := c.end(ctx, err); err != nil {
		return none, err
	}
	return *entity, nil
}

func first[T any](ctx context.Context, c *call, q Query) (*T, error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return nil, err
	}
	rows := rowsOf[T]{most: 1}
	params := driver.FindParams{Filter: query.filter, Order: query.order, Limit: 1, Into: rows.next}
	if _, err := c.find(ctx, &params, rows.each); err != nil {
		return nil, err
	}
	for entity := range rows.all {
		return entity, nil
	}
	return nil, ErrNotFound
}

// Page returns one page of what the query selects: as many entities as its Limit says, else
// RepositoryOptions.PageSize. next is an opaque token for [Query.From] that continues behind the
// last entity, and is empty when nothing follows. Rows that others insert or delete meanwhile
// neither repeat nor hide others. The token holds the values that the query sorts by, encoded but
// not encrypted.
func (r *Repository[T, K]) Page(ctx context.Context, q Query) (items []T, next string, err error) {
	c := r.call("page", nil, false)
	ctx, err = c.start(ctx)
	if err != nil {
		return nil, "", err
	}
	items, next, err = page[T](ctx, c, q)
	if err := c.end(ctx, err); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

func page[T any](ctx context.Context, c *call, q Query) (items []T, next string, err error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return nil, "", err
	}
	n := query.limit
	if n == 0 {
		n = c.repo.options.PageSize
	}
	// The token names the query as it was before its own cursor narrowed it.
	plain, err := c.repo.compile(q.From(""))
	if err != nil {
		return nil, "", err
	}
	rows := rowsOf[T]{most: n}
	params := driver.FindParams{Filter: query.filter, Order: query.order, Limit: n, Peek: true, Into: rows.next}
	result, err := c.find(ctx, &params, rows.each)
	if err != nil {
		return nil, "", err
	}
	items = make([]T, 0, result.Rows)
	for entity := range rows.all {
		items = append(items, *entity)
	}
	if result.More {
		next, err = c.repo.encodeCursor(plain, result.Last)
	}
	return items, next, err
}

// Count counts the entities that Find would return.
func (r *Repository[T, K]) Count(ctx context.Context, q Query) (int64, error) {
	c := r.call("count", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return 0, err
	}
	n, err := c.count(ctx, q)
	return n, c.end(ctx, err)
}

func (c *call) count(ctx context.Context, q Query) (int64, error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return 0, err
	}
	if _, err := c.enter(ctx); err != nil {
		return 0, err
	}
	n, err := c.repo.collection.Count(ctx, &driver.CountParams{Tx: c.driverTx(), Filter: query.filter})
	if err := c.leave(ctx, err); err != nil {
		return 0, err
	}
	if query.limit > 0 {
		n = min(n, int64(query.limit))
	}
	return n, nil
}

// Collect reads a sequence to its end into a slice. On an error it returns nil and the error.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for entity, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, entity)
	}
	return all, nil
}

// find reads one page, or the rows of some keys, and stamps what it read.
func (c *call) find(ctx context.Context, p *driver.FindParams, each func(func(driver.Record))) (driver.FindResult, error) {
	at, err := c.enter(ctx)
	if err != nil {
		return driver.FindResult{}, err
	}
	p.Tx = c.driverTx()
	result, err := c.repo.collection.Find(ctx, p)
	if err == nil {
		m := c.repo.mapping
		each(func(r driver.Record) {
			m.StampReadAt(r, at)
			if c.tx != nil && !c.tx.isView {
				c.saw(m.KeyOf(r), m.Version(r))
			}
		})
	}
	return result, c.leave(ctx, err)
}

// decodeLast brings the stored values of the order's fields to their base types.
func (c *compiled) decodeLast(last []any) ([]any, error) {
	values := make([]any, len(last))
	for i, value := range last {
		if value == nil {
			continue
		}
		var err error
		if values[i], err = c.order[i].Field.DecodeBase(value); err != nil {
			return nil, invalid(err)
		}
	}
	return values, nil
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
