package memstore

import (
	"context"
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
	fault          func(ctx context.Context, call Call) error
}

// engine is the database. All that is below mu is guarded by it; nothing of the user's, neither a
// codec nor a condition nor the hook, is called under it.
type engine struct {
	settings
	closed atomic.Bool
	done   chan struct{} // closed with the database

	mu         sync.RWMutex
	tables     map[string]*table
	sequence   uint64 // of the newest commit
	rowVersion int64  // the last version that the database made
	locks      map[lockID]*lock
	waiting    int
	open       map[*transaction]struct{} // begun and not ended
	snapshots  []snapshot                // in ascending order
	outdated   []*row                    // with versions that only a snapshot keeps
}

var _ driver.Database = (*engine)(nil)

func newEngine(s settings) *engine {
	if s.timePrecision <= 0 {
		s.timePrecision = defaultTimePrecision
	}
	if s.lockTimeout <= 0 {
		s.lockTimeout = defaultLockTimeout
	}
	return &engine{
		settings: s,
		done:     make(chan struct{}),
		tables:   map[string]*table{},
		locks:    map[lockID]*lock{},
		open:     map[*transaction]struct{}{},
	}
}

// Info implements [driver.Database].
func (e *engine) Info() driver.Info {
	return driver.Info{
		Name:           "memstore",
		Server:         "memstore",
		Transactions:   !e.noTransactions,
		Views:          !e.noTransactions,
		LockingReads:   !e.noTransactions && !e.snapshotReads,
		SnapshotTx:     !e.noTransactions && e.snapshotReads,
		AutoKeys:       true,
		AutoVersion:    true,
		TimePrecision:  e.timePrecision,
		DecimalDigits:  decimalDigits,
		MaxKeys:        maxKeys,
		TrailingSpaces: true,
		CodePointOrder: true,
		UUIDOrder:      true,
		Native:         reflect.TypeFor[condition](),
	}
}

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
