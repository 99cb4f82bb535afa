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
		r.add("", "the table does not exist", strings.Join(c.DDL(), "; "))
		return r.found
	}
	for _, f := range live.Faults {
		r.add("", f.Problem, f.Fix)
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
			r.add(t.Name, t.Problem, t.DDL)
		}
	}
	return r.found
}

func (r *comparer) add(name, problem, fix string) {
	r.found = append(r.found, driver.Difference{Table: r.spec.Table, Name: name, Problem: problem, Fix: fix})
}

// compareColumn compares one column, and says all that is wrong with it in one difference, because one ALTER
// mends it. A column that the mapping cannot leave NULL is filled before it is altered, else the ALTER would
// fail at the first row without a value.
func (r *comparer) compareColumn(k *column) {
	f := k.field
	live := r.live.column(f.Path)
	if live == nil {
		r.add(f.Path, "the column does not exist", r.dialect.AddColumn(r.spec, f, r.table))
		return
	}
	var problems []string
	stamp := f == &r.spec.Version && r.spec.VersionAuto
	if !stamp {
		problems = r.dialect.Misfit(f, live)
	}
	fix := r.dialect.AlterColumn(r.spec, f, r.table, r.live)
	isKey := r.isKey(f)
	switch {
	case isKey && r.spec.KeyAuto && !live.Auto:
		problems = append(problems, "the database does not make its values, as the mapping says")
	case stamp && live.Auto:
	case stamp:
		problems = append(problems, "the database does not move it, as the mapping says")
	case f == &r.spec.Version && live.Nullable:
		problems = append(problems, "it can be NULL: a row without a version counts as version 0")
	case live.Nullable && !f.Nullable() && !isKey:
		problems = append(problems, "it can be NULL, which reads as the zero value of "+f.Type.String())
	case !live.Nullable && f.Nullable() && !isKey:
		problems = append(problems, "it cannot be NULL, and the mapping can")
	}
	if live.Nullable && (!f.Nullable() || f == &r.spec.Version) && !isKey && !stamp && fix != "" {
		set := k.name + " = " + r.dialect.Zero(f)
		fix = "UPDATE " + r.table + " SET " + set + " WHERE " + k.name + " IS NULL; " + fix
	}
	if len(problems) > 0 {
		r.add(f.Path, strings.Join(problems, "; "), fix)
	}
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
			r.add(live.Name, problem, r.dialect.RelaxColumn(r.table, live))
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
		r.add("", problem, r.dialect.AddKey(r.table, r.keyList()))
		return
	}
	name := r.dialect.Quote(strings.Join(append([]string{"key"}, names...), "_"))
	r.add("", problem, "CREATE UNIQUE INDEX "+name+" ON "+r.table+" ("+r.keyList()+")")
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
		problem := "the index does not exist"
		if x.Unique {
			problem = "the unique index does not exist"
		}
		r.add(x.Name, problem, r.createIndex(x))
		return
	}
	replace := r.dialect.DropIndex(r.table, live) + "; " + r.createIndex(x)
	switch {
	case !live.covers(names, !x.Unique):
		r.add(x.Name, "the index is over other columns", replace)
	case x.Unique && !live.Unique:
		r.add(x.Name, "the index is not unique", replace)
	case !x.Unique && live.Unique:
		r.add(x.Name, "the index is unique, and the mapping does not ask for that", replace)
	}
}
