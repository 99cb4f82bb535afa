package memstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// collection is the plan for one entity type in one table. It never changes but for created.
type collection struct {
	engine    *engine
	spec      *driver.Spec
	table     *table
	key       []keyColumn         // in the order of the table's key
	version   int                 // the position of Spec.Version
	fields    []int               // the positions of Spec.Fields
	written   []int               // the indexes of those that are not Generated
	positions map[string]int      // by stored name
	kinds     map[int]driver.Kind // by position
	width     int                 // the least length of a row that holds all of them
	copier    *driver.Copier

	isCreated bool // the table has all columns; guarded by engine.mu
}

// keyColumn is one column of the key.
type keyColumn struct {
	field    *driver.Field
	position int
}

var _ driver.Collection = (*collection)(nil)

// Collection implements [driver.Database].
func (e *engine) Collection(spec *driver.Spec) (driver.Collection, error) {
	c := &collection{
		engine: e, spec: spec, positions: map[string]int{}, kinds: map[int]driver.Kind{},
		copier: driver.NewCopier(spec, nil),
	}
	for i := range spec.Fields {
		if !spec.Fields[i].Generated {
			c.written = append(c.written, i)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := e.register(c); err != nil {
		return nil, err
	}
	return c, nil
}

// check returns the problems of the mapping, joined.
func (c *collection) check() error {
	var problems []error
	add := func(f *driver.Field, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		problems = append(problems, fmt.Errorf("%s.%s: %s", c.spec.Type, f.Name, text))
	}
	switch c.engine.tag {
	case "", tagSQL, tagBSON:
	default:
		problem := fmt.Errorf("%s: Options.Tag is %q, not \"db\" or \"bson\"", c.spec.Type, c.engine.tag)
		problems = append(problems, problem)
	}
	if c.engine.invalid != nil {
		problems = append(problems, c.engine.invalid)
	}
	problems = append(problems, c.checkLike(add)...)
	if c.spec.Table == "" {
		problems = append(problems, fmt.Errorf("%s: the table has no name", c.spec.Type))
	}
	seen := map[string]string{}
	for f := range c.stored() {
		switch {
		case f.Kind == driver.Opaque || f.Kind == driver.Composite:
			add(f, "type %s has no stored form", f.Type)
		case f.Path == "":
			add(f, "the stored name is empty")
		case seen[f.Path] != "":
			add(f, "the stored name %q is that of %s", f.Path, seen[f.Path])
		}
		seen[f.Path] = f.Name
	}
	if k := &c.spec.Key; c.spec.KeyAuto {
		if integer := k.Kind == driver.Int || k.Kind == driver.Uint; !integer || k.Wrap != driver.Plain || k.Valuer {
			add(k, "the database makes plain integer keys only")
		}
	}
	names := map[string]bool{primary: true}
	for _, index := range c.unique() {
		if names[index.Name] {
			add(index.Fields[0], "there are two indexes of the name %q", index.Name)
		}
		names[index.Name] = true
		for _, f := range index.Fields {
			if !f.Comparable() {
				add(f, "type %s cannot be in a unique index", f.Type)
			}
		}
	}
	return errors.Join(problems...)
}

// stored returns the fields that have a column: the key's parts, the version and the others.
func (c *collection) stored() iter.Seq[*driver.Field] {
	return func(yield func(*driver.Field) bool) {
		keys := c.spec.KeyFields()
		for i := range keys {
			if !yield(&keys[i]) {
				return
			}
		}
		if !yield(&c.spec.Version) {
			return
		}
		for i := range c.spec.Fields {
			if !yield(&c.spec.Fields[i]) {
				return
			}
		}
	}
}

// unique returns the unique indexes of the mapping. Other indexes mean nothing here.
func (c *collection) unique() []*driver.Index {
	var unique []*driver.Index
	for i := range c.spec.Indexes {
		if c.spec.Indexes[i].Unique {
			unique = append(unique, &c.spec.Indexes[i])
		}
	}
	return unique
}

// Get implements [driver.Collection].
func (c *collection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	data, err := c.read(ctx, "get", p.Tx, p.Key, p.Lock)
	if err != nil || data == nil {
		return driver.GetResult{}, err
	}
	if err := c.decode(p.Into, data); err != nil {
		return driver.GetResult{}, err
	}
	if !p.Base.IsZero() {
		if err := c.decode(p.Base, data); err != nil {
			return driver.GetResult{}, err
		}
	}
	return driver.GetResult{Found: true}, nil
}

// Version implements [driver.Collection].
func (c *collection) Version(ctx context.Context, p *driver.VersionParams) (driver.VersionResult, error) {
	data, err := c.read(ctx, "version", p.Tx, p.Key, false)
	if err != nil || data == nil {
		return driver.VersionResult{}, err
	}
	version, err := c.versionOf(data)
	if err != nil {
		return driver.VersionResult{}, err
	}
	return driver.VersionResult{Found: true, Version: version}, nil
}

// read returns the data of one row, nil where there is none.
func (c *collection) read(ctx context.Context, op string, tx driver.Tx, key any, lock bool) ([]any, error) {
	e := c.engine
	t, _, err := c.start(ctx, Call{Op: op, Table: c.spec.Table, Key: key}, tx, false)
	if err != nil {
		return nil, err
	}
	var buffer [keyBuffer]byte
	encoded, err := c.appendKey(buffer[:0], key)
	if err != nil {
		return nil, err
	}
	if lock && t != nil && !t.isView && !e.snapshotReads {
		if err := c.lockRow(ctx, t, string(encoded)); err != nil {
			return nil, err
		}
	}
	m, err := e.look(t)
	if err != nil {
		return nil, err
	}
	return rowAt(m, c.table.number, encoded).values(), nil
}

// lockRow takes the lock of a key, whether it has a row or not, until the end of t.
func (c *collection) lockRow(ctx context.Context, t *transaction, key string) error {
	return c.engine.change(t, func(t *transaction) error {
		_, _, err := c.engine.locks.acquire(ctx, &t.owner, lockID{table: c.table.number, key: key})
		return err
	})
}

// appendKey appends the encoding of a key, a value of the type of Spec.Key.
func (c *collection) appendKey(to []byte, key any) ([]byte, error) {
	for i := range c.key {
		f, v := c.key[i].field, c.keyPart(key, i)
		if f.Wrap == driver.Plain && !f.Valuer { // what most keys are, without an allocation
			switch f.Kind {
			case driver.Int:
				to = appendInt(to, v.Int())
				continue
			case driver.String:
				to = appendText(to, v.String())
				continue
			}
		}
		value, err := f.Encode(v)
		if err != nil {
			return nil, err
		}
		to = appendValue(to, f.Kind, value)
	}
	return to, nil
}

// keyPart returns the value of one column of the key.
func (c *collection) keyPart(key any, i int) reflect.Value {
	v := reflect.ValueOf(key)
	if c.spec.Key.Kind == driver.Composite {
		index := c.key[i].field.Index
		v = v.Field(index[len(index)-1])
	}
	return v
}

// keyType returns what one column of the key holds.
func (c *collection) keyType(i int) columnType { return typeOf(c.key[i].field) }

// Copy implements [driver.Collection].
func (c *collection) Copy(dst, src driver.Record) error { return c.copier.Copy(dst, src) }

// keyOf returns the encoding of the key that a row's data holds.
func (c *collection) keyOf(data []any) string {
	var buffer [keyBuffer]byte
	encoded := buffer[:0]
	for _, column := range c.key {
		encoded = appendValue(encoded, column.field.Kind, data[column.position])
	}
	return string(encoded)
}

// decode fills the mapped fields of a record.
func (c *collection) decode(record driver.Record, data []any) error {
	for i := range c.key {
		f := c.key[i].field
		if err := f.Decode(record.Field(f), at(data, c.key[i].position)); err != nil {
			return err
		}
	}
	f := &c.spec.Version
	if err := f.Decode(record.Field(f), at(data, c.version)); err != nil {
		return err
	}
	for i, position := range c.fields {
		f := &c.spec.Fields[i]
		if err := f.Decode(record.Field(f), at(data, position)); err != nil {
			return err
		}
	}
	return nil
}

// decodeGenerated reads back the version and the generated fields of a row that is about to be stored. Here only a
// second client writes them, and what it has put there stays.
func (c *collection) decodeGenerated(into driver.Record, data []any) error {
	if into.IsZero() {
		return nil
	}
	if err := c.spec.Version.Decode(into.Field(&c.spec.Version), at(data, c.version)); err != nil {
		return err
	}
	for i, position := range c.fields {
		if f := &c.spec.Fields[i]; f.Generated {
			if err := f.Decode(into.Field(f), at(data, position)); err != nil {
				return err
			}
		}
	}
	return nil
}

// versionOf returns the version that a row's data holds, 0 for NULL.
func (c *collection) versionOf(data []any) (int64, error) {
	switch stored := at(data, c.version).(type) {
	case nil:
		return 0, nil
	case int64:
		return stored, nil
	default:
		v := reflect.New(c.spec.Version.Type).Elem()
		err := c.spec.Version.Decode(v, stored)
		return v.Int(), err
	}
}
