package sqldb

import (
	"fmt"

	"github.com/stillframe/stillframe/store/driver"
)

// Misfit is one way in which a live column is other than a mapping needs it.
type Misfit struct {
	Severity driver.Severity
	Problem  string
	// Change is what mends it. It is the zero Change where no change is safe for the programs that use the
	// table already: Problem then says what to decide.
	Change Change
	// IsOfReads says that it concerns those too who only read the column, or look for rows by it.
	IsOfReads bool
}

// OfReads marks misfits as Misfit.IsOfReads.
func OfReads(misfits []Misfit) []Misfit {
	for i := range misfits {
		misfits[i].IsOfReads = true
	}
	return misfits
}

// Change is what a fix changes of a column. Everything else of the column stays as it is.
type Change struct {
	Type      string // as a DDL statement has it
	Collation string // the server's name for it
	Null      Nullness
	Default   string // a literal, for a column that has no default
	Auto      bool   // the database is to make its values
}

// Nullness says what becomes of a column that can, or cannot, be NULL.
type Nullness uint8

const (
	// KeepNull leaves it as it is.
	KeepNull Nullness = iota
	// AllowNull lets it be NULL.
	AllowNull
	// ForbidNull has it no longer be NULL.
	ForbidNull
)

// with adds another change. What both change is as the other says.
func (c Change) with(other Change) Change {
	if other.Type != "" {
		c.Type = other.Type
	}
	if other.Collation != "" {
		c.Collation = other.Collation
	}
	if other.Null != KeepNull {
		c.Null = other.Null
	}
	if other.Default != "" {
		c.Default = other.Default
	}
	c.Auto = c.Auto || other.Auto
	return c
}

// Mustf is what Schema.Misfit returns of a column with which a call fails, or through which a value changes
// without an error.
func Mustf(change Change, format string, args ...any) []Misfit {
	return []Misfit{{Severity: driver.SeverityMust, Problem: fmt.Sprintf(format, args...), Change: change}}
}

// Weakerf is what Schema.Misfit returns of a column with which every call works, and what is weaker.
func Weakerf(change Change, format string, args ...any) []Misfit {
	return []Misfit{{Severity: driver.SeverityWeaker, Problem: fmt.Sprintf(format, args...), Change: change}}
}

// Notef is what Schema.Misfit returns of a column with something that costs nothing here.
func Notef(format string, args ...any) []Misfit {
	return []Misfit{{Severity: driver.SeverityNote, Problem: fmt.Sprintf(format, args...)}}
}
