package store

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Written tells of one entity that a call of this DB has written.
type Written struct {
	Table string
	Key   any
	// Version is the version that was stored, 0 where it is not known. Of calls that share a write
	// (RepositoryOptions.Combine) each tells its own.
	Version int64
	Deleted bool
	// Unknown says that nobody knows whether the write happened. It may also still happen.
	Unknown bool
}

// listeners are those who have called OnWrite.
type listeners struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*listener] // nil where there is none; never changed, but replaced
}

type listener struct{ fn func(Written) }

func (l *listeners) add(fn func(Written)) (remove func()) {
	added := &listener{fn}
	l.change(func(all []*listener) []*listener { return append(all, added) })
	return sync.OnceFunc(func() {
		l.change(func(all []*listener) []*listener {
			return slices.DeleteFunc(all, func(x *listener) bool { return x == added })
		})
	})
}

// change replaces the list by what do makes of a copy.
func (l *listeners) change(do func(all []*listener) []*listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*listener
	if old := l.all.Load(); old != nil {
		all = slices.Clone(*old)
	}
	if all = do(all); len(all) == 0 {
		l.all.Store(nil)
		return
	}
	l.all.Store(&all)
}

// hasAny reports whether anybody listens.
func (l *listeners) hasAny() bool { return l.all.Load() != nil }

// tell calls everybody who listens.
func (l *listeners) tell(w Written) {
	if all := l.all.Load(); all != nil {
		for _, x := range *all {
			x.fn(w)
		}
	}
}
