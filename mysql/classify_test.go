package mysql

import (
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store/driver"
)

func serverError(number uint16, message string) error {
	return &mysqldriver.MySQLError{Number: number, Message: message}
}

// TestClassify says what errors mean, wrapped and joined too.
func TestClassify(t *testing.T) {
	t.Parallel()
	own := sqltest.Classifier(classify)
	for _, c := range []struct {
		name string
		err  error
		want driver.Fault
	}{
		{
			"Duplicate", serverError(1062, "Duplicate entry '7' for key 'clubs.PRIMARY'"),
			driver.Fault{Class: driver.Duplicate, Code: "1062", Constraint: "PRIMARY"},
		},
		{
			"DuplicateOld", serverError(1062, "Duplicate entry 'x' for key 'clubs_name'"),
			driver.Fault{Class: driver.Duplicate, Code: "1062", Constraint: "clubs_name"},
		},
		{
			"DuplicateWithQuotes", serverError(1062, "Duplicate entry 'a' for key 'b' for key 'clubs.clubs_name'"),
			driver.Fault{Class: driver.Duplicate, Code: "1062", Constraint: "clubs_name"},
		},
		{"DuplicateWithoutName", serverError(1062, "odd"), driver.Fault{Class: driver.Duplicate, Code: "1062"}},
		{"DuplicateUnended", serverError(1062, "for key 'odd"), driver.Fault{Class: driver.Duplicate, Code: "1062"}},
		{
			"DuplicateAtTheEnd", serverError(1062, "Duplicate entry 'x' for key "),
			driver.Fault{Class: driver.Duplicate, Code: "1062"},
		},
		{"Deadlock", serverError(1213, ""), driver.Fault{Class: driver.LockFailure, Code: "1213"}},
		{"LockWait", serverError(1205, ""), driver.Fault{Class: driver.LockFailure, Code: "1205"}},
		{"Snapshot", serverError(1020, ""), driver.Fault{Class: driver.Conflict, Code: "1020"}},
		{"ReadOnly", serverError(1290, ""), driver.Fault{Class: driver.Unavailable, Code: "1290"}},
		{"ReadOnlyTx", serverError(1792, ""), driver.Fault{Class: driver.Unavailable, Code: "1792"}},
		{"ReadOnlyMode", serverError(1836, ""), driver.Fault{Class: driver.Unavailable, Code: "1836"}},
		{"TooManyConnections", serverError(1040, ""), driver.Fault{Class: driver.Unavailable, Code: "1040"}},
		{"Shutdown", serverError(1053, ""), driver.Fault{Class: driver.Unavailable, Code: "1053", Sent: true}},
		{"Killed", serverError(1927, ""), driver.Fault{Class: driver.Unavailable, Code: "1927", Sent: true}},
		{"TooLong", serverError(1406, ""), driver.Fault{Class: driver.Refused, Code: "1406"}},
		{"Null", serverError(1048, ""), driver.Fault{Class: driver.Refused, Code: "1048"}},
		{"OutOfRange", serverError(1264, ""), driver.Fault{Class: driver.Refused, Code: "1264"}},
		{"WrongValue", serverError(1366, ""), driver.Fault{Class: driver.Refused, Code: "1366"}},
		{"WrongTime", serverError(1292, ""), driver.Fault{Class: driver.Refused, Code: "1292"}},
		{"NoDefault", serverError(1364, ""), driver.Fault{Class: driver.Refused, Code: "1364"}},
		{
			"Parent", serverError(1451, "fails (`t`.`a`, CONSTRAINT `a_b` FOREIGN KEY (`b`) …)"),
			driver.Fault{Class: driver.Refused, Code: "1451", Constraint: "a_b"},
		},
		{
			"Child", serverError(1452, "fails (`t`.`a`, CONSTRAINT `a_b` FOREIGN KEY (`b`) …)"),
			driver.Fault{Class: driver.Refused, Code: "1452", Constraint: "a_b"},
		},
		{
			"Check", serverError(3819, "Check constraint 'positive' is violated."),
			driver.Fault{Class: driver.Refused, Code: "3819", Constraint: "positive"},
		},
		{
			"CheckMariaDB", serverError(4025, "CONSTRAINT `positive` failed for `t`.`a`"),
			driver.Fault{Class: driver.Refused, Code: "4025", Constraint: "positive"},
		},
		{"Trigger", serverError(1644, ""), driver.Fault{Class: driver.Refused, Code: "1644"}},
		{"NoTable", serverError(1146, ""), driver.Fault{Class: driver.Other, Code: "1146"}},
		{"NoColumn", serverError(1054, ""), driver.Fault{Class: driver.Other, Code: "1054"}},
		{"Syntax", serverError(1064, ""), driver.Fault{Class: driver.Other, Code: "1064"}},
		{"Interrupted", serverError(1317, ""), driver.Fault{Class: driver.Canceled, Code: "1317"}},
		{"NotSupported", serverError(1235, ""), driver.Fault{Class: driver.Unsupported, Code: "1235"}},
		{"PacketTooLarge", mysqldriver.ErrPktTooLarge, driver.Fault{Class: driver.Refused}},
		{"InvalidConn", mysqldriver.ErrInvalidConn, driver.Fault{Class: driver.Unavailable, Sent: true}},
	} {
		own.Test(t, c.name, c.err, c.want)
	}
	own.TestCommon(t)
}

// TestParseServer reads the versions that servers give.
func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ name, old string }{
		"9.7.0":                         {name: "MySQL 9.7.0"},
		"8.0.36-0ubuntu0.22.04.1":       {name: "MySQL 8.0.36"},
		"8.0.16":                        {name: "MySQL 8.0.16", old: "older"},
		"5.7.44-log":                    {name: "MySQL 5.7.44", old: "older"},
		"10.11.6-MariaDB-0+deb12u1":     {name: "MariaDB 10.11.6"},
		"5.5.5-10.6.1-MariaDB-log":      {name: "MariaDB 10.6.1"},
		"10.5.29-MariaDB":               {name: "MariaDB 10.5.29", old: "older"},
		"11.4.2-MariaDB-ubu2404":        {name: "MariaDB 11.4.2"},
		"8.0.mysql_aurora.3.05.2":       {name: "MySQL 8.0.0", old: "older"},
		"8.0.28-TiDB-v7.5.0":            {name: "MySQL 8.0.28"},
		"odd":                           {name: "MySQL 0.0.0", old: "older"},
		"12.0.2-MariaDB-1:12.0.2+maria": {name: "MariaDB 12.0.2"},
	} {
		s := parseServer(text)
		assert.Equal(t, want.name, s.String(), text)
		assert.Equal(t, want.old != "", s.tooOld() != "", text)
	}
	assert.Equal(t, "tx_isolation", parseServer("10.11.6-MariaDB").isolation())
	assert.Equal(t, "transaction_isolation", parseServer("11.4.2-MariaDB").isolation())
	assert.Equal(t, "transaction_isolation", parseServer("9.7.0").isolation())
}

// FuzzQuote makes identifiers that end where they should.
func FuzzQuote(f *testing.F) {
	f.Add("name")
	f.Add("a`b")
	f.Add("``")
	f.Fuzz(func(t *testing.T, name string) {
		sqltest.Quoted(t, (&dialect{}).Quote(name), '`')
	})
}
