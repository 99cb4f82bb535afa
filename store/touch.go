package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Touch moves the version of the entity, and nothing else, if the stored version is still that of
// the copy. It is for a transaction that decides by an entity which it does not change: touched, it
// cannot have been changed by another. Its errors are those of Save; Validate is not run.
func (r *Repository[T, K]) Touch(ctx context.Context, entity *T) error {
	c, record := r.entityCall("touch", entity, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, touch(ctx, c, record))
}

func touch(ctx context.Context, c *call, record driver.Record) error {
	if err := checkCopy(c, record); err != nil {
		return err
	}
	return writeBack(ctx, c, record, []int{}, &mapping.Undo{})
}
