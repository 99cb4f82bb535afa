package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// The outcomes of a call that a program acts on. Every error of this package is an [*Error] that
// wraps one of them, or the error of the call's context, or an error of the database that has no
// name here. The errors of the functions that the caller passed in are returned as they are.
var (
	// ErrNotFound is returned when there is no entity with the key, or none that the query of
	// First selects.
	ErrNotFound = errors.New("not found")

	// ErrExists is returned when a key or a unique value is already stored.
	// [Error.Constraint] names the index that holds it.
	ErrExists = errors.New("already exists")

	// ErrConflict is returned when the stored version is not the one that the caller's copy
	// has. [*ConflictError] holds both.
	ErrConflict = errors.New("version conflict")

	// ErrUnknownOutcome is returned when a write or a commit was sent and its answer did not
	// arrive: it may have happened, it may not, and it may still happen while the server works
	// on it. The entity in memory is as it was before the call. A plain read that shows the old
	// version proves nothing; a write of the same entity that succeeds on the old version does.
	ErrUnknownOutcome = errors.New("outcome unknown")

	// ErrTransient is returned when nothing happened and the same call may succeed later: a
	// connection that was lost before the write, a deadlock, a lock that was not to be had.
	ErrTransient = errors.New("transient failure")

	// ErrUnsupported is returned when the backend cannot do what was asked. Nothing was sent.
	ErrUnsupported = errors.New("not supported")

	// ErrInvalid is returned when the caller's mapping, value, query or use of a Tx is wrong, when the
	// entity's Validate returned an error, or when the database refused a value or a constraint. Nothing
	// was written.
	ErrInvalid = errors.New("invalid")

	// ErrTxDone is returned by a call in a Tx that has ended, or that an earlier error doomed.
	// In the second case the earlier error is wrapped too.
	ErrTxDone = errors.New("transaction is done")

	// ErrClosed is returned by every call after DB.Close.
	ErrClosed = errors.New("database is closed")
)

// Error says which call failed, on what, and how.
//
// Its text never holds a field value, a password or a message of the server; the key is the
// exception, quoted and cut at 64 characters, and left out where the mapping says "secret".
// errors.AsType reaches the error of the database's own driver.
type Error struct {
	Op         string // "get", "modify", "atomic"
	Entity     string // the table or collection, empty for a call on the DB
	Key        string // as in the text, without the quotes; empty when there is none
	Constraint string // the index or constraint that did not take a value, where the database says so
	Err        error  // what happened

	cause error // the driver's error, reachable but not in the text
}

// Error returns the text, such as `store: modify clubs "42": version conflict (have 3, stored 5)`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("store: ")
	b.WriteString(e.Op)
	if e.Entity != "" {
		b.WriteByte(' ')
		b.WriteString(driver.Shown(e.Entity))
	}
	if e.Key != "" {
		fmt.Fprintf(&b, " %q", e.Key)
	}
	b.WriteString(": ")
	b.WriteString(e.Err.Error())
	if e.Constraint != "" {
		fmt.Fprintf(&b, " (constraint %s)", driver.Shown(e.Constraint))
	}
	return b.String()
}

// GoString is what %#v prints: the text, and nothing of the driver's error, which may hold values and messages.
func (e *Error) GoString() string { return fmt.Sprintf("&store.Error{%q}", e.Error()) }

// MarshalJSON gives the text, and nothing of the driver's error.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.Error()) }

// LogValue implements [slog.LogValuer] with the text.
func (e *Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// Unwrap returns Err and, where there is one, the error of the database's driver.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.cause}
}

// ConflictError holds the two versions of an [ErrConflict].
type ConflictError struct {
	Expected int64 // the version of the caller's copy
	Actual   int64 // the version that was found when the write had not matched
}

// Error returns the text, such as "version conflict (have 3, stored 5)".
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v (have %d, stored %d)", ErrConflict, e.Expected, e.Actual)
}

// Is reports whether target is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Retryable reports whether the same work may succeed when it is done again from its start, with
// a fresh copy: err is an ErrConflict or an ErrTransient, and the outcome is not unknown.
func Retryable(err error) bool {
	return !MayHaveHappened(err) && (errors.Is(err, ErrConflict) || errors.Is(err, ErrTransient))
}

// MayHaveHappened reports whether the failed call may have changed the database all the same.
func MayHaveHappened(err error) bool { return errors.Is(err, ErrUnknownOutcome) }

// explained is one or more errors under a text of its own.
type explained struct {
	text string
	errs []error
}

func (e *explained) Error() string   { return e.text }
func (e *explained) Unwrap() []error { return e.errs }

// explain gives errs the text "<first>: <format>".
func explain(err error, format string, args ...any) error {
	return &explained{fmt.Sprintf("%v: ", err) + fmt.Sprintf(format, args...), []error{err}}
}

// both wraps two errors under a text that names both.
func both(first, second error) error {
	return &explained{fmt.Sprintf("%v: %v", first, second), []error{first, second}}
}

func invalidf(format string, args ...any) error { return explain(ErrInvalid, format, args...) }

// invalid wraps err, whose text may be shown, as an ErrInvalid.
func invalid(err error) error {
	for _, outcome := range outcomes {
		if errors.Is(err, outcome) {
			return both(ErrInvalid, &ofValidate{err})
		}
	}
	return both(ErrInvalid, err)
}

// outcomes are the errors that a program acts on.
var outcomes = []error{
	ErrNotFound, ErrExists, ErrConflict, ErrUnknownOutcome, ErrTransient, ErrUnsupported, ErrInvalid, ErrTxDone,
	ErrClosed,
}

// ofValidate is an error of the user's Validate that wraps an outcome of another call, that of a read in it, say.
// It hides that outcome, and leads to all else: the write is ErrInvalid, and was not told that its row is missing.
type ofValidate struct{ err error }

func (e *ofValidate) Error() string { return e.err.Error() }

// Is hides the outcomes from errors.Is.
func (e *ofValidate) Is(target error) bool {
	return !slices.Contains(outcomes, target) && errors.Is(e.err, target)
}

// As hides the errors of this package from errors.As.
func (e *ofValidate) As(target any) bool {
	switch target.(type) {
	case **Error, **ConflictError:
		return false
	}
	return errors.As(e.err, target)
}
