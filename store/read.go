package store

import (
	"context"
	"time"

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
	entity := new(T)
	if err := c.end(ctx, c.get(ctx, key, getInto{into: driver.RecordOf(entity)})); err != nil {
		return none, err
	}
	return *entity, nil
}

// GetMany reads the entities with the keys, in one request for as many keys as a statement can
// carry (Info.MaxKeys). A key without an entity is absent from the map. Outside a Tx that has one
// moment, the entities of one request are of one moment.
func (r *Repository[T, K]) GetMany(ctx context.Context, keys []K) (map[K]T, error) {
	c := r.call("get many", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	found, err := getMany[T](ctx, c, keys)
	if err := c.end(ctx, err); err != nil {
		return nil, err
	}
	return found, nil
}

func getMany[T any, K comparable](ctx context.Context, c *call, keys []K) (map[K]T, error) {
	asked := make(map[K]bool, len(keys))
	unique := make([]any, 0, len(keys))
	for _, key := range keys {
		if asked[key] {
			continue
		}
		if err := c.repo.mapping.CheckKey(key); err != nil {
			return nil, invalid(err)
		}
		asked[key] = true
		unique = append(unique, key)
	}
	found := make(map[K]T, len(unique))
	for len(unique) > 0 {
		n := min(len(unique), c.db.info.MaxKeys)
		rows := rowsOf[T]{most: n}
		if _, err := c.find(ctx, &driver.FindParams{Keys: unique[:n], Into: rows.next}, rows.each); err != nil {
			return nil, err
		}
		unique = unique[n:]
		for entity := range rows.all {
			// A folding collation may have found more than was asked for.
			if key := c.repo.mapping.KeyOf(driver.RecordOf(entity)).(K); asked[key] {
				found[key] = *entity
			}
		}
	}
	return found, nil
}

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
	return c.end(ctx, c.reload(ctx, record, func() driver.Record { return driver.RecordOf(new(T)) }))
}

func (c *call) reload(ctx context.Context, record driver.Record, fresh func() driver.Record) error {
	if record.IsZero() {
		return invalidf("the entity is nil")
	}
	m := c.repo.mapping
	current := fresh()
	return c.get(ctx, c.key, getInto{into: current, current: true, found: func() {
		if c.tx != nil {
			before := fresh()
			m.CopyMapped(before, record)
			c.tx.undo.Add(func() { m.CopyMapped(record, before) })
		}
		m.CopyMapped(record, current)
	}})
}

// IsStale reports whether the stored version is another than that of the copy. It reads nothing
// but the version. A missing row is ErrNotFound, and a copy that was never read is ErrInvalid.
func (r *Repository[T, K]) IsStale(ctx context.Context, entity T) (bool, error) {
	c, record := r.entityCall("is stale", &entity, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return false, err
	}
	stale, err := c.isStale(ctx, record)
	return stale, c.end(ctx, err)
}

func (c *call) isStale(ctx context.Context, record driver.Record) (bool, error) {
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
	result, err := c.repo.collection.Version(ctx, &driver.VersionParams{Tx: c.driverTx(), Key: c.key})
	if err := c.leave(ctx, err); err != nil {
		return false, err
	}
	if !result.Found {
		return false, ErrNotFound
	}
	return result.Version != m.Version(record), nil
}

// getInto says where a row is read into.
type getInto struct {
	into, base driver.Record
	current    bool   // in Atomic: the newest committed state
	found      func() // called when the row was read; may be nil
}

// get reads one row. A missing one is ErrNotFound.
func (c *call) get(ctx context.Context, key any, p getInto) error {
	m := c.repo.mapping
	if err := m.CheckKey(key); err != nil {
		return invalid(err)
	}
	at, err := c.enter(ctx)
	if err != nil {
		return err
	}
	current := p.current && c.tx != nil && !c.tx.isView
	found, err := c.getRow(ctx, key, p, current, at)
	// What Modify has found is protected by its own write.
	if err == nil && current && c.db.info.SnapshotTx && (p.base.IsZero() || !found) {
		var moved bool
		if moved, err = c.movedOutside(ctx, key, p.into, found); moved {
			err := c.errorOf(explain(ErrTransient, "the entity has changed since the transaction's snapshot"))
			c.leaveToRerun(err)
			return err
		}
	}
	if err == nil && found && p.found != nil {
		p.found()
	}
	if err := c.leave(ctx, err); err != nil {
		return err
	}
	if !found {
		return ErrNotFound
	}
	return nil
}

func (c *call) getRow(ctx context.Context, key any, p getInto, current bool, at time.Time) (found bool, err error) {
	m := c.repo.mapping
	result, err := c.repo.collection.Get(ctx, &driver.GetParams{
		Tx: c.driverTx(), Key: key, Into: p.into, Base: p.base, Lock: current,
	})
	if err != nil || !result.Found || !m.HasKey(p.into, key) {
		return false, err
	}
	m.StampReadAt(p.into, at)
	c.saw(key, m.Version(p.into))
	return true, nil
}

// movedOutside reports whether a Tx of one snapshot would decide on an entity that others have
// changed since.
func (c *call) movedOutside(ctx context.Context, key any, record driver.Record, found bool) (bool, error) {
	if c.tx.entities[entityKey{c.repo.table, key}].written {
		return false, nil // nobody else can write it now
	}
	outside, err := c.repo.collection.Version(ctx, &driver.VersionParams{Key: key})
	if err != nil {
		return false, err
	}
	return outside.Found != found || found && outside.Version != c.repo.mapping.Version(record), nil
}
