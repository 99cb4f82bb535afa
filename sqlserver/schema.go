package sqlserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// CreateTable implements [sqldb.Schema].
func (d *dialect) CreateTable(table string) string {
	return "IF OBJECT_ID(" + literal(table) + ") IS NULL CREATE TABLE " + table
}

func literal(text string) string { return "N'" + strings.ReplaceAll(text, "'", "''") + "'" }

// Triggers implements [sqldb.Schema]. A version that others must move as well is a ROWVERSION.
func (d *dialect) Triggers(*driver.Spec, string) []sqldb.Trigger { return nil }

// CreateIndex implements [sqldb.Schema]. A unique index takes NULLs for equal, unless it passes them
// over.
func (d *dialect) CreateIndex(x *driver.Index, table string) string {
	text := sqldb.CreateIndex(d, x, table)
	word := " WHERE "
	for _, f := range x.Fields {
		if x.Unique && f.Nullable() {
			text += word + d.Quote(f.Path) + " IS NOT NULL"
			word = " AND "
		}
	}
	return text
}

// AddColumn implements [sqldb.Schema].
func (d *dialect) AddColumn(spec *driver.Spec, f *driver.Field, table string) string {
	text := "ALTER TABLE " + table + " ADD " + d.Column(spec, f)
	made := f.Path == spec.Version.Path || f.Path == spec.Key.Path && spec.KeyAuto
	if made || !strings.HasSuffix(text, " NOT NULL") {
		return text
	}
	return text + " DEFAULT " + d.Zero(f)
}

