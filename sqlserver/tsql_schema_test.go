package sqlserver

import (
	sqldriver "database/sql/driver"
	"slices"
	"strconv"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed/tsql"
	"github.com/stillframe/stillframe/store/driver"
)

// liveType is a type as sys.columns describes it.
type liveType struct {
	name             string
	length           int64
	precision, scale int64
	collation        any
	page             any
}

// liveTypes are types that a table of somebody else may have.
func liveTypes() []liveType {
	types := []liveType{
		{"bit", 1, 1, 0, nil, nil},
		{"tinyint", 1, 3, 0, nil, nil},
		{"smallint", 2, 5, 0, nil, nil},
		{"int", 4, 10, 0, nil, nil},
		{"bigint", 8, 19, 0, nil, nil},
		{"real", 4, 24, 0, nil, nil},
		{"float", 8, 53, 0, nil, nil},
		{"money", 8, 19, 4, nil, nil},
		{"smallmoney", 4, 10, 4, nil, nil},
		{"decimal", 9, 19, 4, nil, nil},
		{"numeric", 17, 38, 10, nil, nil},
		{"date", 3, 10, 0, nil, nil},
		{"time", 5, 16, 7, nil, nil},
		{"datetime", 8, 23, 3, nil, nil},
		{"smalldatetime", 4, 16, 0, nil, nil},
		{"datetime2", 6, 19, 0, nil, nil},
		{"datetime2", 8, 27, 7, nil, nil},
		{"datetimeoffset", 10, 34, 7, nil, nil},
		{"uniqueidentifier", 16, 0, 0, nil, nil},
		{"binary", 4, 0, 0, nil, nil},
		{"varbinary", 40, 0, 0, nil, nil},
		{"varbinary", -1, 0, 0, nil, nil},
		{"image", 16, 0, 0, nil, nil},
		{"sql_variant", 8016, 0, 0, nil, nil},
		{"xml", -1, 0, 0, nil, nil},
		{"timestamp", 8, 0, 0, nil, nil},
	}
	for _, collation := range []struct {
		name any
		page any
	}{{binaryCollation, int64(1252)}, {"Japanese_CI_AS", int64(932)}, {"SQL_Latin1_General_CP437_BIN2", int64(437)}} {
		for _, name := range []string{"char", "varchar", "nchar", "nvarchar"} {
			types = append(types, liveType{name, 120, 0, 0, collation.name, collation.page})
		}
		for _, name := range []string{"varchar", "nvarchar", "text"} {
			types = append(types, liveType{name, -1, 0, 0, collation.name, collation.page})
		}
	}
	return types
}

// liveColumnRow is a row of columnQuery.
func liveColumnRow(name string, t liveType, nullable bool, constraint string) []sqldriver.Value {
	var isDefault, definition any
	id := int64(0)
	if constraint != "" {
		isDefault, definition, id = constraint, "((0))", 7
	}
	return []sqldriver.Value{
		name, t.name, t.length, t.precision, t.scale, nullable, false, false, t.collation, isDefault,
		t.page, definition, id,
	}
}

// liveIndexRows are the rows of indexQuery for one index.
func liveIndexRows(name string, primary, unique, constraint bool, filter any, columns ...string) [][]sqldriver.Value {
	var rows [][]sqldriver.Value
	for _, column := range columns {
		rows = append(rows, []sqldriver.Value{name, primary, unique, constraint, filter, column})
	}
	return rows
}

// liveTable is a table of somebody else: its columns are all BIGINT but for those of change, and one that is changed to
// nil is not there.
type liveTable struct {
	change  map[string][]sqldriver.Value
	more    []sqldriver.Value // a column that is not mapped
	indexes [][]sqldriver.Value
	isView  bool
	step    int64 // of its IDENTITY, 0 where it has none
}

