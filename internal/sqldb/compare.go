package sqldb

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// comparer collects the differences between a live table and the plan.
type comparer struct {
	*collection
	live  *LiveTable
	found []driver.Difference
	// migration is SchemaResult.Migration
	migration []string
}

// differences compares the table, its columns in the plan's order, its indexes, and its triggers, for
// Schema. Each difference has the statement that mends it, where there is one.
func (c *collection) differences(live *LiveTable, isCombined bool) driver.SchemaResult {
	r := comparer{collection: c, live: live}
	if !live.Exists {
		var refused *driver.ValueError
		if errors.As(c.unindexable(live), &refused) {
			r.add(driver.SeverityMust, "", "the table does not exist, and cannot be made: "+refused.Field+" "+
				refused.Problem)
			return driver.SchemaResult{Differences: r.found}
		}
		r.add(driver.SeverityMust, "", "the table does not exist", c.DDL()...)
		return driver.SchemaResult{Differences: r.found, Migration: c.DDL()}
	}
	for _, f := range live.Faults {
		r.add(f.Severity, "", f.Problem, f.Fix)
	}
	for i := range c.columns {
		r.compareColumn(&c.columns[i])
	}
	r.compareUnmapped()
	r.compareKey()
	for i := range c.spec.Indexes {
		r.compareIndex(&c.spec.Indexes[i])
	}
	r.compareRules()
	r.compareForeignKeys()
	r.compareTriggers()
	if isCombined {
		r.compareCombined()
	}
	return driver.SchemaResult{Differences: r.found, Migration: r.migration}
}

// add notes a difference. The severity is never left to a default: each caller says what the difference costs. Each of
// the fix is one statement, or one batch; an empty one is none.
func (r *comparer) add(severity driver.Severity, name, problem string, fix ...string) {
	var statements []string
	for _, text := range fix {
		if strings.HasPrefix(text, "ALTER TABLE ") {
			text = r.live.AlterPrefix + text
		}
		if text != "" {
			statements = append(statements, text)
		}
	}
	if severity == driver.SeverityMust {
		r.migration = append(r.migration, statements...)
	}
	r.found = append(r.found, driver.Difference{
		Table: r.spec.Table, Name: name, Severity: severity, Problem: problem, Statements: statements,
	})
}

// compareColumn compares one column of the plan with the live one.
func (r *comparer) compareColumn(k *column) {
	f := k.field
	live := r.live.column(f.Path)
	if live == nil {
		fix, problem := r.dialect.AddColumn(r.spec, f, r.table), "the column does not exist"
		if fix == "" {
			problem += ", and no statement can make up its values: add it by hand, and fill it"
		}
		r.add(driver.SeverityMust, f.Path, problem, fix)
		return
	}
	isKey, isVersion := r.isKey(f), f == &r.spec.Version
	var misfits []Misfit
	switch {
	case isVersion && r.spec.VersionAuto:
		if !live.Auto {
			misfits = Mustf(Change{}, "the database does not move it, as the mapping says: no statement makes such a "+
				"column of another; add one, and map it")
		}
	case isKey && r.spec.KeyAuto:
		misfits = r.dialect.Misfit(f, live)
		if live.Auto { // the server says where its keys begin and end
			misfits = slices.DeleteFunc(misfits, func(m Misfit) bool {
				return m.Severity == driver.SeverityWeaker && m.Change == Change{}
			})
			for i := range misfits {
				if misfits[i].Change.Type != "" {
					misfits[i].Severity = driver.SeverityWeaker
				}
			}
		}
		if !live.Auto {
			misfits = append(misfits, Mustf(Change{Auto: true}, "the database does not make its values, as the "+
				"mapping says")...)
		}
	default:
		misfits = r.dialect.Misfit(f, live)
		if f.Generated { // the library writes nothing that may not fit
			misfits = slices.DeleteFunc(misfits, func(m Misfit) bool { return !m.IsOfReads })
		}
		misfits = append(misfits, r.writers(f, live)...)
		if !isKey {
			misfits = append(misfits, r.nullness(f, live)...)
		}
	}
	r.addMisfits(k, live, misfits)
}

// writers says for compareColumn who else writes a column.
func (r *comparer) writers(f *driver.Field, live *LiveColumn) []Misfit {
	switch {
	case f.Generated && live.Omissible && !live.isFilled() && !r.isTriggered(live, ""):
		return Weakerf(Change{}, "the mapping has the database write it (store:\"generated\"), and nothing there "+
			"does: it stays as it is, and no call of the library changes it; give it a default, an expression or a "+
			"trigger, or take the tag away; other programs that write it must move the version")
	case f.Generated:
	case live.Auto && live.Generated:
		return Mustf(Change{}, "the database makes its values, so that no row can be inserted with one: tag it auto "+
			"where it is the key or the version, else store:\"generated\", or do not map it")
	case live.Generated:
		return Mustf(Change{}, "the database computes it, so that no row can be inserted with it: tag it "+
			"store:\"generated\", or do not map it")
	case live.OnUpdate:
		return Weakerf(Change{}, "the database writes it with each UPDATE that does not name it, and a copy in memory "+
			"does not have that before it is read again: tag it store:\"generated\", or set it with each write")
	}
	return nil
}

