package sqltest

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// Classifier says what the errors of a server and its client mean.
type Classifier func(error) (driver.Fault, bool)

// Test says what an error means, wrapped and joined too, in a subtest of the name. What it says of the problem
// stands in docs/ERRORS.md.
func (c Classifier) Test(t *testing.T, name string, err error, want driver.Fault) {
	t.Run(name, func(t *testing.T) {
		for _, err := range []error{
			err, fmt.Errorf("wrapped: %w", err), errors.Join(errors.New("other"), err),
		} {
			got := sqldb.Classify(err, c)
			got.Problem = want.Problem
			assert.Equal(t, want, got)
		}
	})
}

// TestCommon says what the errors mean that come with every client.
func (c Classifier) TestCommon(t *testing.T) {
	for _, e := range []struct {
		name string
		err  error
		want driver.Fault
	}{
		{"BadConn", sqldriver.ErrBadConn, driver.Fault{Class: driver.Unavailable}},
		{"EOF", io.EOF, driver.Fault{Class: driver.Unavailable, Sent: true}},
		{"UnexpectedEOF", io.ErrUnexpectedEOF, driver.Fault{Class: driver.Unavailable, Sent: true}},
		{
			"Reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET},
			driver.Fault{Class: driver.Unavailable, Sent: true},
		},
		{"Dial", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, driver.Fault{Class: driver.Unavailable}},
		{"Canceled", context.Canceled, driver.Fault{Class: driver.Canceled, Sent: true}},
		{"Deadline", context.DeadlineExceeded, driver.Fault{Class: driver.Canceled, Sent: true}},
		{"ConnDone", sql.ErrConnDone, driver.Fault{Class: driver.Closed}},
		{"Value", &driver.ValueError{Field: "Name"}, driver.Fault{Class: driver.Refused}},
		{"Unknown", errors.New("odd"), driver.Fault{Class: driver.Other}},
	} {
		c.Test(t, e.name, e.err, e.want)
	}
}

// Quoted checks that a quoted identifier ends with its last character, which is end, and no earlier.
func Quoted(t *testing.T, quoted string, end byte) {
	t.Helper()
	if quoted[len(quoted)-1] != end {
		t.Fatalf("%q has no end", quoted)
	}
	inner := quoted[1 : len(quoted)-1]
	for i := 0; i < len(inner); i++ {
		if inner[i] == end {
			if i++; i == len(inner) || inner[i] != end {
				t.Fatalf("%q ends early", quoted)
			}
		}
	}
}
