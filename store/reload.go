package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Reload replaces every mapped field of the entity, in place, by what the database holds now; maps,
// slices and pointers are new, and fields that are not mapped stay. When it fails the entity is as
// it was: a missing row is ErrNotFound.
//
// In Atomic it is a current read: it sees the newest committed state and, where Info says
// LockingReads, keeps others from changing it until the Tx ends. On a backend whose Tx has one
// snapshot (Info.SnapshotTx) it compares with the state outside, and the function runs again on a
// newer snapshot when that has moved.
func (r *Repository[T, K]) Reload(ctx context.Context, entity *T) error {
	c, record := r.entityCall("reload", entity, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, reload(ctx, c, record, func() driver.Record { return driver.RecordOf(new(T)) }))
}

// reload reads the row into an entity of its own, which fresh makes, and copies that over record once
// it has been read: a decoding that fails midway changes nothing.
func reload(ctx context.Context, c *call, record driver.Record, fresh func() driver.Record) error {
	if record.IsZero() {
		return invalidf("the entity is nil")
	}
	m := c.repo.mapping
	current := fresh()
	return readRow(ctx, c, rowRead{into: current, isCurrent: true, found: func() {
		if c.tx != nil {
			before := fresh()
			m.CopyMapped(before, record)
			c.tx.undo.Add(func() { m.CopyMapped(record, before) })
		}
		m.CopyMapped(record, current)
	}})
}
