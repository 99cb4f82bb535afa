package sqlserver

import (
	"errors"
	"strconv"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/store/driver"
)

// classes are what the server's errors mean. The numbers are those of "Database Engine events and
// errors" and of "Troubleshoot transient connection errors in SQL Database"; one that is missing
// is Other.
var classes = map[int32]driver.Class{
	1505: driver.Duplicate, // CREATE UNIQUE INDEX found duplicates
	2601: driver.Duplicate, // a unique index
	2627: driver.Duplicate, // a primary key or UNIQUE constraint

	3960:  driver.Conflict, // a snapshot transaction met another's update
	3961:  driver.Conflict, // a snapshot transaction met another's DDL
	41302: driver.Conflict, // memory-optimized: updated since the transaction began
	41305: driver.Conflict, // repeatable read validation
	41325: driver.Conflict, // serializable validation

	1205:  driver.LockFailure, // deadlock victim
	1211:  driver.LockFailure, // deadlock in the storage engine
	1222:  driver.LockFailure, // LOCK_TIMEOUT
	41301: driver.LockFailure, // memory-optimized: the transaction depended upon was aborted

	20:    driver.Unavailable, // no encryption at the instance
	64:    driver.Unavailable, // the connection was ended at login
	233:   driver.Unavailable, // no process at the other end
	596:   driver.Unavailable, // the session is being killed
	601:   driver.Unavailable, // data moved under a scan
	615:   driver.Unavailable, // the database was moved
	617:   driver.Unavailable, // likewise
	701:   driver.Unavailable, // no memory
	802:   driver.Unavailable, // no memory in the buffer pool
	845:   driver.Unavailable, // time-out for a buffer latch
	921:   driver.Unavailable, // the database is not recovered yet
	922:   driver.Unavailable, // the database is being recovered
	926:   driver.Unavailable, // the database is suspect
	927:   driver.Unavailable, // the database is being restored
	941:   driver.Unavailable, // the database is not started
	945:   driver.Unavailable, // the database's files are away
	952:   driver.Unavailable, // the database is in transition
	976:   driver.Unavailable, // a secondary replica
	978:   driver.Unavailable, // a secondary that takes only reads
	979:   driver.Unavailable, // likewise
	982:   driver.Unavailable, // no secondary for reads
	983:   driver.Unavailable, // the replica's role is resolving
	988:   driver.Unavailable, // the replica waits for its cluster
	1203:  driver.Unavailable, // an unlocked resource
	1204:  driver.Unavailable, // no lock resources
	1221:  driver.Unavailable, // a lock was not held any more
	3906:  driver.Unavailable, // the database is read only: an old primary
	3935:  driver.Unavailable, // the transaction could not be initialised
	3966:  driver.Unavailable, // the version store has lost the row
	4060:  driver.Unavailable, // the database cannot be opened
	4221:  driver.Unavailable, // login to a secondary waits
	5170:  driver.Unavailable, // a file is in use
	6005:  driver.Unavailable, // SHUTDOWN
	8628:  driver.Unavailable, // time-out while optimizing
	8645:  driver.Unavailable, // time-out for memory
	8651:  driver.Unavailable, // no memory for the query
	9001:  driver.Unavailable, // the log is away
	10053: driver.Unavailable, // the connection was aborted
	10054: driver.Unavailable, // the connection was reset
	10060: driver.Unavailable, // the network was not reached
	10922: driver.Unavailable, // run it again
	10928: driver.Unavailable, // Azure: a resource limit
	10929: driver.Unavailable, // Azure: likewise
	10936: driver.Unavailable, // Azure: requests of the elastic pool
	14355: driver.Unavailable, // fail-over in progress
	17197: driver.Unavailable, // login timed out
	18401: driver.Unavailable, // the server is in script upgrade
	20041: driver.Unavailable, // the transaction was rolled back: run it again
	40143: driver.Unavailable, // Azure: the service has an error
	40166: driver.Unavailable, // Azure: being reconfigured
	40197: driver.Unavailable, // Azure: likewise
	40501: driver.Unavailable, // Azure: busy
	40540: driver.Unavailable, // Azure: likewise
	40544: driver.Unavailable, // Azure: the database is full
	40549: driver.Unavailable, // Azure: a long transaction was ended
	40550: driver.Unavailable, // Azure: too many locks
	40551: driver.Unavailable, // Azure: too much tempdb
	40552: driver.Unavailable, // Azure: too much log
	40553: driver.Unavailable, // Azure: too much memory
	40613: driver.Unavailable, // Azure: the database is not available now
	40615: driver.Unavailable, // Azure: the firewall
	40627: driver.Unavailable, // Azure: the operation is in progress
	42108: driver.Unavailable, // Azure: the pool is paused
	42109: driver.Unavailable, // Azure: it is warming up
	49918: driver.Unavailable, // Azure: no resources for the request
	49919: driver.Unavailable, // Azure: too many operations
	49920: driver.Unavailable, // Azure: likewise

	3617: driver.Canceled, // an attention

	220:  driver.Refused, // overflow of an integer type
	232:  driver.Refused, // likewise
	241:  driver.Refused, // conversion of a date
	242:  driver.Refused, // a date out of range
	245:  driver.Refused, // conversion
	248:  driver.Refused, // overflow of int
	257:  driver.Refused, // no implicit conversion
	272:  driver.Refused, // a value for a rowversion column
	273:  driver.Refused, // likewise, in an INSERT
	295:  driver.Refused, // conversion of a smalldatetime
	511:  driver.Refused, // the row is too large
	513:  driver.Refused, // a rule
	515:  driver.Refused, // NULL in a column that has none
	544:  driver.Refused, // a value for an IDENTITY column
	547:  driver.Refused, // a foreign key or CHECK
	550:  driver.Refused, // a view with CHECK OPTION
	1946: driver.Refused, // the key of an index is too large
	2628: driver.Refused, // a string would be cut, since 2019
	3609: driver.Refused, // the transaction ended in a trigger
	8114: driver.Refused, // conversion
	8115: driver.Refused, // arithmetic overflow
	8152: driver.Refused, // a string would be cut
	8169: driver.Refused, // conversion to uniqueidentifier
	8178: driver.Refused, // a parameter without a value
	9002: driver.Unavailable,

	3951: driver.Unsupported, // snapshot isolation in a transaction of several databases
	3952: driver.Unsupported, // snapshot isolation is off in the database
	3953: driver.Unsupported, // likewise, while it is being turned on
	3956: driver.Unsupported, // snapshot isolation is being turned off
}

