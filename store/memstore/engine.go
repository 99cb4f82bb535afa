package memstore

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// What the settings are where Options does not say.
const (
	defaultTimePrecision = time.Microsecond
	defaultLockTimeout   = 3 * time.Second
)

// The limits that Info states. Nothing here needs them; they keep a program that is written against
// this backend within what servers can do.
const (
	decimalDigits = 65 // MySQL's, the largest of the three
	maxKeys       = 1000
)

// settings are what Options says, with the defaults filled in.
type settings struct {
	snapshotReads  bool
	noTransactions bool
	timePrecision  time.Duration
	lockTimeout    time.Duration
	tag            string
	likeName       string
	invalid        error     // what is wrong with the options of package store, for every mapping
	like           *likeness // nil unless likeName names one
	fault          func(ctx context.Context, call Call) error
}

// engine is the database. What is committed is a state, which readers take without a lock. All that is
// below mu is guarded by it; nothing of the user's, neither a codec nor a condition nor the hook, is
// called under it.
type engine struct {
	settings
	identity string // of Info: a database in memory is no other
	closed   atomic.Bool
	done     chan struct{}         // closed with the database
	state    atomic.Pointer[state] // what is committed; stored under mu
	planned  plannedFaults         // of FailNext
	watches  watches
	looked   atomic.Int64 // the rows that Find and Count have gone past, for tests

	mu         sync.Mutex
	tables     map[string]*table
	numbered   []*table
	rowVersion int64 // the last version that the database made
	locks      locks
	open       map[*transaction]struct{} // begun and not ended
	snapshots  snapshots
}

var _ driver.Database = (*engine)(nil)

// newEngine makes an empty database, for Open and for tests. Settings that are not given get their defaults.
func newEngine(s settings) *engine {
	if s.timePrecision <= 0 {
		s.timePrecision = defaultTimePrecision
	}
	if s.lockTimeout <= 0 {
		s.lockTimeout = defaultLockTimeout
	}
	if s.like = likenesses[s.likeName]; s.like != nil {
		s.snapshotReads = s.like.snapshotReads
		s.timePrecision = s.like.precision
		if s.tag == "" {
			s.tag = s.like.tag
		}
	}
	e := &engine{
		settings: s,
		identity: rand.Text(),
		done:     make(chan struct{}),
		tables:   map[string]*table{},
		open:     map[*transaction]struct{}{},
	}
	e.locks = locks{mu: &e.mu, timeout: s.lockTimeout, done: e.done, held: map[lockID]*lock{}}
	e.state.Store(&state{})
	return e
}

// Info implements [driver.Database].
func (e *engine) Info() driver.Info {
	i := driver.Info{
		Name:           "memstore",
		Server:         "memstore",
		System:         "memstore",
		Transactions:   !e.noTransactions,
		Views:          !e.noTransactions,
		LockingReads:   !e.noTransactions && !e.snapshotReads,
		SnapshotTx:     !e.noTransactions && e.snapshotReads,
		Changes:        true,
		AutoKeys:       true,
		AutoVersion:    true,
		TimePrecision:  e.timePrecision,
		DecimalDigits:  decimalDigits,
		MaxKeys:        maxKeys,
		TrailingSpaces: true,
		CodePointOrder: true,
		UUIDOrder:      true,
		Identity:       e.identity,
		Native:         reflect.TypeFor[condition](),
		NativeText: func(native any) ([]byte, error) {
			c, _ := native.(condition)
			return []byte(c.text()), nil
		},
	}
	if l := e.like; l != nil {
		i.Server = "memstore like " + e.likeName
		i.Changes = e.likeName == "mongo" && !e.noTransactions
		i.DecimalDigits, i.MaxKeys, i.AutoKeys, i.AutoVersion = l.decimalDigits, l.maxKeys, l.autoKeys, l.autoVersion
	}
	return i
}

// Resolve implements [driver.Database].
func (e *engine) Resolve(f reflect.StructField) driver.Naming { return resolve(f, e.tag) }

// Classify implements [driver.Database].
func (e *engine) Classify(err error) driver.Fault { return classify(err) }

// Close implements [driver.Database]. Open transactions are rolled back, and whoever waits for a lock
// gets the error of a closed database.
func (e *engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Swap(true) {
		return errClosed
	}
	close(e.done)
	for t := range e.open {
		e.rollback(t)
	}
	return nil
}

// admit is the first step of every operation: it returns the error of what cannot start, and asks the hook. The
// error lost, which only a write or commit gets, means that the operation must be done, and that lost
// is its answer whatever comes of it.
func (e *engine) admit(ctx context.Context, call Call, writes bool) (lost, err error) {
	if e.closed.Load() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	if err = e.planned.next(call.Op); err == nil && e.fault != nil {
		err = e.fault(ctx, call)
	}
	if err == nil {
		if err := ctx.Err(); err != nil {
			return nil, canceled(err)
		}
		return nil, nil
	}
	fault, isInjected := injectedFault(err)
	if !isInjected {
		return nil, err
	}
	fault.Sent = fault.Sent && writes
	failed := &failure{fault: fault, text: call.Op, err: err}
	if writes && errors.Is(err, ErrLostAfter) {
		return failed, nil
	}
	return nil, failed
}
