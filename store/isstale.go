package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// IsStale reports whether the stored version is another than that of the copy. It reads nothing
// but the version. A missing row is ErrNotFound, and a copy that was never read is ErrInvalid.
func (r *Repository[T, K]) IsStale(ctx context.Context, entity T) (bool, error) {
	c, record := r.entityCall("is stale", &entity, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return false, err
	}
	defer c.endUnreturned(ctx)
	stale, err := isStale(ctx, c, record)
	return stale, c.end(ctx, err)
}

// isStale reads the stored version and compares it with that of the copy.
func isStale(ctx context.Context, c *call, record driver.Record) (bool, error) {
	m := c.repo.mapping
	if err := m.CheckKey(c.key); err != nil {
		return false, invalid(err)
	}
	if err := m.CheckRead(record); err != nil {
		return false, invalid(err)
	}
	if _, err := c.enter(ctx); err != nil {
		return false, err
	}
	defer c.abandon()
	result, err := c.repo.collection.Version(ctx, &driver.VersionParams{Tx: c.driverTx(), Key: c.key})
	if err := c.leave(ctx, err); err != nil {
		return false, err
	}
	if !result.Found {
		return false, ErrNotFound
	}
	return result.Version != m.Version(record), nil
}