// AlterColumn implements [sqldb.Schema]. What hangs on the column, its default and its indexes, is
// in the way and is made again. No statement makes an IDENTITY or a ROWVERSION of a column.
func (d *dialect) AlterColumn(spec *driver.Spec, f *driver.Field, table string, live *sqldb.LiveTable) string {
	isVersion := f.Path == spec.Version.Path
	if isVersion && spec.VersionAuto || f.Path == spec.Key.Path && spec.KeyAuto {
		return ""
	}
	var before, after []string
	for i := range live.Indexes {
		x := &live.Indexes[i]
		if !containsFold(x.Columns, f.Path) {
			continue
		}
		if x.Primary || x.Partial {
			return ""
		}
		before = append(before, d.DropIndex(table, x))
		after = append(after, d.createAgain(table, x))
	}
	if c := live.Column(f.Path); c != nil && c.Default != "" {
		before = append(before, "ALTER TABLE "+table+" DROP CONSTRAINT "+d.Quote(c.Default))
	}
	if isVersion {
		after = append(after, "ALTER TABLE "+table+" ADD DEFAULT 0 FOR "+d.Quote(f.Path))
	}
	alter := "ALTER TABLE " + table + " ALTER COLUMN " + d.definition(spec, f)
	return strings.Join(append(append(before, alter), after...), "; ")
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func (d *dialect) createAgain(table string, x *sqldb.LiveIndex) string {
	var columns []string
	for _, name := range x.Columns {
		columns = append(columns, d.Quote(name))
	}
	list := " (" + strings.Join(columns, ", ") + ")"
	switch {
	case x.IsConstraint:
		return "ALTER TABLE " + table + " ADD CONSTRAINT " + d.Quote(x.Name) + " UNIQUE" + list
	case x.Unique:
		return "CREATE UNIQUE INDEX " + d.Quote(x.Name) + " ON " + table + list + x.Filter
	}
	return "CREATE INDEX " + d.Quote(x.Name) + " ON " + table + list
}

// RelaxColumn implements [sqldb.Schema].
func (d *dialect) RelaxColumn(table string, c *sqldb.LiveColumn) string {
	definition := d.Quote(c.Name) + " " + c.Definition
	if c.Collation != "" {
		definition += " COLLATE " + c.Collation
	}
	return "ALTER TABLE " + table + " ALTER COLUMN " + definition + " NULL"
}

// DropIndex implements [sqldb.Schema].
func (d *dialect) DropIndex(table string, x *sqldb.LiveIndex) string {
	if x.IsConstraint {
		return "ALTER TABLE " + table + " DROP CONSTRAINT " + d.Quote(x.Name)
	}
	return "DROP INDEX " + d.Quote(x.Name) + " ON " + table
}

// AddKey implements [sqldb.Schema].
func (d *dialect) AddKey(table, columns string) string {
	return "ALTER TABLE " + table + " ADD PRIMARY KEY (" + columns + ")"
}

const (
	tableQuery = `SELECT type FROM sys.objects WHERE object_id = OBJECT_ID(@p1)`

	columnQuery = `SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity,
 c.is_computed, c.collation_name, d.name, CONVERT(INT, COLLATIONPROPERTY(c.collation_name, 'CodePage'))
 FROM sys.columns c LEFT JOIN sys.default_constraints d ON d.parent_object_id = c.object_id AND d.parent_column_id = c.column_id
 WHERE c.object_id = OBJECT_ID(@p1) ORDER BY c.column_id`

	indexQuery = `SELECT i.name, i.is_primary_key, i.is_unique, i.is_unique_constraint, i.filter_definition, c.name
 FROM sys.indexes i JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
 JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id
 WHERE i.object_id = OBJECT_ID(@p1) AND x.is_included_column = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0
 ORDER BY i.index_id, x.key_ordinal`

	stepQuery = `SELECT CONVERT(BIGINT, increment_value) FROM sys.identity_columns WHERE object_id = OBJECT_ID(@p1)`
)

// Inspect implements [sqldb.Schema].
func (d *dialect) Inspect(ctx context.Context, ask sqldb.Ask, spec *driver.Spec) (*sqldb.LiveTable, error) {
	name := sqldb.QuoteTable(d, spec.Table)
	table := &sqldb.LiveTable{}
	rows, err := ask(ctx, tableQuery, name)
	if err != nil || len(rows) == 0 {
		return table, err
	}
	table.Exists = true
	if kind := strings.TrimSpace(sqldb.Text(rows[0][0])); kind != "U" {
		problem := "it is no table (its sys.objects.type is " + kind + ")"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	}
	if rows, err = ask(ctx, columnQuery, name); err != nil {
		return nil, err
	}
	for _, row := range rows {
		table.Columns = append(table.Columns, liveColumn(row))
	}
	if rows, err = ask(ctx, indexQuery, name); err != nil {
		return nil, err
	}
	for _, row := range rows {
		addIndexColumn(table, row)
	}
	if !spec.KeyAuto {
		return table, nil
	}
	if rows, err = ask(ctx, stepQuery, name); err != nil {
		return nil, err
	}
	if len(rows) > 0 && strings.HasPrefix(sqldb.Text(rows[0][0]), "-") {
		problem := "its IDENTITY counts downwards, so that InsertMany would mix up the keys"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	}
	return table, nil
}

// liveColumn describes a row of columnQuery, for Inspect. The catalogue counts the bytes of an NVARCHAR, and
// LiveColumn its UTF-16 units, as its declaration does.
func liveColumn(row []any) sqldb.LiveColumn {
	c := sqldb.LiveColumn{
		Name:      sqldb.Text(row[0]),
		Type:      strings.ToLower(sqldb.Text(row[1])),
		Length:    max(0, sqldb.Number(row[2])), // -1 is MAX
		Precision: sqldb.Number(row[3]),
		Scale:     sqldb.Number(row[4]),
		Nullable:  isTrue(row[5]),
		Auto:      isTrue(row[6]),
		Collation: sqldb.Text(row[8]),
		Default:   sqldb.Text(row[9]),
	}
	c.Definition = strings.ToUpper(c.Type)
	switch c.Type {
	case "nvarchar", "nchar":
		c.Length /= 2
		fallthrough
	case "varchar", "char", "varbinary", "binary":
		c.Definition += "(" + bound(int(c.Length), int(c.Length)) + ")"
		c.Precision = sqldb.Number(row[10]) // the code page
	case "decimal", "numeric":
		c.Definition += fmt.Sprintf("(%d, %d)", c.Precision, c.Scale)
	case "datetime2", "datetimeoffset", "time":
		c.Definition += fmt.Sprintf("(%d)", c.Scale)
	case "timestamp", "rowversion":
		c.Auto = true
	}
	c.Omissible = c.Nullable || c.Auto || isTrue(row[7]) || c.Default != ""
	return c
}

// addIndexColumn adds a row of indexQuery, which has one for each column of an index, in their order. An index
// whose filter passes over NULLs alone is no partial one: it is what CreateIndex makes of a unique index.
func addIndexColumn(table *sqldb.LiveTable, row []any) {
	n, name := len(table.Indexes), sqldb.Text(row[0])
	if n == 0 || table.Indexes[n-1].Name != name {
		x := sqldb.LiveIndex{Name: name, Primary: isTrue(row[1]), Unique: isTrue(row[2]), IsConstraint: isTrue(row[3])}
		if filter := sqldb.Text(row[4]); filter != "" {
			x.Filter = " WHERE " + filter
			x.Partial = !onlyNulls(filter)
		}
		table.Indexes = append(table.Indexes, x)
		n++
	}
	x := &table.Indexes[n-1]
	x.Columns = append(x.Columns, sqldb.Text(row[5]))
}

// onlyNulls reports whether a filter is like ([a] IS NOT NULL AND [b] IS NOT NULL).
func onlyNulls(filter string) bool {
	for part := range strings.SplitSeq(strings.Trim(filter, "()"), " AND ") {
		if !strings.HasSuffix(strings.Trim(part, "()"), " IS NOT NULL") {
			return false
		}
	}
	return true
}

func isTrue(value any) bool { return value == true || sqldb.Number(value) == 1 }
