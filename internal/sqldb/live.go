package sqldb

import (
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// LiveTable describes a table as it is.
type LiveTable struct {
	Exists   bool
	Faults   []LiveFault // of the table itself
	Columns  []LiveColumn
	Indexes  []LiveIndex
	Triggers []string
}

// LiveFault is something wrong with a table that is neither a column nor an index.
type LiveFault struct {
	Severity driver.Severity
	Problem  string
	Fix      string
}

// LiveColumn describes a column as it is.
type LiveColumn struct {
	Name       string
	Definition string // its type, as a DDL statement has it
	Type       string // the bare name of the type, in lower case
	Nullable   bool
	Omissible  bool   // an INSERT need not name it
	Auto       bool   // the database makes its values
	Default    string // the name of the constraint that holds its default
	Unsigned   bool
	Length     int64 // characters or bytes, 0 where the type has none
	Precision  int64
	Scale      int64
	Collation  string
}

// Column returns the column with the name, nil when there is none.
func (t *LiveTable) Column(name string) *LiveColumn { return t.column(name) }

// LiveIndex describes an index as it is.
type LiveIndex struct {
	Name         string
	Primary      bool
	Unique       bool
	Partial      bool   // of a part of a column, or of some of the rows
	IsConstraint bool   // it was made by a UNIQUE constraint, and goes with it
	Filter       string // as CREATE INDEX ends with it
	Columns      []string
}

func (t *LiveTable) column(name string) *LiveColumn {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
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
		found := false
		for _, other := range x.Columns {
			found = found || strings.EqualFold(other, name)
		}
		if !found {
			return false
		}
	}
	return true
}
