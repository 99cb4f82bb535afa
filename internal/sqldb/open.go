package sqldb

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// OpenError gives an error of a backend's Open its sentinel. The text never holds the client's
// message, which may name user and host.
func OpenError(err error, backend string, classify func(error) (driver.Fault, bool)) error {
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrUnsupported) {
		return &store.Error{Op: "open", Err: err}
	}
	f := Classify(err, classify)
	code := ""
	if f.Code != "" {
		code = " (" + backend + " " + f.Code + ")"
	}
	switch f.Class {
	case driver.Unavailable:
		err = &hidden{"the server is unavailable" + code, []error{store.ErrTransient, err}}
	case driver.Closed:
		err = &hidden{"the pool is closed", []error{store.ErrClosed, err}}
	case driver.Canceled:
	default:
		err = &hidden{backend + " error" + code, []error{err}}
	}
	return &store.Error{Op: "open", Err: err}
}

// hidden shows its text alone, and leads to the errors behind it.
type hidden struct {
	text   string
	behind []error
}

func (e *hidden) Error() string   { return e.text }
func (e *hidden) Unwrap() []error { return e.behind }

// Invalidf is an error that is [store.ErrInvalid].
func Invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrInvalid, fmt.Sprintf(format, args...))
}

// OrDefault returns the standard for a setting that is zero.
func OrDefault[V int | time.Duration](value, standard V) V {
	if value == 0 {
		return standard
	}
	return value
}

// IsNoon reports whether a client has given a noon as one of UTC.
func IsNoon(value any) bool {
	t, ok := value.(time.Time)
	return ok && t.UTC().Hour() == 12
}

// Printable is the name of a parameter of a DSN, unless it looks like something else that went
// astray.
func Printable(name string) string {
	if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_ ") != "" {
		return "a parameter"
	}
	return name
}

// NativeDB returns the pool behind a database whose dialect is a D, as sqlx knows it by a name. It
// reports false for any other, and for nil.
func NativeDB[D Dialect](db *store.DB, name string) (*sqlx.DB, bool) {
	if db == nil {
		return nil, false
	}
	d, ok := db.Driver().(*Database)
	if !ok {
		return nil, false
	}
	if _, ok := d.dialect.(D); !ok {
		return nil, false
	}
	return d.SQLX(name), true
}

// NativeTx is [NativeDB] for a transaction. It reports false for one that has ended, too.
func NativeTx[D Dialect](tx *store.Tx, name string) (*sqlx.Tx, bool) {
	if tx == nil {
		return nil, false
	}
	t, ok := tx.Driver().(*Tx)
	if !ok {
		return nil, false
	}
	if _, ok := t.db.dialect.(D); !ok {
		return nil, false
	}
	native, err := t.SQLX(name)
	return native, err == nil
}
