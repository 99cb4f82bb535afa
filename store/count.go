package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Count counts the entities that Find would return.
func (r *Repository[T, K]) Count(ctx context.Context, q Query) (int64, error) {
	c := r.call("count", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return 0, err
	}
	defer c.endUnreturned(ctx)
	n, err := count(ctx, c, q)
	return n, c.end(ctx, err)
}

// count asks the backend for the number of rows. The query's limit is applied to that number.
func count(ctx context.Context, c *call, q Query) (int64, error) {
	query, err := c.repo.compile(q)
	if err != nil {
		return 0, err
	}
	if _, err := c.enter(ctx); err != nil {
		return 0, err
	}
	defer c.abandon()
	n, err := c.repo.collection.Count(ctx, &driver.CountParams{Tx: c.driverTx(), Filter: query.filter})
	if err := c.leave(ctx, err); err != nil {
		return 0, err
	}
	if query.limit > 0 {
		n = min(n, int64(query.limit))
	}
	return n, nil
}
