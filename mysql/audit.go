package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
)

// settings are those of one connection, and what the server is.
type settings struct {
	server       server
	database     string
	packet       int
	mode         string
	charset      string // of what the client sends
	results      string // of what it gets
	isAutocommit bool
	hasUTCTimes  bool // DATETIME is given as time.Time in UTC, and a time.Time is sent so
	isUTC        bool
	wait         int    // innodb_lock_wait_timeout, in seconds
	connection   string // character_set_connection
	selectLimit  uint64
	isAutoNull   bool // sql_auto_is_null
	hasKeyChecks bool // foreign_key_checks and unique_checks
	sortLength   int  // max_sort_length
	sortBuffer   int  // sort_buffer_size
	guards       map[string]string
}

// The probe of a client: a summer and a winter day, since a location may be UTC in one of them.
const auditQuery = `SELECT VERSION(), @@max_allowed_packet, @@sql_mode, @@character_set_client, @@character_set_results,
 @@autocommit, @@innodb_lock_wait_timeout, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()),
 CAST('2024-07-01 12:00:00' AS DATETIME), CAST('2024-01-01 12:00:00' AS DATETIME), @@character_set_connection,
 @@sql_select_limit, @@sql_auto_is_null, @@foreign_key_checks AND @@unique_checks,
 @@max_sort_length, @@sort_buffer_size, COALESCE(DATABASE(), '')`

// audit reads the settings of one connection, for Open, before it has set any, and for New, which refuses a
// pool that is unsafe. A server that is too old is ErrUnsupported.
func audit(ctx context.Context, db *sql.DB) (*settings, error) {
	var s settings
	var version string
	var summer, winter any
	var results sql.NullString
	var offset int
	err := db.QueryRowContext(ctx, auditQuery).Scan(&version, &s.packet, &s.mode, &s.charset, &results,
		&s.isAutocommit, &s.wait, &offset, &summer, &winter, &s.connection,
		&s.selectLimit, &s.isAutoNull, &s.hasKeyChecks, &s.sortLength, &s.sortBuffer, &s.database)
	if err != nil {
		return nil, err
	}
	s.results, s.isUTC = results.String, offset == 0
	s.hasUTCTimes = sqldb.IsNoon(summer) && sqldb.IsNoon(winter)
	s.server = parseServer(version)
	if why := s.server.tooOld(); why != "" {
		return nil, fmt.Errorf("%w: %s", store.ErrUnsupported, why)
	}
	s.guards, err = readGuards(ctx, db)
	return &s, err
}

// mostSorted is the max_sort_length that Open sets, in bytes, so that an order of texts looks at all of those that
// anyone would sort by. The server needs memory for some keys of this size.
const mostSorted = 1 << 16

// sorted is the max_sort_length of Open's connections: more than the server's own, where its sort buffer, of
// which one key takes a small part then, allows it.
func (s *settings) sorted() int {
	return max(s.sortLength, min(mostSorted, s.sortBuffer/32))
}

func (s *settings) hasMode(name string) bool {
	for mode := range strings.SplitSeq(s.mode, ",") {
		if mode == name {
			return true
		}
	}
	return false
}

// mostWait is the longest wait for a lock, in seconds, that a caller's pool may have: Atomic gives
// up a run after 5 s, and must not leave locks behind for much longer.
const mostWait = 10

