package sqldb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/stillframe/stillframe/store/driver"
)

// collection is the plan for one entity type in one table. All of it is made once and never changes but
// the texts of updates, of which there is one for each set of fields that was written.
type collection struct {
	db       *Database
	dialect  Dialect
	facts    *Facts
	spec     *driver.Spec
	table    string // quoted
	columns  []column
	position map[string]int // by stored name
	fields   int            // where spec.Fields start in columns
	version  string         // quoted

	list       string // all columns, as a SELECT names them
	get        string
	getLocked  string
	getVersion string
	deleteAny  write
	delete     [2]write // by isUnversioned
	save       [2]write // likewise: the UPDATE of all fields
	insertInto []column // what an INSERT names
	writable   []int    // the indexes of spec.Fields that are written
	generated  []column // what the server writes
	backList   string   // what is read back of a write: the version, which a trigger may have moved, and generated
	readBack   string   // the SELECT of backList
	copier     *driver.Copier

	keyTexts atomic.Pointer[[]keyText] // of joinKeys, once it is known

	mu      sync.Mutex
	updates map[string]write // by the fields that are written
}

var _ driver.Collection = (*collection)(nil)

// column is a column of the plan.
type column struct {
	field    *driver.Field
	name     string        // quoted
	hasExact bool          // whereKey compares this key by Dialect.Exact too
	hasEqual bool          // it is compared by Dialect.Equal, since = does not tell what is the same
	isStamp  bool          // a version that the database moves: 8 bytes, big-endian
	decoder  func(any) any // nil where nothing has to be done
	live     *live
}

// keyText is how the live column of a part of the key compares texts, empty where it does not.
type keyText struct{ charset, collation string }

// bind brings a value in the form of [driver.Field.Encode] into the form that is bound. It is for conditions,
// where a version that the database moves is compared like any other number.
func (k *column) bind(d Dialect, value any) (any, error) {
	if n, ok := value.(int64); ok && k.isStamp {
		return binary.BigEndian.AppendUint64(nil, uint64(n)), nil
	}
	return d.Arg(k.field, value)
}

// unstamp reads a version that the database moves. What has another form is left to be refused by
// [driver.Field.Decode].
func unstamp(value any) any {
	if b, ok := value.([]byte); ok && len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	return value
}

// write is the text of an UPDATE or DELETE, as Dialect.Write has completed it.
type write struct {
	text    string
	hasRows bool // its answer is a row that holds the count
}

// mostUpdates bounds the texts of updates that are remembered: n fields make up to 2^n of them.
const mostUpdates = 512

