package mysql

import (
	sqldriver "database/sql/driver"
	"errors"
	"strconv"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// classify says what an error of the server or of the driver means. Every error that a call meets comes here,
// by Dialect.Classify or by opening; one that it does not know is one of the network or of database/sql, or
// has no class.
func classify(err error) (driver.Fault, bool) {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		c := codeOf(e)
		return driver.Fault{
			Class:      c.Class,
			Code:       strconv.Itoa(int(e.Number)),
			Constraint: constraint(e),
			Sent:       c.Sent,
			Problem:    c.Text,
		}, true
	}
	switch {
	case errors.Is(err, mysqldriver.ErrPktTooLarge):
		return driver.Fault{Class: driver.Refused, Problem: codes[1153].Text}, true
	case errors.Is(err, mysqldriver.ErrInvalidConn), errors.Is(err, mysqldriver.ErrMalformPkt),
		errors.Is(err, mysqldriver.ErrPktSync), errors.Is(err, mysqldriver.ErrPktSyncMul),
		errors.Is(err, mysqldriver.ErrBusyBuffer):
		return driver.Fault{Class: driver.Unavailable, Sent: true}, true
	}
	return driver.Fault{}, false
}

// codeOf is what an error of the server means. A number that the table does not have goes by its SQLSTATE,
// whose classes the SQL standard has named; a trigger that signals an error may give it any number.
func codeOf(e *mysqldriver.MySQLError) sqldb.Code {
	if c, ok := codes[int(e.Number)]; ok {
		return c
	}
	switch string(e.SQLState[:2]) {
	case "08":
		return sqldb.Code{Class: driver.Unavailable, Sent: true}
	case "40":
		return sqldb.Code{Class: driver.LockFailure}
	case "70":
		return sqldb.Code{Class: driver.Canceled}
	case "22", "23", "45":
		return sqldb.Code{Class: driver.Refused}
	case "0A":
		return sqldb.Code{Class: driver.Unsupported}
	}
	return sqldb.Code{}
}

// IsStatementError implements [sqldb.Dialect].
func (d *dialect) IsStatementError(err error) bool {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return !codeOf(e).Sent
	}
	return errors.Is(err, mysqldriver.ErrPktTooLarge)
}

// IsUnknownStatement implements [sqldb.Dialect]: ER_UNKNOWN_STMT_HANDLER and ER_NEED_REPREPARE.
func (d *dialect) IsUnknownStatement(err error) bool { return hasNumber(err, 1243, 1615) }

// IsStatementLimit implements [sqldb.Dialect]: ER_MAX_PREPARED_STMT_COUNT_REACHED.
func (d *dialect) IsStatementLimit(err error) bool { return hasNumber(err, 1461) }

// IsExist implements [sqldb.Dialect]: ER_TABLE_EXISTS_ERROR, ER_DUP_KEYNAME and ER_TRG_ALREADY_EXISTS.
func (d *dialect) IsExist(err error) bool { return hasNumber(err, 1050, 1061, 1359) }

func hasNumber(err error, numbers ...uint16) bool {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	if !ok || errors.Is(err, sqldriver.ErrBadConn) {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}
