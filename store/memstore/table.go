package memstore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// table is one table of the catalog. It is entered when the first mapping names it, so that columns
// have positions, and exists from the first insert or Schema on. It is never removed.
type table struct {
	name   string
	number int // its place in engine.numbered and in a state
	exists bool
	owner  *collection // the first mapping that named it
	key    []int       // the columns of the key

	columns []*column
	byName  map[string]int
	unique  []*uniqueIndex
	orders  orders                       // of what is committed
	keyType map[reflect.Type]*collection // a mapping for each key type

	lastKey     int64 // the last key that the database made or was given
	autoVersion int   // the column whose values the database makes, -1 for none
}

// column is one column of a table. Its name never changes; what it holds is fixed once it exists.
type column struct {
	columnType
	name   string
	exists bool
}

// columnType is what a column holds.
type columnType struct {
	kind             driver.Kind
	precision, scale int // for Decimal
	length           int // for ByteArray and UUID
}

func typeOf(f *driver.Field) columnType {
	switch f.Kind {
	case driver.Decimal:
		return columnType{kind: f.Kind, precision: f.Precision, scale: f.Scale}
	case driver.ByteArray, driver.UUID:
		return columnType{kind: f.Kind, length: f.Base.Len()}
	}
	return columnType{kind: f.Kind}
}

// holds reports whether a column of this type can hold what a field of the other type stores, so that
// both read and compare it alike.
func (c columnType) holds(other columnType) bool {
	switch c.kind {
	case driver.Int, driver.Uint:
		return other.kind == driver.Int || other.kind == driver.Uint
	case driver.Bytes, driver.ByteArray, driver.UUID:
		return other.kind == driver.Bytes || other.kind == driver.ByteArray || other.kind == driver.UUID
	}
	return c == other
}

// String returns the type as DDL writes it.
func (c columnType) String() string {
	switch c.kind {
	case driver.Bool:
		return "BOOLEAN"
	case driver.Int, driver.Uint:
		return "BIGINT"
	case driver.Float:
		return "DOUBLE"
	case driver.String:
		return "TEXT"
	case driver.Bytes:
		return "BYTES"
	case driver.ByteArray:
		return fmt.Sprintf("BYTES(%d)", c.length)
	case driver.UUID:
		return "UUID"
	case driver.Time:
		return "TIMESTAMP"
	case driver.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", c.precision, c.scale)
	case driver.Nested:
		return "JSON"
	}
	return "UNKNOWN"
}

// register enters a mapping into the catalog and gives its columns their positions.
func (e *engine) register(c *collection) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.tables[c.spec.Table]
	keys := c.spec.KeyFields()
	if t == nil {
		t = &table{
			name:        c.spec.Table,
			number:      len(e.numbered),
			owner:       c,
			byName:      map[string]int{},
			keyType:     map[reflect.Type]*collection{},
			autoVersion: -1,
		}
		for i := range keys {
			t.key = append(t.key, t.position(keys[i].Path, typeOf(&keys[i])))
		}
		e.tables[t.name], e.numbered = t, append(e.numbered, t)
	} else if err := t.checkKey(c.spec); err != nil {
		return err
	}
	c.table = t
	for _, position := range t.key {
		for i := range keys {
			if keys[i].Path == t.columns[position].name {
				c.key = append(c.key, keyColumn{field: &keys[i], position: position})
			}
		}
	}
	c.version = t.position(c.spec.Version.Path, typeOf(&c.spec.Version))
	for i := range c.spec.Fields {
		f := &c.spec.Fields[i]
		c.fields = append(c.fields, t.position(f.Path, typeOf(f)))
	}
	for f := range c.stored() {
		c.positions[f.Path] = t.byName[f.Path]
		c.kinds[t.byName[f.Path]] = f.Kind
		c.width = max(c.width, t.byName[f.Path]+1)
	}
	if t.keyType[c.spec.Key.Type] == nil {
		t.keyType[c.spec.Key.Type] = c
	}
	return nil
}

// checkKey reports a mapping whose key is other columns than those of the table.
func (t *table) checkKey(s *driver.Spec) error {
	var want, have []string
	for _, position := range t.key {
		have = append(have, t.columns[position].name)
	}
	for _, f := range s.KeyFields() {
		want = append(want, f.Path)
	}
	slices.Sort(want)
	if slices.Equal(want, slices.Sorted(slices.Values(have))) {
		return nil
	}
	return fmt.Errorf("%s.%s: the key of table %s is (%s), not (%s)",
		s.Type, s.Key.Name, t.name, strings.Join(have, ", "), strings.Join(want, ", "))
}

// position returns the column of a name, which it enters where it is new. The column need not exist.
func (t *table) position(name string, typ columnType) int {
	position, ok := t.byName[name]
	if !ok {
		position = len(t.columns)
		t.byName[name] = position
		t.columns = append(t.columns, &column{name: name, columnType: typ})
	}
	return position
}

// create makes the table, if there is none, with the columns and unique indexes of a mapping, and in
// any case the columns that the mapping lacks, unless the database is like one that would not.
func (t *table) create(c *collection) {
	if c.isCreated {
		return
	}
	for f := range c.stored() {
		col := t.columns[t.byName[f.Path]]
		switch {
		case col.exists:
		case t.exists && c.engine.needsTables():
			return
		default:
			col.exists, col.columnType = true, typeOf(f)
		}
	}
	if c.spec.VersionAuto {
		t.autoVersion = c.version
	}
	if !t.exists {
		t.exists = true
		for _, index := range c.unique() {
			t.unique = append(t.unique, t.newIndex(index))
		}
	}
	c.isCreated = true
}

func (t *table) newIndex(index *driver.Index) *uniqueIndex {
	u := &uniqueIndex{name: index.Name}
	for _, f := range index.Fields {
		position := t.byName[f.Path]
		u.columns = append(u.columns, position)
		u.kinds = append(u.kinds, t.columns[position].kind)
	}
	return u
}

// index returns the existing unique index of a name, or nil.
func (t *table) index(name string) *uniqueIndex {
	for _, u := range t.unique {
		if u.name == name {
			return u
		}
	}
	return nil
}

// names returns the names of a table's columns by position. A row that was read before has no other.
func (e *engine) names(t *table) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := make([]string, len(t.columns))
	for position, column := range t.columns {
		names[position] = column.name
	}
	return names
}
