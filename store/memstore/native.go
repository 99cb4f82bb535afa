package memstore

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// Database is the raw store behind a [store.DB]: a second client that knows nothing of versions and
// mappings. It is safe for concurrent use, does not call [Options].Fault, and waits for row locks as
// any client does.
//
// A table is known from the moment a repository names it. A key is given as a value of the
// repository's key type, as any Go value that fits the one column of the key, or, for a composite key,
// as a map[string]any by column.
//
// Values go in as any Go value that a column can hold and come out in the form of [driver.Field.Encode]:
// bool, int64, float64, string, []byte or time.Time, a decimal number as its digits and a nested value
// as its JSON. What does not fit the column is stored as it is, so that a test can bring a row into a
// state that no mapping can read. NULL and an absent column are the same.
type Database struct {
	engine *engine
}

// Put sets columns of one row by their stored names, and makes the row where there is none. A column
// that the table does not have is made. The version does not move, unless the database itself makes the
// versions of this table. Columns of the key cannot be set. Put is a transaction of its own; its errors
// are those of a write: a unique value that is already there, a wait for a lock that took too long, the
// end of ctx, after which nothing has happened.
func (d *Database) Put(ctx context.Context, table string, key any, set map[string]any) error {
	return d.put(ctx, table, key, set, false)
}

// Write is [Database.Put] by a client that keeps the rules: the version moves on by one, from 0 where the row
// has none, so that whoever has read the row before is stale. The version's column is that of the mapping which
// named the table first; it cannot be set.
func (d *Database) Write(ctx context.Context, table string, key any, set map[string]any) error {
	return d.put(ctx, table, key, set, true)
}

// FailNext makes operations fail, as [Options].Fault does, from now on: the next operation of the kind op, a
// [Call].Op, with the first of errs, the one after it with the second, and so on; a nil error lets one pass. An
// empty op is each kind. What was set before for the same kind comes first, and an operation that passes here is
// asked of Options.Fault. FailNext without errors takes back what is left of the kind. An unknown kind is an error.
func (d *Database) FailNext(op string, errs ...error) error {
	if op != "" && !slices.Contains(operations, op) {
		known := strings.Join(operations, ", ")
		return fmt.Errorf("memstore: FailNext: there is no operation %q (there are %s)", op, known)
	}
	d.engine.planned.plan(op, errs)
	return nil
}

// Unmet returns how many of the errors that FailNext has set no operation has met, the nil ones too.
func (d *Database) Unmet() int { return int(d.engine.planned.left.Load()) }

// put is Put and Write.
func (d *Database) put(ctx context.Context, table string, key any, set map[string]any, moves bool) error {
	e := d.engine
	if err := e.admitRaw(ctx); err != nil {
		return err
	}
	tab, encoded, keyValues, err := e.rawKey(table, key)
	if err != nil {
		return err
	}
	values := make(map[int]any, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		position, typ, err := e.rawColumn(tab, name, set[name])
		if err != nil {
			return err
		}
		if moves && position == tab.owner.version {
			return fmt.Errorf("memstore: column %s is the version, which Write moves itself: use Put", name)
		}
		if values[position], err = e.normalize(set[name], typ); err != nil {
			return fmt.Errorf("memstore: column %s: %w", name, err)
		}
	}
	return e.change(nil, func(t *transaction) error {
		id := lockID{table: tab.number, key: encoded}
		if _, _, err := e.locks.acquire(ctx, &t.owner, id); err != nil {
			return err
		}
		tab.create(tab.owner)
		for position, value := range values {
			if value != nil {
				tab.columns[position].exists = true
			}
		}
		old := rowAt(e.present(t), tab.number, encoded).values()
		data := make([]any, len(tab.columns))
		copy(data, old)
		for i, position := range tab.key {
			data[position] = keyValues[i]
		}
		for position, value := range values {
			data[position] = value
		}
		if moves {
			version, _ := data[tab.owner.version].(int64)
			data[tab.owner.version] = version + 1
		}
		data = e.stampVersion(tab, data)
		changes := []change{{key: encoded, old: old, data: data}}
		if err := e.lockValues(ctx, t, tab, changes); err != nil {
			return err
		}
		if err := changes[0].checkUnique(t); err != nil {
			return err
		}
		t.put(tab, &changes[0])
		return nil
	})
}

// Unset makes columns of one row absent, as [Database.Put] with nil does. A row that is not there is
// made.
func (d *Database) Unset(ctx context.Context, table string, key any, columns ...string) error {
	set := make(map[string]any, len(columns))
	for _, name := range columns {
		set[name] = nil
	}
	return d.Put(ctx, table, key, set)
}

