package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Get reads the entity with the key. It returns a new copy, which says its version and when it was
// read. Outside a Tx it sees every write that was acknowledged before the call. A missing entity is
// ErrNotFound; so is one that the server took for the same key but whose key differs, as it does
// under a collation that folds case.
func (r *Repository[T, K]) Get(ctx context.Context, key K) (T, error) {
	c := r.call("get", key, false)
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	defer c.endUnreturned(ctx)
	entity := new(T)
	if err := c.end(ctx, readRow(ctx, c, rowRead{into: driver.RecordOf(entity)})); err != nil {
		return none, err
	}
	return *entity, nil
}