const (
	statementEnded = 3621     // "The statement has been terminated", beside the error itself
	firstUserError = 50000    // RAISERROR and THROW: a trigger or procedure has refused
	babelfishError = 33557097 // Babelfish, for an error that has no number of SQL Server's
)

// texts are the errors of PostgreSQL that Babelfish has no number for.
var texts = []struct {
	part  string
	class driver.Class
}{
	{"could not serialize access", driver.Conflict},
	{"tuple concurrently", driver.Conflict},
	{"canceling statement due to lock timeout", driver.LockFailure},
	{"deadlock detected", driver.LockFailure},
	{"canceling statement due to", driver.Canceled},
	{"terminating connection", driver.Unavailable},
	{"the database system is", driver.Unavailable},
	{"too many clients", driver.Unavailable},
	{"duplicate key value violates", driver.Duplicate},
	{"violates", driver.Refused},
	{"too long for type", driver.Refused},
	{"out of range", driver.Refused},
	{"invalid byte sequence", driver.Refused},
	{"invalid input syntax", driver.Refused},
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
	return driver.Fault{
		Class:      class,
		Code:       strconv.Itoa(int(e.Number)),
		Constraint: constraint(e),
		Sent:       isFatal(err),
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
		for _, t := range texts {
			if strings.Contains(e.Message, t.part) {
				return t.class
			}
		}
		return driver.Other
	}
	if class, ok := classes[e.Number]; ok {
		return class
	}
	switch {
	case e.Number >= firstUserError && e.Number < babelfishError:
		return driver.Refused
	case e.Class >= fatalSeverity:
		return driver.Unavailable
	}
	return driver.Other
}

// fatalSeverity is that of errors after which the server ends the connection.
const fatalSeverity = 20

// isFatal reports whether the connection has ended, perhaps after the statement was done.
func isFatal(err error) bool {
	if _, ok := errors.AsType[mssql.ServerError](err); ok {
		return true
	}
	for _, e := range serverErrors(err) {
		if e.Class >= fatalSeverity || e.Number == 596 || e.Number == 6005 || e.Number == 40197 ||
			e.Number == babelfishError && strings.Contains(e.Message, "terminating connection") {
			return true
		}
	}
	return false
}

// constraint finds the name of the constraint that was broken, for classify. The message is the only place
// where the server gives it, before any value.
func constraint(e mssql.Error) string {
	switch e.Number {
	case 2627:
		if name := between(e.Message, " constraint '", "'. Cannot insert"); name != "" {
			return name
		}
		return between(e.Message, " constraint \"", "\"") // Babelfish keeps PostgreSQL's text
	case 2601:
		return between(e.Message, " with unique index '", "'.")
	case 547:
		return between(e.Message, " constraint \"", "\"")
	case babelfishError:
		return between(e.Message, " constraint \"", "\"")
	}
	return ""
}

// between is the text between two others, empty where one of them is missing.
func between(text, before, after string) string {
	_, text, ok := strings.Cut(text, before)
	if !ok {
		return ""
	}
	name, _, ok := strings.Cut(text, after)
	if !ok {
		return ""
	}
	return name
}

// IsStatementError implements [sqldb.Dialect].
func (d *dialect) IsStatementError(err error) bool {
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
