package store

import (
	"log/slog"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// Info holds the facts about a database: what it is, what it can do, and what it cannot.
type Info = driver.Info

// Difference is one way in which a live table is not what a mapping needs.
type Difference = driver.Difference

// Severity is what a [Difference] costs.
type Severity = driver.Severity

// A program needs only the fixes of SeverityMust to start.
const (
	SeverityMust   = driver.SeverityMust   // a call fails, or a guarantee does not hold
	SeverityWeaker = driver.SeverityWeaker // every call works, and the problem says what is weaker
	SeverityNote   = driver.SeverityNote   // it costs nothing here, and other programs may care
)

// Options configure a [DB]. Each backend's own Options hold one.
type Options struct {
	// Now is the clock of ReadAt and of created and updated fields. It must be safe for
	// concurrent use. Defaults to time.Now.
	Now func() time.Time
	// Logger receives what no return value can say: a rollback that failed, an unknown outcome,
	// and each retry at level Debug. Defaults to no logging.
	Logger *slog.Logger
	// SlowCall is how long a call may take before Logger is told of it, at level Warn. It is counted
	// as [Call.Duration] is. At zero or less there is no such
	// line.
	SlowCall time.Duration
	// Observer is told of every call. [Observers] makes one of several. Defaults to none.
	Observer Observer
	// CursorKey is the secret that seals the cursors of Page: at least 16 bytes, such as 32 random ones. All
	// processes that take each other's cursors have the same, as servers behind a balancer do, and servers
	// that are started anew while pages are open. New, and so a backend's Open, refuses a shorter one.
	// Defaults to a random key of the process: cursors are good until it ends, and in no other.
	CursorKey []byte
	// OldCursorKeys open cursors and seal none: a key that is replaced stands here for as long as its cursors
	// shall be good. To change the key of several servers, first give all of them the new one here, then
	// make it CursorKey and the old one one of these. A key should seal no more than 2^32 cursors.
	// Defaults to none.
	OldCursorKeys [][]byte
	// MostRows is the most entities that a Page may be asked for, by Limit or PageSize: more is ErrInvalid. A
	// Limit that a client chooses decides how much memory a call needs. Defaults to no bound.
	MostRows int
	// RefuseOuterCalls is for tests: a call on this DB that is made inside the function of Atomic or
	// View, on its goroutine, but without In(tx) and with a context from outside, is ErrInvalid. Such
	// a call runs in a transaction of its own; where it needs a lock or a connection that the Tx
	// holds, it waits for itself until a timeout ends it. It is not refused without this option,
	// since a program may mean it: an entry in a log that stays when the Tx is rolled back. It costs
	// about a microsecond a call. Defaults to false.
	RefuseOuterCalls bool
	// Rehearse is for tests: every function that a conflict may run again runs twice, as if its
	// first run had met one. That first run, and whatever it returned, is thrown away, with
	// its writes. So a function that is not safe to repeat (it adds to a slice of its caller,
	// sends a mail, keeps a pointer to its copy) does its harm in each test, and not once a
	// month. It applies to Modify and Upsert outside a Tx, and to Atomic and View, whose
	// rehearsal includes the functions inside. Each costs its round trips twice. Defaults to
	// false.
	Rehearse bool
}

// TxOptions configure one [DB.Atomic] or [DB.View].
type TxOptions struct {
	// RunTimeout bounds one run of the function: its ctx ends then. Defaults to 5 s.
	RunTimeout time.Duration
	// Timeout bounds all runs together. Defaults to 30 s.
	Timeout time.Duration
	// EndTimeout bounds the commit, and the rollback, which do not end with the caller's ctx: a
	// commit that was sent must be waited for. Defaults to 5 s.
	EndTimeout time.Duration
}

// withDefaults returns a copy of the options in which what was left at zero has its default. One below zero is
// an ErrInvalid that names it: taken for a default, it would hide a mistake in a computation.
func (o *TxOptions) withDefaults() (TxOptions, error) {
	var v TxOptions
	if o != nil {
		v = *o
	}
	switch {
	case v.RunTimeout < 0:
		return v, negative("TxOptions.RunTimeout", v.RunTimeout)
	case v.Timeout < 0:
		return v, negative("TxOptions.Timeout", v.Timeout)
	case v.EndTimeout < 0:
		return v, negative("TxOptions.EndTimeout", v.EndTimeout)
	}
	v.RunTimeout = orDefault(v.RunTimeout, 5*time.Second)
	v.Timeout = orDefault(v.Timeout, 30*time.Second)
	v.EndTimeout = orDefault(v.EndTimeout, 5*time.Second)
	return v, nil
}

// RepositoryOptions configure a [Repository].
type RepositoryOptions struct {
	// PageSize is the number of rows in the first page that Find reads. Each page after it has four times
	// as many, up to a hundred times the first, as long as a page is about a megabyte at most. It is
	// also the page of Page where the query has no Limit. Defaults to 100.
	PageSize int
	// ModifyTimeout bounds the attempts of one Modify or Upsert outside a Tx: no new attempt
	// starts after it. Defaults to 10 s.
	ModifyTimeout time.Duration
	// ModifyAttempts is the most attempts of one Modify or Upsert outside a Tx, and of a Save,
	// Delete or Touch that did not match and then finds its expected version. Defaults to 1000.
	ModifyAttempts int
	// Combine is for entities that many goroutines of a process change at the same time: a counter, an
	// auction, a match. While one call of Modify or Upsert outside a Tx is at work on an entity, those that
	// come wait for it in memory; then their functions run one after another, each on its own goroutine and on
	// what the one before has left, and one write stores what all of them have changed. Each changing call still
	// adds 1 to the version, which the write moves by as many.
	//
	// The states between are never stored: a CHECK, a trigger, a history table or a change stream sees the last
	// one alone. Validate sees each. Where the database refuses the write, it is taken apart until the
	// refusal belongs to its author. When a call's ctx ends while its change is being written with those of
	// others, its outcome is unknown.
	//
	// A function that runs for longer than 5 ms while others wait is put out: what it came to is thrown away, the
	// others go on, and it runs again with more patience. A function may also run on what another has left that is
	// never stored; it runs again then. So it should do nothing but change its entity.
	//
	// A call that meets no other is as it is without Combine. A type whose version the database moves, or with
	// a generated field, cannot be combined: ErrInvalid of NewRepository. Defaults to false.
	Combine bool
	// SkipUnchanged has Save, outside a Tx, not write a copy in which nothing has changed since it was read or
	// written: it looks at the stored version instead, with the same errors, and the version, the updated time and
	// what others see of the row stay. So a script that saves all that it has looked at moves only what it has
	// changed. In a Tx Save writes as always, since what the Tx decides may rest on the copy, and so do Touch and
	// SaveMany.
	//
	// Each copy carries a [Mark] for that, which costs each read about a hash of its fields. A copy without one, or
	// with that of another repository or process, is written, as is one whose Mark the program has set to 0, and
	// one whose type hides from the library what it holds. Of 2^64 changes one is taken for none. A type without
	// a field for the Mark is ErrInvalid of NewRepository. Defaults to false.
	SkipUnchanged bool
}

// withDefaults returns a copy of the options in which what was left at zero has its default. One below zero is
// an ErrInvalid that names it: taken for a default, it would hide a mistake in a computation.
func (o *RepositoryOptions) withDefaults() (RepositoryOptions, error) {
	var v RepositoryOptions
	if o != nil {
		v = *o
	}
	switch {
	case v.PageSize < 0:
		return v, negative("RepositoryOptions.PageSize", v.PageSize)
	case v.ModifyTimeout < 0:
		return v, negative("RepositoryOptions.ModifyTimeout", v.ModifyTimeout)
	case v.ModifyAttempts < 0:
		return v, negative("RepositoryOptions.ModifyAttempts", v.ModifyAttempts)
	}
	v.PageSize = orDefault(v.PageSize, 100)
	v.ModifyTimeout = orDefault(v.ModifyTimeout, 10*time.Second)
	v.ModifyAttempts = orDefault(v.ModifyAttempts, 1000)
	return v, nil
}

func negative(setting string, value any) error {
	return invalidf("%s is negative (%v): 0 means its default", setting, value)
}

func orDefault[V int | time.Duration](value, standard V) V {
	if value == 0 {
		return standard
	}
	return value
}
