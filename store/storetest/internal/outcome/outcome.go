// Package outcome names what a call of package store has come to.
package outcome

import (
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/store"
)

// Sentinels are all outcomes that an error of package store can have.
var Sentinels = []error{
	store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrUnknownOutcome, store.ErrTransient,
	store.ErrUnsupported, store.ErrInvalid, store.ErrTxDone, store.ErrClosed,
}

// Names returns the names of an error, and the versions of a conflict. They are equal for two backends
// that answer a call in the same way.
func Names(err error) []string {
	var names []string
	for _, sentinel := range Sentinels {
		if errors.Is(err, sentinel) {
			names = append(names, sentinel.Error())
		}
	}
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		names = append(names, fmt.Sprintf("have %d, stored %d", conflict.Expected, conflict.Actual))
	}
	return names
}
