package sqlserver

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// The most bytes of the columns of an index ("Maximum capacity specifications for SQL Server"). A primary key that
// EnsureSchema makes is clustered.
const (
	mostClustered    = 900
	mostNonclustered = 1700
)

// CheckIndex implements [sqldb.Schema]. The server makes no index over MAX (error 1919), nor over columns of stated
// lengths that are longer together than an index (1944). Babelfish makes both.
func (d *dialect) CheckIndex(fields []*driver.Field, live *sqldb.LiveTable, isKey bool) (field, problem string) {
	if d.server.babelfish != "" {
		return "", ""
	}
	most, kind := mostNonclustered, "an index"
	if isKey {
		most, kind = mostClustered, "a primary key"
	}
	sum := 0
	for _, f := range fields {
		c := d.indexed(f, live)
		bytes, isFixed := indexBytes(&c)
		switch {
		case bytes < 0:
			return f.Name, fmt.Sprintf("is in %s, and its column is %s of any length, which no index can be over: %s",
				kind, strings.ToUpper(c.Type), d.shorter(f, most))
		case isFixed:
			sum += bytes
		}
		if sum > most {
			return f.Name, fmt.Sprintf("is in %s, whose columns have %d bytes or more together, and the server makes "+
				"none over more than %d: take a digest of the value in its place", kind, sum, most)
		}
	}
	return "", ""
}

// shorter says for CheckIndex what to do: up to which size each value of the field fits into an index.
func (d *dialect) shorter(f *driver.Field, most int) string {
	switch {
	case f.Kind != driver.String && f.Kind != driver.Bytes:
		return "take a digest of the value in its place"
	case f.Kind == driver.String && (!f.Varchar || d.page.number == utf8Page):
		most /= 4
	}
	return fmt.Sprintf("tag it size=N, with an N of at most %d, and let a column that is there be as short", most)
}

// indexed is the column of a field: the live one, else that which EnsureSchema makes.
func (d *dialect) indexed(f *driver.Field, live *sqldb.LiveTable) sqldb.LiveColumn {
	if c := live.Exact(f.Path); c != nil {
		return *c
	}
	kind, rest, _ := strings.Cut(d.columnType(f), "(")
	number, _, _ := strings.Cut(rest, ")")
	length, _ := strconv.Atoi(number) // 0 for MAX
	return sqldb.LiveColumn{Type: strings.ToLower(kind), Length: int64(length)}
}

// indexBytes is how many bytes a value of the column can have in an index, -1 where no index can be over it, and
// whether each value has as many. Numbers and times are counted by the most that they can have.
func indexBytes(c *sqldb.LiveColumn) (bytes int, isFixed bool) {
	n := int(c.Length)
	switch c.Type {
	case "nvarchar", "varchar", "varbinary":
		if n == 0 {
			return -1, false
		}
		if c.Type == "nvarchar" {
			n *= 2
		}
		return n, false
	case "nchar":
		return 2 * n, true
	case "char", "binary":
		return n, true
	case "text", "ntext", "image", "xml", "geography", "geometry", "json":
		return -1, false
	case "uniqueidentifier":
		return 16, true
	case "decimal", "numeric":
		return 17, false
	}
	return 8, false
}

// addLongIndexes names for Inspect what an index refuses to store (error 1946), also one that other programs have made:
// the values of a column of the mapping count as they are without characters beyond the basic plane.
func (m *indexMaker) addLongIndexes(spec *driver.Spec, live *sqldb.LiveTable) {
	const clustered, nonclustered = 1, 2
	most := mostNonclustered
	switch sqldb.Number(m.row[1]) {
	case clustered:
		most = mostClustered
	case nonclustered:
	default:
		return
	}
	sizes := map[string]int{}
	for _, f := range spec.KeyFields() {
		sizes[f.Path] = f.Size
	}
	for i := range spec.Fields {
		sizes[spec.Fields[i].Path] = spec.Fields[i].Size
	}
	sum := 0
	for _, name := range m.keyNames {
		c := live.Exact(name)
		if c == nil {
			return
		}
		if size := sizes[name]; size > 0 && c.Length > int64(size) && strings.Contains(c.Type, "char") {
			narrow := *c
			narrow.Length = int64(size)
			c = &narrow
		}
		bytes, _ := indexBytes(c)
		sum += max(0, bytes)
	}
	if sum <= most {
		return
	}
	live.Faults = append(live.Faults, sqldb.LiveFault{
		Severity: driver.SeverityWeaker,
		Problem: fmt.Sprintf("the values of the index %s (%s) can have %d bytes, and it takes %d: a write of more is "+
			"refused (error 1946); let the columns, and the sizes of the mapping, be shorter, or index a digest",
			sqldb.Text(m.row[0]), strings.Join(m.keyNames, ", "), sum, most),
	})
}
