package memstore

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stillframe/stillframe/store/driver"
)

// likeness is what a server refuses, or has not, that this database would take. It changes no comparison and no
// order: those are what package store promises of every backend.
type likeness struct {
	tag           string
	precision     time.Duration
	snapshotReads bool
	decimalDigits int
	maxKeys       int
	autoVersion   bool
	autoKeys      bool
	hasTables     bool // a table, and each of its columns, must be made before it is used
	nameParts     int  // of a table's name
	longestName   int  // in characters, 0 for no bound
	mostScale     int  // digits after the point of a decimal, 0 for no bound
	indexBytes    int  // of the values of one index together, 0 for no bound
	charBytes     int  // of a character in an index
	valueBytes    int  // of one text or []byte, 0 for no bound
	rowBytes      int  // of all values of a row, 0 for no bound
}

// likenesses are those that Options.Like may name. The numbers are the servers' own, and what the backends of
// this module say in their Info.
var likenesses = map[string]*likeness{
	"mysql": {
		tag: tagSQL, precision: time.Microsecond, decimalDigits: 65, maxKeys: 1024, autoKeys: true, hasTables: true,
		nameParts: 2, longestName: 64, mostScale: 30, indexBytes: 3072, charBytes: 4,
		valueBytes: 16<<20 - 1024, // the smallest max_allowed_packet that a supported server has by default
	},
	"sqlserver": {
		tag: tagSQL, precision: time.Microsecond, decimalDigits: 38, maxKeys: 1024, autoKeys: true, autoVersion: true,
		hasTables: true, nameParts: 3, longestName: 128, indexBytes: 1700, charBytes: 2,
	},
	"mongo": {
		tag: tagBSON, precision: time.Millisecond, snapshotReads: true, decimalDigits: 34, maxKeys: 1000,
		nameParts: 0, rowBytes: 16 << 20,
	},
}

// likeNames are the values of Options.Like, for the text of a fault.
const likeNames = `"mysql", "sqlserver" or "mongo"`

// checkLike returns what the server that the database is like would not take of the mapping, and what is wrong
// with the options themselves.
func (c *collection) checkLike(add func(f *driver.Field, format string, args ...any)) []error {
	e := c.engine
	var problems []error
	whole := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: "+format, append([]any{c.spec.Type}, args...)...))
	}
	if e.likeName != "" && e.like == nil {
		whole("Options.Like is %q, not %s", e.likeName, likeNames)
	}
	l := e.like
	if l == nil {
		return problems
	}
	if e.tag != l.tag {
		whole("Options.Tag is %q, and %s goes by %q", e.tag, e.likeName, l.tag)
	}
	if n := strings.Count(c.spec.Table, ".") + 1; l.nameParts > 0 && n > l.nameParts {
		whole("has a table whose name has %d parts, and %s takes %d at most", n, e.likeName, l.nameParts)
	}
	folded := map[string]string{}
	for f := range c.stored() {
		if l.longestName > 0 && utf8.RuneCountInString(f.Path) > l.longestName {
			add(f, "has a name of more than %d characters", l.longestName)
		}
		if l.mostScale > 0 && f.Kind == driver.Decimal && f.Scale > l.mostScale {
			add(f, "has %d digits after the point, and %s holds at most %d", f.Scale, e.likeName, l.mostScale)
		}
		lower := strings.ToLower(f.Path)
		if other := folded[lower]; other != "" && l.hasTables {
			add(f, "is stored as %q, which is the same column as that of %s", f.Path, other)
		}
		folded[lower] = f.Name
	}
	key := &c.spec.Key
	if !l.hasTables && c.spec.KeyFields()[0].Path != "_id" && len(c.spec.KeyFields()) == 1 {
		add(key, "is the key and is stored as %q: a document's key is _id, so tag it bson:\"_id\"", key.Path)
	}
	if c.spec.KeyAuto && !l.autoKeys {
		add(key, "is tagged auto, and %s makes no integer keys", e.likeName)
	}
	c.checkIndexes(add)
	return problems
}

