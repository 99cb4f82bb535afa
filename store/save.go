package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Save writes every mapped field of the entity if the stored version is still that of the copy,
// and adds 1 to it; what the entity does not map stays as it is. It always writes, since it holds
// no original to compare with, unless RepositoryOptions.SkipUnchanged says otherwise. Another version
// is an ErrConflict that holds both versions, a missing row ErrNotFound: Save never creates. A copy
// that was never read is ErrInvalid. On any error the entity is as it was.
func (r *Repository[T, K]) Save(ctx context.Context, entity *T) error {
	c, record := r.entityCall("save", entity, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, save(ctx, c, record))
}

// save writes a copy back, or only looks at the version where the copy is known to be what is stored.
func save(ctx context.Context, c *call, record driver.Record) error {
	if err := checkCopy(c, record); err != nil {
		return err
	}
	m := c.repo.mapping
	var u mapping.Undo
	defer u.Revert()
	restoreUpdated := m.KeepUpdated(record)
	if err := m.Prepare(&u, record, false); err != nil {
		return invalid(err)
	}
	if c.tx == nil && m.IsUnchanged(record) {
		err := confirm(ctx, c, record)
		if err == nil { // what Prepare has made of the other fields is what is stored
			u.Forget()
			restoreUpdated()
		}
		return err
	}
	return writeBack(ctx, c, record, nil, &u)
}

// confirm is Save of a copy that is as it was read (RepositoryOptions.SkipUnchanged): it looks at the stored version
// and writes nothing. In a Tx Save writes even so, since what the Tx decides may rest on the copy: two that each look
// at what the other changes would otherwise both commit.
func confirm(ctx context.Context, c *call, record driver.Record) error {
	m := c.repo.mapping
	expect := m.Version(record)
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		at, err := c.enter(ctx)
		if err != nil {
			return err
		}
		defer c.abandon()
		result, err := c.repo.collection.Version(ctx, &driver.VersionParams{Key: c.key})
		if err := c.leave(ctx, err); err != nil {
			return againOutsideTx(ctx, c, err)
		}
		switch {
		case !result.Found:
			return ErrNotFound
		case result.Version != expect:
			err := c.errorOf(&ConflictError{Expected: expect, Actual: result.Version})
			c.tellConflict(ctx, err)
			return err
		}
		m.StampReadAt(record, at)
		return nil
	})
}

// checkCopy returns why a copy cannot be written back, for Save and Touch: nothing was sent then.
func checkCopy(c *call, record driver.Record) error {
	if record.IsZero() {
		return invalidf("the entity is nil")
	}
	if err := c.repo.mapping.CheckKey(c.key); err != nil {
		return invalid(err)
	}
	if err := c.repo.mapping.CheckRead(record); err != nil {
		return invalid(err)
	}
	return nil
}

// writeBack writes fields of the caller's copy on its own version, for Save and Touch: nil is all
// fields, and none is the version alone. u holds what was changed in the entity before; it is kept
// for the end of the Tx when the write was applied, and else is left for the caller to revert.
//
// A write that found another version, whereupon the look that followed found the expected one, is
// tried again: another transaction stood in between and was rolled back.
func writeBack(ctx context.Context, c *call, record driver.Record, fields []int, u *mapping.Undo) error {
	m := c.repo.mapping
	expect := m.Version(record)
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		at, err := c.enterWrite(ctx)
		if err != nil {
			return err
		}
		defer c.abandon()
		into := m.ForGenerated()
		result, err := c.repo.collection.Update(ctx, &driver.UpdateParams{
			Tx: c.driverTx(), Key: c.key, Record: record, Fields: fields, Expect: expect, Next: expect + 1, Into: into,
		})
		if err == nil && result.Outcome == driver.Applied {
			m.TakeGenerated(u, record, into)
			c.keep(u)
			if c.tx != nil {
				c.keepIdentity(record, m.IdentityOf(record))
			}
			if fields != nil && len(fields) == 0 { // what else the caller has changed is not stored
				m.StampVersion(record, result.Stored, at)
			} else {
				m.Stamp(record, result.Stored, at)
			}
		}
		return callersCopy.conclude(ctx, c, expect, result, err)
	})
}
