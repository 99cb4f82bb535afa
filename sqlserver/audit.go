package sqlserver

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
)

// server is the product and what the database allows.
type server struct {
	version     string
	edition     int    // SERVERPROPERTY('EngineEdition'): 5 is Azure SQL Database
	babelfish   string // its version, empty where the server is Microsoft's
	database    string
	collation   string
	codepage    int
	hasRCSI     bool // READ_COMMITTED_SNAPSHOT
	hasSnapshot bool // ALLOW_SNAPSHOT_ISOLATION
	level       int  // of compatibility, 0 where the server tells none
	options     int  // @@OPTIONS
	hasUTCTimes bool // DATETIME2 is given as time.Time in UTC
	hasRawUUIDs bool // the bytes of a uniqueidentifier are given as they are stored
}

// The last columns probe the client: a summer and a winter day, since a location may be UTC in one
// of them, and an identifier whose bytes tell their places.
const auditQuery = `SELECT CONVERT(NVARCHAR(128), SERVERPROPERTY('ProductVersion')), CONVERT(INT, SERVERPROPERTY('EngineEdition')),
 CONVERT(NVARCHAR(128), SERVERPROPERTY('BabelfishVersion')), DB_NAME(),
 CONVERT(NVARCHAR(128), DATABASEPROPERTYEX(DB_NAME(), 'Collation')),
 CONVERT(INT, COLLATIONPROPERTY(CONVERT(NVARCHAR(128), DATABASEPROPERTYEX(DB_NAME(), 'Collation')), 'CodePage')), @@OPTIONS,
 CONVERT(DATETIME2(7), '2024-07-01T12:00:00'), CONVERT(DATETIME2(7), '2024-01-01T12:00:00'),
 CONVERT(UNIQUEIDENTIFIER, '00010203-0405-0607-0809-0A0B0C0D0E0F')`

const databaseQuery = `SELECT CONVERT(INT, is_read_committed_snapshot_on), CONVERT(INT, snapshot_isolation_state),
 CONVERT(INT, compatibility_level) FROM sys.databases WHERE name = DB_NAME()`

// The bits of @@OPTIONS ("Server configuration: user options").
const (
	implicitTransactions = 2
	ansiWarnings         = 8
	ansiPadding          = 16
	ansiNulls            = 32
	arithAbort           = 64
	quotedIdentifier     = 256
	noCount              = 512
	concatNull           = 4096
	numericRoundAbort    = 8192
	xactAbort            = 16384
)

// audit reads the settings of one connection, for Open and New. A server that is too old is ErrUnsupported.
func audit(ctx context.Context, db *sql.DB) (*server, error) {
	var s server
	var product, babelfish, collation sql.NullString
	var edition, page sql.NullInt64
	var summer, winter, id any
	err := db.QueryRowContext(ctx, auditQuery).Scan(&product, &edition, &babelfish, &s.database, &collation, &page,
		&s.options, &summer, &winter, &id)
	if err != nil {
		return nil, err
	}
	s.version, s.edition, s.babelfish = product.String, int(edition.Int64), babelfish.String
	s.collation, s.codepage = collation.String, int(page.Int64)
	s.hasUTCTimes = sqldb.IsNoon(summer) && sqldb.IsNoon(winter)
	b, ok := id.([]byte)
	s.hasRawUUIDs = ok && len(b) == 16 && b[0] == 3
	var rcsi, snapshot, level sql.NullInt64
	if err := db.QueryRowContext(ctx, databaseQuery).Scan(&rcsi, &snapshot, &level); err != nil {
		return nil, err
	}
	s.hasRCSI, s.hasSnapshot, s.level = rcsi.Int64 == 1, snapshot.Int64 == 1, int(level.Int64)
	if why := s.tooOld(); why != "" {
		return nil, fmt.Errorf("%w: %s", store.ErrUnsupported, why)
	}
	return &s, nil
}

// The values of SERVERPROPERTY('EngineEdition') for services that Microsoft runs. They state an old version, 12, and
// are always new.
const (
	azureDatabase   = 5
	managedInstance = 8
	fabricDatabase  = 12 // SQL database in Microsoft Fabric
)

// leastLevel is the compatibility level from which the server understands OFFSET … FETCH, by which rows are read in
// pages. Below it every Find, Page and First fails with a syntax error.
const leastLevel = 110

// tooOld says why the server or its database cannot be used, empty when they can.
func (s *server) tooOld() string {
	number, _, _ := strings.Cut(s.version, ".")
	major, _ := strconv.Atoi(number)
	isService := s.edition == azureDatabase || s.edition == managedInstance || s.edition == fabricDatabase
	if s.babelfish == "" && !isService && major < 15 {
		return s.String() + " is older than SQL Server 2019 (15.0)"
	}
	if s.babelfish == "" && s.level > 0 && s.level < leastLevel {
		return fmt.Sprintf("the compatibility level of the database is %d, at which no rows can be read in pages: "+
			"run ALTER DATABASE %s SET COMPATIBILITY_LEVEL = %d, or a higher one",
			s.level, (&dialect{}).Quote(s.database), leastLevel)
	}
	return ""
}

// problems names what makes a pool unsafe, each with what to do about it, all in one error: whoever mends a DSN
// wants to mend it once. What it does not find would break a guarantee silently.
func (s *server) problems() []string {
	var found []string
	if !s.hasUTCTimes {
		found = append(found, "times are not given in UTC: take timezone out of the DSN")
	}
	if !s.hasRawUUIDs {
		found = append(found, "guid conversion is on: take it out of the DSN")
	}
	if s.options&implicitTransactions != 0 {
		found = append(found, "IMPLICIT_TRANSACTIONS is on, so that nothing would be kept: "+
			"SET IMPLICIT_TRANSACTIONS OFF")
	}
	if s.options&numericRoundAbort != 0 {
		found = append(found, "NUMERIC_ROUNDABORT is on, so that writes to tables with filtered indexes fail: "+
			"SET NUMERIC_ROUNDABORT OFF")
	}
	for _, o := range []struct {
		bit  int
		name string
		why  string
	}{
		{ansiWarnings, "ANSI_WARNINGS", "values would be cut without an error"},
		{ansiPadding, "ANSI_PADDING", "columns that EnsureSchema makes lose trailing spaces"},
		{concatNull, "CONCAT_NULL_YIELDS_NULL", "writes to tables with filtered indexes fail"},
		{ansiNulls, "ANSI_NULLS", "NULL would be equal to NULL"},
		{quotedIdentifier, "QUOTED_IDENTIFIER", "unique indexes that pass over NULLs cannot be written"},
	} {
		if s.options&o.bit == 0 {
			found = append(found, o.name+" is off, so that "+o.why+": SET "+o.name+" ON")
		}
	}
	return found
}

// report is what was found, for the Logger of the store options.
func (s *server) report() []any {
	return []any{
		"server", s.String(), "database", s.database, "collation", s.collation, "code_page", s.codepage,
		"compatibility_level", s.level, "read_committed_snapshot", s.hasRCSI, "snapshot_isolation", s.hasSnapshot,
		"xact_abort", s.options&xactAbort != 0, "nocount", s.options&noCount != 0,
		"arithabort", s.options&arithAbort != 0,
	}
}

// String is what stands in Info.Server.
func (s *server) String() string {
	switch {
	case s.babelfish != "":
		return "Babelfish " + s.babelfish
	case s.edition == azureDatabase:
		return "Azure SQL Database " + s.version
	case s.edition == fabricDatabase:
		return "SQL database in Microsoft Fabric " + s.version
	}
	return "SQL Server " + s.version
}
