package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

const (
	// In a database that tells upper and lower case apart, the names of columns differ by it too.
	tableQuery = `SELECT type, CASE WHEN 'a' = 'A' THEN 0 ELSE 1 END FROM sys.objects WHERE object_id = OBJECT_ID(@p1)`

	columnQuery = `SELECT c.name, TYPE_NAME(c.system_type_id), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity,
 c.is_computed, c.collation_name, d.name, CONVERT(INT, COLLATIONPROPERTY(c.collation_name, 'CodePage')), d.definition, c.default_object_id
 FROM sys.columns c LEFT JOIN sys.default_constraints d ON d.parent_object_id = c.object_id AND d.parent_column_id = c.column_id
 WHERE c.object_id = OBJECT_ID(@p1) ORDER BY c.column_id`

	// The columns by which an index is partitioned, and all of a columnstore, have the ordinal 0.
	indexQuery = `SELECT i.name, i.is_primary_key, i.is_unique, i.is_unique_constraint, i.filter_definition, c.name
 FROM sys.indexes i JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
 JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id
 WHERE i.object_id = OBJECT_ID(@p1) AND x.is_included_column = 0 AND x.key_ordinal > 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0
 ORDER BY i.index_id, x.key_ordinal`

	stepQuery = `SELECT CONVERT(BIGINT, increment_value) FROM sys.identity_columns WHERE object_id = OBJECT_ID(@p1)`

	// detailQuery has what an ALTER COLUMN would lose, or could not get past.
	detailQuery = `SELECT c.name, c.is_sparse, c.is_ansi_padded, c.generated_always_type, c.is_masked, c.is_rowguidcol,
 CASE WHEN c.encryption_type IS NULL THEN 0 ELSE 1 END, CASE WHEN c.user_type_id = c.system_type_id THEN 0 ELSE 1 END, (SELECT TOP (1)
 COALESCE(OBJECT_NAME(e.referencing_id), '') FROM sys.sql_expression_dependencies e
 WHERE e.referenced_id = c.object_id AND e.referenced_minor_id = c.column_id AND e.is_schema_bound_reference = 1)
 FROM sys.columns c WHERE c.object_id = OBJECT_ID(@p1)`

	// indexDetailQuery has what makes an index again as it is.
	indexDetailQuery = `SELECT i.name, i.type, i.is_padded, i.fill_factor, i.ignore_dup_key, i.allow_row_locks, i.allow_page_locks,
 s.name, s.type, i.is_disabled, (SELECT MAX(p.data_compression) FROM sys.partitions p WHERE p.object_id = i.object_id AND p.index_id = i.index_id),
 x.is_included_column, x.is_descending_key, c.name, x.key_ordinal
 FROM sys.indexes i JOIN sys.data_spaces s ON s.data_space_id = i.data_space_id
 JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
 JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id
 WHERE i.object_id = OBJECT_ID(@p1) AND i.is_hypothetical = 0 ORDER BY i.index_id, x.is_included_column, x.key_ordinal, x.index_column_id`

	foreignKeyQuery = `SELECT k.name, c.name, r.name, OBJECT_NAME(k.parent_object_id), OBJECT_NAME(k.referenced_object_id),
 CASE WHEN k.parent_object_id = OBJECT_ID(@p1) THEN 1 ELSE 0 END, k.delete_referential_action_desc, k.update_referential_action_desc
 FROM sys.foreign_keys k JOIN sys.foreign_key_columns x ON x.constraint_object_id = k.object_id
 JOIN sys.columns c ON c.object_id = x.parent_object_id AND c.column_id = x.parent_column_id
 JOIN sys.columns r ON r.object_id = x.referenced_object_id AND r.column_id = x.referenced_column_id
 WHERE OBJECT_ID(@p1) IN (k.parent_object_id, k.referenced_object_id) ORDER BY k.object_id, x.constraint_column_id`

	triggerQuery = `SELECT t.name, t.is_instead_of_trigger, e.type_desc, OBJECT_DEFINITION(t.object_id)
 FROM sys.triggers t JOIN sys.trigger_events e ON e.object_id = t.object_id
 WHERE t.parent_id = OBJECT_ID(@p1) AND t.is_disabled = 0 ORDER BY t.name, e.type`

	checkQuery = `SELECT name FROM sys.check_constraints WHERE parent_object_id = OBJECT_ID(@p1) AND is_disabled = 0 ORDER BY name`

	kindQuery = `SELECT temporal_type, is_memory_optimized FROM sys.tables WHERE object_id = OBJECT_ID(@p1)`
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
	table.ExactNames = isTrue(rows[0][1])
	if kind := strings.TrimSpace(sqldb.Text(rows[0][0])); kind != "U" {
		problem := "it is no table (its sys.objects.type is " + kind + ")"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	}
	for _, part := range []struct {
		query string
		add   func(row []any)
	}{
		{columnQuery, func(row []any) { table.Columns = append(table.Columns, liveColumn(row)) }},
		{indexQuery, func(row []any) { addIndexColumn(table, row) }},
		{stepQuery, func(row []any) { addStep(table, spec, row) }},
	} {
		rows, err := ask(ctx, part.query, name)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			part.add(row)
		}
	}
	return table, d.inspectDetails(ctx, ask, spec, table)
}

