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

// GetConfirmed is Get by a read that cannot be taken back: what it shows is stored, whatever server is lost
// afterwards, and what it does not show was not there when it was sent. A Get may be answered by a primary of MongoDB
// that has lost an election without knowing it, and then shows an old state for a moment; here such a server has to ask
// the majority first, which costs about as much as a write. On every other backend it is Get. In a Tx it is ErrInvalid.
func (r *Repository[T, K]) GetConfirmed(ctx context.Context, key K) (T, error) {
	c := r.call("get confirmed", key, false)
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	defer c.endUnreturned(ctx)
	if c.tx != nil {
		return none, c.end(ctx, invalidf("a read in a transaction cannot be confirmed: the commit is what counts"))
	}
	entity := new(T)
	if err := c.end(ctx, readRow(ctx, c, rowRead{into: driver.RecordOf(entity), isConfirmed: true})); err != nil {
		return none, err
	}
	return *entity, nil
}
