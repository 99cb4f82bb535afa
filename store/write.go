package store

import (
	"context"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Insert stores a new entity with version 1. It never overwrites: a key or unique value that is
// there is ErrExists. On success the entity has its version, its ReadAt, its created and updated
// times and, with store:"key,auto", its key, whose field must be zero before; times in it are cut
// to what the database keeps. On any error the entity is as it was.
func (r *Repository[T, K]) Insert(ctx context.Context, entity *T) error {
	c, record := r.entityCall("insert", entity, true)
	if r.repo.mapping.Spec.KeyAuto {
		c.key = nil
	}
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	return c.end(ctx, c.insert(ctx, []driver.Record{record}))
}

// InsertMany stores new entities, all or none, as Insert stores one. No entities is no error. A
// backend without transactions answers ErrUnsupported to more than one.
func (r *Repository[T, K]) InsertMany(ctx context.Context, entities []*T) error {
	c := r.call("insert many", nil, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	records := make([]driver.Record, len(entities))
	given := make(map[*T]bool, len(entities))
	for i, entity := range entities {
		if given[entity] {
			return c.end(ctx, invalidf("element %d is the same entity as an earlier one", i))
		}
		if entity != nil {
			given[entity] = true
			records[i] = driver.RecordOf(entity)
		}
	}
	if len(records) == 0 {
		return c.end(ctx, nil)
	}
	if len(records) > 1 && !c.db.info.Transactions {
		return c.end(ctx, explain(ErrUnsupported, "%s has no transactions", c.db.info.Server))
	}
	return c.end(ctx, c.insert(ctx, records))
}

func (c *call) insert(ctx context.Context, records []driver.Record) error {
	m := c.repo.mapping
	var u mapping.Undo
	before := make([]mapping.Identity, len(records))
	for i, record := range records {
		if err := c.prepareInsert(&u, record, i, len(records)); err != nil {
			u.Revert()
			return err
		}
		before[i] = m.IdentityOf(record)
	}
	at, err := c.enterWrite(ctx)
	if err != nil {
		u.Revert()
		return err
	}
	result, err := c.repo.collection.Insert(ctx, &driver.InsertParams{Tx: c.driverTx(), Records: records, Version: 1})
	if err != nil {
		u.Revert()
		return c.leave(ctx, err)
	}
	c.keep(&u)
	for i, record := range records {
		c.keepIdentity(record, before[i])
		version := int64(1)
		if m.Spec.VersionAuto {
			version = result.Versions[i]
		}
		if m.Spec.KeyAuto {
			m.SetKey(record, result.Keys[i])
		}
		m.Stamp(record, version, at)
		c.wrote(m.KeyOf(record), version)
	}
	return c.leave(ctx, nil)
}

func (c *call) prepareInsert(u *mapping.Undo, record driver.Record, i, n int) error {
	m := c.repo.mapping
	switch {
	case record.IsZero() && n == 1:
		return invalidf("the entity is nil")
	case record.IsZero():
		return invalidf("element %d is nil", i)
	case !m.Spec.KeyAuto:
		if err := m.CheckKey(m.KeyOf(record)); err != nil {
			return invalid(err)
		}
	case !record.Field(&m.Spec.Key).IsZero():
		return invalidf("%s: the database makes the key, so it must be zero before Insert", m.Spec.Key.Name)
	}
	if err := m.Prepare(u, record, true); err != nil {
		return invalid(err)
	}
	return nil
}

// Save writes every mapped field of the entity if the stored version is still that of the copy,
// and adds 1 to it; what the entity does not map stays as it is. It always writes, since it holds
// no original to compare with. Another version is an ErrConflict that holds both versions, a
// missing row ErrNotFound: Save never creates. A copy that was never read is ErrInvalid. On any
// error the entity is as it was.
func (r *Repository[T, K]) Save(ctx context.Context, entity *T) error {
	return r.writeBack(ctx, "save", entity, true)
}

// Touch moves the version of the entity, and nothing else, if the stored version is still that of
// the copy. It is for a transaction that decides by an entity which it does not change: touched, it
// cannot have been changed by another. Its errors are those of Save; Validate is not run.
func (r *Repository[T, K]) Touch(ctx context.Context, entity *T) error {
	return r.writeBack(ctx, "touch", entity, false)
}

func (r *Repository[T, K]) writeBack(ctx context.Context, op string, entity *T, fields bool) error {
	c, record := r.entityCall(op, entity, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	return c.end(ctx, c.writeBack(ctx, record, fields))
}

func (c *call) writeBack(ctx context.Context, record driver.Record, fields bool) error {
	if record.IsZero() {
		return invalidf("the entity is nil")
	}
	m := c.repo.mapping
	if err := m.CheckKey(c.key); err != nil {
		return invalid(err)
	}
	if err := m.CheckRead(record); err != nil {
		return invalid(err)
	}
	var u mapping.Undo
	p := driver.UpdateParams{Key: c.key, Record: record, Expect: m.Version(record)}
	if fields {
		if err := m.Prepare(&u, record, false); err != nil {
			return invalid(err)
		}
	} else {
		p.Fields = []int{}
	}
	err := c.update(ctx, &p, func(stored int64, at time.Time) {
		if c.tx != nil {
			c.keep(&u)
			c.keepIdentity(record, m.IdentityOf(record))
		}
		m.Stamp(record, stored, at)
	})
	if err != nil {
		u.Revert()
	}
	return err
}

// update writes a row back on a version that the caller holds, and calls applied when it was
// written. A refusal after which the expected version is found all the same is tried again.
func (c *call) update(ctx context.Context, p *driver.UpdateParams, applied func(stored int64, at time.Time)) error {
	p.Next = p.Expect + 1
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		at, err := c.enterWrite(ctx)
		if err != nil {
			return err
		}
		p.Tx = c.driverTx()
		result, err := c.repo.collection.Update(ctx, p)
		if err == nil && result.Outcome == driver.Applied {
			applied(result.Stored, at)
		}
		return c.settle(ctx, p.Expect, result, err)
	})
}

// settle gives the result of an Update or Delete on a version that the caller holds its meaning,
// and leaves. An *again means that the write was refused although the expected version is stored.
func (c *call) settle(ctx context.Context, expect int64, result driver.WriteResult, err error) error {
	switch {
	case err != nil && result.Outcome == driver.NotApplied:
		return c.leave(ctx, &notApplied{err})
	case err != nil:
		return c.leave(ctx, err)
	case result.Outcome == driver.Applied:
		c.wrote(c.key, result.Stored)
		return c.leave(ctx, nil)
	case result.Outcome == driver.Missing:
		_ = c.leave(ctx, nil)
		return ErrNotFound
	}
	conflict := c.errorOf(&ConflictError{Expected: expect, Actual: result.Stored})
	c.refuse(c.key, conflict, expect)
	_ = c.leave(ctx, nil)
	c.tellConflict(ctx, conflict)
	if result.Stored == expect {
		return &again{conflict}
	}
	return conflict
}

// Delete removes the entity if the stored version is still that of the copy. Its errors are those
// of Save.
func (r *Repository[T, K]) Delete(ctx context.Context, entity T) error {
	c, record := r.entityCall("delete", &entity, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := r.repo.mapping.CheckRead(record); err != nil {
		return c.end(ctx, invalid(err))
	}
	return c.end(ctx, c.delete(ctx, &driver.DeleteParams{Key: c.key, Expect: r.repo.mapping.Version(record)}))
}

// DeleteKey removes the entity with the key whatever its version, and so perhaps a state that the
// caller has never seen. A missing row is ErrNotFound.
func (r *Repository[T, K]) DeleteKey(ctx context.Context, key K) error {
	c := r.call("delete key", key, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	return c.end(ctx, c.delete(ctx, &driver.DeleteParams{Key: key, Any: true}))
}

func (c *call) delete(ctx context.Context, p *driver.DeleteParams) error {
	if err := c.repo.mapping.CheckKey(p.Key); err != nil {
		return invalid(err)
	}
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		if _, err := c.enterWrite(ctx); err != nil {
			return err
		}
		p.Tx = c.driverTx()
		result, err := c.repo.collection.Delete(ctx, p)
		return c.settle(ctx, p.Expect, result, err)
	})
}
