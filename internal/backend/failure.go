package backend

import (
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// Failure is an error together with what is known about the request that met it.
type Failure struct {
	Err  error
	Sent bool // the request may have reached the server and may have happened
}

// Unsent marks an error after which no write can have happened. It returns nil for nil.
func Unsent(err error) error {
	if err == nil {
		return nil
	}
	return &Failure{Err: err}
}

// Error is the text of the client's error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error as the client gave it.
func (f *Failure) Unwrap() error { return f.Err }

// Classify says what an error of a backend means; own is asked for what the backend's client and server
// say. What stands in a [Failure] about the request counts more than what own takes from the error alone.
func Classify(err error, own func(err error) driver.Fault) driver.Fault {
	if _, ok := errors.AsType[*driver.ValueError](err); ok {
		return driver.Fault{Class: driver.Refused}
	}
	fault := own(err)
	if f, ok := errors.AsType[*Failure](err); ok {
		fault.Sent = f.Sent
	}
	return fault
}
