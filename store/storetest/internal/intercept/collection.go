package intercept

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// collection sends each call through the hook. DDL is the backend's own.
type collection struct {
	driver.Collection
	spec *driver.Spec
	hook Hook
}

var _ driver.Collection = (*collection)(nil)

// through makes one call. params and result point at copies that the hook may change.
func (c *collection) through(ctx context.Context, op string, tx driver.Tx, params, result any, next Next) error {
	return c.hook(ctx, &Call{
		Op: op, Spec: c.spec, Collection: c.Collection, Tx: tx, Params: params, Result: result,
	}, next)
}

func (c *collection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.GetResult
	err := c.through(ctx, Get, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Get(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.FindResult
	err := c.through(ctx, Find, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Find(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Count(ctx context.Context, p *driver.CountParams) (int64, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result int64
	err := c.through(ctx, Count, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Count(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Version(ctx context.Context, p *driver.VersionParams) (driver.VersionResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.VersionResult
	err := c.through(ctx, Version, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Version(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Insert(ctx context.Context, p *driver.InsertParams) (driver.InsertResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.InsertResult
	err := c.through(ctx, Insert, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Insert(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Update(ctx context.Context, p *driver.UpdateParams) (driver.WriteResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.WriteResult
	err := c.through(ctx, Update, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Update(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Delete(ctx context.Context, p *driver.DeleteParams) (driver.WriteResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.WriteResult
	err := c.through(ctx, Delete, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Delete(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Schema(ctx context.Context, p *driver.SchemaParams) (driver.SchemaResult, error) {
	params := *p
	var result driver.SchemaResult
	err := c.through(ctx, Schema, nil, &params, &result, func(ctx context.Context) (err error) {
		result, err = c.Collection.Schema(ctx, &params)
		return err
	})
	return result, err
}

func (c *collection) Copy(dst, src driver.Record) error {
	return c.through(context.Background(), Copy, nil, &CopyParams{dst, src}, nil, func(context.Context) error {
		return c.Collection.Copy(dst, src)
	})
}

// bulk is a collection over a backend that can write many rows in one request.
type bulk struct {
	collection
	driver.Bulk
}

func (b *bulk) Versions(ctx context.Context, p *driver.VersionsParams) error {
	params := *p
	params.Tx = unwrap(p.Tx)
	return b.through(ctx, Versions, params.Tx, &params, nil, func(ctx context.Context) error {
		return b.Bulk.Versions(ctx, &params)
	})
}

func (b *bulk) UpdateMany(ctx context.Context, p *driver.UpdateManyParams) (driver.ManyResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.ManyResult
	err := b.through(ctx, UpdateMany, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = b.Bulk.UpdateMany(ctx, &params)
		return err
	})
	return result, err
}

func (b *bulk) DeleteMany(ctx context.Context, p *driver.DeleteManyParams) (driver.ManyResult, error) {
	params := *p
	params.Tx = unwrap(p.Tx)
	var result driver.ManyResult
	err := b.through(ctx, DeleteMany, params.Tx, &params, &result, func(ctx context.Context) (err error) {
		result, err = b.Bulk.DeleteMany(ctx, &params)
		return err
	})
	return result, err
}

// watcher is a collection over a backend that tells of writes.
type watcher struct {
	of    *collection
	inner driver.Watcher
}

func (w watcher) Watch(ctx context.Context, p *driver.WatchParams) error {
	params := *p
	return w.of.through(ctx, Watch, nil, &params, nil, func(ctx context.Context) error {
		return w.inner.Watch(ctx, &params)
	})
}
