package sqlserver

import (
	"errors"
	"io"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store/driver"
)

// serverError is an error as the client gives it: a value, with all that the server has said.
func serverError(numbers ...any) error {
	var all []mssql.Error
	for i := 0; i < len(numbers); i += 2 {
		all = append(all, mssql.Error{Number: int32(numbers[i].(int)), Class: 16, Message: numbers[i+1].(string)})
	}
	last := all[len(all)-1]
	last.All = all
	return last
}

func fatalError(number int32) error { return mssql.Error{Number: number, Class: 21} }

// TestClassify says what errors mean, wrapped and joined too.
func TestClassify(t *testing.T) {
	t.Parallel()
	own := sqltest.Classifier(classify)
	const ended = "The statement has been terminated."
	pg := func(text string) error { return serverError(33557097, text) }
	babel := func(class driver.Class) driver.Fault { return driver.Fault{Class: class, Code: "33557097"} }
	for _, c := range []struct {
		name string
		err  error
		want driver.Fault
	}{
		{
			"Key", serverError(2627, "Violation of PRIMARY KEY constraint 'PK__clubs__3213E83F'. Cannot insert "+
				"duplicate key in object 'dbo.clubs'. The duplicate key value is (7).", 3621, ended),
			driver.Fault{Class: driver.Duplicate, Code: "2627", Constraint: "PK__clubs__3213E83F"},
		},
		{
			"KeyWithQuotes", serverError(2627, "Violation of UNIQUE KEY constraint 'a'b'. Cannot insert duplicate "+
				"key in object 'dbo.c'. The duplicate key value is (x' constraint 'y'. Cannot insert)."),
			driver.Fault{Class: driver.Duplicate, Code: "2627", Constraint: "a'b"},
		},
		{
			"Index", serverError(2601, "Cannot insert duplicate key row in object 'dbo.clubs' with unique index "+
				"'clubs_name'. The duplicate key value is (' with unique index 'x'.).", 3621, ended),
			driver.Fault{Class: driver.Duplicate, Code: "2601", Constraint: "clubs_name"},
		},
		{"DuplicateWithoutName", serverError(2627, "odd"), driver.Fault{Class: driver.Duplicate, Code: "2627"}},
		{
			"DuplicateUnended", serverError(2601, "with unique index 'odd"),
			driver.Fault{Class: driver.Duplicate, Code: "2601"},
		},
		{
			"DuplicateBabelfish", serverError(2627, `duplicate key value violates unique constraint "clubs_pkey"`),
			driver.Fault{Class: driver.Duplicate, Code: "2627", Constraint: "clubs_pkey"},
		},
		{"Deadlock", serverError(1205, ""), driver.Fault{Class: driver.LockFailure, Code: "1205"}},
		{"LockTimeout", serverError(1222, ""), driver.Fault{Class: driver.LockFailure, Code: "1222"}},
		{"Snapshot", serverError(3960, ""), driver.Fault{Class: driver.Conflict, Code: "3960"}},
		{"SnapshotDDL", serverError(3961, ""), driver.Fault{Class: driver.Conflict, Code: "3961"}},
		{"SnapshotOff", serverError(3952, ""), driver.Fault{Class: driver.Unsupported, Code: "3952"}},
		{
			"ForeignKey",
			serverError(547, `The INSERT statement conflicted with the FOREIGN KEY constraint "goals_club". `+
				`The conflict occurred in database "game", table "dbo.clubs", column 'id'.`, 3621, ended),
			driver.Fault{Class: driver.Refused, Code: "547", Constraint: "goals_club"},
		},
		{
			"Null", serverError(515, "Cannot insert the value NULL into column 'name', table 'game.dbo.clubs'; "+
				"column does not allow nulls. INSERT fails.", 3621, ended),
			driver.Fault{Class: driver.Refused, Code: "515"},
		},
		{"Cut", serverError(8152, ""), driver.Fault{Class: driver.Refused, Code: "8152"}},
		{"Cut2019", serverError(2628, ""), driver.Fault{Class: driver.Refused, Code: "2628"}},
		{
			"Trigger", serverError(50000, "no", 3609, "The transaction ended in the trigger."),
			driver.Fault{Class: driver.Refused, Code: "50000"},
		},
		{"TriggerAlone", serverError(3609, ""), driver.Fault{Class: driver.Refused, Code: "3609"}},
		{"DuplicateInTrigger", serverError(2627, "", 3609, ""), driver.Fault{Class: driver.Duplicate, Code: "2627"}},
		{
			"Login", serverError(18456, "Login failed for user 'someone'."),
			driver.Fault{Class: driver.Other, Code: "18456"},
		},
		{"Azure40613", serverError(40613, ""), driver.Fault{Class: driver.Unavailable, Code: "40613"}},
		{"Azure40197", serverError(40197, ""), driver.Fault{Class: driver.Unavailable, Code: "40197", Sent: true}},
		{"Azure40501", serverError(40501, ""), driver.Fault{Class: driver.Unavailable, Code: "40501"}},
		{"Azure49918", serverError(49918, ""), driver.Fault{Class: driver.Unavailable, Code: "49918"}},
		{"Azure49919", serverError(49919, ""), driver.Fault{Class: driver.Unavailable, Code: "49919"}},
		{"Azure49920", serverError(49920, ""), driver.Fault{Class: driver.Unavailable, Code: "49920"}},
		{"Azure10928", serverError(10928, ""), driver.Fault{Class: driver.Unavailable, Code: "10928"}},
		{"Azure10929", serverError(10929, ""), driver.Fault{Class: driver.Unavailable, Code: "10929"}},
		{"Azure4221", serverError(4221, ""), driver.Fault{Class: driver.Unavailable, Code: "4221"}},
		{"CannotOpen", serverError(4060, ""), driver.Fault{Class: driver.Unavailable, Code: "4060"}},
		{"ReadOnly", serverError(3906, ""), driver.Fault{Class: driver.Unavailable, Code: "3906"}},
		{"Shutdown", serverError(6005, ""), driver.Fault{Class: driver.Unavailable, Code: "6005", Sent: true}},
		{"Fatal", fatalError(4014), driver.Fault{Class: driver.Unavailable, Code: "4014", Sent: true}},
		{"NoTable", serverError(208, ""), driver.Fault{Class: driver.Other, Code: "208"}},
		{"Syntax", serverError(102, ""), driver.Fault{Class: driver.Other, Code: "102"}},
		{"BabelfishSnapshot", pg("could not serialize access due to concurrent update"), babel(driver.Conflict)},
		{"BabelfishLockTimeout", pg("canceling statement due to lock timeout"), babel(driver.LockFailure)},
		{"BabelfishDeadlock", pg("deadlock detected"), babel(driver.LockFailure)},
		{"BabelfishCanceled", pg("canceling statement due to user request"), babel(driver.Canceled)},
		{
			"BabelfishKilled", pg("terminating connection due to administrator command"),
			driver.Fault{Class: driver.Unavailable, Code: "33557097", Sent: true},
		},
		{
			"BabelfishCheck", pg(`new row for relation "clubs" violates check constraint "positive"`),
			driver.Fault{Class: driver.Refused, Code: "33557097", Constraint: "positive"},
		},
		{"BabelfishTooLong", pg("value too long for type character varying(60)"), babel(driver.Refused)},
		{"BabelfishMissing", pg("'MERGE' is not currently supported in Babelfish"), babel(driver.Unsupported)},
		{
			"BabelfishRowversion", pg("To use the rowversion/timestamp datatype, set the configuration parameter " +
				"babelfishpg_tsql.escape_hatch_rowversion to \"ignore\""), babel(driver.Unsupported),
		},
		{
			"Stream",
			mssql.StreamError{InnerError: errors.New("odd")},
			driver.Fault{Class: driver.Unavailable, Sent: true},
		},
	} {
		own.Test(t, c.name, c.err, c.want)
	}
	own.TestCommon(t)
	d := testDialect()
	assert.True(t, d.IsStatementError(serverError(2627, "")))
	assert.False(t, d.IsStatementError(fatalError(596)), "the connection is gone")
	assert.False(t, d.IsStatementError(io.EOF))
	assert.True(t, d.EndsTx(serverError(8134, ""), driver.Fault{}), "XACT_ABORT is on")
	assert.False(t, d.EndsTx(errors.New("odd"), driver.Fault{}))
}

