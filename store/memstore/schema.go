package memstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// Schema implements [driver.Collection].
func (c *collection) Schema(ctx context.Context, p *driver.SchemaParams) (driver.SchemaResult, error) {
	e := c.engine
	_, lost, err := e.start(ctx, Call{Op: "schema", Table: c.spec.Table}, nil, p.Create)
	if err != nil {
		return driver.SchemaResult{}, err
	}
	if p.Create {
		err := e.change(nil, func(t *transaction) error {
			c.table.create(c)
			if err := c.missing(); err != nil && e.needsTables() {
				return nil // as CheckSchema then says
			}
			return c.createIndexes(ctx, t)
		})
		if lost != nil {
			err = lost
		}
		if err != nil {
			return driver.SchemaResult{}, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return c.differences(), nil
}

// DDL implements [driver.Collection].
func (c *collection) DDL() []string {
	keys := c.spec.KeyFields()
	var columns, names []string
	for f := range c.stored() {
		column := f.Path + " " + typeOf(f).String()
		switch {
		case f == &c.spec.Key && c.spec.KeyAuto:
			column += " AUTO_INCREMENT"
		case f == &c.spec.Version && c.spec.VersionAuto:
			column += " AUTO_VERSION"
		case !f.Nullable() && !f.Generated:
			column += " NOT NULL"
		}
		columns = append(columns, column)
	}
	for i := range keys {
		names = append(names, keys[i].Path)
	}
	columns = append(columns, "PRIMARY KEY ("+strings.Join(names, ", ")+")")
	statements := []string{fmt.Sprintf("CREATE TABLE %s (%s)", c.spec.Table, strings.Join(columns, ", "))}
	for _, index := range c.unique() {
		statements = append(statements, c.indexDDL(index))
	}
	return statements
}

func (c *collection) indexDDL(index *driver.Index) string {
	var names []string
	for _, f := range index.Fields {
		names = append(names, f.Path)
	}
	return fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s (%s)", index.Name, c.spec.Table, strings.Join(names, ", "))
}

// createIndexes makes the unique indexes that the mapping asks for and the table lacks. It waits for
// whoever has changed rows of the table and not committed, as no index can tell what becomes of them.
func (c *collection) createIndexes(ctx context.Context, t *transaction) error {
	tab := c.table
	var missing []*uniqueIndex
	for _, index := range c.unique() {
		if tab.index(index.Name) == nil {
			missing = append(missing, tab.newIndex(index))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	e := c.engine
	for key, ok := e.pendingKey(tab); ok; key, ok = e.pendingKey(tab) {
		if _, _, err := e.locks.acquire(ctx, &t.owner, lockID{table: tab.number, key: key}); err != nil {
			return err
		}
	}
	missing = slices.DeleteFunc(missing, func(u *uniqueIndex) bool {
		return tab.index(u.name) != nil // somebody made it during a wait
	})
	present := e.state.Load()
	made, edit := make([]tree[string], len(missing)), new(edit)
	for i, u := range missing {
		for key, r := range present.table(tab.number).rows.between("", "", false) {
			value, ok := u.entry(r.data)
			if !ok {
				continue
			}
			if get(made[i], value) != "" {
				return duplicate(u.name)
			}
			made[i] = made[i].put(edit, value, key)
		}
	}
	next := present.successor()
	first := len(tab.unique)
	tab.unique = append(tab.unique, missing...)
	own := next.edit(tab.number)
	own.editUnique(tab.unique)
	for i := range made {
		own.unique[first+i].holders = made[i]
	}
	e.state.Store(next)
	return nil
}

// pendingKey returns the key of a row with a change that is not committed.
func (e *engine) pendingKey(tab *table) (string, bool) {
	for t := range e.open {
		if own := t.own.of(tab.number); own != nil {
			for key := range own.changes {
				return key, true
			}
		}
	}
	return "", false
}

// differences compares the table with the mapping: the table, its columns in the mapping's order, then
// its indexes.
func (c *collection) differences() driver.SchemaResult {
	var result driver.SchemaResult
	add := func(severity driver.Severity, name, problem string, fix ...string) {
		result.Differences = append(result.Differences, driver.Difference{
			Table: c.spec.Table, Name: name, Severity: severity, Problem: problem, Statements: fix,
		})
		if severity == driver.SeverityMust {
			result.Migration = append(result.Migration, fix...)
		}
	}
	if !c.table.exists {
		add(driver.SeverityMust, "", "the table does not exist", c.DDL()...)
		return result
	}
	for f := range c.stored() {
		column, want := c.table.columns[c.positions[f.Path]], typeOf(f)
		switch {
		case !column.exists:
			add(driver.SeverityMust, f.Path, "the column does not exist",
				fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", c.spec.Table, f.Path, want))
		case !column.holds(want):
			problem := fmt.Sprintf("the column holds %s, the mapping stores %s", column.columnType, want)
			add(driver.SeverityMust, f.Path, problem,
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s %s", c.spec.Table, f.Path, want))
		}
	}
	for _, index := range c.unique() {
		columns := c.table.newIndex(index).columns
		if slices.ContainsFunc(c.table.unique, func(u *uniqueIndex) bool { return slices.Equal(u.columns, columns) }) {
			continue // under whatever name
		}
		problem, beside := "the unique index does not exist", *index
		for n := 2; c.table.index(beside.Name) != nil; n++ {
			problem = "the unique index has other columns; it stays, and the fix makes another one beside it"
			beside.Name = fmt.Sprintf("%s_%d", index.Name, n)
		}
		add(driver.SeverityMust, index.Name, problem, c.indexDDL(&beside))
	}
	return result
}
