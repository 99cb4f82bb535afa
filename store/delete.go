package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Delete removes the entity if the stored version is still that of the copy. Its errors are those
// of Save.
func (r *Repository[T, K]) Delete(ctx context.Context, entity T) error {
	c, record := r.entityCall("delete", &entity, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	if err := r.repo.mapping.CheckRead(record); err != nil {
		return c.end(ctx, invalid(err))
	}
	return c.end(ctx, remove(ctx, c, &driver.DeleteParams{Key: c.key, Expect: r.repo.mapping.Version(record)}))
}

// DeleteKey removes the entity with the key whatever its version, and so perhaps a state that the
// caller has never seen. A missing row is ErrNotFound.
func (r *Repository[T, K]) DeleteKey(ctx context.Context, key K) error {
	c := r.call("delete key", key, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, remove(ctx, c, &driver.DeleteParams{Key: key, Any: true}))
}

// remove deletes one row, for Delete and DeleteKey. Like writeBack it tries again when the row had
// another version and now has the expected one after all.
func remove(ctx context.Context, c *call, p *driver.DeleteParams) error {
	if err := c.repo.mapping.CheckKey(p.Key); err != nil {
		return invalid(err)
	}
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		if _, err := c.enterWrite(ctx); err != nil {
			return err
		}
		defer c.abandon()
		p.Tx = c.driverTx()
		result, err := c.repo.collection.Delete(ctx, p)
		if result.Outcome == driver.Applied {
			result.Stored = gone
		}
		return callersCopy.conclude(ctx, c, p.Expect, result, err)
	})
}
