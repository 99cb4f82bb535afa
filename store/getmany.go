package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// GetMany reads the entities with the keys, in one request for as many keys as a statement can
// carry (Info.MaxKeys). A key without an entity is absent from the map. Outside a Tx that has one
// moment, the entities of one request are of one moment.
func (r *Repository[T, K]) GetMany(ctx context.Context, keys []K) (map[K]T, error) {
	c := r.call("get many", nil, false)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer c.endUnreturned(ctx)
	found, err := getMany[T](ctx, c, keys)
	if err := c.end(ctx, err); err != nil {
		return nil, err
	}
	return found, nil
}

// getMany reads each of the keys once, in as many requests as Info.MaxKeys makes of them.
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
		if _, err := readRows(ctx, c, &driver.FindParams{Keys: unique[:n], Into: rows.next}, rows.each); err != nil {
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
