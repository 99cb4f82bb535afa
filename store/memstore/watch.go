package memstore

import (
	"context"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

var _ driver.Watcher = (*collection)(nil)

// Watch implements [driver.Watcher].
func (c *collection) Watch(ctx context.Context, p *driver.WatchParams) error {
	e := c.engine
	if _, err := e.admit(ctx, Call{Op: "watch", Table: c.spec.Table}, false); err != nil {
		return err
	}
	w := e.watches.add(c.table.number)
	defer e.watches.remove(w)
	p.All()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.done:
			return errClosed
		case <-w.signal:
		}
		c.tell(p, e.watches.take(w))
	}
}

// tell tells of rows. One whose key the mapping cannot hold, as another mapping of the table may have written it, may
// be any.
func (c *collection) tell(p *driver.WatchParams, rows map[string]*row) {
	keys := make([]any, 0, len(rows))
	for _, r := range rows {
		record := driver.RecordOf(reflect.New(c.spec.Type).Interface())
		for _, column := range c.key {
			if err := column.field.Decode(record.Field(column.field), at(r.data, column.position)); err != nil {
				p.All()
				return
			}
		}
		keys = append(keys, record.Field(&c.spec.Key).Interface())
	}
	p.Wrote(keys)
}
