package mysql

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// dialect is that of MySQL and MariaDB, as Open and New have found the server.
type dialect struct {
	server          server
	database        string // the name of the one that the pool is connected to
	hasTriggers     bool   // Options.VersionTriggers
	packet          int    // the most bytes of one statement
	statesIsolation bool   // each transaction states its isolation level, since the pool is the caller's
	storesZeroKey   bool   // the sql_mode stores the key 0 as it is
	sorted          int    // max_sort_length of each connection
}

var _ sqldb.Dialect = (*dialect)(nil)

// Facts implements [sqldb.Dialect].
func (d *dialect) Facts() sqldb.Facts {
	// SET TRANSACTION without SESSION is for the next transaction alone.
	begin := []string{"START TRANSACTION READ WRITE"}
	if d.statesIsolation {
		begin = []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION READ WRITE"}
	}
	trace := ""
	if d.server.isMariaDB || !d.server.atLeast(8, 0, 19) {
		trace = "SHOW WARNINGS" // a duplicate does not name its table, and a trigger may have met it
	}
	return sqldb.Facts{
		Order:     order{d},
		NameParts: 2, // database and table
		Limits: sqldb.Limits{
			Params: 65535, // the protocol counts them in 16 bits
			Rows:   math.MaxInt,
			Bytes:  min(d.packet/2, 4<<20),
			// For a larger value the server would break the connection, or answer with an error that has no
			// number of its own.
			Value:  d.packet - 1024,
			Sorted: d.sorted,
		},
		Texts: sqldb.Texts{
			LockSuffix:   " FOR UPDATE",
			PageStart:    " LIMIT ",
			LikeSpecials: "%_",
			// One INSERT whose number of rows is known gets keys in a row, this far apart, whatever
			// innodb_autoinc_lock_mode says (MySQL reference manual, "AUTO_INCREMENT Handling in InnoDB", simple
			// inserts). A cluster sets the distance to its number of nodes.
			KeyStep: "SELECT @@SESSION.auto_increment_increment",
			Count:   "COUNT(*)",
			BeginTx: begin,
			// The snapshot of a View is that of its first read, and not of its beginning: ReadAt is taken
			// before that read.
			BeginView: []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION READ ONLY"},
			// Said in full: a session or server with completion_type=CHAIN would begin another transaction
			// with each COMMIT, and never keep what is acknowledged in it.
			Trace:       trace,
			Commit:      "COMMIT AND NO CHAIN NO RELEASE",
			Rollback:    "ROLLBACK AND NO CHAIN NO RELEASE",
			TableSuffix: " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE " + d.server.collation(),
		},
		NarrowLike:   true, // MariaDB of all text but that of one-byte characters, MySQL of what is older than 8.0
		BoolIsNumber: true, // TINYINT(1) holds any number of a byte
		// MariaDB fills sort keys up with zeros where it keeps the first rows of an order in memory.
		ZeroEndsText:  d.server.isMariaDB,
		JSONType:      map[bool]string{false: "JSON"}[d.server.isMariaDB], // where that is text
		ExactTypes:    []string{"BIGINT", "UNSIGNED BIGINT", "DECIMAL"},
		ZeroMakesKey:  !d.storesZeroKey,
		InsertReturns: d.server.isMariaDB,
	}
}

// Quote implements [sqldb.Dialect].
func (d *dialect) Quote(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// longestName is the most characters of an identifier.
const longestName = 64

// CheckName implements [sqldb.Dialect]. MySQL takes a character above U+FFFF for a question mark, and
// so two names for one.
func (d *dialect) CheckName(name string) string {
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r > 0xFFFF }):
		return "has a name with a character above U+FFFF, which no identifier can have"
	case utf8.RuneCountInString(name) > longestName:
		return fmt.Sprintf("has a name of more than %d characters", longestName)
	}
	return ""
}

// Param implements [sqldb.Dialect].
func (d *dialect) Param(int, *driver.Field) string { return "?" }

// Compared implements [sqldb.Dialect]. Text is compared with a DECIMAL as two floats, unless it is
// cast.
func (d *dialect) Compared(_ int, f *driver.Field, _ any) string {
	if f != nil && f.Kind == driver.Decimal {
		return fmt.Sprintf("CAST(? AS DECIMAL(%d, %d))", f.Precision, f.Scale)
	}
	return "?"
}

// Arg implements [sqldb.Dialect]. The driver would send the zero time as 0000-00-00.
func (d *dialect) Arg(_ *driver.Field, value any) (any, error) {
	if t, ok := value.(time.Time); ok && t.IsZero() {
		return "0001-01-01 00:00:00", nil
	}
	return value, nil
}

// Decoder implements [sqldb.Dialect].
func (d *dialect) Decoder(*driver.Field) func(any) any { return nil }

// Equal implements [sqldb.Dialect].
func (d *dialect) Equal(*driver.Field, string, string) string { return "" }

// Exact implements [sqldb.Dialect]. The column's own comparison finds the rows by its index, whatever its
// collation takes for equal; this condition, which no index serves, then looks at those alone.
func (d *dialect) Exact(f *driver.Field, column, param string) string {
	if f.Kind != driver.String {
		return ""
	}
	return "CONVERT(" + column + " USING utf8mb4) COLLATE " + d.server.collation() + " = " + param
}

// Condition implements [sqldb.Dialect].
func (d *dialect) Condition(sql string, _, _ int) (text, problem string) { return sql, unenclosed(sql) }

// Insert implements [sqldb.Dialect]. RETURNING gives what a row is stored as, after its triggers.
func (d *dialect) Insert(p sqldb.InsertParts) (text string, hasRows bool) {
	text = "INSERT INTO " + p.Table + " (" + p.Columns + ") VALUES (" + strings.Join(p.Values, "), (") + ")"
	switch {
	case p.Back == "":
		return text, false
	case p.Key != "":
		return text + " RETURNING " + p.Key + ", " + p.Back, true
	}
	return text + " RETURNING " + p.Back, true
}

// Write implements [sqldb.Dialect]. The server counts the rows that it changed, or with
// clientFoundRows those that it matched. They are the same: each write moves the version.
func (d *dialect) Write(head, where, _ string) (final string, hasRows bool) {
	return head + where, false
}

// EndsTx implements [sqldb.Dialect]. The errors that end a transaction are known by their class: a deadlock,
// a lost connection. All others end the statement alone.
func (d *dialect) EndsTx(error, driver.Fault) bool { return false }

// Classify implements [sqldb.Dialect].
func (d *dialect) Classify(err error) (driver.Fault, bool) { return classify(err) }