// nullness compares for compareColumn whether a column can be NULL.
func (r *comparer) nullness(f *driver.Field, live *LiveColumn) []Misfit {
	zero := Change{Null: ForbidNull, Default: r.dialect.Zero(f)}
	switch {
	case live.Generated, f.Generated:
	case f == &r.spec.Version && live.Nullable:
		return Weakerf(zero, "it can be NULL: a row without a version counts as version 0, so that a program that "+
			"stores NULL begins its versions anew; after the fix NULL is refused")
	case live.Nullable && !f.Nullable() && f != &r.spec.Version && !r.takesZero(live):
		return Weakerf(Change{}, "it can be NULL, which reads as the zero value of %s, and is another in queries and "+
			"orders: map a pointer", f.Type)
	case live.Nullable && !f.Nullable() && f != &r.spec.Version:
		return Weakerf(zero, "it can be NULL, which reads as the zero value of %s, and is another in queries and "+
			"orders; the fix stores %s there, and in rows of programs that do not name it, and refuses NULL from "+
			"them: or map a pointer", f.Type, zero.Default)
	case !live.Nullable && f.Nullable():
		return Mustf(Change{Null: AllowNull}, "it cannot be NULL, and the mapping can; after the fix other programs "+
			"may meet NULL in it")
	}
	return nil
}

// takesZero reports whether many rows of a column can hold the zero value that nullness would fill in.
func (r *comparer) takesZero(live *LiveColumn) bool {
	isNarrow := live.Type == "enum" || live.Type == "set" || live.Type == "timestamp"
	if live.ForeignKey != "" || live.IsChecked || isNarrow {
		return false
	}
	for i := range r.live.Indexes {
		x := &r.live.Indexes[i]
		if x.Unique && x.has(live.Name) {
			return false
		}
	}
	return true
}

// addMisfits notes what is wrong with one column, for compareColumn: for each severity what one statement mends in
// one difference, and in another what none does. A fix of one severity has the changes of those before it, so that it
// does not undo them. A column that is no longer to be NULL is filled before, else the statement would fail at the
// first row without a value.
func (r *comparer) addMisfits(k *column, live *LiveColumn, misfits []Misfit) {
	var change Change
	for _, severity := range []driver.Severity{driver.SeverityMust, driver.SeverityWeaker, driver.SeverityNote} {
		var mended, left []string
		for _, m := range misfits {
			switch {
			case m.Severity != severity:
			case m.Change == Change{}:
				left = append(left, m.Problem)
			default:
				mended = append(mended, m.Problem)
				change = change.with(m.Change)
			}
		}
		if len(mended) > 0 {
			fix, hindrance := r.dialect.AlterColumn(r.table, r.live, live, change)
			fill := ""
			if fix == "" {
				mended = append(mended, "no statement is given, because "+hindrance)
			} else if change.Null == ForbidNull {
				fill = "UPDATE " + r.table + " SET " + k.name + " = " + r.dialect.Zero(k.field) + " WHERE " + k.name +
					" IS NULL"
			}
			r.add(severity, k.field.Path, strings.Join(mended, "; "), fill, fix)
		}
		if len(left) > 0 {
			r.add(severity, k.field.Path, strings.Join(left, "; "), "")
		}
	}
}

func (r *comparer) isMapped(name string) bool { return r.mapped(name) != nil }

// mapped returns the field that is stored in a column, nil where there is none.
func (r *comparer) mapped(name string) *driver.Field {
	i := slices.IndexFunc(r.columns, func(k column) bool { return strings.EqualFold(k.field.Path, name) })
	if i < 0 {
		return nil
	}
	return r.columns[i].field
}

// isTriggered reports whether a trigger may write a column before its row is stored, or after an event of any kind
// where event is empty. It looks for the column's name in the trigger; one whose text the login may not see may write
// all.
func (r *comparer) isTriggered(live *LiveColumn, event string) bool {
	return slices.ContainsFunc(r.live.Triggers, func(t LiveTrigger) bool {
		isOf := event == "" || strings.HasSuffix(t.Event, event) && !t.IsAfter
		return t.Writes && isOf && (t.Body == "" || hasWord(t.Body, live.Name))
	})
}

// compareUnmapped finds columns that make every INSERT fail: those that must be named, and that the mapping
// does not know, or never sends. A default is what other programs notice least: they do not meet NULL where there was
// none.
func (r *comparer) compareUnmapped() {
	for i := range r.live.Columns {
		live := &r.live.Columns[i]
		f := r.mapped(live.Name)
		if live.Omissible || f != nil && (!f.Generated || r.isTriggered(live, "INSERT")) {
			continue
		}
		problem := "the mapping does not store it, it cannot be NULL and it has no default, so that no row can be " +
			"inserted"
		other := "map it"
		if f != nil {
			other = "take the tag away"
			problem = "the mapping has the database write it (store:\"generated\"), and it cannot be NULL and has " +
				"neither a default nor a trigger that fills it, so that no row can be inserted"
		}
		fix, value := r.dialect.RelaxColumn(r.table, r.live, live)
		switch {
		case fix == "":
			problem += ": " + other + ", since no value can be made up for it"
		case value == "":
			problem += "; the fix lets it be NULL, which other programs then meet in rows that the library inserts: " +
				"or " + other
		default:
			problem += fmt.Sprintf("; the fix has rows that do not name it get %s, from other programs too: or %s",
				value, other)
		}
		r.add(driver.SeverityMust, live.Name, problem, fix)
	}
}

// Bits is the size of the numbers that an integer field stores: that of its type, and 64 where the type is a Valuer,
// whose number can be any.
func Bits(f *driver.Field) int {
	switch f.Base.Kind() {
	case reflect.Int8, reflect.Uint8:
		return 8
	case reflect.Int16, reflect.Uint16:
		return 16
	case reflect.Int32, reflect.Uint32:
		return 32
	}
	return 64
}
