package mysql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

const (
	tableQuery = `SELECT TABLE_TYPE, COALESCE(ENGINE, ''), @@sql_mode FROM information_schema.TABLES WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?`

	columnQuery = `SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,
 COALESCE(CHARACTER_MAXIMUM_LENGTH, 0), COALESCE(NUMERIC_PRECISION, DATETIME_PRECISION, 0), COALESCE(NUMERIC_SCALE, 0), COALESCE(COLLATION_NAME, '')
 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

	indexQuery = `SELECT INDEX_NAME, NON_UNIQUE, COALESCE(COLUMN_NAME, ''), SUB_PART FROM information_schema.STATISTICS
 WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX`

	triggerQuery = `SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT FROM information_schema.TRIGGERS
 WHERE EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE()) AND EVENT_OBJECT_TABLE = ?`

	checkQuery = `SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS
 WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND CONSTRAINT_TYPE = 'CHECK' ORDER BY CONSTRAINT_NAME`

	foreignKeyQuery = `SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_COLUMN_NAME, k.TABLE_NAME, k.REFERENCED_TABLE_NAME,
 k.TABLE_SCHEMA = t.here AND k.TABLE_NAME = t.name, r.DELETE_RULE, r.UPDATE_RULE
 FROM (SELECT COALESCE(?, DATABASE()) AS here, ? AS name) t
 JOIN information_schema.KEY_COLUMN_USAGE k ON k.REFERENCED_TABLE_NAME IS NOT NULL
 AND (k.TABLE_SCHEMA = t.here AND k.TABLE_NAME = t.name OR k.REFERENCED_TABLE_SCHEMA = t.here AND k.REFERENCED_TABLE_NAME = t.name)
 JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA
 AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
 ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`
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
	isTable := d.addTable(table, rows[0], spec)
	var definitions map[string]definition
	if isTable && !escapes(sqldb.Text(rows[0][2])) {
		definitions, err = d.definitions(ctx, ask, spec)
	}
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		query string
		add   func(row []any)
	}{
		{columnQuery, func(row []any) {
			c := liveColumn(row)
			c.Source = strings.Join(definitions[c.Name], " ")
			c.IsChecked = definitions[c.Name].find("CHECK") >= 0
			table.Columns = append(table.Columns, c)
		}},
		{indexQuery, func(row []any) { addIndexColumn(table, row) }},
		{triggerQuery, func(row []any) { addTrigger(table, row) }},
		{foreignKeyQuery, func(row []any) { addForeignKey(table, row) }},
		{checkQuery, func(row []any) { table.Checks = append(table.Checks, sqldb.Text(row[0])) }},
	} {
		rows, err := ask(ctx, part.query, database, name)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			part.add(row)
		}
	}
	return table, nil
}

// addTable adds a row of tableQuery for Inspect, and reports whether it is a table.
func (d *dialect) addTable(table *sqldb.LiveTable, row []any, spec *driver.Spec) bool {
	kind, engine := sqldb.Text(row[0]), sqldb.Text(row[1])
	switch {
	case kind == "SYSTEM VERSIONED":
		// SET STATEMENT is for one statement alone, so that it does not matter on which connection it runs.
		table.AlterPrefix = "SET STATEMENT system_versioning_alter_history=KEEP FOR "
		table.Faults = append(table.Faults, sqldb.LiveFault{
			Severity: driver.SeverityNote,
			Problem: "it is system-versioned: the server keeps what the library changes and deletes in its history, " +
				"and " +
				"alters the table only while it is told to keep that",
		})
	case kind != "BASE TABLE":
		problem := "it is a " + strings.ToLower(kind) + ", not a table"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
		return false
	}
	if !strings.EqualFold(engine, "InnoDB") {
		table.Faults = append(table.Faults, sqldb.LiveFault{
			Severity: driver.SeverityMust,
			Problem:  "its engine is " + engine + ", which has no transactions",
			Fix:      "ALTER TABLE " + sqldb.QuoteTable(d, spec.Table) + " ENGINE=InnoDB",
		})
	}
	return true
}

// escapes reports whether a sql_mode has SHOW CREATE TABLE quote in another way than definitionsOf reads.
func escapes(mode string) bool {
	return strings.Contains(mode, "NO_BACKSLASH_ESCAPES") || strings.Contains(mode, "ANSI_QUOTES")
}

// definitions are what SHOW CREATE TABLE says of the columns, for Inspect. A login that may not see that goes without:
// it gets the differences, and no fix that would have to repeat a definition.
func (d *dialect) definitions(ctx context.Context, ask sqldb.Ask, spec *driver.Spec) (map[string]definition, error) {
	rows, err := ask(ctx, "SHOW CREATE TABLE "+sqldb.QuoteTable(d, spec.Table))
	var refused *mysql.MySQLError
	if errors.As(err, &refused) && slices.Contains([]uint16{1142, 1143, 1044, 1227}, refused.Number) {
		return nil, nil
	}
	if err != nil || len(rows) == 0 || len(rows[0]) < 2 {
		return nil, err
	}
	return definitionsOf(sqldb.Text(rows[0][1])), nil
}

// addTrigger adds a row of triggerQuery for Inspect. A trigger of MySQL can change the row that it runs for before it
// is written alone.
func addTrigger(table *sqldb.LiveTable, row []any) {
	timing, event := sqldb.Text(row[1]), sqldb.Text(row[2])
	table.Triggers = append(table.Triggers, sqldb.LiveTrigger{
		Name: sqldb.Text(row[0]), Event: timing + " " + event, Body: sqldb.Text(row[3]),
		Writes: timing == "BEFORE" && event != "DELETE",
	})
}

// addForeignKey adds a row of foreignKeyQuery for Inspect, which has one for each column of a key.
func addForeignKey(table *sqldb.LiveTable, row []any) {
	key := sqldb.LiveForeignKey{
		Name: sqldb.Text(row[0]), IsOurs: sqldb.Number(row[5]) == 1,
		OnDelete: sqldb.Text(row[6]), OnUpdate: sqldb.Text(row[7]),
	}
	column := sqldb.Text(row[2])
	key.Table = sqldb.Text(row[3])
	if key.IsOurs {
		column, key.Table = sqldb.Text(row[1]), sqldb.Text(row[4])
	}
	if c := table.Column(column); c != nil {
		c.ForeignKey = key.Name
	}
	n := len(table.ForeignKeys)
	if n > 0 && table.ForeignKeys[n-1].Name == key.Name && table.ForeignKeys[n-1].Table == key.Table {
		table.ForeignKeys[n-1].Columns = append(table.ForeignKeys[n-1].Columns, column)
		return
	}
	key.Columns = []string{column}
	table.ForeignKeys = append(table.ForeignKeys, key)
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
	c.Zerofill = strings.Contains(c.Definition, "ZEROFILL")
	c.Generated = strings.Contains(extra, "virtual generated") || strings.Contains(extra, "stored generated") ||
		strings.Contains(extra, "persistent")
	c.OnUpdate = strings.Contains(extra, "on update")
	if c.Type == "enum" || c.Type == "set" {
		c.Definition = sqldb.Text(row[1]) // its values have a case
	}
	c.HasDefault = row[4] != nil && !strings.EqualFold(sqldb.Text(row[4]), "NULL") || c.Auto || c.OnUpdate ||
		strings.Contains(extra, "default_generated")
	c.Omissible = c.Nullable || c.Auto || row[4] != nil || c.Generated || strings.Contains(extra, "default_generated")
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
