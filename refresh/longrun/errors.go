package longrun

import (
	"errors"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/store"
)

var (
	// ErrLost is why the ctx of a function has ended, and what its calls return, when the operation is no longer its
	// own: another worker has taken it over, or somebody has forced or deleted it. Nothing that it does is stored any
	// more.
	ErrLost = errors.New("longrun: the operation belongs to another")
	// ErrPaused is why the ctx of a function has ended when a pause was asked for.
	ErrPaused = errors.New("longrun: the operation is paused")
	// ErrCancelled is why it has ended when the operation was cancelled.
	ErrCancelled = errors.New("longrun: the operation is cancelled")
	// ErrStopped is why the ctx of a function has ended when the ctx of Work has.
	ErrStopped = errors.New("longrun: the worker stops")
	// ErrTimeout is why the ctx of a function has ended when it has run longer than Options.Timeout, or has neither
	// saved nor progressed for Options.Quiet. The attempt has failed then.
	ErrTimeout = errors.New("longrun: out of time")
)

// PhaseError is returned by what cannot be asked of an operation in its phase. It is a store.ErrInvalid; nothing was
// changed.
type PhaseError struct {
	Op    string // "resume"
	Kind  string
	ID    string
	Phase Phase
}

// Error returns the text, such as `longrun: resume training "7": it is done`.
func (e *PhaseError) Error() string {
	return fmt.Sprintf("longrun: %s %s %q: it is %s", e.Op, e.Kind, e.ID, e.Phase)
}

// Is reports whether target is store.ErrInvalid.
func (e *PhaseError) Is(target error) bool { return target == store.ErrInvalid }

// later is the error of Later.
type later struct{ after time.Duration }

func (e *later) Error() string { return fmt.Sprintf("longrun: go on after %v", e.after) }

// Later is what a function returns that wants to go on later, from its last checkpoint: the attempt does not count.
func Later(after time.Duration) error { return &later{after} }

// never is the error of Never.
type never struct{ err error }

func (e *never) Error() string { return e.err.Error() }
func (e *never) Unwrap() error { return e.err }

// Never is what a function returns for an error that another attempt would meet again: the operation has failed.
func Never(err error) error {
	if err == nil {
		err = errors.New("longrun: Never of no error")
	}
	return &never{err}
}

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrInvalid}, args...)...)
}
