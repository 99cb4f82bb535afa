package backend

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

var errSecret = errors.New("access denied for tiger@prod")

// TestOpeningError has each class of error told by its sentinel, and what the client says shown to nobody.
func TestOpeningError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		err   error
		fault driver.Fault
		is    error
		want  string
	}{
		{"Invalid", Invalidf("the pool is %s", "nil"), driver.Fault{}, store.ErrInvalid, "the pool is nil"},
		{
			"Unavailable", errSecret,
			driver.Fault{Class: driver.Unavailable, Code: "1040"},
			store.ErrTransient,
			`the server at "db:1" is unavailable (house 1040)`,
		},
		{"Closed", errSecret, driver.Fault{Class: driver.Closed}, store.ErrClosed, "the pool is closed"},
		{"Canceled", context.Canceled, driver.Fault{Class: driver.Canceled}, context.Canceled, "context canceled"},
		{
			"Problem", errSecret,
			driver.Fault{Code: "1045", Problem: "the password is wrong"},
			errSecret, "the password is wrong (house 1045)",
		},
		{
			"NoHost", &net.DNSError{Err: errSecret.Error(), IsNotFound: true},
			driver.Fault{Class: driver.Unavailable},
			store.ErrTransient, `the server at "db:1" is unavailable: there is no such host`,
		},
		{
			"Refused", syscall.ECONNREFUSED,
			driver.Fault{Class: driver.Unavailable},
			store.ErrTransient, `the server at "db:1" is unavailable: nobody listens there`,
		},
		{"Other", errSecret, driver.Fault{Code: "1045"}, errSecret, "house error (house 1045)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := Opening{
				Backend: "house", Closed: "the pool is closed",
				Classify: func(error) driver.Fault { return c.fault },
			}
			err := o.At("db:1").Error(c.err)
			assert.ErrorIs(t, err, c.is)
			assert.ErrorIs(t, err, c.err, "the client's error stays reachable")
			assert.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), errSecret.Error())
		})
	}
}

// TestClassify has what is known about a request count more than its error.
func TestClassify(t *testing.T) {
	t.Parallel()
	own := func(error) driver.Fault { return driver.Fault{Class: driver.Unavailable, Sent: true} }
	assert.True(t, Classify(errSecret, own).Sent)
	assert.False(t, Classify(Unsent(errSecret), own).Sent)
	none := func(error) driver.Fault { return driver.Fault{} }
	assert.True(t, Classify(&Failure{Err: errSecret, Sent: true}, none).Sent)
	value := &driver.ValueError{Field: "Name", Problem: "is too long"}
	assert.Equal(t, driver.Fault{Class: driver.Refused}, Classify(Unsent(value), own))
	assert.NoError(t, Unsent(nil))
}

// TestOptions copies what the caller gave, so that the defaults are not written into it.
func TestOptions(t *testing.T) {
	t.Parallel()
	type options struct{ Wait time.Duration }
	given := &options{}
	copied := Options(given)
	copied.Wait = OrDefault(copied.Wait, time.Second)
	assert.Equal(t, time.Second, copied.Wait)
	assert.Zero(t, given.Wait)
	assert.Zero(t, Options[options](nil))
	assert.Equal(t, time.Minute, OrDefault(time.Minute, time.Second))
}

// TestHandlesOfNothing reports false for nil.
func TestHandlesOfNothing(t *testing.T) {
	t.Parallel()
	_, ok := DatabaseOf[driver.Database](nil)
	assert.False(t, ok)
	_, ok = TxOf[driver.Tx](nil)
	assert.False(t, ok)
}