// checkIndexes finds an index, the key's among them, whose values could be longer than the server's indexes hold.
func (c *collection) checkIndexes(add func(f *driver.Field, format string, args ...any)) {
	l := c.engine.like
	if l.indexBytes == 0 {
		return
	}
	of := func(fields []*driver.Field) {
		sum := 0
		for _, f := range fields {
			switch f.Kind {
			case driver.String:
				sum += f.Size * l.charBytes
			case driver.Bytes:
				sum += f.Size
			default:
				sum += 8
			}
			if f.Size == 0 && (f.Kind == driver.String || f.Kind == driver.Bytes) {
				add(f, "has no size, and an index of %s needs one", c.engine.likeName)
			}
		}
		if sum > l.indexBytes {
			add(fields[0], "an index can have %d bytes, and %s holds at most %d", sum, c.engine.likeName, l.indexBytes)
		}
	}
	var keys []*driver.Field
	for i := range c.spec.KeyFields() {
		keys = append(keys, &c.spec.KeyFields()[i])
	}
	of(keys)
	for i := range c.spec.Indexes {
		of(c.spec.Indexes[i].Fields)
	}
}

// start is engine.start for an operation on rows. It refuses a table that nobody has made, or that lacks a column
// of the mapping, where the server that the database is like has such errors.
func (c *collection) start(ctx context.Context, call Call, tx driver.Tx, writes bool) (*transaction, error, error) {
	e := c.engine
	t, lost, err := e.start(ctx, call, tx, writes)
	if err != nil || !e.needsTables() {
		return t, lost, err
	}
	e.mu.Lock()
	err = c.missing()
	e.mu.Unlock()
	if err != nil {
		e.failed(t, err)
		return nil, nil, err
	}
	return t, lost, nil
}

// needsTables reports whether tables and columns must be made before they are used.
func (e *engine) needsTables() bool { return e.like != nil && e.like.hasTables }

// missing returns the error of an operation on what does not exist. The caller holds engine.mu.
func (c *collection) missing() error {
	if !c.table.exists {
		return &failure{
			fault: driver.Fault{Class: driver.Refused, Code: "no such table"},
			text:  "there is no table " + c.spec.Table,
			err:   &driver.ValueError{Field: c.spec.Table, Problem: "there is no such table: EnsureSchema makes it"},
		}
	}
	for f := range c.stored() {
		if !c.table.columns[c.positions[f.Path]].exists {
			return &failure{
				fault: driver.Fault{Class: driver.Refused, Code: "no such column"},
				text:  "there is no column " + c.spec.Table + "." + f.Path,
				err: &driver.ValueError{
					Field:   c.spec.Table + "." + f.Path,
					Problem: "there is no such column: CheckSchema has the statement that adds it",
				},
			}
		}
	}
	return nil
}

// checkSizes returns the error of a row that the server would not take for its size. The columns are those of
// data.
func (c *collection) checkSizes(data []any) error {
	l := c.engine.like
	if l == nil || l.valueBytes == 0 && l.rowBytes == 0 {
		return nil
	}
	sum := 0
	for f := range c.stored() {
		if c.positions[f.Path] >= len(data) {
			continue // a row that is older than the column, or is being deleted
		}
		n := 8
		switch v := data[c.positions[f.Path]].(type) {
		case nil:
			n = 0
		case string:
			n = len(v)
		case []byte:
			n = len(v)
		}
		if l.valueBytes > 0 && n > l.valueBytes {
			return &driver.ValueError{
				Field: f.Name, Problem: fmt.Sprintf("the value is larger than the %d bytes of a packet", l.valueBytes),
			}
		}
		sum += n + len(f.Path) + 2
	}
	if l.rowBytes > 0 && sum > l.rowBytes {
		return &driver.ValueError{Field: c.spec.Type.Name(), Problem: "the document is larger than 16 MiB"}
	}
	return nil
}

// AddColumns makes the columns that a table lacks, of all mappings that name it, as a migration would; EnsureSchema
// then makes the unique indexes. It is for the test of a program that meets an older table, which an older mapping
// has made, under [Options].Like: elsewhere a column is made when it is first written. A table that nobody has
// made is an error.
func (d *Database) AddColumns(table string) error {
	e := d.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	tab := e.tables[table]
	if tab == nil || !tab.exists {
		return fmt.Errorf("memstore: AddColumns: there is no table %q", table)
	}
	for _, col := range tab.columns {
		col.exists = true
	}
	return nil
}
