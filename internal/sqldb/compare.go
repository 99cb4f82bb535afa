package sqldb

import (
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// comparer collects the differences between a live table and the plan. A fix that takes several
// statements has them in order, separated by "; ".
type comparer struct {
	*collection
	live  *LiveTable
	found []driver.Difference
}

// differences compares the table, its columns in the plan's order, its indexes, and its triggers, for
// Schema. Each difference has the statement that mends it, where there is one.
func (c *collection) differences(live *LiveTable) []driver.Difference {
	r := comparer{collection: c, live: live}
	if !live.Exists {
		r.add(driver.SeverityMust, "", "the table does not exist", strings.Join(c.DDL(), "; "))
		return r.found
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
	for _, t := range c.dialect.Triggers(c.spec, c.table) {
		if !slices.Contains(live.Triggers, t.Name) {
			r.add(t.Severity, t.Name, t.Problem, t.DDL)
		}
	}
	return r.found
}

// add notes a difference. The severity is never left to a default: each caller says what the difference costs.
func (r *comparer) add(severity driver.Severity, name, problem, fix string) {
	r.found = append(r.found, driver.Difference{
		Table: r.spec.Table, Name: name, Severity: severity, Problem: problem, Fix: fix,
	})
}

// compareColumn compares one column, and says all that is wrong with it in one difference, because one ALTER
// mends it. A column that the mapping cannot leave NULL is filled before it is altered, else the ALTER would
// fail at the first row without a value.
func (r *comparer) compareColumn(k *column) {
	f := k.field
	live := r.live.column(f.Path)
	if live == nil {
		r.add(driver.SeverityMust, f.Path, "the column does not exist", r.dialect.AddColumn(r.spec, f, r.table))
		return
	}
	var problems []Misfit
	stamp := f == &r.spec.Version && r.spec.VersionAuto
	if !stamp {
		problems = r.dialect.Misfit(f, live)
	}
	fix := r.dialect.AlterColumn(r.spec, f, r.table, r.live)
	isKey := r.isKey(f)
	switch {
	case isKey && r.spec.KeyAuto && !live.Auto:
		problems = append(problems, Mustf("the database does not make its values, as the mapping says")...)
	case stamp && live.Auto:
	case stamp:
		problems = append(problems, Mustf("the database does not move it, as the mapping says")...)
	case f == &r.spec.Version && live.Nullable:
		problems = append(problems, Weakerf("it can be NULL: a row without a version counts as version 0")...)
	case live.Nullable && !f.Nullable() && !isKey:
		problems = append(problems, Weakerf("it can be NULL, which reads as the zero value of %s", f.Type)...)
	case !live.Nullable && f.Nullable() && !isKey:
		problems = append(problems, Mustf("it cannot be NULL, and the mapping can")...)
	}
	if live.Nullable && (!f.Nullable() || f == &r.spec.Version) && !isKey && !stamp && fix != "" {
		set := k.name + " = " + r.dialect.Zero(f)
		fix = "UPDATE " + r.table + " SET " + set + " WHERE " + k.name + " IS NULL; " + fix
	}
	r.addMisfits(f.Path, problems, fix)
}

// compareUnmapped finds columns that make every INSERT fail: those that must be named, and that the mapping
// does not know.
func (r *comparer) compareUnmapped() {
	for i := range r.live.Columns {
		live := &r.live.Columns[i]
		isMapped := slices.ContainsFunc(r.columns, func(k column) bool {
			return strings.EqualFold(k.field.Path, live.Name)
		})
		if !isMapped && !live.Omissible {
			problem := "the mapping does not store it, it cannot be NULL and it has no default, " +
				"so that no row can be inserted"
			r.add(driver.SeverityMust, live.Name, problem, r.dialect.RelaxColumn(r.table, live))
		}
	}
}

// compareKey looks for what makes the key unique. Without it two rows can have one key, and an Insert of a key
// that is there is no ErrDuplicate. A table that has another primary key gets a unique index beside it.
func (r *comparer) compareKey() {
	var names []string
	for i := range r.keys() {
		names = append(names, r.columns[i].field.Path)
	}
	primary := false
	for i := range r.live.Indexes {
		x := &r.live.Indexes[i]
		if x.Unique && x.covers(names, false) {
			return
		}
		primary = primary || x.Primary
	}
	problem := "no unique index is over the key (" + strings.Join(names, ", ") + ")"
	if !primary {
		r.add(driver.SeverityMust, "", problem, r.dialect.AddKey(r.table, r.keyList()))
		return
	}
	name := r.dialect.Quote(strings.Join(append([]string{"key"}, names...), "_"))
	r.add(driver.SeverityMust, "", problem, "CREATE UNIQUE INDEX "+name+" ON "+r.table+" ("+r.keyList()+")")
}

// compareIndex looks for an index of the mapping by its name, and then for one of another name that serves as
// well: that does no harm but in errors, which show its name. An index of the name that is over other
// columns, or unique where it should not be, is dropped and made again.
func (r *comparer) compareIndex(x *driver.Index) {
	var names []string
	for _, f := range x.Fields {
		names = append(names, f.Path)
	}
	live := r.live.index(x.Name)
	if live == nil {
		for i := range r.live.Indexes {
			other := &r.live.Indexes[i]
			if other.covers(names, !x.Unique) && (other.Unique || !x.Unique) {
				return
			}
		}
		r.addMissingIndex(x)
		return
	}
	replace := r.dialect.DropIndex(r.table, live) + "; " + r.createIndex(x)
	switch {
	case !live.covers(names, !x.Unique):
		r.add(indexSeverity(x), x.Name, "the index is over other columns", replace)
	case x.Unique && !live.Unique:
		r.add(driver.SeverityMust, x.Name, "the index is not unique", replace)
	case !x.Unique && live.Unique:
		r.add(driver.SeverityMust, x.Name, "the index is unique, and the mapping does not ask for that", replace)
	}
}

func (r *comparer) addMissingIndex(x *driver.Index) {
	if x.Unique {
		r.add(driver.SeverityMust, x.Name, "the unique index does not exist: two rows can have one value",
			r.createIndex(x))
		return
	}
	r.add(driver.SeverityWeaker, x.Name, "the index does not exist: what it would serve is slower", r.createIndex(x))
}

// indexSeverity is what the lack of an index costs: uniqueness is a guarantee, speed is none.
func indexSeverity(x *driver.Index) driver.Severity {
	if x.Unique {
		return driver.SeverityMust
	}
	return driver.SeverityWeaker
}

// addMisfits notes what is wrong with one column, in one difference for each severity.
func (r *comparer) addMisfits(name string, misfits []Misfit, fix string) {
	for _, severity := range []driver.Severity{driver.SeverityMust, driver.SeverityWeaker, driver.SeverityNote} {
		var problems []string
		for _, m := range misfits {
			if m.Severity == severity {
				problems = append(problems, m.Problem)
			}
		}
		if len(problems) > 0 {
			r.add(severity, name, strings.Join(problems, "; "), fix)
		}
	}
}
