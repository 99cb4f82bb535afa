package sqldb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// Code is what one error number of a server means: a row of a backend's table, and of docs/ERRORS.md.
type Code struct {
	Number int
	Name   string // as the server's own list has it, or in short what it stands for
	Class  driver.Class
	About  About
	// Sent says that the connection, or the transaction, is in an unknown state: a write that meets the error
	// may have happened. Every other error is the server's answer to one statement that did nothing.
	Sent bool
	// Text is what is wrong and what to do about it. It follows the name of what it is about.
	Text string
}

// About is what the text of a [Code] is about, which the server's message names.
type About uint8

const (
	AboutServer     About = iota // nothing that the mapping has a name for
	AboutTable                   // a table
	AboutColumn                  // a column, and nothing else stands in the message
	AboutValue                   // a column, behind a value that may hold anything
	AboutConstraint              // a constraint, which stands in the error beside the text
)

// Subject is what the server's message about an error names. What it does not say is empty.
type Subject struct {
	About  About
	Table  string // "clubs", "game.clubs"
	Column string
	// Constraint is the name of the index or constraint, where it is read better than Classify can, which does
	// not know the table.
	Constraint string
	// IsOther says that the table is not that of the statement, whatever its name is.
	IsOther bool
	// IsMadeKey says that the key is that of the table, for an INSERT that has the database make the key.
	IsMadeKey bool
}

// Codes are the table of one backend, by number.
type Codes map[int]Code

// CodeGroup is the codes of a list that have the same meaning to a call.
type CodeGroup struct {
	Class driver.Class
	About About
	Sent  bool
	Rows  []CodeRow
}

// CodeRow is one code of a [CodeGroup].
type CodeRow struct {
	Number     int
	Name, Text string
}

// NewCodes makes the table of a backend from its list. A number that is in it twice is a mistake in the
// program, and panics when the program starts.
func NewCodes(groups []CodeGroup) Codes {
	codes := Codes{}
	for _, g := range groups {
		for _, r := range g.Rows {
			if _, ok := codes[r.Number]; ok {
				panic(fmt.Sprintf("sqldb: error %d is in the list twice", r.Number))
			}
			codes[r.Number] = Code{
				Number: r.Number, Name: r.Name, Class: g.Class, About: g.About, Sent: g.Sent, Text: r.Text,
			}
		}
	}
	return codes
}

// sentinels are what package store makes of an error of a class, for docs/ERRORS.md.
var sentinels = map[driver.Class]string{
	driver.Other:       "no sentinel",
	driver.Duplicate:   "ErrExists",
	driver.Conflict:    "ErrTransient",
	driver.LockFailure: "ErrTransient",
	driver.Unavailable: "ErrTransient",
	driver.Refused:     "ErrInvalid",
	driver.Canceled:    "ErrTransient",
	driver.Unsupported: "ErrUnsupported",
}

// Markdown is the table as docs/ERRORS.md has it.
func (c Codes) Markdown() string {
	numbers := make([]int, 0, len(c))
	for n := range c {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var b strings.Builder
	b.WriteString("| code | the call returns | run again | what it says |\n|---|---|---|---|\n")
	for _, n := range numbers {
		code := c[n]
		sentinel, again := sentinels[code.Class], "no"
		if sentinel == "ErrTransient" {
			again = "yes"
		}
		if code.Sent {
			sentinel = "ErrUnknownOutcome, or " + sentinel
		}
		name := strings.TrimSpace(fmt.Sprint(n, " ", code.Name))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, sentinel, again, code.Text)
	}
	return b.String()
}
