package sqlserver

import (
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
	isMade := f.Path == spec.Version.Path || f.Path == spec.Key.Path && spec.KeyAuto
	switch {
	case isMade || !strings.HasSuffix(text, " NOT NULL"):
		return text
	case sqldb.IsKey(spec, f):
		return ""
	}
	return text + " DEFAULT " + d.Zero(f)
}

// AlterColumn implements [sqldb.Schema]. What hangs on the column, its default and its indexes, is in the way and is
// made again as it was, in one transaction: no error leaves the table without them. An ALTER COLUMN says type,
// collation and NULL anew; what else a column can have, and what cannot be made again here, is a hindrance.
func (d *dialect) AlterColumn(
	table string, live *sqldb.LiveTable, c *sqldb.LiveColumn, change sqldb.Change,
) (fix, hindrance string) {
	switch {
	case change.Auto:
		return "", "no statement makes an IDENTITY of a column: add one, and map it"
	case c.Hindrance != "":
		return "", c.Hindrance
	case c.ForeignKey != "" && (change.Type != "" || change.Collation != ""):
		return "", "the foreign key " + c.ForeignKey + " holds both its columns to one type: alter them together"
	}
	var before, after []string
	for i := range live.Indexes {
		x := &live.Indexes[i]
		isIn := containsFold(x.Columns, c.Name) || containsFold(x.Others, c.Name)
		switch {
		case !isIn:
			continue
		case x.Source == "":
			return "", "the index " + x.Name + " is over it, and cannot be made again as it is: alter them by hand"
		}
		before = append(before, d.DropIndex(table, x))
		after = append(after, x.Source)
	}
	name := d.Quote(c.Name)
	if c.Default != "" {
		value, ok := oneExpression(c.DefaultAs)
		if !ok {
			return "", "the default " + c.Default + " cannot be made again from what the catalogue says: " +
				"alter it by hand"
		}
		before = append(before, "ALTER TABLE "+table+" DROP CONSTRAINT "+d.Quote(c.Default))
		again := "ALTER TABLE " + table + " ADD CONSTRAINT " + d.Quote(c.Default) + " DEFAULT " +
			value + " FOR " + name
		after = append([]string{again}, after...)
	} else if change.Null == sqldb.ForbidNull {
		after = append(after, "ALTER TABLE "+table+" ADD DEFAULT "+change.Default+" FOR "+name)
	}
	all := append(append(before, "ALTER TABLE "+table+" ALTER COLUMN "+name+" "+altered(c, change)), after...)
	if len(all) == 1 {
		return all[0], ""
	}
	return "SET XACT_ABORT ON; BEGIN TRANSACTION; " + strings.Join(all, "; ") + "; COMMIT TRANSACTION", ""
}

// altered is the definition of a column with a change, for AlterColumn. What it does not say would be the default of
// the database, or of the session, and not what the column has.
func altered(c *sqldb.LiveColumn, change sqldb.Change) string {
	text, collation := c.Definition, c.Collation
	if change.Type != "" {
		text = change.Type
	}
	if change.Collation != "" {
		collation = change.Collation
	}
	if collation != "" {
		text += " COLLATE " + collation
	}
	if change.Null == sqldb.AllowNull || change.Null == sqldb.KeepNull && c.Nullable {
		return text + " NULL"
	}
	return text + " NOT NULL"
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// RelaxColumn implements [sqldb.Schema]. A default is beside the column, and alters nothing of it. A value that a
// unique index or a foreign key looks at cannot be made up, and is NULL.
func (d *dialect) RelaxColumn(table string, live *sqldb.LiveTable, c *sqldb.LiveColumn) (fix, value string) {
	isBound := c.ForeignKey != ""
	for i := range live.Indexes {
		x := &live.Indexes[i]
		isIn := containsFold(x.Columns, c.Name)
		if isIn && x.Primary {
			return "", ""
		}
		isBound = isBound || isIn && x.Unique
	}
	switch {
	case integers[c.Type] > 0, c.Type == "bit", c.Type == "real", c.Type == "float", strings.HasSuffix(c.Type, "money"),
		c.Type == "decimal", c.Type == "numeric":
		value = "0"
	case strings.HasSuffix(c.Type, "char"):
		value = "N''"
	case c.Type == "varbinary":
		value = "0x"
	}
	if isBound || value == "" {
		fix, _ = d.AlterColumn(table, live, c, sqldb.Change{Null: sqldb.AllowNull})
		return fix, ""
	}
	return "ALTER TABLE " + table + " ADD DEFAULT " + value + " FOR " + d.Quote(c.Name), value
}

// AddKey implements [sqldb.Schema].
func (d *dialect) AddKey(table, columns string) string {
	return "ALTER TABLE " + table + " ADD PRIMARY KEY (" + columns + ")"
}

// DropIndex implements [sqldb.Schema].
func (d *dialect) DropIndex(table string, x *sqldb.LiveIndex) string {
	if x.IsConstraint {
		return "ALTER TABLE " + table + " DROP CONSTRAINT " + d.Quote(x.Name)
	}
	return "DROP INDEX " + d.Quote(x.Name) + " ON " + table
}