// Collection implements [driver.Database].
func (d *Database) Collection(spec *driver.Spec) (driver.Collection, error) {
	c := &collection{
		db: d, dialect: d.dialect, facts: d.facts, spec: spec, table: QuoteTable(d.dialect, spec.Table),
		position: make(map[string]int), updates: make(map[string]write), copier: driver.NewCopier(spec, nil),
	}
	keys := spec.KeyFields()
	for i := range keys {
		c.addColumn(&keys[i])
	}
	c.addColumn(&spec.Version)
	c.version = c.columns[len(keys)].name
	if spec.VersionAuto {
		c.columns[len(keys)].isStamp, c.columns[len(keys)].decoder = true, unstamp
	}
	c.fields = len(c.columns)
	c.writable = make([]int, 0, len(spec.Fields))
	for i := range spec.Fields {
		c.addColumn(&spec.Fields[i])
		if spec.Fields[i].Generated {
			c.generated = append(c.generated, c.columns[c.fields+i])
		} else {
			c.writable = append(c.writable, i)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.compile()
	return c, nil
}

func (c *collection) addColumn(f *driver.Field) {
	c.position[f.Path] = len(c.columns)
	name := c.dialect.Quote(f.Path)
	c.columns = append(c.columns, column{
		field: f, name: name, hasEqual: c.dialect.Equal(f, name, "") != "", decoder: c.dialect.Decoder(f),
		live: new(live),
	})
}

// checkName says why a name cannot be an identifier, empty when it can. What no server takes, or takes for
// another name, is looked for here, the rest by the dialect.
func (c *collection) checkName(name string) string {
	switch {
	case name == "":
		return "has a part of its name that is empty"
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return "has a name with characters that no identifier can have"
	case strings.HasSuffix(name, " "):
		return "has a name that ends in a space"
	}
	return c.dialect.CheckName(name)
}

// check returns all faults of the mapping that a SQL server would answer with an error later, or not at
// all: two fields in one column, a name cut short. Collection calls it before any text is made, so that a
// wrong mapping fails when the program starts and not with its first write.
func (c *collection) check() error {
	var faults []error
	fault := func(name, problem string) {
		if problem != "" {
			faults = append(faults, fmt.Errorf("%s%s: %s", c.spec.Type, name, problem))
		}
	}
	parts := strings.Split(c.spec.Table, ".")
	if most := c.facts.NameParts; len(parts) > most {
		fault("", fmt.Sprintf("has a table whose name has %d parts, and the server takes %d at most", len(parts), most))
	}
	for _, part := range parts {
		fault("", c.checkName(part))
	}
	folded := map[string]string{}
	for i := range c.columns {
		f := c.columns[i].field
		name := "." + f.Name
		fault(name, c.checkName(f.Path))
		fault(name, c.dialect.CheckField(f))
		if f.Kind == driver.Opaque || f.Kind == driver.Composite {
			fault(name, fmt.Sprintf("has type %s, which no column can hold", f.Type))
		}
		lower := strings.ToLower(f.Path)
		if other, ok := folded[lower]; ok {
			fault(name, fmt.Sprintf("is stored as %q, which is the same column as that of %s", f.Path, other))
		}
		folded[lower] = f.Name
	}
	for _, index := range c.spec.Indexes {
		fault("", c.checkName(index.Name))
	}
	if k := c.spec.Key.Kind; c.spec.KeyAuto && k != driver.Int && k != driver.Uint {
		fault("."+c.spec.Key.Name, "is tagged auto, and the database makes integer keys alone")
	}
	if c.spec.VersionAuto && c.spec.KeyAuto && len(c.writable) == 0 {
		fault("", "has no column but those that the database writes, so that nothing could move the version")
	}
	return errors.Join(faults...)
}

// compile makes the texts that never change, and what an INSERT names. Collection calls it once: what is
// made here costs a call nothing but its arguments.
func (c *collection) compile() {
	names := make([]string, len(c.columns))
	for i := range c.columns {
		names[i] = c.columns[i].name
	}
	c.list = strings.Join(names, ", ")
	for i := range c.keys() {
		k := &c.columns[i]
		k.hasExact = c.dialect.Exact(k.field, k.name, "") != ""
	}
	c.get = c.selectByKey(c.list, false)
	c.getLocked = c.selectByKey(c.list, true)
	c.getVersion = c.selectByKey(c.version, false)
	c.backList = c.version
	for i := range c.generated {
		c.backList += ", " + c.generated[i].name
	}
	c.readBack = c.selectByKey(c.backList, false)

	remove := "DELETE FROM " + c.table
	b := builder{dialect: c.dialect}
	b.add(" WHERE ")
	c.whereKey(&b)
	c.deleteAny.text, c.deleteAny.hasRows = c.dialect.Write(remove, b.text(), "")
	for unversioned := range 2 {
		b := builder{dialect: c.dialect}
		b.add(" WHERE ")
		c.whereKey(&b)
		c.whereVersion(&b, unversioned == 1)
		w := &c.delete[unversioned]
		w.text, w.hasRows = c.dialect.Write(remove, b.text(), "")
		c.save[unversioned] = c.makeUpdate(nil, unversioned == 1)
	}
	for i := range c.columns {
		made := i < c.fields-1 && c.spec.KeyAuto || i == c.fields-1 && c.spec.VersionAuto ||
			c.columns[i].field.Generated
		if !made {
			c.insertInto = append(c.insertInto, c.columns[i])
		}
	}
}

func (c *collection) selectByKey(columns string, lock bool) string {
	b := builder{dialect: c.dialect}
	b.add("SELECT ", columns, " FROM ", c.table)
	if lock {
		b.add(c.facts.Texts.LockHint)
	}
	b.add(" WHERE ")
	c.whereKey(&b)
	if lock {
		b.add(c.facts.Texts.LockSuffix)
	}
	return b.text()
}

// whereKey selects one row by its key. Its arguments are those that keyArgs appends, in the same order.
func (c *collection) whereKey(b *builder) {
	for i := range c.keys() {
		k := &c.columns[i]
		if i > 0 {
			b.add(" AND ")
		}
		b.count++
		b.add(k.name, " = ", b.dialect.Compared(b.count, k.field, nil))
		if k.hasExact {
			b.add(" AND ", c.dialect.Exact(k.field, k.name, c.dialect.Param(b.next(), k.field)))
			b.count++
		}
	}
}

// whereVersion goes on after whereKey: it lets a write reach the row in one version alone. Its argument is
// what addExpected appends. A row without a version, written by a program that knows none, counts as one
// of version 0.
func (c *collection) whereVersion(b *builder, unversioned bool) {
	if unversioned {
		b.add(" AND (", c.version, " = 0 OR ", c.version, " IS NULL)")
		return
	}
	b.add(" AND ", c.version, " = ")
	b.param(&c.spec.Version)
}

// isUnversioned reports whether a row without a version counts as one of the version that is expected. A
// version that the database moves is in every row.
func (c *collection) isUnversioned(expect int64) bool { return expect == 0 && !c.spec.VersionAuto }

// addExpected appends the argument of whereVersion.
func (c *collection) addExpected(a *args, expect int64) {
	switch {
	case c.isUnversioned(expect):
	case c.spec.VersionAuto:
		a.add(binary.BigEndian.AppendUint64(nil, uint64(expect)))
	default:
		a.add(expect)
	}
}

// keys are the columns of the key: the first ones, before the version.
func (c *collection) keys() []column { return c.columns[:c.fields-1] }

// keyArgs appends the arguments of whereKey. Every read and write of one row calls it. A key that is bound as it
// is, the common case, is spared its way through [driver.Field.Encode]: that is two of the 23 allocations of a
// Get, and two for each key of a GetMany.
func (c *collection) keyArgs(a *args, key any) error {
	if c.isPlainKey(key) {
		bound, err := c.dialect.Arg(c.columns[0].field, key)
		c.addKeyArg(a, &c.columns[0], bound)
		return err
	}
	values := c.spec.KeyValues(key)
	for i := range c.keys() {
		k := &c.columns[i]
		value, err := c.arg(k.field, values[i])
		if err != nil {
			return err
		}
		c.addKeyArg(a, k, value)
	}
	return nil
}

// isPlainKey reports whether a key is an int64 or a string that is bound as it is.
func (c *collection) isPlainKey(key any) bool {
	if kind := c.columns[0].field.Kind; len(c.keys()) > 1 || kind != driver.Int && kind != driver.String {
		return false
	}
	switch key.(type) {
	case int64, string:
		return true
	}
	return false
}

// addKeyArg appends one part of a key, twice where whereKey compares it twice.
func (c *collection) addKeyArg(a *args, k *column, value any) {
	a.add(value)
	if k.hasExact {
		a.add(value)
	}
}

// arg is the value of a field as it is bound, for a write. A value that is larger than the server takes is
// refused here, because a server answers it by closing the connection.
func (c *collection) arg(f *driver.Field, v reflect.Value) (any, error) {
	value, err := f.Encode(v)
	if err != nil {
		return nil, err
	}
	if sizeOf(value) > c.facts.Limits.Value {
		return nil, &driver.ValueError{Field: f.Name, Problem: "value is larger than the server takes in one packet"}
	}
	return c.dialect.Arg(f, value)
}

// sizeOf is about what a value takes on the wire. It decides about chunks and is never sent.
func sizeOf(value any) int {
	switch x := value.(type) {
	case string:
		return len(x) + 9
	case []byte:
		return len(x) + 9
	case int64:
		return 24
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String { // of a type of the client's own
		return v.Len() + 9
	}
	return 24
}
