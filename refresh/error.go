package refresh

import (
	"fmt"
	"strings"
	"time"
)

// Error says which call of this package has ended, and what it knew then. It wraps why: the error of the ctx, one of
// package store such as ErrNotFound, or an *[store.ConflictError] where the entity has begun another life. The error of
// a Wait's own function is returned as it is.
//
// Its text holds no field value; the key is as the errors of package store have it.
type Error struct {
	Op    string // "wait", "gone", "watch" or "follow"
	Name  string // Options.Name
	Table string
	Key   string // as store.Error has it, empty for Follow

	Version int64     // of the copy that was read last, 0 where none was
	ReadAt  time.Time // when that was, or when the entity was last found missing; zero where nothing was read
	Gone    bool      // it was missing then
	Last    error     // that of the last attempt to read, nil where it succeeded

	Err error // why the call has ended
}

// Error returns the text, such as `refresh: wait for "the transfer is booked" on transfers "17": context deadline
// exceeded (last read: version 3, at 17:02:11.250)`.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("refresh: " + e.Op)
	if e.Name != "" {
		fmt.Fprintf(&b, " for %q", e.Name)
	}
	if e.Table != "" {
		b.WriteString(" on " + e.Table)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, " %q", e.Key)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if !isOfCtx(e.Err) {
		return b.String()
	}
	switch at := e.ReadAt.Format("15:04:05.000"); {
	case e.ReadAt.IsZero():
		b.WriteString(" (nothing was read")
	case e.Gone:
		b.WriteString(" (last read: no such entity, at " + at)
	case e.Version != 0:
		fmt.Fprintf(&b, " (last read: version %d, at %s", e.Version, at)
	default:
		b.WriteString(" (last read: at " + at)
	}
	if e.Last != nil {
		fmt.Fprintf(&b, "; the last attempt: %v", e.Last)
	}
	b.WriteByte(')')
	return b.String()
}

// Unwrap returns Err and, where there is one, Last.
func (e *Error) Unwrap() []error {
	if e.Last == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Last}
}
