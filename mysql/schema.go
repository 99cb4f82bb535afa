package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// CreateTable implements [sqldb.Schema].
func (d *dialect) CreateTable(table string) string { return "CREATE TABLE IF NOT EXISTS " + table }

// Triggers implements [sqldb.Schema]. The trigger leaves a version that its writer has moved as it
// is, so that the library's own writes still add exactly 1.
func (d *dialect) Triggers(spec *driver.Spec, table string) []sqldb.Trigger {
	if !d.hasTriggers {
		return nil
	}
	bare := spec.Table[strings.LastIndexByte(spec.Table, '.')+1:]
	name := truncate(bare, longestName-len("_version")) + "_version"
	quoted := d.Quote(name)
	if i := strings.LastIndexByte(spec.Table, '.'); i >= 0 {
		quoted = d.Quote(spec.Table[:i]) + "." + quoted
	}
	version := d.Quote(spec.Version.Path)
	return []sqldb.Trigger{{
		Name: name,
		DDL: fmt.Sprintf("CREATE TRIGGER %[1]s BEFORE UPDATE ON %[2]s FOR EACH ROW "+
			"SET NEW.%[3]s = IF(NEW.%[3]s <=> OLD.%[3]s, COALESCE(OLD.%[3]s, 0) + 1, NEW.%[3]s)",
			quoted, table, version),
		Severity: driver.SeverityMust,
		Problem:  "the trigger that moves the version for programs that know no versions does not exist",
	}}
}

func truncate(s string, n int) string {
	runes := []rune(s)
	return string(runes[:min(n, len(runes))])
}

// CreateIndex implements [sqldb.Schema].
func (d *dialect) CreateIndex(x *driver.Index, table string) string {
	return sqldb.CreateIndex(d, x, table)
}

// AddColumn implements [sqldb.Schema].
func (d *dialect) AddColumn(spec *driver.Spec, f *driver.Field, table string) string {
	text := "ALTER TABLE " + table + " ADD COLUMN " + d.Column(spec, f)
	switch {
	case spec.KeyAuto && f.Path == spec.Key.Path:
		return text + " UNIQUE"
	case sqldb.IsKey(spec, f):
		return ""
	case strings.HasSuffix(text, " NOT NULL"):
		return text + " DEFAULT " + d.defaultOf(d.columnType(f), d.Zero(f))
	}
	return text
}

// defaultOf is a default for a column of a type. MySQL takes one of TEXT, BLOB and JSON as an expression alone.
func (d *dialect) defaultOf(kind, literal string) string {
	if isLarge(kind) {
		return "(" + literal + ")"
	}
	return literal
}

// isLarge reports whether a type is one of those that take no literal for a default on MySQL.
func isLarge(kind string) bool {
	kind, _, _ = strings.Cut(strings.ToLower(kind), " ")
	return kind == "json" || strings.HasSuffix(kind, "text") || strings.HasSuffix(kind, "blob")
}

// AlterColumn implements [sqldb.Schema]. A MODIFY gives the whole definition of a column, and what it leaves out is
// lost: it is that of SHOW CREATE TABLE, with the change in it.
func (d *dialect) AlterColumn(
	table string, _ *sqldb.LiveTable, c *sqldb.LiveColumn, change sqldb.Change,
) (fix, hindrance string) {
	switch {
	case c.ForeignKey != "" && (change.Type != "" || change.Collation != ""):
		return "", "the foreign key " + c.ForeignKey + " holds both its columns to one type: alter them together"
	case c.Generated:
		return "", "it is computed"
	case c.Source == "":
		return "", "this login cannot see the definition of the column (SHOW CREATE TABLE), all of which is to be kept"
	}
	all := definitionsOf("(\n  `c` " + c.Source + "\n)")
	definition, ok := all["c"]
	if !ok {
		return "", "the definition of the column is not understood, and all of it is to be kept"
	}
	kind := c.Type
	if change.Type != "" {
		kind = change.Type
	}
	return "ALTER TABLE " + table + " MODIFY COLUMN " +
		"" + d.Quote(c.Name) + " " + definition.change(change, isLarge(kind)), ""
}

// RelaxColumn implements [sqldb.Schema]. ALTER COLUMN changes the default alone. A value that a unique index or a
// foreign key looks at cannot be made up, and is NULL.
func (d *dialect) RelaxColumn(table string, live *sqldb.LiveTable, c *sqldb.LiveColumn) (fix, value string) {
	isBound := c.ForeignKey != ""
	for i := range live.Indexes {
		x := &live.Indexes[i]
		isIn := slices.ContainsFunc(x.Columns, func(name string) bool { return strings.EqualFold(name, c.Name) })
		if isIn && x.Primary {
			return "", ""
		}
		isBound = isBound || isIn && x.Unique
	}
	value = emptyValue(c)
	if isBound || value == "" || c.IsChecked { // a CHECK lets NULL pass, and not every value: that of MariaDB's JSON
		fix, _ = d.AlterColumn(table, live, c, sqldb.Change{Null: sqldb.AllowNull})
		return fix, ""
	}
	return "ALTER TABLE " + table + " ALTER COLUMN " + d.Quote(c.Name) + " SET DEFAULT " +
		d.defaultOf(c.Type, value), value
}

// emptyValue is the literal that the server itself would take for a column without a default, were it not strict. It
// is empty where that is no value, as for dates.
func emptyValue(c *sqldb.LiveColumn) string {
	switch {
	case integers[c.Type] > 0, c.Type == "decimal", c.Type == "double", c.Type == "float":
		return "0"
	case strings.HasSuffix(c.Type, "char"), strings.HasSuffix(c.Type, "text"), strings.HasSuffix(c.Type, "blob"),
		c.Type == "varbinary", c.Type == "set":
		return "''"
	case c.Type == "enum" && len(c.Definition) > len("enum('")+1:
		first := c.Definition[len("enum("):]
		return first[:quotedEnd(first)]
	}
	return ""
}

// AddKey implements [sqldb.Schema].
func (d *dialect) AddKey(table, columns string) string {
	return "ALTER TABLE " + table + " ADD PRIMARY KEY (" + columns + ")"
}