// schemas compares the mapping with tables that are wrong in one way each, and adds the mends. Where it is brief
// the columns have one type of somebody else's, not all of them, and three of the columns alone have it.
func (d *database) schemas(brief bool) {
	d.fake.catalogue = catalogue{}
	d.compare(false)
	d.compare(true)
	d.live(liveTable{step: -1})
	d.live(liveTable{isView: true})
	for _, index := range d.spec.Indexes {
		column := index.Fields[0].Path
		for _, unique := range []bool{false, true} {
			for _, constraint := range []bool{false, unique} {
				d.live(liveTable{indexes: liveIndexRows(index.Name, false, unique, constraint, nil, column, "other]")})
				d.live(liveTable{indexes: liveIndexRows(index.Name, false, unique, constraint, "([b]=(1))", column)})
			}
		}
	}
	fields := d.fields()
	d.live(liveTable{indexes: liveIndexRows("PK__x", true, true, false, nil, "other")})
	d.live(liveTable{indexes: liveIndexRows("PK__x", true, true, false, nil, fields[0].Path, "other")})
	types := liveTypes()
	if brief {
		types = types[2:3]
	}
	for i, t := range types {
		d.live(liveTable{more: liveColumnRow("un'mapped] "+strconv.Itoa(i), t, false, "")})
	}
	for i, f := range fields {
		d.live(liveTable{change: map[string][]sqldriver.Value{f.Path: nil}})
		if !brief || i < 2 || i == len(fields)-1 {
			d.alterations(f, types)
		}
	}
}

// alterations has a column of every type, with what may hang on it.
func (d *database) alterations(f *driver.Field, types []liveType) {
	as := func(t liveType, nullable bool, constraint string) map[string][]sqldriver.Value {
		return map[string][]sqldriver.Value{f.Path: liveColumnRow(f.Path, t, nullable, constraint)}
	}
	for _, t := range types {
		d.live(liveTable{change: as(t, false, "")})
	}
	wrong := types[len(types)/2]
	for _, nullable := range []bool{false, true} {
		for _, constraint := range []string{"", "DF__it's]"} {
			d.live(liveTable{change: as(wrong, nullable, constraint)})
		}
	}
	filter := "(" + (&dialect{}).Quote(f.Path) + " IS NOT NULL)"
	plain := liveIndexRows("a", false, false, false, nil, f.Path)
	unique := liveIndexRows("b", false, true, true, nil, f.Path)
	for _, rows := range [][][]sqldriver.Value{
		liveIndexRows("plain]", false, false, false, nil, f.Path),
		liveIndexRows("only'", false, true, false, nil, f.Path, "other"),
		liveIndexRows("UQ__1", false, true, true, nil, "other", f.Path),
		liveIndexRows("some", false, true, false, filter, f.Path),
		liveIndexRows("part", false, false, false, "([a]=(1))", f.Path),
		liveIndexRows("PK__1", true, true, false, nil, f.Path),
		slices.Concat(plain, unique),
	} {
		d.live(liveTable{change: as(wrong, true, "DF"), indexes: rows})
	}
}

// live compares the mapping with a table of somebody else.
func (d *database) live(t liveTable) {
	c := catalogue{kind: "U ", indexes: t.indexes, step: [][]sqldriver.Value{{t.step}}}
	if t.isView {
		c.kind = "V "
	}
	for _, f := range d.fields() {
		row, ok := t.change[f.Path]
		if !ok {
			row = liveColumnRow(f.Path, liveType{"bigint", 8, 19, 0, nil, nil}, false, "")
		}
		if row != nil {
			c.columns = append(c.columns, row)
		}
	}
	if t.more != nil {
		c.columns = append(c.columns, t.more)
	}
	for _, row := range c.columns {
		c.details = append(c.details, []sqldriver.Value{row[0], false, true, int64(0), false, false, false, false, nil})
	}
	for i, row := range t.indexes {
		on := "PRIMARY"
		if row[1] == true {
			on = "[odd] group"
		}
		kind := int64(2)
		c.indexDetails = append(c.indexDetails, []sqldriver.Value{
			row[0], kind, i%2 == 0, int64(i * 10), i%2 == 0, i%2 == 1, true, on, "FG", false, int64(i % 3),
			false, i%2 == 1, row[5], int64(i + 1),
		}, []sqldriver.Value{
			row[0], kind, false, int64(0), false, true, true, on, "FG", false, int64(0),
			true, false, "carried]", int64(0),
		})
	}
	d.fake.catalogue = c
	d.compare(false)
}

// compare adds the mend of each difference.
func (d *database) compare(create bool) {
	result, err := d.collection.Schema(d.c.t.Context(), &driver.SchemaParams{Create: create})
	require.NoError(d.c.t, err)
	for _, difference := range result.Differences {
		for _, text := range difference.Statements {
			d.c.add(tsql.Statement{Text: text, Params: []string{}, ParserOnly: true})
		}
	}
	for _, text := range d.collection.DDL() {
		d.c.add(tsql.Statement{Text: text, Params: []string{}, ParserOnly: d.fake.parserOnly})
	}
}
