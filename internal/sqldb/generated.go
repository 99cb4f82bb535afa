package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"slices"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// What the server writes itself, in columns that are tagged generated, is read back in the transaction of the
// write, in which nobody else can change the row: outside a Tx, Insert and Update then are a transaction of
// their own. Where an INSERT can give such columns itself (Facts.InsertReturns), it needs none.

var errNotReadBack = errors.New("sqldb: the row that was written cannot be read back by its key")

// scanBack decodes what backList names.
func (c *collection) scanBack(into driver.Record, row []sqldriver.Value) (version int64, err error) {
	if row[0] != nil {
		if version, err = c.versionIn(row[0]); err != nil {
			return 0, err
		}
	}
	into.Field(&c.spec.Version).SetInt(version)
	for i := range c.generated {
		f, value := c.generated[i].field, row[i+1]
		if d := c.generated[i].decoder; d != nil {
			value = d(value)
		}
		if err := f.Decode(into.Field(f), value); err != nil {
			return 0, err
		}
	}
	return version, nil
}

// writeAndRead is write for Update where the server writes columns of the row.
func (c *collection) writeAndRead(
	ctx context.Context, w write, a args, p *driver.UpdateParams,
) (result driver.WriteResult, err error) {
	send := c.writer(ctx, &result, w, a, p.Key, p.Next)
	fn := func(s *session) (err error) {
		err = send(s)
		if err != nil || result.Outcome != driver.Applied {
			return err
		}
		var key args
		if err := c.keyArgs(&key, p.Key); err != nil {
			return err
		}
		isBack := false
		err = s.run(ctx, &request{text: c.readBack, args: key}, func(row []sqldriver.Value) error {
			isBack = true
			result.Stored, err = c.scanBack(p.Into, row)
			return err
		})
		if err == nil && !isBack {
			err = errNotReadBack
		}
		return err
	}
	if p.Tx != nil {
		err = c.db.run(ctx, p.Tx, fn)
	} else {
		err = c.inTx(ctx, fn)
	}
	if err != nil && result.Outcome != driver.NotApplied {
		return driver.WriteResult{}, c.about(err)
	}
	return result, c.about(err)
}

// inTx runs fn in a transaction of its own, for a write outside a Tx that takes several statements. After an
// error of fn nothing of it is kept, which is why that error counts as unsent. Commit and rollback have a
// deadline of their own: the caller's ctx may have ended, and would leave the transaction open.
func (c *collection) inTx(ctx context.Context, fn func(s *session) error) error {
	begun, err := c.db.Begin(ctx, &driver.BeginParams{})
	if err != nil {
		return backend.Unsent(err)
	}
	tx := begun.(*Tx)
	err = tx.use(fn)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err != nil {
		return backend.Unsent(errors.Join(err, tx.Rollback(end)))
	}
	return tx.Commit(end)
}

// readInserted reads back what the server has written into the rows of one INSERT, by their keys.
func (c *collection) readInserted(ctx context.Context, s *session, keys []any, into []driver.Record) error {
	place := make(map[any]int, len(keys))
	for i, key := range keys {
		place[key] = i
	}
	names := make([]string, len(c.keys()))
	for chunk := range slices.Chunk(keys, c.mostKeys()) {
		b := builder{dialect: c.dialect}
		b.add("SELECT ")
		for i := range names {
			b.add(c.columns[i].name, ", ")
		}
		b.add(c.backList, " FROM ", c.table)
		if err := c.whereKeys(&b, chunk); err != nil {
			return err
		}
		err := s.run(ctx, &request{text: b.text(), args: b.args}, func(row []sqldriver.Value) error {
			key, err := c.scanKey(row)
			if err != nil {
				return err
			}
			i, ok := place[key]
			if !ok { // another row, which the column's collation takes for the same
				return nil
			}
			delete(place, key)
			_, err = c.scanBack(into[i], row[len(names):])
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(place) > 0 {
		return errNotReadBack
	}
	return nil
}

// scanKey decodes the key at the beginning of a row.
func (c *collection) scanKey(row []sqldriver.Value) (any, error) {
	scratch := driver.RecordOf(reflect.New(c.spec.Type).Interface())
	for i := range c.keys() {
		k, value := &c.columns[i], row[i]
		if k.decoder != nil {
			value = k.decoder(value)
		}
		if err := k.field.Decode(scratch.Field(k.field), value); err != nil {
			return nil, err
		}
	}
	return scratch.Field(&c.spec.Key).Interface(), nil
}
