package sqldb

import (
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// tableError is an error that a statement on the table of a collection has met. By it [Database.Classify] says
// what the error is about in the mapping's own names.
type tableError struct {
	err       error
	spec      *driver.Spec
	isInsert  bool
	isTrigger bool // the server says that a trigger of the table has met it
}

func (e *tableError) Error() string { return e.err.Error() }
func (e *tableError) Unwrap() error { return e.err }

// columns are the names of all columns of the mapping.
func (e *tableError) columns() []string {
	var names []string
	for _, f := range e.fields() {
		names = append(names, f.Path)
	}
	return names
}

func (e *tableError) fields() []driver.Field {
	fields := append(e.spec.KeyFields(), e.spec.Version)
	return append(fields, e.spec.Fields...)
}

// refine gives a fault the names of the mapping, for [Database.Classify]. A server says that something exists
// already of any table: where it is not that of the call, a trigger has met it, and nothing of what the call
// wanted to store exists.
func (e *tableError) refine(d Dialect, f *driver.Fault) {
	s := d.Subject(e.err, e.spec, e.columns())
	if s.Constraint != "" {
		f.Constraint = s.Constraint
	}
	isOwn := !s.IsOther && !e.isTrigger && (s.Table == "" || e.isTable(s.Table))
	switch {
	case f.Class == driver.Duplicate && !isOwn:
		f.Class = driver.Refused
		f.Problem = e.spec.Table + ": a trigger or a foreign key of it has met a key or a unique value that is in " +
			"another table already"
	case f.Class == driver.Duplicate && e.isInsert && e.spec.KeyAuto && s.IsMadeKey:
		f.Class = driver.Refused
		f.Problem = e.subject(e.spec.KeyFields()[0].Path) + ": the key that the database made is stored already: " +
			"give its column a larger type, or take out the trigger that sets it"
	case f.Problem == "":
	case s.About == AboutTable && !isOwn:
		f.Problem = "a table that a trigger, a view or a foreign key of " + e.spec.Table + " names: " + f.Problem
	case s.About == AboutTable, s.About == AboutValue && s.Column == "":
		f.Problem = e.spec.Table + ": " + f.Problem
	case s.About == AboutColumn && s.Column == "":
		f.Problem = "a column that a native condition, a trigger or a view of " + e.spec.Table + " names: " + f.Problem
	case s.Column != "":
		f.Problem = e.subject(s.Column) + ": " + f.Problem
	}
}

// isTable reports whether a name that the server gives is that of the collection's table. Either may be
// qualified where the other is not.
func (e *tableError) isTable(name string) bool {
	name, own := strings.ToLower(name), strings.ToLower(e.spec.Table)
	return name == own || strings.HasSuffix(name, "."+own) || strings.HasSuffix(own, "."+name)
}

// subject is a column as an error names it: "clubs.name", and the field where that has another name.
func (e *tableError) subject(column string) string {
	text := e.spec.Table + "." + column
	for _, f := range e.fields() {
		if strings.EqualFold(f.Path, column) && !strings.EqualFold(f.Name, column) {
			return text + " (" + f.Name + ")"
		}
	}
	return text
}
