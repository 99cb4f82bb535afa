package mysql

import (
	sqldriver "database/sql/driver"
	"errors"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/store/driver"
)

// classes are what the server's errors mean. The numbers are those of the MySQL reference manual,
// "Server Error Message Reference", and of MariaDB's list; a number that is missing is Other.
var classes = map[uint16]driver.Class{
	1022: driver.Duplicate, // ER_DUP_KEY
	1062: driver.Duplicate, // ER_DUP_ENTRY
	1169: driver.Duplicate, // ER_DUP_UNIQUE
	1586: driver.Duplicate, // ER_DUP_ENTRY_WITH_KEY_NAME
	1761: driver.Duplicate, // ER_FOREIGN_DUPLICATE_KEY

	1020: driver.Conflict, // ER_CHECKREAD, MariaDB: the row has changed since the snapshot
	3101: driver.Conflict, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT, group replication

	1205: driver.LockFailure, // ER_LOCK_WAIT_TIMEOUT, of which only the statement is rolled back
	1213: driver.LockFailure, // ER_LOCK_DEADLOCK
	1614: driver.LockFailure, // ER_XA_RBDEADLOCK
	3058: driver.LockFailure, // ER_USER_LOCK_DEADLOCK
	3572: driver.LockFailure, // ER_LOCK_NOWAIT

	1040: driver.Unavailable, // ER_CON_COUNT_ERROR
	1053: driver.Unavailable, // ER_SERVER_SHUTDOWN
	1077: driver.Unavailable, // ER_NORMAL_SHUTDOWN
	1080: driver.Unavailable, // ER_FORCING_CLOSE
	1129: driver.Unavailable, // ER_HOST_IS_BLOCKED
	1203: driver.Unavailable, // ER_TOO_MANY_USER_CONNECTIONS
	1226: driver.Unavailable, // ER_USER_LIMIT_REACHED
	1290: driver.Unavailable, // ER_OPTION_PREVENTS_STATEMENT: read only
	1461: driver.Unavailable, // ER_MAX_PREPARED_STMT_COUNT_REACHED
	1792: driver.Unavailable, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
	1836: driver.Unavailable, // ER_READ_ONLY_MODE
	1927: driver.Unavailable, // ER_CONNECTION_KILLED, MariaDB
	2006: driver.Unavailable, // CR_SERVER_GONE_ERROR, from a proxy
	2013: driver.Unavailable, // CR_SERVER_LOST, from a proxy
	3168: driver.Unavailable, // ER_SERVER_ISNT_AVAILABLE
	3169: driver.Unavailable, // ER_SESSION_WAS_KILLED
	4031: driver.Unavailable, // ER_CLIENT_INTERACTION_TIMEOUT

	1317: driver.Canceled, // ER_QUERY_INTERRUPTED: KILL QUERY
	1969: driver.Canceled, // ER_STATEMENT_TIMEOUT, MariaDB
	3024: driver.Canceled, // ER_QUERY_TIMEOUT

	1048: driver.Refused, // ER_BAD_NULL_ERROR
	1118: driver.Refused, // ER_TOO_BIG_ROWSIZE
	1138: driver.Refused, // ER_INVALID_USE_OF_NULL
	1153: driver.Refused, // ER_NET_PACKET_TOO_LARGE
	1216: driver.Refused, // ER_NO_REFERENCED_ROW
	1217: driver.Refused, // ER_ROW_IS_REFERENCED
	1263: driver.Refused, // ER_WARN_NULL_TO_NOTNULL
	1264: driver.Refused, // ER_WARN_DATA_OUT_OF_RANGE
	1265: driver.Refused, // WARN_DATA_TRUNCATED
	1292: driver.Refused, // ER_TRUNCATED_WRONG_VALUE
	1300: driver.Refused, // ER_INVALID_CHARACTER_STRING
	1364: driver.Refused, // ER_NO_DEFAULT_FOR_FIELD
	1366: driver.Refused, // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
	1367: driver.Refused, // ER_ILLEGAL_VALUE_FOR_TYPE
	1369: driver.Refused, // ER_VIEW_CHECK_FAILED
	1406: driver.Refused, // ER_DATA_TOO_LONG
	1451: driver.Refused, // ER_ROW_IS_REFERENCED_2
	1452: driver.Refused, // ER_NO_REFERENCED_ROW_2
	1467: driver.Refused, // ER_AUTOINC_READ_FAILED: the column is full
	1525: driver.Refused, // ER_WRONG_VALUE
	1526: driver.Refused, // ER_NO_PARTITION_FOR_GIVEN_VALUE
	1644: driver.Refused, // ER_SIGNAL_EXCEPTION: a trigger has refused
	1690: driver.Refused, // ER_DATA_OUT_OF_RANGE
	1748: driver.Refused, // ER_ROW_DOES_NOT_MATCH_GIVEN_PARTITION_SET
	3140: driver.Refused, // ER_INVALID_JSON_TEXT
	3141: driver.Refused, // ER_INVALID_JSON_TEXT_IN_PARAM
	3144: driver.Refused, // ER_INVALID_JSON_CHARSET
	3105: driver.Refused, // ER_NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN
	3819: driver.Refused, // ER_CHECK_CONSTRAINT_VIOLATED
	4025: driver.Refused, // ER_CONSTRAINT_FAILED, MariaDB's CHECK

	1235: driver.Unsupported, // ER_NOT_SUPPORTED_YET
	1286: driver.Unsupported, // ER_UNKNOWN_STORAGE_ENGINE
}

