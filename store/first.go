package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// First returns the first entity that the query selects, ErrNotFound when there is none.
func (r *Repository[T, K]) First(ctx context.Context, q Query) (T, error) {
	c := r.call("first", nil, false)
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	defer c.endUnreturned(ctx)
	entity, err := first[T](ctx, c, q)
	if err := c.end(ctx, err); err != nil {
		return none, err
	}
	return *entity, nil
}

// first reads one row, as Find reads its first page.
func first[T any](ctx context.Context, c *call, q Query) (*T, error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return nil, err
	}
	rows := rowsOf[T]{most: 1}
	params := driver.FindParams{
		Filter: query.filter, Order: query.order, After: query.from, Limit: 1, Into: rows.next,
	}
	if _, err := readRows(ctx, c, &params, rows.each); err != nil {
		return nil, err
	}
	for entity := range rows.all {
		return entity, nil
	}
	return nil, ErrNotFound
}
