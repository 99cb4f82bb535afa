package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// Tx is one run of the function that [DB.Atomic] or [DB.View] was given. [Repository.In] binds a
// repository to it.
//
// A Tx belongs to the goroutine that runs the function. A call in it while another one runs is
// ErrInvalid, a call after the function has returned is ErrTxDone.
type Tx struct {
	db       *DB
	driver   driver.Tx
	isView   bool
	run      int // 1 for the first run of the function, 0 for a rehearsal
	deadline time.Time
	late     error // the error of a request after the deadline, which names the setting

	// mu is held during each request, and guards what follows. No request waits for it: a second
	// one at the same time is the caller's mistake.
	mu       sync.Mutex
	isOver   bool  // its function has returned
	doomedBy error // the first error of a request, nil while there is none
	canRerun bool  // that error is of a kind after which Atomic runs the function again
	// conflicts are those of a Save, Delete or Touch on a copy that this Tx had read.
	conflicts []error
	readAt    time.Time // of the first request, where all reads are of one moment
	entities  map[entityKey]entityState
	undo      mapping.Undo
	onCommit  []func()
	written   []Written // for those who have called DB.OnWrite
}

// entityKey names one entity in a Tx. Two repositories over one table name it alike, whatever their
// key types are: without that a Tx would take its own write through one of them for another's.
type entityKey struct {
	table string
	plain any // mapping.PlainKey
}

func (r *repo) entityKey(key any) entityKey { return entityKey{r.table, r.mapping.PlainKey(key)} }

// entityState is what a Tx knows of an entity.
type entityState struct {
	version   int64 // the one that was last read or written here
	isWritten bool  // by this Tx
}

// OnCommit has fn called once after the commit is known to have happened, on the goroutine that
// called Atomic, in the order of the calls of OnCommit. It is not called when the Tx does not
// commit, when the outcome of the commit is unknown, or for a run that was thrown away; for a View
// it is called when the function has returned nil. The Tx is over by then. A panic in fn goes
// through to the caller of Atomic. OnCommit on a Tx that has ended does nothing.
func (tx *Tx) OnCommit(fn func()) {
	if fn == nil {
		return
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if !tx.isOver {
		tx.onCommit = append(tx.onCommit, fn)
	}
}

// Driver returns the backend's transaction, for the backends' own functions that give out a
// native handle.
func (tx *Tx) Driver() driver.Tx { return tx.driver }

// nilTx stands for the nil that In was given.
var nilTx = &Tx{isOver: true}

type txKey struct{ db *DB }

// txOf returns the Tx of db that ctx was made for, nil when there is none.
func txOf(ctx context.Context, db *DB) *Tx {
	tx, _ := ctx.Value(txKey{db}).(*Tx)
	return tx
}

var errTwoGoroutines = invalidf("the transaction is used by two goroutines at once")

// lock is how a request takes the Tx. It does not wait. A Tx that is over, or doomed, takes no more
// requests.
func (tx *Tx) lock() error {
	if !tx.mu.TryLock() {
		return errTwoGoroutines
	}
	var err error
	switch {
	case tx.isOver:
		err = ErrTxDone
	case tx.doomedBy != nil:
		err = both(ErrTxDone, tx.doomedBy)
	}
	if err != nil {
		tx.mu.Unlock()
	}
	return err
}

// doom says that the Tx cannot commit any more, and why. The first error stands: those after it come
// of it. canRerun says that Atomic runs the function again.
func (tx *Tx) doom(err error, canRerun bool) {
	if tx.doomedBy == nil {
		tx.doomedBy, tx.canRerun = err, canRerun
	}
}

// note remembers the version of an entity that was read or written in the Tx. By it noteConflict tells
// whether another's write came in between, lastSaw whether Modify's function wrote the entity itself,
// and hasChangedOutside whether anybody else can have written it.
func (tx *Tx) note(key entityKey, version int64, isWritten bool) {
	if tx.entities == nil {
		tx.entities = make(map[entityKey]entityState)
	}
	old := tx.entities[key]
	tx.entities[key] = entityState{version, isWritten || old.isWritten}
}

// noteConflict remembers the conflict of a Save, Delete or Touch. It is an answer, after which the Tx
// goes on. But where the Tx itself had read the copy, another's write came in between, and Atomic
// runs the function again if it gives up because of that conflict.
func (tx *Tx) noteConflict(key entityKey, expected int64, err error) {
	if state, ok := tx.entities[key]; ok && state.version == expected && !state.isWritten {
		tx.conflicts = append(tx.conflicts, err)
	}
}

// gone is noted as the version of an entity that this Tx has deleted.
const gone = -1

// lastSaw reports whether the version of an entity that was last read or written in this Tx is the
// one given.
func (tx *Tx) lastSaw(key entityKey, version int64) bool { return tx.entities[key].version == version }

// willRerun reports whether Atomic runs its function again because of err, the error of a call in the Tx. A
// conflict that was noted makes it do so only where the function gives up because of it.
func (tx *Tx) willRerun(err error) bool {
	if !tx.mu.TryLock() {
		return false // another goroutine uses the Tx, which ends it
	}
	defer tx.mu.Unlock()
	switch {
	case tx.isOver:
		return false
	case tx.doomedBy != nil:
		return tx.canRerun
	}
	return tx.gaveUpFor(err) != nil
}

// gaveUpFor returns the conflict because of which the Tx's function returned err, nil where there is
// none. Atomic then runs the function again: it reads a newer copy, with which that conflict does not come.
func (tx *Tx) gaveUpFor(err error) error {
	for _, conflict := range tx.conflicts {
		if errors.Is(err, conflict) {
			return conflict
		}
	}
	return nil
}
