package sqldb

import (
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// LiveTable describes a table as it is.
type LiveTable struct {
	Exists      bool
	Faults      []LiveFault // of the table itself
	Columns     []LiveColumn
	Indexes     []LiveIndex
	Triggers    []LiveTrigger
	Checks      []string // the names of CHECK constraints
	ForeignKeys []LiveForeignKey
	// ExactNames says that the names of columns that differ in upper and lower case are different.
	ExactNames bool
	// AlterPrefix stands before each ALTER TABLE of a fix, for a table that is not altered without.
	AlterPrefix string
}

// LiveFault is something wrong with a table that is neither a column nor an index.
type LiveFault struct {
	Severity driver.Severity
	Problem  string
	Fix      string
}

// LiveTrigger is a trigger that is on a table.
type LiveTrigger struct {
	Name      string
	IsInstead bool   // it runs in place of the statement
	IsAfter   bool   // it runs when the row is stored
	Writes    bool   // it can change what an INSERT or UPDATE stores in the row that it writes
	Event     string // "BEFORE UPDATE", for the reader
	Body      string // empty where the login may not see it
}

// LiveForeignKey is a foreign key whose action changes rows on its own.
type LiveForeignKey struct {
	Name     string
	Columns  []string // of this table
	Table    string   // the other table
	IsOurs   bool     // it is on this table, and points at the other; else it is on the other, and points here
	OnDelete string   // "CASCADE", "SET NULL", "NO ACTION" and so on
	OnUpdate string
}

// LiveColumn describes a column as it is.
type LiveColumn struct {
	Name       string
	Definition string // its type, as a DDL statement has it
	Source     string // all of its definition behind the name, as the server gives it; empty where it is not known
	Type       string // the bare name of the type, in lower case
	Nullable   bool
	Omissible  bool   // an INSERT need not name it
	Auto       bool   // the database makes its values
	Generated  bool   // the database computes its values, and takes no others
	OnUpdate   bool   // the database writes it with each UPDATE that does not name it
	ForeignKey string // the foreign key that it is part of, on either side
	IsChecked  bool   // a CHECK of its own is on it
	IsTrimmed  bool   // the database cuts spaces and zeros off the ends of its values
	HasDefault bool   // a default other than NULL
	Default    string // the name of the constraint that holds its default
	DefaultAs  string // the text of that default
	// HasHiddenDefault says that it has a default which the login may not see, or that no constraint holds.
	HasHiddenDefault bool
	Hindrance        string // why no statement can alter it
	Unsigned         bool
	Zerofill         bool
	Length           int64 // characters or bytes, 0 where the type has none
	Precision        int64
	Scale            int64
	Collation        string
}

// Column returns the column that a statement means by a name, nil when there is none.
func (t *LiveTable) Column(name string) *LiveColumn { return t.column(name) }

// Exact returns the column with exactly that name, as the catalogue writes it, nil when there is none.
func (t *LiveTable) Exact(name string) *LiveColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// isFilled reports whether the table itself gives a column values, other than NULL.
func (c *LiveColumn) isFilled() bool { return c.HasDefault || c.Generated || c.OnUpdate }

// LiveIndex describes an index as it is.
type LiveIndex struct {
	Name         string
	Primary      bool
	Unique       bool
	Partial      bool // of a part of a column, or of some of the rows
	IsConstraint bool // it was made by a UNIQUE constraint, and goes with it
	Columns      []string
	Filter       string   // the condition of one over some rows, as the catalogue has it
	Others       []string // the columns that it only carries
	Source       string   // the statement that makes it again, empty where it is not known
}

func (t *LiveTable) column(name string) *LiveColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name || !t.ExactNames && strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
}

// OnUpdate reports whether the trigger runs when a row is changed or made.
func (t *LiveTrigger) OnUpdate() bool { return !strings.HasSuffix(t.Event, "DELETE") }

func (t *LiveTable) hasTrigger(name string) bool {
	for _, x := range t.Triggers {
		if x.Name == name {
			return true
		}
	}
	return false
}

func (t *LiveTable) index(name string) *LiveIndex {
	for i := range t.Indexes {
		if strings.EqualFold(t.Indexes[i].Name, name) {
			return &t.Indexes[i]
		}
	}
	return nil
}

// covers reports whether the index is over exactly the columns. Their order counts where isOrdered: it does
// for a search by the first of them, and not for what a unique index keeps apart. compareKey and
// compareIndex ask it before they call an index missing.
func (x *LiveIndex) covers(columns []string, isOrdered bool) bool {
	if x.Partial || len(x.Columns) != len(columns) {
		return false
	}
	for i, name := range columns {
		if isOrdered {
			if !strings.EqualFold(x.Columns[i], name) {
				return false
			}
			continue
		}
		if !x.has(name) {
			return false
		}
	}
	return true
}

// includes reports whether all of the columns are among those of the index, and more than a part of each, so that a
// unique index over the columns keeps apart what this one does. compareRules asks it.
func (x *LiveIndex) includes(columns []string) bool {
	for _, name := range columns {
		if !x.has(name) {
			return false
		}
	}
	return len(columns) > 0 && !x.Partial
}

func (x *LiveIndex) has(column string) bool {
	return slices.ContainsFunc(x.Columns, func(name string) bool { return strings.EqualFold(name, column) })
}
