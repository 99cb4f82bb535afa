package memstore

import (
	"context"
	"math"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// primary is the constraint that a duplicate key violates.
const primary = "PRIMARY"

// Insert implements [driver.Collection].
func (c *collection) Insert(ctx context.Context, p *driver.InsertParams) (driver.InsertResult, error) {
	e := c.engine
	call := Call{Op: "insert", Table: c.spec.Table}
	if len(p.Records) == 1 && !c.spec.KeyAuto && e.fault != nil {
		call.Key = p.Records[0].Field(&c.spec.Key).Interface()
	}
	t, lost, err := c.start(ctx, call, p.Tx, true)
	if err != nil {
		return driver.InsertResult{}, err
	}
	changes := make([]change, len(p.Records))
	for i, record := range p.Records {
		if changes[i].data, err = c.encode(record, p.Version); err != nil {
			return driver.InsertResult{}, err
		}
		if err := c.checkSizes(changes[i].data); err != nil {
			return driver.InsertResult{}, err
		}
	}
	var result driver.InsertResult
	err = e.change(t, func(t *transaction) error {
		c.table.create(c)
		for i := range changes {
			ch := &changes[i]
			if c.spec.KeyAuto {
				key, err := c.makeKey(ch.data)
				if err != nil {
					return err
				}
				result.Keys = append(result.Keys, key)
			}
			ch.key = c.keyOf(ch.data)
			ch.data = e.stampVersion(c.table, ch.data)
			if c.spec.VersionAuto {
				result.Versions = append(result.Versions, ch.data[c.version].(int64))
			}
			if p.Into != nil {
				if err := c.decodeGenerated(p.Into[i], ch.data); err != nil {
					return err
				}
			}
		}
		return e.insert(ctx, t, c.table, changes)
	})
	if lost != nil {
		err = lost
	}
	if err != nil {
		return driver.InsertResult{}, err
	}
	return result, nil
}

// Update implements [driver.Collection].
func (c *collection) Update(ctx context.Context, p *driver.UpdateParams) (driver.WriteResult, error) {
	call := Call{Op: "update", Table: c.spec.Table, Key: p.Key}
	t, lost, err := c.start(ctx, call, p.Tx, true)
	if err != nil {
		return driver.WriteResult{}, err
	}
	fields := p.Fields
	if fields == nil {
		fields = c.written
	}
	values := make([]any, len(fields))
	for i, field := range fields {
		f := &c.spec.Fields[field]
		value, err := f.Encode(p.Record.Field(f))
		if err != nil {
			return driver.WriteResult{}, err
		}
		values[i] = owned(value)
	}
	result, err := c.rewrite(ctx, t, p.Key, &p.Expect, func(old []any) ([]any, error) {
		c.table.create(c)
		data := make([]any, max(len(old), c.width))
		copy(data, old)
		for i, field := range fields {
			data[c.fields[field]] = values[i]
		}
		data[c.version] = p.Next
		data = c.engine.stampVersion(c.table, data)
		return data, c.decodeGenerated(p.Into, data)
	})
	return answer(result, err, lost)
}

// Delete implements [driver.Collection].
func (c *collection) Delete(ctx context.Context, p *driver.DeleteParams) (driver.WriteResult, error) {
	call := Call{Op: "delete", Table: c.spec.Table, Key: p.Key}
	t, lost, err := c.start(ctx, call, p.Tx, true)
	if err != nil {
		return driver.WriteResult{}, err
	}
	expect := &p.Expect
	if p.Any {
		expect = nil
	}
	result, err := c.rewrite(ctx, t, p.Key, expect, func([]any) ([]any, error) { return nil, nil })
	return answer(result, err, lost)
}

// answer is what the caller gets of a write whose answer may be lost.
func answer(result driver.WriteResult, err, lost error) (driver.WriteResult, error) {
	if lost != nil {
		err = lost
	}
	if err != nil {
		return driver.WriteResult{}, err
	}
	return result, nil
}

// rewrite replaces the data of one row by what remake makes of it, nil to delete it, when the stored
// version is *expect or expect is nil. It is the whole of an update and of a delete.
func (c *collection) rewrite(ctx context.Context, t *transaction, key any, expect *int64,
	remake func(old []any) ([]any, error),
) (driver.WriteResult, error) {
	e := c.engine
	encoded, err := c.appendKey(nil, key)
	if err != nil {
		return driver.WriteResult{}, err
	}
	id := lockID{table: c.table.number, key: string(encoded)}
	var result driver.WriteResult
	err = e.change(t, func(t *transaction) error {
		if t.snapshot != nil {
			// What its snapshot does not show as expected is not written, and so in no conflict.
			if result, err = c.outcome(t, id.key, expect); err != nil || result.Outcome != driver.Applied {
				return err
			}
		}
		l, isNew, err := e.locks.acquire(ctx, &t.owner, id)
		if err != nil {
			return err
		}
		if e.changedSince(t, id) {
			return errWritten
		}
		result, err = c.outcome(t, id.key, expect)
		if err != nil || result.Outcome != driver.Applied {
			if isNew {
				e.locks.giveBack(&t.owner, l)
			}
			return err
		}
		old := rowAt(e.present(t), c.table.number, id.key).values()
		data, err := remake(old)
		if err != nil {
			return err
		}
		if err := c.checkSizes(data); err != nil {
			return err
		}
		changes := []change{{key: id.key, old: old, data: data}}
		if err := e.lockValues(ctx, t, c.table, changes); err != nil {
			return err
		}
		if err := changes[0].checkUnique(t); err != nil {
			return err
		}
		t.put(c.table, &changes[0])
		if data != nil {
			result.Stored, err = c.versionOf(data)
		}
		return err
	})
	return result, err
}

// outcome says what will become of a write of one row by t: Applied, with the version that is stored
// before it, or why not.
func (c *collection) outcome(t *transaction, key string, expect *int64) (driver.WriteResult, error) {
	r := rowAt(c.engine.present(t), c.table.number, key)
	if r == nil {
		return driver.WriteResult{Outcome: driver.Missing}, nil
	}
	stored, err := c.versionOf(r.data)
	switch {
	case expect == nil: // whatever the row holds
		return driver.WriteResult{Outcome: driver.Applied, Stored: stored}, nil
	case err != nil:
		return driver.WriteResult{}, err
	case stored != *expect:
		return driver.WriteResult{Outcome: driver.Stale, Stored: stored}, nil
	}
	return driver.WriteResult{Outcome: driver.Applied, Stored: stored}, nil
}

// encode returns the data of a new row.
func (c *collection) encode(record driver.Record, version int64) ([]any, error) {
	data := make([]any, c.width)
	set := func(f *driver.Field, position int) error {
		value, err := f.Encode(record.Field(f))
		data[position] = owned(value)
		return err
	}
	if !c.spec.KeyAuto {
		for _, column := range c.key {
			if err := set(column.field, column.position); err != nil {
				return nil, err
			}
		}
	}
	for _, i := range c.written {
		if err := set(&c.spec.Fields[i], c.fields[i]); err != nil {
			return nil, err
		}
	}
	data[c.version] = version
	return data, nil
}

// makeKey stores the next key of the table into a row's data and returns it as Spec.Key's type. A key that does
// not fit that type is not made: the table goes on counting where it is.
func (c *collection) makeKey(data []any) (any, error) {
	f := &c.spec.Key
	if c.table.lastKey == math.MaxInt64 {
		return nil, &driver.ValueError{Field: f.Name, Problem: "the database has no further key to make"}
	}
	key := reflect.New(f.Type).Elem()
	if err := f.Decode(key, c.table.lastKey+1); err != nil {
		problem := "the key that the database made does not fit " + f.Range()
		return nil, &driver.ValueError{Field: f.Name, Problem: problem, Err: err}
	}
	c.table.lastKey++
	data[c.key[0].position] = c.table.lastKey
	return key.Interface(), nil
}

// stampVersion gives a row the next version of the database, where the table has such a column, and
// returns its data, which may have grown.
func (e *engine) stampVersion(t *table, data []any) []any {
	if t.autoVersion < 0 {
		return data
	}
	if missing := t.autoVersion + 1 - len(data); missing > 0 {
		data = append(data, make([]any, missing)...)
	}
	e.rowVersion++
	data[t.autoVersion] = e.rowVersion
	return data
}
