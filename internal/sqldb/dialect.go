package sqldb

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
)

// Dialect is what one SQL server decides differently from another. It is immutable and safe for concurrent
// use. The names of tables and columns that its methods are given are quoted already.
type Dialect interface {
	// Facts are asked once, and never change.
	Facts() Facts
	// Quote makes an identifier of one name, whatever characters it has.
	Quote(name string) string
	// CheckName says why a name cannot be an identifier, empty when it can. What no server allows, such as
	// a zero byte, has been looked for already.
	CheckName(name string) string
	// Param is the placeholder of argument n, which counts from 1, for a value that is stored in f. f is
	// nil where the value belongs to no field.
	Param(n int, f *driver.Field) string
	// Compared is Param for a value that is compared with f, where the comparison needs a type. value is in the form of
	// [driver.Field.Encode], nil where the text is made once for the key of a row, whatever it is.
	Compared(n int, f *driver.Field, value any) string
	// Arg brings a value in the form of [driver.Field.Encode] into the form that is bound. f is nil where
	// the value belongs to no field. The error is a [driver.ValueError].
	Arg(f *driver.Field, value any) (any, error)
	// Decoder returns what brings a value that the client gives for f into a form that
	// [driver.Field.Decode] takes. It is nil where nothing has to be done.
	Decoder(f *driver.Field) func(value any) any
	// Equal is the condition that column and param hold the same, where = does not say that. It is empty
	// where = does.
	Equal(f *driver.Field, column, param string) string
	// Exact is a second condition that a string key must meet beside column = param, so that a collation
	// that folds does not reach another row. It is empty where there is none.
	Exact(f *driver.Field, column, param string) string
	// Condition is the text of a native condition whose first argument is number first, or what is wrong
	// with it.
	Condition(sql string, first, args int) (text, problem string)

	// Insert completes an INSERT. Where hasRows is true the statement gives rows, one for each inserted row
	// and in their order: the made key, then the made version, each where asked, or then what Back names. Where
	// nothing is asked, it gives one row when it is done, which tells an error that came after it from one that undid
	// it.
	Insert(p InsertParts) (text string, hasRows bool)
	// Write completes an UPDATE or DELETE, given up to its WHERE and from there. Where hasRows is true the
	// statement gives one row: the number of rows that it wrote and, where version is not empty, the
	// version now stored. A statement that wrote nothing may also give no row.
	Write(head, where, version string) (text string, hasRows bool)

	// Classify says what an error of the server or of its client means. It reports false for an error that
	// is neither.
	Classify(err error) (driver.Fault, bool)
	// Subject says what the server's message about err names. spec is the mapping of the statement's table, and
	// columns are all of its columns.
	Subject(err error, spec *driver.Spec, columns []string) Subject
	// EndsTx reports whether err, which raw work in a transaction has met, has ended the transaction at the
	// server. fault is what Classify says of it.
	EndsTx(err error, fault driver.Fault) bool
	// IsStatementError reports whether err is the server's answer to one statement, which then did nothing:
	// its connection can be used further.
	IsStatementError(err error) bool
	// IsUnknownStatement reports whether err says that the server no longer knows a prepared statement, or
	// wants it prepared again.
	IsUnknownStatement(err error) bool
	// IsStatementLimit reports whether err says that the server holds too many prepared statements.
	IsStatementLimit(err error) bool

	Schema
}

// Schema is the part of a [Dialect] that knows the types of columns.
type Schema interface {
	// CheckField says why a field cannot be stored, empty when it can.
	CheckField(f *driver.Field) string
	// CheckIndex says of which field, and why, the server cannot make an index over fields, or the primary key of a
	// new table, empty when it can. The columns that are there count as they are.
	CheckIndex(fields []*driver.Field, live *LiveTable, isKey bool) (field, problem string)
	// Column is the definition of a column: name, type, and whether it can be NULL.
	Column(spec *driver.Spec, f *driver.Field) string
	// CreateTable starts a CREATE TABLE that does nothing where the table is there.
	CreateTable(table string) string
	// Triggers are the triggers that a table needs.
	Triggers(spec *driver.Spec, table string) []Trigger
	// Zero is the literal of the zero value of f, for a column that cannot be NULL.
	Zero(f *driver.Field) string
	// CreateIndex makes an index.
	CreateIndex(x *driver.Index, table string) string
	// AddColumn adds a column to a table that has rows. Where a row must have a value, and for programs that do
	// not know the column, it has a default. It is empty where the values cannot be made up.
	AddColumn(spec *driver.Spec, f *driver.Field, table string) string
	// AlterColumn changes a column, and keeps all of it that the change does not name. Where no statement can
	// without a loss, it is empty and hindrance says why.
	AlterColumn(table string, live *LiveTable, column *LiveColumn, change Change) (fix, hindrance string)
	// RelaxColumn lets an INSERT pass over a column that is not mapped: by a default, which it returns, else by
	// NULL. The fix is empty where neither is possible.
	RelaxColumn(table string, live *LiveTable, column *LiveColumn) (fix, value string)
	// AddKey makes the columns the primary key of a table that has none.
	AddKey(table, columns string) string
	// IsExist reports whether err says that what a CREATE makes is there already.
	IsExist(err error) bool
	// Inspect describes the live table.
	Inspect(ctx context.Context, ask Ask, spec *driver.Spec) (*LiveTable, error)
	// Misfit says in which ways a live column cannot hold what the mapping stores in it, and what mends that. Whether
	// it can be NULL, and who writes it, is compared elsewhere.
	Misfit(f *driver.Field, column *LiveColumn) []Misfit
}

// Order is the part of a server's [Facts] that knows how it sorts. A page goes on behind the last row of the one
// before: that loses no row only where the server compares with the stored value of that row as it sorts. A live
// column may be of another type than EnsureSchema makes, which shows in the answer of the first query.
type Order interface {
	// SortsAsText reports whether the server sorts a type in another way than it compares it, so that a query
	// has to sort and to page by the text. typ is the client's name of the type.
	SortsAsText(typ string) bool
	// AsText is the text of a column of such a type.
	AsText(column string) string
	// Zeros is the number of zero characters at the end of a column's text, 0 where the text compares as equal
	// to the same without them.
	Zeros(column string) string
	// TimeText is the text of a column of times, which is read beside the column where a query sorts by it,
	// for values that the client gives as another time. It is empty where there are none.
	TimeText(column string) string
	// Stored brings a value of the client into the form of [driver.FindResult].Last. typ is empty where the
	// client names no types. The memory of value is used again.
	Stored(f *driver.Field, typ string, value any) any
	// Operand is a column and the placeholder of argument n, in the form in which the column is compared with
	// a value that Stored has given, and the value as it is bound.
	Operand(n int, f *driver.Field, column string, value any) (left, param string, arg any, err error)
	// IsMix reports whether err says that a text cannot be compared with a column, whose characters are
	// fewer.
	IsMix(err error) bool
}

// InsertParts are the parts of an INSERT.
type InsertParts struct {
	Table   string
	Columns string   // "a, b", never empty
	Values  []string // of each row: "?, ?"
	Key     string   // the column whose values the database makes, empty when there is none
	Version string   // likewise
	// Back are columns that the server may have written, "c, d". It is set only where Facts.InsertReturns is.
	Back string
}

// Trigger is a trigger that a table needs.
type Trigger struct {
	Name     string
	DDL      string
	Severity driver.Severity // of its absence
	Problem  string          // what is wrong where it is missing
}

// Ask runs a query and returns its rows. The parameters are written as Param says.
type Ask func(ctx context.Context, text string, args ...any) ([][]any, error)
