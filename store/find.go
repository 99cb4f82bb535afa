package store

import (
	"context"
	"iter"
	"math"

	"github.com/stillframe/stillframe/store/driver"
)

// Pages of Find grow until one answer carries what it should: then the trips between them cost next to nothing, and a
// page is still little memory.
const (
	pageGrowth    = 4       // how many times a page is as long as the one before it
	pageRows      = 100     // how many times RepositoryOptions.PageSize a page grows to at most
	pageRowsBlind = 10      // the same, where nobody knows how long the rows are
	pageBytes     = 1 << 20 // about how many bytes a page grows to
)

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
		defer c.endUnreturned(ctx)
		isStopped, err := findPages(ctx, c, q, yield)
		if err := c.end(ctx, err); err != nil && !isStopped {
			yield(none, err)
		}
	}
}

// findPages yields page after page, for Find. isStopped reports that the loop's body wants no more.
func findPages[T any](ctx context.Context, c *call, q Query, yield func(T, error) bool) (isStopped bool, err error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return false, err
	}
	filter, after, left := query.filter, query.from, query.limit
	for size := c.repo.options.PageSize; ; {
		n := size
		if left > 0 {
			n = min(n, left)
		}
		rows := rowsOf[T]{most: n}
		params := driver.FindParams{
			Filter: filter, Order: query.order, After: after, Limit: n, Peek: n != left, Into: rows.next,
		}
		result, err := readRows(ctx, c, &params, rows.each)
		if err != nil {
			return false, err
		}
		size = nextSize(size, c.repo.options.PageSize, result)
		c.inBody(true)
		for entity := range rows.all {
			if !yield(*entity, nil) {
				return true, nil
			}
		}
		c.inBody(false)
		if !result.More {
			return false, nil
		}
		left -= min(n, left)
		filter, after = behind(query.filter, query.order, result.Last), result.Last
	}
}

// nextSize is the size of the page after one of a size, which the result is of, where that of the first page was
// first. No page is shorter than the first.
func nextSize(size, first int, page driver.FindResult) int {
	most := product(first, pageRowsBlind)
	if page.Bytes > 0 && page.Rows > 0 {
		most = min(product(first, pageRows), int(int64(pageBytes)*int64(page.Rows)/int64(page.Bytes)))
	}
	return max(first, min(product(size, pageGrowth), most))
}

// product is a times b, or the largest int.
func product(a, b int) int {
	if a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
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
