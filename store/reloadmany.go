package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Change is what ReloadMany has found of one entity that is no longer as it was in memory.
type Change[K comparable] struct {
	Key    K
	Fields []string // the Go names of the fields that have another value now
	Gone   bool     // there is no such row any more; the entity is as it was
}

// ReloadMany is Reload for many entities, in one request for as many keys as a statement can carry: it replaces every
// mapped field of each, in place, by what the database holds now. It returns what has changed, in the order of the
// entities; an entity that has a newer version and the same fields is among them with no fields. A row that is missing
// is no error: its Change says that it is gone.
//
// All entities are read before the first is replaced: on any error all are as they were. Two with the same key are
// ErrInvalid, and so is a nil one. Outside a Tx that has one moment, the entities of one request are of one moment. In
// Atomic the reads are current where Info says LockingReads.
func (r *Repository[T, K]) ReloadMany(ctx context.Context, entities []*T) ([]Change[K], error) {
	c := r.call("reload many", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer c.endUnreturned(ctx)
	changes, err := reloadMany[T, K](ctx, c, entities)
	if err = c.end(ctx, err); err != nil {
		return nil, err
	}
	return changes, nil
}

// reloadMany reads all entities and compares each with what it was, before it replaces the first.
func reloadMany[T any, K comparable](ctx context.Context, c *call, entities []*T) ([]Change[K], error) {
	mp := c.repo.mapping
	keys := make([]K, len(entities))
	locks := make([]manyRow, len(entities))
	seen := make(map[K]int, len(entities))
	for i, entity := range entities {
		if entity == nil {
			return nil, invalidf("element %d is nil", i)
		}
		key := mp.KeyOf(driver.RecordOf(entity)).(K)
		if first, ok := seen[key]; ok {
			return nil, invalidf("elements %d and %d have the same key", first, i)
		}
		seen[key], keys[i], locks[i].key = i, key, key
	}
	for _, key := range keys {
		if err := mp.CheckKey(key); err != nil {
			return nil, invalid(err)
		}
	}
	if err := c.lockMany(ctx, locks); err != nil {
		return nil, err
	}
	found, err := getMany[T](ctx, c, keys)
	if err != nil {
		return nil, err
	}
	var changes []Change[K]
	for i, entity := range entities {
		current, ok := found[keys[i]]
		if !ok {
			changes = append(changes, Change[K]{Key: keys[i], Gone: true})
			continue
		}
		record, now := driver.RecordOf(entity), driver.RecordOf(&current)
		fields := mp.Different(record, now)
		if len(fields) > 0 || mp.Version(record) != mp.Version(now) {
			changes = append(changes, Change[K]{Key: keys[i], Fields: fields})
		}
	}
	return changes, replaceMany(c, entities, keys, found)
}

// replaceMany puts what was read in place of what the entities hold. In a Tx that does not commit they have it back.
func replaceMany[T any, K comparable](c *call, entities []*T, keys []K, found map[K]T) error {
	mp := c.repo.mapping
	if c.tx != nil {
		if err := c.tx.lock(); err != nil {
			return err
		}
		defer c.tx.mu.Unlock()
	}
	for i, entity := range entities {
		current, ok := found[keys[i]]
		if !ok {
			continue
		}
		record := driver.RecordOf(entity)
		if c.tx != nil {
			before := driver.RecordOf(new(T))
			mp.CopyMapped(before, record)
			c.tx.undo.Add(func() { mp.CopyMapped(record, before) })
		}
		mp.CopyMapped(record, driver.RecordOf(&current))
	}
	return nil
}