// TestCodepage lets nothing through that arrives as something else.
func TestCodepage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page   int
		text   string
		stored string
		fits   bool
	}{
		{1252, "Leicester", "Leicester", true},
		{1252, "Málaga €", "M\xe1laga \x80", true},
		{1252, "Łukasz", "", false},
		{1252, "😀", "", false},
		{1252, "a\u0081", "", false},
		{1250, "Łukasz", "\xa3ukasz", true},
		{1251, "Спартак", "\xd1\xef\xe0\xf0\xf2\xe0\xea", true},
		{utf8Page, "Łukasz 😀", "Łukasz 😀", true},
		{932, "Leicester", "Leicester", true},
		{932, "東京", "", false},
	} {
		stored, ok := codepageOf(c.page).encode(c.text)
		assert.Equal(t, c.fits, ok, c.text)
		assert.Equal(t, c.stored, stored)
	}
}

// TestCondition counts the parameters of a native condition anew, and those alone.
func TestCondition(t *testing.T) {
	t.Parallel()
	d := testDialect()
	for _, c := range []struct {
		sql         string
		args        int
		want, wrong string
	}{
		{sql: "a = @p1 OR b = @P2 OR c = @p1", args: 2, want: "a = @p4 OR b = @p5 OR c = @p4"},
		{sql: "a = '@p1' OR [@p1] = @p1 -- @p9\n OR /* @p9 */ b = \"@p1\"", args: 1, want: "a = '@p1' OR [@p1] = " +
			"@p4 -- @p9\n OR /* @p9 */ b = \"@p1\""},
		{sql: "a = 'it''s @p1' AND b = @p1", args: 1, want: "a = 'it''s @p1' AND b = @p4"},
		{sql: "@@p1 = x@p1 AND @p1x = 1 AND 1 = @p1", args: 1, want: "@@p1 = x@p1 AND @p1x = 1 AND 1 = @p4"},
		{sql: "a = '@p1", args: 0, wrong: "does not end"},
		{sql: "a = @p1", args: 0, wrong: "0 arguments"},
		{sql: "a = @p0", args: 1, wrong: "1 arguments"},
		{sql: "a = 1", args: 1, wrong: "does not name @p1"},
	} {
		text, wrong := d.Condition(c.sql, 4, c.args)
		assert.Equal(t, c.want, text)
		assert.Contains(t, wrong, c.wrong)
		assert.Equal(t, c.wrong == "", wrong == "")
	}
}