// inspectDetails reads for Inspect what other servers than SQL Server may not tell. What is not told hinders the
// fixes that would have to know it, and no more.
func (d *dialect) inspectDetails(ctx context.Context, ask sqldb.Ask, spec *driver.Spec, table *sqldb.LiveTable) error {
	name := sqldb.QuoteTable(d, spec.Table)
	isTold := map[string]bool{}
	var makers []*indexMaker
	for _, part := range []struct {
		query string
		add   func(row []any)
	}{
		{detailQuery, func(row []any) { d.addDetails(table, row) }},
		{indexDetailQuery, func(row []any) { makers = addIndexDetail(makers, row) }},
		{foreignKeyQuery, func(row []any) { addForeignKey(table, row) }},
		{triggerQuery, func(row []any) { addTrigger(table, row) }},
		{kindQuery, func(row []any) { addKind(table, row) }},
		{checkQuery, func(row []any) { table.Checks = append(table.Checks, sqldb.Text(row[0])) }},
	} {
		rows, err := ask(ctx, part.query, name)
		if isUntold(err) {
			continue
		}
		if err != nil {
			return err
		}
		isTold[part.query] = true
		for _, row := range rows {
			part.add(row)
		}
	}
	for _, m := range makers {
		m.complete(d, name, table)
		if d.server.babelfish == "" { // whose indexes are longer
			m.addLongIndexes(spec, table)
		}
	}
	for i := range table.Columns {
		if !isTold[detailQuery] || !isTold[indexDetailQuery] || !isTold[foreignKeyQuery] {
			table.Columns[i].Hindrance = "the server does not tell what hangs on the column"
		}
	}
	return nil
}

// isUntold reports whether an error says that a view of the catalogue, or a column of it, does not exist.
func isUntold(err error) bool {
	var e mssql.Error
	return errors.As(err, &e) && (e.Number == 207 || e.Number == 208)
}

func addStep(table *sqldb.LiveTable, spec *driver.Spec, row []any) {
	if spec.KeyAuto && strings.HasPrefix(sqldb.Text(row[0]), "-") {
		problem := "its IDENTITY counts downwards, so that InsertMany would mix up the keys"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	}
}

// addDetails adds a row of detailQuery for Inspect.
func (d *dialect) addDetails(table *sqldb.LiveTable, row []any) {
	c := table.Exact(sqldb.Text(row[0]))
	if c == nil {
		return
	}
	c.Generated = c.Generated || sqldb.Number(row[3]) != 0
	c.Omissible = c.Omissible || c.Generated // a period column is NOT NULL, and has no default
	c.IsTrimmed = d.server.babelfish == "" && !isTrue(row[2]) && isCuttable(c)
	switch {
	case isTrue(row[1]), isTrue(row[4]), isTrue(row[5]), isTrue(row[6]):
		c.Hindrance = "the column is sparse, masked, encrypted or a ROWGUIDCOL, which is to be kept: alter it by hand"
	case isTrue(row[7]):
		c.Hindrance = "its type is one that the database has made, which is to be kept: alter it by hand"
	case row[8] != nil:
		c.Hindrance = "a check, a computed column, a filter or a view (of " + sqldb.Text(row[8]) + ") is bound to " +
			"it: alter " +
			"them by hand"
	case c.Generated:
		c.Hindrance = "it is computed"
	}
	if c.Hindrance == "" && c.HasHiddenDefault {
		c.Hindrance = "this login cannot see the default of the column, which is to be kept"
	}
}

