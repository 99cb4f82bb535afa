package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// Schema implements [driver.Collection].
func (c *collection) Schema(ctx context.Context, p *driver.SchemaParams) (driver.SchemaResult, error) {
	if p.Create {
		if err := c.create(ctx); err != nil {
			return driver.SchemaResult{}, c.about(err)
		}
	}
	live, err := c.inspect(ctx)
	if err != nil {
		return driver.SchemaResult{}, c.about(err)
	}
	return c.differences(live, p.Combined), nil
}

func (c *collection) inspect(ctx context.Context) (*LiveTable, error) {
	return c.dialect.Inspect(ctx, c.db.ask, c.spec)
}

// ask runs a query of the dialect's Inspect, as its [Ask]. Its statement is not cached: it runs once for each
// table and would push out one that runs often.
func (d *Database) ask(ctx context.Context, text string, values ...any) ([][]any, error) {
	var a args
	for _, v := range values {
		a.add(v)
	}
	var rows [][]any
	for i := range a {
		var err error
		if a[i].Value, err = d.dialect.Arg(nil, a[i].Value); err != nil {
			return nil, err
		}
	}
	err := d.run(ctx, nil, func(s *session) error {
		rows = nil
		return s.run(ctx, &request{text: text, args: a, preparation: uncached}, func(row []sqldriver.Value) error {
			values := make([]any, len(row))
			for i, v := range row {
				values[i] = v
				if b, ok := v.([]byte); ok {
					values[i] = string(b)
				}
			}
			rows = append(rows, values)
			return nil
		})
	})
	return rows, err
}

// do runs a statement of DDL. It waits for locks no longer than others do.
func (d *Database) do(ctx context.Context, text string) error {
	return d.run(ctx, nil, func(s *session) error {
		return s.run(ctx, &request{text: d.facts.Texts.Alone + text, preparation: unprepared}, nil)
	})
}

// create makes the table, and the indexes and triggers that it lacks, for EnsureSchema. Many programs start
// at the same time and do the same: what another has made meanwhile is no error (Dialect.IsExist).
func (c *collection) create(ctx context.Context) error {
	if err := c.unindexable(&LiveTable{}); err != nil { // by the mapping: the columns of a table may be shorter
		live, failed := c.inspect(ctx)
		if failed != nil {
			return failed
		}
		if err := c.unindexable(live); err != nil {
			return err
		}
	}
	if err := c.db.do(ctx, c.createTable()); err != nil && !c.dialect.IsExist(err) {
		return err
	}
	live, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for i := range c.spec.Indexes {
		if live.index(c.spec.Indexes[i].Name) == nil {
			missing = append(missing, c.createIndex(&c.spec.Indexes[i]))
		}
	}
	for _, t := range c.dialect.Triggers(c.spec, c.table) {
		if !live.hasTrigger(t.Name) {
			missing = append(missing, t.DDL)
		}
	}
	for _, text := range missing {
		if err := c.db.do(ctx, text); err != nil && !c.dialect.IsExist(err) {
			return err
		}
	}
	return nil
}

// unindexable refuses, by the field, an index that the table lacks and that the server could not make. create asks it
// before it sends anything, so that no half of a table is made, and the comparer before it calls a statement a fix.
func (c *collection) unindexable(live *LiveTable) error {
	refuse := func(field, problem string) error {
		if problem == "" {
			return nil
		}
		return &driver.ValueError{Field: field, Problem: problem}
	}
	if !live.Exists {
		if err := refuse(c.checkKey(live)); err != nil {
			return err
		}
	}
	for i := range c.spec.Indexes {
		if x := &c.spec.Indexes[i]; live.index(x.Name) == nil {
			if err := refuse(c.dialect.CheckIndex(x.Fields, live, false)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKey is Schema.CheckIndex for the primary key.
func (c *collection) checkKey(live *LiveTable) (field, problem string) {
	var fields []*driver.Field
	for i := range c.keys() {
		fields = append(fields, c.columns[i].field)
	}
	return c.dialect.CheckIndex(fields, live, true)
}

// DDL implements [driver.Collection].
func (c *collection) DDL() []string {
	statements := []string{c.createTable()}
	for i := range c.spec.Indexes {
		statements = append(statements, c.createIndex(&c.spec.Indexes[i]))
	}
	for _, t := range c.dialect.Triggers(c.spec, c.table) {
		statements = append(statements, t.DDL)
	}
	return statements
}

func (c *collection) createTable() string {
	var b strings.Builder
	b.WriteString(c.dialect.CreateTable(c.table))
	b.WriteString(" (\n")
	for i := range c.columns {
		b.WriteString("  " + c.dialect.Column(c.spec, c.columns[i].field) + ",\n")
	}
	b.WriteString("  PRIMARY KEY (" + c.keyList() + ")\n)")
	b.WriteString(c.facts.Texts.TableSuffix)
	return b.String()
}

func (c *collection) keyList() string {
	var names []string
	for i := range c.keys() {
		names = append(names, c.columns[i].name)
	}
	return strings.Join(names, ", ")
}

func (c *collection) createIndex(x *driver.Index) string { return c.dialect.CreateIndex(x, c.table) }

// CreateIndex makes an index as every server can.
func CreateIndex(d Dialect, x *driver.Index, table string) string {
	var names []string
	for _, f := range x.Fields {
		names = append(names, d.Quote(f.Path))
	}
	kind := "INDEX "
	if x.Unique {
		kind = "UNIQUE INDEX "
	}
	return "CREATE " + kind + d.Quote(x.Name) + " ON " + table + " (" + strings.Join(names, ", ") + ")"
}