// lostConnection are the errors after which the connection is gone, and which may come after the
// statement was done.
var lostConnection = map[uint16]bool{1053: true, 1077: true, 1080: true, 1927: true, 2006: true, 2013: true, 3169: true}

// classify says what an error of the server or of the driver means. Every error that a call meets comes here,
// by Dialect.Classify or by opening; one that it does not know is one of the network or of database/sql, or
// has no class.
func classify(err error) (driver.Fault, bool) {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return driver.Fault{
			Class:      classes[e.Number],
			Code:       strconv.Itoa(int(e.Number)),
			Constraint: constraint(e),
			Sent:       lostConnection[e.Number],
		}, true
	}
	switch {
	case errors.Is(err, mysqldriver.ErrPktTooLarge):
		return driver.Fault{Class: driver.Refused}, true
	case errors.Is(err, mysqldriver.ErrInvalidConn), errors.Is(err, mysqldriver.ErrMalformPkt),
		errors.Is(err, mysqldriver.ErrPktSync), errors.Is(err, mysqldriver.ErrPktSyncMul),
		errors.Is(err, mysqldriver.ErrBusyBuffer):
		return driver.Fault{Class: driver.Unavailable, Sent: true}, true
	}
	return driver.Fault{}, false
}

// constraint finds the name of the constraint that was broken, for classify. The message is the only place
// where the server gives it: "… for key 'clubs.name'", in older servers without the table, and "CONSTRAINT
// `name`" or "Check constraint 'name'". It is read from the end, since a value that stands before it may
// hold anything, the words that are looked for among them.
func constraint(e *mysqldriver.MySQLError) string {
	text := e.Message
	switch e.Number {
	case 1062, 1586, 1169, 1022, 1761:
		name := quotedAfter(text, " for key ", '\'')
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:]
		}
		return name
	case 1451, 1452, 4025:
		return quotedAfter(text, "CONSTRAINT ", '`')
	case 3819:
		return quotedAfter(text, "Check constraint ", '\'')
	}
	return ""
}

// quotedAfter returns the name in quotes that follows some words at the end of a message, for constraint. It
// is empty where the message is another than expected: no name is better than a wrong one.
func quotedAfter(text, words string, quote byte) string {
	i := strings.LastIndex(text, words)
	if i < 0 {
		return ""
	}
	text = text[i+len(words):]
	if text == "" || text[0] != quote {
		return ""
	}
	end := strings.IndexByte(text[1:], quote)
	if end < 0 {
		return ""
	}
	return text[1 : end+1]
}

// IsStatementError implements [sqldb.Dialect].
func (d *dialect) IsStatementError(err error) bool {
	if e, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		return !lostConnection[e.Number]
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