// isCuttable reports whether ANSI_PADDING OFF, which sys.columns tells of the column, lets the database cut its values.
// It is 0 too of columns that know no such setting, and on Babelfish of all, which never cuts ("SET ANSI_PADDING"):
// MAX and nvarchar are as under ON, and so are CHAR and BINARY that are NOT NULL.
func isCuttable(c *sqldb.LiveColumn) bool {
	switch c.Type {
	case "varchar", "varbinary":
		return c.Length > 0
	case "char", "binary":
		return c.Nullable
	}
	return false
}

// addForeignKey adds a row of foreignKeyQuery for Inspect, which has one for each column of a key.
func addForeignKey(table *sqldb.LiveTable, row []any) {
	key := sqldb.LiveForeignKey{
		Name: sqldb.Text(row[0]), IsOurs: isTrue(row[5]),
		OnDelete: strings.ReplaceAll(sqldb.Text(row[6]), "_", " "),
		OnUpdate: strings.ReplaceAll(sqldb.Text(row[7]), "_", " "),
	}
	column := sqldb.Text(row[2])
	key.Table = sqldb.Text(row[3])
	if key.IsOurs {
		column, key.Table = sqldb.Text(row[1]), sqldb.Text(row[4])
	}
	if c := table.Exact(column); c != nil {
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

// addTrigger adds a row of triggerQuery for Inspect.
func addTrigger(table *sqldb.LiveTable, row []any) {
	timing, event := "AFTER ", sqldb.Text(row[2])
	isInstead := isTrue(row[1])
	if isInstead {
		timing = "INSTEAD OF "
	}
	table.Triggers = append(table.Triggers, sqldb.LiveTrigger{
		Name: sqldb.Text(row[0]), Event: timing + event, Body: sqldb.Text(row[3]), IsInstead: isInstead,
		IsAfter: !isInstead,
		Writes:  event != "DELETE" || isInstead,
	})
	if isInstead || !raisesAlone(sqldb.Text(row[3])) {
		return
	}
	problem := "the trigger " + sqldb.Text(row[0]) + " says no by RAISERROR and neither throws nor rolls back: what " +
		"it says no to is stored all the same, and the error is ErrUnknownOutcome: let it THROW, or ROLLBACK"
	fault := sqldb.LiveFault{Severity: driver.SeverityWeaker, Problem: problem}
	if !slices.Contains(table.Faults, fault) { // it may have more than one event
		table.Faults = append(table.Faults, fault)
	}
}

// raisesAlone reports whether the body of a trigger has RAISERROR, and neither THROW nor ROLLBACK, outside of its
// strings and comments.
func raisesAlone(body string) bool {
	words := map[string]bool{}
	for i := 0; i < len(body); {
		if n := skip(body[i:]); n > 0 {
			i += n
			continue
		}
		end := i
		for end < len(body) && isWord(body[end]) {
			end++
		}
		words[strings.ToUpper(body[i:end])] = true
		i = max(end, i+1)
	}
	return words["RAISERROR"] && !words["THROW"] && !words["ROLLBACK"]
}

// addKind adds the row of kindQuery for Inspect.
func addKind(table *sqldb.LiveTable, row []any) {
	if isTrue(row[1]) {
		problem := "it is memory-optimized, and such a table refuses the lock hints with which a Tx reads what it " +
			"will write: Modify and Reload in Atomic fail"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	}
	switch sqldb.Number(row[0]) {
	case 1:
		problem := "it is the history of another table, which takes no writes"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityMust, Problem: problem})
	case 2:
		problem := "it is system-versioned: the server keeps what the library changes and deletes in its history " +
			"table, " +
			"which a fix alters with it"
		table.Faults = append(table.Faults, sqldb.LiveFault{Severity: driver.SeverityNote, Problem: problem})
	}
}

// indexMaker collects what makes an index again.
type indexMaker struct {
	row        []any
	keys, rest []string // with their direction, and those that are included
	restNames  []string
	keyNames   []string
}

// addIndexDetail adds a row of indexDetailQuery, which has one for each column of an index, the key first.
func addIndexDetail(makers []*indexMaker, row []any) []*indexMaker {
	n := len(makers)
	if n == 0 || sqldb.Text(makers[n-1].row[0]) != sqldb.Text(row[0]) {
		makers = append(makers, &indexMaker{row: row})
		n++
	}
	m, column := makers[n-1], sqldb.Text(row[13])
	quoted := (&dialect{}).Quote(column)
	switch {
	case isTrue(row[11]):
		m.rest = append(m.rest, quoted)
		m.restNames = append(m.restNames, column)
	case sqldb.Number(row[14]) > 0:
		if isTrue(row[12]) {
			quoted += " DESC"
		}
		m.keys = append(m.keys, quoted)
		m.keyNames = append(m.keyNames, column)
	}
	return makers
}

