package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Insert stores a new entity with version 1. It never overwrites: a key or unique value that is
// there is ErrExists. On success the entity has its version, its ReadAt, its created and updated
// times and, with store:"key,auto", its key, whose field must be zero before; times in it are cut
// to what the database keeps. A made key that does not fit that field is ErrInvalid, and no row stays.
// On any error the entity is as it was.
func (r *Repository[T, K]) Insert(ctx context.Context, entity *T) error {
	c, record := r.entityCall("insert", entity, true)
	if r.repo.mapping.Spec.KeyAuto {
		c.key = nil
	}
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	return c.end(ctx, insert(ctx, c, []driver.Record{record}))
}

// InsertMany stores new entities, all or none, as Insert stores one. No entities is no error. A
// backend without transactions answers ErrUnsupported to more than one.
func (r *Repository[T, K]) InsertMany(ctx context.Context, entities []*T) error {
	c := r.call("insert many", nil, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
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
	return c.end(ctx, insert(ctx, c, records))
}

// insert stores the entities of Insert, InsertMany and Upsert in one request. It prepares all of
// them before it sends anything, and gives each the key and version that the database made. Until
// the request has succeeded, and in a Tx until the commit has, what it changed in them can be put
// back: without that, a caller whose insert failed would hold entities that look stored.
func insert(ctx context.Context, c *call, records []driver.Record) error {
	m := c.repo.mapping
	var u mapping.Undo
	defer u.Revert()
	before := make([]mapping.Identity, len(records))
	for i, record := range records {
		if err := prepareInsert(m, &u, record, i, len(records)); err != nil {
			return err
		}
		before[i] = m.IdentityOf(record)
	}
	at, err := c.enterWrite(ctx)
	if err != nil {
		return err
	}
	defer c.abandon()
	p := driver.InsertParams{Tx: c.driverTx(), Records: records, Version: 1, Into: forGenerated(m, len(records))}
	result, err := c.repo.collection.Insert(ctx, &p)
	if err != nil {
		if err = c.leave(ctx, err); MayHaveHappened(err) && len(records) > 1 && !m.Spec.KeyAuto {
			for _, record := range records { // of a single one, the end of the call tells
				c.tellUnknown(m.KeyOf(record))
			}
		}
		return err
	}
	for i, from := range p.Into {
		m.TakeGenerated(&u, records[i], from)
	}
	c.keep(&u)
	for i, record := range records {
		c.keepIdentity(record, before[i])
		version := int64(1)
		if m.Spec.VersionAuto {
			version = result.Versions[i]
		} else if p.Into != nil {
			version = m.Version(p.Into[i]) // which a trigger may have moved
		}
		if m.Spec.KeyAuto {
			m.SetKey(record, result.Keys[i])
		}
		m.Stamp(record, version, at)
		c.wrote(m.KeyOf(record), version)
	}
	return c.leave(ctx, nil)
}

// forGenerated returns records for what the server writes itself into n new rows, nil where that is nothing.
func forGenerated(m *mapping.Mapping, n int) []driver.Record {
	if !m.Spec.HasGenerated() {
		return nil
	}
	into := make([]driver.Record, n)
	for i := range into {
		into[i] = m.ForGenerated()
	}
	return into
}

// prepareInsert checks element i of n for insert, before anything is sent, and notes in u what it
// changed.
func prepareInsert(m *mapping.Mapping, u *mapping.Undo, record driver.Record, i, n int) error {
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