// problems names what makes a caller's pool unsafe, each with what to do about it, all in one error of New:
// whoever mends a DSN wants to mend it once. What it does not find would break a guarantee silently.
func (s *settings) problems() []string {
	var found []string
	if !s.hasUTCTimes {
		found = append(found, "times are not given in UTC: add parseTime=true to the DSN, and loc=UTC or no loc")
	}
	if !s.isUTC {
		found = append(found, "time_zone is not UTC: add time_zone=%27%2B00%3A00%27 to the DSN")
	}
	if !s.hasMode("STRICT_TRANS_TABLES") && !s.hasMode("STRICT_ALL_TABLES") {
		found = append(found, "sql_mode is not strict, so that values are cut without an error: add sql_mode=%27"+
			strings.Trim(strings.TrimPrefix(s.mode+",STRICT_TRANS_TABLES", ","), ",")+"%27 to the DSN")
	}
	for mode, why := range map[string]string{
		"EMPTY_STRING_IS_NULL":    "an empty text is stored as NULL",
		"PAD_CHAR_TO_FULL_LENGTH": "a text of a CHAR column comes back with spaces behind it",
	} {
		if s.hasMode(mode) {
			found = append(found, "sql_mode has "+mode+", so that "+why+": take it out")
		}
	}
	if s.charset != "utf8mb4" || s.results != "utf8mb4" {
		found = append(found, "character_set_client and character_set_results are not utf8mb4: "+
			"add charset=utf8mb4 to the DSN")
	}
	if s.connection != "utf8mb4" {
		found = append(found, "character_set_connection is not utf8mb4, so that characters are lost: take what sets "+
			"it or collation_connection out of the DSN and out of the server's init_connect, "+
			"or add charset=utf8mb4 to the DSN")
	}
	if s.selectLimit < math.MaxUint32 {
		found = append(found, "sql_select_limit is set, so that rows are missing: take it out of the DSN and out of "+
			"the server's init_connect, or add sql_select_limit=18446744073709551615 to the DSN")
	}
	if s.isAutoNull {
		found = append(found, "sql_auto_is_null is on, so that IS NULL finds other rows: "+
			"add sql_auto_is_null=0 to the DSN")
	}
	if !s.hasKeyChecks {
		found = append(found, "foreign_key_checks or unique_checks is off, so that what a constraint refuses is "+
			"stored: add foreign_key_checks=1 and unique_checks=1 to the DSN")
	}
	if !s.isAutocommit {
		found = append(found, "autocommit is off, so that nothing would be kept: take autocommit out of the DSN")
	}
	if s.wait > mostWait {
		found = append(found, fmt.Sprintf("innodb_lock_wait_timeout is %d s, and so is how long an abandoned write "+
			"can still land: add innodb_lock_wait_timeout=3 to the DSN", s.wait))
	}
	return append(found, unguarded(s.guards)...)
}

// server is product and version.
type server struct {
	isMariaDB bool
	version   [3]int
}

// parseServer reads what VERSION() gives: "9.7.0", "8.0.36-0ubuntu0.22.04.1",
// "10.11.6-MariaDB-0+deb12u1", "5.5.5-10.6.1-MariaDB".
func parseServer(text string) server {
	s := server{isMariaDB: strings.Contains(strings.ToLower(text), "mariadb")}
	if s.isMariaDB {
		text = strings.TrimPrefix(text, "5.5.5-")
	}
	number, _, _ := strings.Cut(text, "-")
	for i, part := range strings.SplitN(number, ".", 3) {
		digits := strings.TrimLeft(part, "0123456789")
		s.version[i], _ = strconv.Atoi(strings.TrimSuffix(part, digits))
	}
	return s
}

// String is what stands in Info.Server.
func (s server) String() string {
	name := "MySQL"
	if s.isMariaDB {
		name = "MariaDB"
	}
	return fmt.Sprintf("%s %d.%d.%d", name, s.version[0], s.version[1], s.version[2])
}

// system is what stands in Info.System.
func (s server) system() string {
	if s.isMariaDB {
		return "mariadb"
	}
	return "mysql"
}

func (s server) atLeast(version ...int) bool {
	for i, n := range version {
		if s.version[i] != n {
			return s.version[i] > n
		}
	}
	return true
}

// tooOld says why the server cannot be used, empty when it can.
func (s server) tooOld() string {
	switch {
	case s.isMariaDB && !s.atLeast(10, 6):
		return s.String() + " is older than MariaDB 10.6"
	case !s.isMariaDB && !s.atLeast(8, 0, 17): // the first with utf8mb4_0900_bin
		return s.String() + " is older than MySQL 8.0.17"
	}
	return ""
}

// isolation is the name of the variable, which MariaDB changed in 11.1.
func (s server) isolation() string {
	if s.isMariaDB && !s.atLeast(11, 1) {
		return "tx_isolation"
	}
	return "transaction_isolation"
}

// readOnly is the name of the variable, which MariaDB changed in 11.1.
func (s server) readOnly() string {
	if s.isMariaDB && !s.atLeast(11, 1) {
		return "tx_read_only"
	}
	return "transaction_read_only"
}

// collation is the one that compares by code point and does not pad.
func (s server) collation() string {
	if s.isMariaDB {
		return "utf8mb4_nopad_bin"
	}
	return "utf8mb4_0900_bin"
}