// complete gives the live index the statement that makes it again. Only a plain index beside the table has one: the
// table itself, a columnstore, a partitioned or a disabled index is nothing that a fix takes away.
func (m *indexMaker) complete(d *dialect, table string, live *sqldb.LiveTable) {
	const nonclustered, filegroup = 2, "FG"
	row := m.row
	for i := range live.Indexes {
		x := &live.Indexes[i]
		if x.Name != sqldb.Text(row[0]) {
			continue
		}
		x.Others = m.restNames
		isPlain := sqldb.Number(row[1]) == nonclustered && strings.TrimSpace(sqldb.Text(row[8])) == filegroup
		if x.Primary || !isPlain || isTrue(row[9]) {
			return
		}
		if x.Filter != "" {
			filter, ok := oneExpression(x.Filter)
			if !ok {
				return
			}
			x.Filter = filter
		}
		x.Source = d.createAgain(table, x, m)
		return
	}
	if sqldb.Number(row[1]) != nonclustered || isTrue(row[9]) { // of no key: a columnstore, or disabled
		x := sqldb.LiveIndex{Name: sqldb.Text(row[0]), Partial: true, Others: m.restNames}
		live.Indexes = append(live.Indexes, x)
	}
}

// createAgain is the statement that makes an index as it is.
func (d *dialect) createAgain(table string, x *sqldb.LiveIndex, m *indexMaker) string {
	list := " (" + strings.Join(m.keys, ", ") + ")"
	text := "CREATE INDEX " + d.Quote(x.Name) + " ON " + table + list
	switch {
	case x.IsConstraint:
		text = "ALTER TABLE " + table + " ADD CONSTRAINT " + d.Quote(x.Name) + " UNIQUE NONCLUSTERED" + list
	case x.Unique:
		text = "CREATE UNIQUE INDEX " + d.Quote(x.Name) + " ON " + table + list
	}
	if len(m.rest) > 0 && !x.IsConstraint { // which has neither
		text += " INCLUDE (" + strings.Join(m.rest, ", ") + ")"
	}
	if x.Filter != "" && !x.IsConstraint {
		text += " WHERE " + x.Filter
	}
	options := []string{}
	for _, o := range []struct {
		name    string
		is, def bool
	}{
		{"PAD_INDEX", isTrue(m.row[2]), false},
		{"IGNORE_DUP_KEY", isTrue(m.row[4]), false},
		{"ALLOW_ROW_LOCKS", isTrue(m.row[5]), true},
		{"ALLOW_PAGE_LOCKS", isTrue(m.row[6]), true},
	} {
		if o.is != o.def {
			options = append(options, o.name+" = "+map[bool]string{true: "ON", false: "OFF"}[o.is])
		}
	}
	if n := sqldb.Number(m.row[3]); n > 0 {
		options = append(options, fmt.Sprintf("FILLFACTOR = %d", n))
	}
	if n := sqldb.Number(m.row[10]); n == 1 || n == 2 {
		options = append(options, "DATA_COMPRESSION = "+[]string{"", "ROW", "PAGE"}[n])
	}
	if len(options) > 0 {
		text += " WITH (" + strings.Join(options, ", ") + ")"
	}
	return text + " ON " + d.Quote(sqldb.Text(m.row[7]))
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
		DefaultAs: sqldb.Text(row[11]),
	}
	hasDefault := sqldb.Number(row[12]) != 0 || c.Default != ""
	c.HasDefault = hasDefault || c.Auto
	c.HasHiddenDefault = hasDefault && (c.Default == "" || c.DefaultAs == "")
	c.Generated = isTrue(row[7]) || c.Auto
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
		c.Auto, c.Generated = true, true
	}
	c.Omissible = c.Nullable || c.Auto || c.Generated || hasDefault
	return c
}

// addIndexColumn adds a row of indexQuery, which has one for each column of an index, in their order. An index
// whose filter passes over NULLs alone is no partial one: it is what CreateIndex makes of a unique index.
func addIndexColumn(table *sqldb.LiveTable, row []any) {
	n, name := len(table.Indexes), sqldb.Text(row[0])
	if n == 0 || table.Indexes[n-1].Name != name {
		x := sqldb.LiveIndex{Name: name, Primary: isTrue(row[1]), Unique: isTrue(row[2]), IsConstraint: isTrue(row[3])}
		if filter := sqldb.Text(row[4]); filter != "" {
			x.Filter = filter
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
