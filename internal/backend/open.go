package backend

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// Opening says how the errors of one backend's Open and New are told.
type Opening struct {
	// Backend is its name, "mysql".
	Backend string
	// Closed says that the caller's handle was closed: "the pool is closed".
	Closed string
	// Classify says what an error means.
	Classify func(err error) driver.Fault
	// Address is where the server should be, as the caller has given it. It is empty where nobody here knows.
	Address string
}

// At is the same for a server whose address the caller has given.
func (o Opening) At(address string) Opening {
	o.Address = address
	return o
}

// Error gives an error its sentinel. Its text never holds the client's message, which may name user and
// host; errors.As still finds the client's error. An error that is ErrInvalid or ErrUnsupported was made
// here, and is shown whole, and so is the end of the caller's ctx.
func (o Opening) Error(err error) error {
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrUnsupported) {
		return &store.Error{Op: "open", Err: err}
	}
	f := o.Classify(err)
	code := ""
	if f.Code != "" {
		code = " (" + o.Backend + " " + f.Code + ")"
	}
	switch f.Class {
	case driver.Unavailable:
		text := "the server"
		if o.Address != "" {
			text += " at " + strconv.Quote(o.Address)
		}
		err = &hidden{text + " is unavailable" + reason(f, err) + code, []error{store.ErrTransient, err}}
	case driver.Closed:
		err = &hidden{o.Closed, []error{store.ErrClosed, err}}
	case driver.Canceled:
	default:
		text := o.Backend + " error"
		if f.Problem != "" {
			text = f.Problem
		}
		err = &hidden{text + code, []error{err}}
	}
	return &store.Error{Op: "open", Err: err}
}

// reason says why a server cannot be reached, empty where nothing is known.
func reason(f driver.Fault, err error) string {
	dns, isName := errors.AsType[*net.DNSError](err)
	switch {
	case isName && dns.IsNotFound:
		return ": there is no such host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": nobody listens there"
	case f.Problem != "":
		return ": " + f.Problem
	}
	return ""
}

// hidden shows its text alone, and leads to the errors behind it.
type hidden struct {
	text   string
	behind []error
}

func (e *hidden) Error() string   { return e.text }
func (e *hidden) Unwrap() []error { return e.behind }

// Negative is the error of an option that is below zero.
func Negative(option string, value any) error {
	return Invalidf("%s is negative (%v): 0 means its default", option, value)
}

// Invalidf is an error that is [store.ErrInvalid].
func Invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrInvalid, fmt.Sprintf(format, args...))
}

// Options returns a copy of the options that a caller gave, for the defaults to be filled in. Nil is the
// zero value.
func Options[O any](given *O) O {
	if given == nil {
		var zero O
		return zero
	}
	return *given
}

// OrDefault returns the standard for a setting that is zero.
func OrDefault[V comparable](value, standard V) V {
	var zero V
	if value == zero {
		return standard
	}
	return value
}