// Remove deletes one row. A row that is not there is no error. Its other errors are those of Put.
func (d *Database) Remove(ctx context.Context, table string, key any) error {
	e := d.engine
	if err := e.admitRaw(ctx); err != nil {
		return err
	}
	tab, encoded, _, err := e.rawKey(table, key)
	if err != nil {
		return err
	}
	return e.change(nil, func(t *transaction) error {
		id := lockID{table: tab.number, key: encoded}
		if _, _, err := e.locks.acquire(ctx, &t.owner, id); err != nil {
			return err
		}
		old := rowAt(e.present(t), tab.number, encoded).values()
		if old == nil {
			return nil
		}
		changes := []change{{key: encoded, old: old}}
		if err := e.lockValues(ctx, t, tab, changes); err != nil {
			return err
		}
		t.put(tab, &changes[0])
		return nil
	})
}

// Row returns what is committed of one row, by column; columns that are NULL are not in it. The map and
// what it holds are the caller's. It reports false where there is no such row, no such table, or the
// key does not fit.
func (d *Database) Row(table string, key any) (map[string]any, bool) {
	e := d.engine
	tab, encoded, _, err := e.rawKey(table, key)
	if err != nil {
		return nil, false
	}
	r := rowAt(e.present(nil), tab.number, encoded)
	if r == nil {
		return nil, false
	}
	return rowMap(e.names(tab), r.data), true
}

// Tables returns the names of the tables that exist, in order.
func (d *Database) Tables() []string {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	var names []string
	for name, t := range d.engine.tables {
		if t.exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Transactions returns the number of transactions that were begun and have not ended.
func (d *Database) Transactions() int {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	return len(d.engine.open)
}

// Locks returns the number of locks that are held, of rows and of values of unique indexes.
func (d *Database) Locks() int {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	return len(d.engine.locks.held)
}

// Waiting returns the number of calls that wait for a lock.
func (d *Database) Waiting() int {
	d.engine.mu.Lock()
	defer d.engine.mu.Unlock()
	return d.engine.locks.waiting
}

func (e *engine) admitRaw(ctx context.Context) error {
	if e.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	return nil
}

// rawKey returns a table, the encoding of one of its keys and the values of the key's columns.
func (e *engine) rawKey(name string, key any) (*table, string, []any, error) {
	e.mu.Lock()
	t := e.tables[name]
	var c *collection
	if t != nil {
		c = t.keyType[reflect.TypeOf(key)]
	}
	e.mu.Unlock()
	if t == nil {
		return nil, "", nil, fmt.Errorf("memstore: no repository names the table %s", name)
	}
	values := make([]any, len(t.key))
	for i := range t.key {
		column, given := t.owner.key[i].field.Path, key
		switch parts, isMap := key.(map[string]any); {
		case c != nil:
			encoded, err := c.key[i].field.Encode(c.keyPart(key, i))
			if err != nil {
				return nil, "", nil, err
			}
			values[i] = owned(encoded)
			continue
		case isMap:
			given = parts[column]
		case len(t.key) > 1:
			return nil, "", nil, fmt.Errorf("memstore: the key of %s is composite, not a %T", name, key)
		}
		value, err := e.normalize(given, t.owner.keyType(i))
		if err == nil && value == nil {
			err = errNullKey
		}
		if err != nil {
			return nil, "", nil, fmt.Errorf("memstore: key column %s: %w", column, err)
		}
		values[i] = value
	}
	var encoded []byte
	for i, value := range values {
		encoded = appendValue(encoded, t.owner.key[i].field.Kind, value)
	}
	return t, string(encoded), values, nil
}

// rawColumn returns the position of a column, which it enters where it is new, and what it holds.
func (e *engine) rawColumn(t *table, name string, value any) (int, columnType, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	position := t.position(name, columnType{kind: kindOf(value)})
	if slices.Contains(t.key, position) {
		return 0, columnType{}, fmt.Errorf("memstore: column %s is part of the key", name)
	}
	return position, t.columns[position].columnType, nil
}

// kindOf is the kind of a column that is made for a value.
func kindOf(value any) driver.Kind {
	if _, ok := value.(time.Time); ok {
		return driver.Time
	}
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Bool:
		return driver.Bool
	case v.CanInt(), v.CanUint():
		return driver.Int
	case v.CanFloat():
		return driver.Float
	case isBytes(v):
		return driver.Bytes
	}
	return driver.String
}
