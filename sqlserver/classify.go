package sqlserver

import (
	"errors"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/store/driver"
)

const (
	statementEnded = 3621     // "The statement has been terminated", beside the error itself
	firstUserError = 50000    // RAISERROR and THROW: a trigger or procedure has refused
	babelfishError = 33557097 // Babelfish, for an error that has no number of SQL Server's
)

// texts are the errors of PostgreSQL that Babelfish has no number for.
var texts = []struct {
	part    string
	class   driver.Class
	problem string
}{
	{
		"escape_hatch_rowversion", driver.Unsupported, "this Babelfish has no ROWVERSION: have its administrator set " +
			"babelfishpg_tsql.escape_hatch_rowversion to 'ignore', or use a version that is no version,auto",
	},
	{"not currently supported in Babelfish", driver.Unsupported, "this Babelfish does not know what was sent"},
	{"could not serialize access", driver.Conflict, ""},
	{"tuple concurrently", driver.Conflict, ""},
	{"canceling statement due to lock timeout", driver.LockFailure, ""},
	{"deadlock detected", driver.LockFailure, ""},
	{"canceling statement due to", driver.Canceled, ""},
	{"terminating connection", driver.Unavailable, ""},
	{"the database system is", driver.Unavailable, ""},
	{"too many clients", driver.Unavailable, ""},
	{"duplicate key value violates", driver.Duplicate, ""},
	{"violates", driver.Refused, ""},
	{"too long for type", driver.Refused, ""},
	{"out of range", driver.Refused, ""},
	{"invalid byte sequence", driver.Refused, ""},
	{"invalid input syntax", driver.Refused, ""},
}

// classify says what an error of the server or of the client means. Every error that a call meets comes here,
// by Dialect.Classify or by opening; one that it does not know is one of the network or of database/sql.
func classify(err error) (driver.Fault, bool) {
	all := serverErrors(err)
	if len(all) == 0 {
		if _, ok := errors.AsType[mssql.StreamError](err); ok {
			return driver.Fault{Class: driver.Unavailable, Sent: true}, true
		}
		return driver.Fault{}, false
	}
	e, class := meaning(all)
	problem := codes[int(e.Number)].Text
	if t := textOf(e); t >= 0 {
		problem = texts[t].problem
	}
	return driver.Fault{
		Class:      class,
		Code:       strconv.Itoa(int(e.Number)),
		Constraint: constraint(e),
		Sent:       isFatal(err),
		Problem:    problem,
	}, true
}

// serverErrors returns what the server has said, in its order, nil when err is no error of it.
func serverErrors(err error) []mssql.Error {
	e, ok := errors.AsType[mssql.Error](err)
	switch {
	case !ok:
		return nil
	case len(e.All) == 0:
		return []mssql.Error{e}
	}
	return e.All
}

// meaning returns, of what the server has said about one statement, the first error that has a class, and its
// class: the errors that follow are its consequences, such as that the transaction ended in a trigger.
func meaning(all []mssql.Error) (mssql.Error, driver.Class) {
	for _, e := range all {
		if class := classOf(e); class != driver.Other && e.Number != 3609 {
			return e, class
		}
	}
	last := all[len(all)-1]
	if last.Number == statementEnded && len(all) > 1 {
		last = all[len(all)-2]
	}
	return last, classOf(last)
}

// classOf is the class of one error, for meaning: by its number, on Babelfish by the text of PostgreSQL where
// it has no number, else by its severity.
func classOf(e mssql.Error) driver.Class {
	if e.Number == babelfishError {
		if t := textOf(e); t >= 0 {
			return texts[t].class
		}
		return driver.Other
	}
	if code, ok := codes[int(e.Number)]; ok {
		return code.Class
	}
	switch {
	case e.Number >= firstUserError && e.Number < babelfishError:
		return driver.Refused
	case e.Class >= fatalSeverity:
		return driver.Unavailable
	}
	return driver.Other
}

// textOf is the place of an error of Babelfish in texts, -1 where it is none of them.
func textOf(e mssql.Error) int {
	if e.Number != babelfishError {
		return -1
	}
	for i, t := range texts {
		if strings.Contains(e.Message, t.part) {
			return i
		}
	}
	return -1
}

// fatalSeverity is that of errors after which the server ends the connection.
const fatalSeverity = 20

// isFatal reports whether the connection has ended, perhaps after the statement was done.
func isFatal(err error) bool {
	if _, ok := errors.AsType[mssql.ServerError](err); ok {
		return true
	}
	for _, e := range serverErrors(err) {
		if e.Class >= fatalSeverity || codes[int(e.Number)].Sent ||
			e.Number == babelfishError && strings.Contains(e.Message, "terminating connection") {
			return true
		}
	}
	return false
}

// IsStatementError implements [sqldb.Dialect].
func (d *dialect) IsStatementError(err error) bool { return isStatementError(err) }

func isStatementError(err error) bool {
	return len(serverErrors(err)) > 0 && !isFatal(err)
}

// IsUnknownStatement implements [sqldb.Dialect]: the client prepares nothing at the server.
func (d *dialect) IsUnknownStatement(error) bool { return false }

// IsStatementLimit implements [sqldb.Dialect].
func (d *dialect) IsStatementLimit(error) bool { return false }

// IsExist implements [sqldb.Dialect]: an object, a column, an index of the name is there.
func (d *dialect) IsExist(err error) bool {
	for _, e := range serverErrors(err) {
		switch e.Number {
		case 2714, 2705, 1913, 1779, 219: // the last from Babelfish, of the type of a table's rows
			return true
		case babelfishError:
			if strings.Contains(e.Message, "already exists") {
				return true
			}
		case 2627: // Babelfish, of its own catalogue
			if strings.HasPrefix(constraint(e), "pg_") {
				return true
			}
		}
	}
	return false
}
