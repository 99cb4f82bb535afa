package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Versions reads the stored versions of the entities with the keys, and nothing else where the backend can, in one
// request for as many keys as a statement can carry (Info.MaxKeys). A key without an entity is absent from the map; a
// version that is missing or NULL is 0. Outside a Tx the versions of one request are of one moment where those of
// GetMany are. No keys is no I/O.
func (r *Repository[T, K]) Versions(ctx context.Context, keys []K) (map[K]int64, error) {
	c := r.call("versions", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer c.endUnreturned(ctx)
	found, err := versionsOf[T](ctx, c, keys)
	if err := c.end(ctx, err); err != nil {
		return nil, err
	}
	return found, nil
}

// versionsOf reads the versions of each of the keys once.
func versionsOf[T any, K comparable](ctx context.Context, c *call, keys []K) (map[K]int64, error) {
	mp := c.repo.mapping
	bulk, ok := c.repo.collection.(driver.Bulk)
	if !ok || mp.Spec.VersionAuto {
		entities, err := getMany[T](ctx, c, keys)
		if err != nil {
			return nil, err
		}
		versions := make(map[K]int64, len(entities))
		for key, entity := range entities {
			versions[key] = mp.Version(driver.RecordOf(&entity))
		}
		return versions, nil
	}
	asked := make(map[K]bool, len(keys))
	unique := make([]manyRow, 0, len(keys))
	for _, key := range keys {
		if asked[key] {
			continue
		}
		if err := mp.CheckKey(key); err != nil {
			return nil, invalid(err)
		}
		asked[key] = true
		unique = append(unique, manyRow{key: key})
	}
	versions := make(map[K]int64, len(unique))
	for len(unique) > 0 {
		n := min(len(unique), c.db.info.MaxKeys)
		if err := c.readVersions(ctx, bulk, unique[:n], func(key any, version int64) {
			// A folding collation may have found more than was asked for.
			if k := key.(K); asked[k] {
				versions[k] = version
			}
		}); err != nil {
			return nil, err
		}
		unique = unique[n:]
	}
	return versions, nil
}

// readVersions is one request of versionsOf.
func (c *call) readVersions(
	ctx context.Context, bulk driver.Bulk, rows []manyRow, found func(key any, version int64),
) error {
	c.sortMany(rows)
	p := driver.VersionsParams{Found: func(key any, version int64) {
		c.rows++
		found(key, version)
	}}
	for i := range rows {
		p.Keys = append(p.Keys, rows[i].key)
	}
	if _, err := c.enter(ctx); err != nil {
		return err
	}
	defer c.abandon()
	p.Tx = c.driverTx()
	return c.leave(ctx, bulk.Versions(ctx, &p))
}
