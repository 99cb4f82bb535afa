package mysql

import (
	"context"
	"fmt"
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
	return "ALTER TABLE " + table + " ADD COLUMN " + d.Column(spec, f)
}

// AlterColumn implements [sqldb.Schema].
func (d *dialect) AlterColumn(spec *driver.Spec, f *driver.Field, table string, _ *sqldb.LiveTable) string {
	return "ALTER TABLE " + table + " MODIFY COLUMN " + d.Column(spec, f)
}

// RelaxColumn implements [sqldb.Schema].
func (d *dialect) RelaxColumn(table string, c *sqldb.LiveColumn) string {
	definition := d.Quote(c.Name) + " " + c.Definition
	if c.Collation != "" {
		charset, _, _ := strings.Cut(c.Collation, "_")
		definition += " CHARACTER SET " + charset + " COLLATE " + c.Collation
	}
	return "ALTER TABLE " + table + " MODIFY COLUMN " + definition + " NULL"
}

// DropIndex implements [sqldb.Schema].
func (d *dialect) DropIndex(table string, x *sqldb.LiveIndex) string {
	return "DROP INDEX " + d.Quote(x.Name) + " ON " + table
}

// AddKey implements [sqldb.Schema].
func (d *dialect) AddKey(table, columns string) string {
	return "ALTER TABLE " + table + " ADD PRIMARY KEY (" + columns + ")"
}

const (
	tableQuery = `SELECT TABLE_TYPE, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?`

	columnQuery = `SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,
 COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(NUMERIC_PRECISION, DATETIME_PRECISION, 0), COALESCE(NUMERIC_SCALE, 0), COALESCE(COLLATION_NAME, '')
 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

	indexQuery = `SELECT INDEX_NAME, NON_UNIQUE, COALESCE(COLUMN_NAME, ''), SUB_PART FROM information_schema.STATISTICS
 WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX`

	triggerQuery = `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE()) AND EVENT_OBJECT_TABLE = ?`
)

// Inspect implements [sqldb.Schema].
func (d *dialect) Inspect(ctx context.Context, ask sqldb.Ask, spec *driver.Spec) (*sqldb.LiveTable, error) {
	var database any
	name := spec.Table
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		database, name = name[:i], name[i+1:]
	}
	table := &sqldb.LiveTable{}
	rows, err := ask(ctx, tableQuery, database, name)
	if err != nil || len(rows) == 0 {
		return table, err
	}
	table.Exists = true
	if kind := sqldb.Text(rows[0][0]); kind != "BASE TABLE" {
		problem := "it is a " + strings.ToLower(kind) + ", not a table"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	} else if engine := sqldb.Text(rows[0][1]); !strings.EqualFold(engine, "InnoDB") {
		table.Faults = append(table.Faults, sqldb.LiveFault{
			Severity: driver.SeverityMust,
			Problem:  "its engine is " + engine + ", which has no transactions",
			Fix:      "ALTER TABLE " + sqldb.QuoteTable(d, spec.Table) + " ENGINE=InnoDB",
		})
	}
	if rows, err = ask(ctx, columnQuery, database, name); err != nil {
		return nil, err
	}
	for _, row := range rows {
		table.Columns = append(table.Columns, liveColumn(row))
	}
	if rows, err = ask(ctx, indexQuery, database, name); err != nil {
		return nil, err
	}
	for _, row := range rows {
		addIndexColumn(table, row)
	}
	if rows, err = ask(ctx, triggerQuery, database, name); err != nil {
		return nil, err
	}
	for _, row := range rows {
		table.Triggers = append(table.Triggers, sqldb.Text(row[0]))
	}
	return table, nil
}

// liveColumn describes a row of columnQuery, for Inspect. What the server calls a type differs between
// MySQL and MariaDB and their versions: LiveColumn has one form for all.
func liveColumn(row []any) sqldb.LiveColumn {
	extra := strings.ToLower(sqldb.Text(row[5]))
	c := sqldb.LiveColumn{
		Name:       sqldb.Text(row[0]),
		Definition: strings.ToUpper(sqldb.Text(row[1])),
		Type:       strings.ToLower(sqldb.Text(row[2])),
		Nullable:   sqldb.Text(row[3]) == "YES",
		Auto:       strings.Contains(extra, "auto_increment"),
		Length:     sqldb.Number(row[6]),
		Precision:  sqldb.Number(row[7]),
		Scale:      sqldb.Number(row[8]),
		Collation:  sqldb.Text(row[9]),
	}
	c.Unsigned = strings.Contains(c.Definition, "UNSIGNED")
	if c.Type == "enum" || c.Type == "set" {
		c.Definition = sqldb.Text(row[1]) // its values have a case
	}
	c.Omissible = c.Nullable || c.Auto || row[4] != nil || strings.Contains(extra, "generated")
	return c
}

// addIndexColumn adds a row of indexQuery for Inspect, which has one for each column of an index, in their
// order. An index over the first characters of a column, or over an expression, does not keep values apart.
func addIndexColumn(table *sqldb.LiveTable, row []any) {
	n, name, column := len(table.Indexes), sqldb.Text(row[0]), sqldb.Text(row[2])
	if n == 0 || table.Indexes[n-1].Name != name {
		x := sqldb.LiveIndex{Name: name, Primary: name == "PRIMARY", Unique: sqldb.Number(row[1]) == 0}
		table.Indexes = append(table.Indexes, x)
		n++
	}
	x := &table.Indexes[n-1]
	x.Columns = append(x.Columns, column)
	x.Partial = x.Partial || row[3] != nil || column == ""
}
