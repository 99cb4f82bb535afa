package refresh

import (
	"fmt"
	"time"

	"github.com/stillframe/stillframe/store"
)

// Source is a repository, or a type that embeds one. What such a type makes of Get does not count: entities are read by
// the repository itself.
type Source[T any, K comparable] interface {
	// Base is that of store.Repository, which a type that embeds one has.
	Base() *store.Repository[T, K]
}

// Options configure a Wait, Gone, Watch or Follow. The zero value is the default, and so is nil. What is below zero is
// ErrInvalid.
type Options struct {
	// Name says what is waited for, for the text of an [Error]: "the transfer is booked".
	Name string
	// Timeout bounds a Wait or Gone whose ctx has no deadline. Watch and Follow have no bound but their ctx. Defaults
	// to 30 s.
	Timeout time.Duration
	// Interval is the time between two looks at the database by which a write is found that nothing else tells of:
	// that of another process. A Wait or Gone begins with looks that follow each other sooner, from 5 ms on, and
	// where the database tells of writes (Info.Changes) there are four times fewer. Of those who share a look the
	// shortest counts. Defaults to 250 ms.
	Interval time.Duration
	// Least is the pause after a read of one entity, or of a page, before it is read again, however often it is
	// written. It also bounds the reads of a table: where many of its entities are written all the time they are read
	// together, once in one and a half pauses. Of those who share a read the shortest counts. Defaults to 20 ms.
	Least time.Duration
	// AwaitInsert has Wait and Watch wait for an entity that is not there yet, where they else end with ErrNotFound.
	// Once it was there, that it is gone ends a Watch in any case. Gone and Follow have no use for it.
	AwaitInsert bool
}

// withDefaults returns the options in which what was left at zero has its default.
func (o *Options) withDefaults() (Options, error) {
	var v Options
	if o != nil {
		v = *o
	}
	for _, setting := range []struct {
		name  string
		value *time.Duration
		or    time.Duration
	}{
		{"Timeout", &v.Timeout, 30 * time.Second},
		{"Interval", &v.Interval, 250 * time.Millisecond},
		{"Least", &v.Least, 20 * time.Millisecond},
	} {
		switch {
		case *setting.value < 0:
			return v, fmt.Errorf("%w: Options.%s is negative (%v): 0 means its default",
				store.ErrInvalid, setting.name, *setting.value)
		case *setting.value == 0:
			*setting.value = setting.or
		}
	}
	return v, nil
}