// FuzzQuote makes identifiers that end where they should.
func FuzzQuote(f *testing.F) {
	f.Add("name")
	f.Add("a]b")
	f.Add("]]")
	f.Fuzz(func(t *testing.T, name string) {
		sqltest.Quoted(t, (&dialect{}).Quote(name), ']')
	})
}

// TestMade tells that another has made the same at the same time from all other errors.
func TestMade(t *testing.T) {
	t.Parallel()
	for number, text := range map[int]string{
		2714: "There is already an object named 'clubs' in the database.",
		2705: "Column names in each table must be unique.",
		1913: "The operation failed because an index or statistics with name 'clubs_name' already exists on table " +
			"'clubs'.",
		1779: "Table 'clubs' already has a primary key defined on it.",
		219:  "The type 'clubs' already exists, or you do not have permission to create it.",
		2627: `duplicate key value violates unique constraint "pg_class_relname_nsp_index"`,

		babelfishError: `relation "clubs" already exists`,
	} {
		assert.True(t, new(dialect).IsExist(serverError(number, text)), number)
	}
	assert.False(
		t,
		new(dialect).IsExist(serverError(2627, `duplicate key value violates unique constraint "clubs_pkey"`)),
	)
	assert.False(t, new(dialect).IsExist(serverError(262, "CREATE TABLE permission denied in database 'game'.")))
	assert.False(t, new(dialect).IsExist(io.EOF))
}
