// Package turns orders the calls of Modify and Upsert that one process makes on one entity. Each has its turn, for one
// attempt: calls that race each other at the database fail and read again, and the more there are the fewer succeed. A
// call that meets no other pays one compare-and-swap. One that does waits in a lane, whose runner gives out the turns;
// on a table with Combine it runs the functions of all who wait and writes once (round.go).
//
// The terms: a lane is the place of one entity, a slot the place of all lanes whose keys hash alike, an owner the
// call that makes an attempt of its own, a member a call that waits in a lane. A turn orders the calls and guards
// nothing: what is stored is decided by versions alone. So whoever takes too long is passed by.
//
// It knows nothing of what an error means to a user; package store tells it, and words the answers.
package turns

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

const (
	// slots is how many entities can each have a lone caller that pays no more than the compare-and-swap.
	slots = 1024
	// firstPatience is how long the function of a call may run while others wait for the entity. It may itself
	// wait for one of them: Modify in Modify, or two of them crosswise.
	firstPatience = 5 * time.Millisecond
	// mostPatience bounds how far that grows for a function that Combine has put out again and again.
	mostPatience = time.Second
	// longestWait is how long a call waits in a lane before it goes on beside it, behind a request that hangs.
	longestWait = time.Second
	// firstPause and longestPause bound the runner's pause after a conflict, which another process has won.
	firstPause, longestPause = time.Millisecond, 16 * time.Millisecond
)

// Gate is all lanes of a database. It is safe for concurrent use.
type Gate struct {
	seed  maphash.Seed
	slots [slots]slot
}

// New makes a Gate.
func New() *Gate { return &Gate{seed: maphash.MakeSeed()} }

// Table is what the calls of one repository have in common.
type Table struct {
	// Name is the table's. Calls on one key of one table are in one lane, whatever their entities' types are.
	Name string
	// Combine says that the functions of those who wait are run together.
	Combine bool

	Collection driver.Collection
	Mapping    *mapping.Mapping
	Database   driver.Database
	// HasLocks says that the database has transactions whose reads can lock.
	HasLocks bool
	Now      func() time.Time
	// Closed returns the error of a request to a database that is closed, nil while it is open.
	Closed func() error

	gate *Gate
	salt uint64 // its part in the choice of a slot: the same keys of two tables are in different ones
}

// Add takes a table in, before its first call.
func (g *Gate) Add(t *Table) { t.gate, t.salt = g, maphash.String(g.seed, t.Name) }

// Call is one call that wants an entity to itself. Its owner sets what is exported, and makes its attempts by Do.
type Call struct {
	Caller Caller
	Table  *Table
	Key    any

	// place is even outside the caller's function and odd inside it, and moves on at each step, so that a runner
	// sees whether the function stands still.
	place       atomic.Uint32
	patience    time.Duration // how long the function may run while others wait, 0 for the first patience
	wasPassed   atomic.Bool   // a runner has gone on beside it, since that was not long enough
	mustBeAlone bool          // what it reads or writes cannot be copied
}

// Caller is package store's side of a Call. All but Meaning runs on the goroutine of the call.
type Caller interface {
	// Attempt reads, has the function change the copy, and writes.
	Attempt(ctx context.Context) error
	// Apply has the function change entity, a copy of what is stored, or a zero one where there is none. base is
	// another copy, which Apply may use up. It returns whether anything is to be written, and which fields, which
	// are nil for a new entity. An error is the call's answer.
	Apply(entity, base driver.Record, isFound bool) (isChanged bool, fields []int, err error)
	// Answer gives the outcome of a request that was made for the call its meaning.
	Answer(ctx context.Context, a *Answer) error
	// Ended is the answer to a call that gets none of a request.
	Ended(ctx context.Context, how End, patience time.Duration) error
	// Meaning is what the error of a request means to those for whom it was made. It is called by the runner, and
	// must read nothing of the call that ever changes.
	Meaning(err error, isSent bool) Meaning
}

// Answer is the outcome of a request that the runner has made.
type Answer struct {
	// IsWrite says that it was the round's write, and else its read, which has failed. IsInsert says that it was an
	// insert, and IsSent that it may have happened where there is no answer.
	IsWrite, IsInsert, IsSent bool
	// Read is the version that was read, and Nth which change upon it is the call's, from 1; 0 where it changes
	// nothing.
	Read, Nth int64
	At        time.Time     // when the write was sent
	Entity    driver.Record // the call's own copy
	Result    driver.WriteResult
	Err       error
}

// End is how a call ends that gets no answer of a request.
type End uint8

const (
	// Left means that its ctx has ended while it waited: nothing was done.
	Left End = iota
	// LeftPending means that its ctx has ended while its change was to be written, or was being written.
	LeftPending
	// Lost means that the runner has ended, by code of the user's, while it wrote the change.
	Lost
	// PutOut means that the function ran longer than the patience that others had with it: try again.
	PutOut
	// Alone means that it cannot be combined with others: try again, it will have a turn of its own.
	Alone
)

// Meaning is what an error means to the members of a round.
type Meaning uint8

const (
	// Refused means that the database does not take what the round has written.
	Refused Meaning = iota
	// Exists means that a key or a unique value is there already.
	Exists
	// Again means that nothing happened and that all can be done again.
	Again
	// Unknown means that the write may have happened.
	Unknown
)

func (c *Call) slot() *slot {
	return &c.Table.gate.slots[(maphash.Comparable(c.Table.gate.seed, c.Key)^c.Table.salt)%slots]
}

// slot is free, or has one owner, or is crowded: then its lanes say who is there.
type slot struct {
	owner atomic.Pointer[Call] // nil, the owner, or crowd
	mu    sync.Mutex           // guards what follows, and the queue and the owner of each lane
	lanes map[laneKey]*lane
}

// crowd stands in a slot in place of an owner when the slot is crowded.
var crowd = new(Call)

// laneKey names the entity of a lane.
type laneKey struct {
	table string
	key   any
}

func (c *Call) laneKey() laneKey { return laneKey{c.Table.Name, c.Key} }

// lane is the place of one entity that more than one call wants, or whose slot is crowded.
type lane struct {
	slot      *slot
	key       laneKey
	owner     *Call
	queue     []*member
	isRunning bool // a runner works

	reads   uint64             // how many reads the runner has begun, by which a member is older or younger than one
	asking  []*member          // for whom the runner's request is made
	cancel  context.CancelFunc // of that request
	free    chan struct{}      // holds one: the owner has left
	replies chan struct{}      // holds one: the member that played has given its answer
	timer   *time.Timer        // the runner's

	// The runner's own.
	taken     []*member // those that it has taken from the queue and not answered
	isSending bool      // a write, or the commit of one, may have been sent and was not answered
	conflicts int       // rounds in a row that another process has won
	existed   int       // rounds in a row that found no entity and could not insert one
	locked    int       // how many rounds still read under a lock
}

// Do makes one attempt of a call outside a Tx when its turn has come.
func (c *Call) Do(ctx context.Context) error {
	if c.Table.Combine && c.wasPassed.Swap(false) {
		if c.patience >= mostPatience {
			return c.Caller.Attempt(ctx)
		}
		c.patience = min(mostPatience, 2*c.patienceNow())
	}
	s := c.slot()
	if s.owner.CompareAndSwap(nil, c) {
		defer s.leave(c)
		return c.Caller.Attempt(ctx)
	}
	b := s.enter(c)
	if b == nil {
		defer s.leave(c)
		return c.Caller.Attempt(ctx)
	}
	return b.wait(ctx)
}

// Step says that the call goes into its caller's function, or has come back from it.
func (c *Call) Step() { c.place.Add(1) }

// Waiting returns how many calls wait for an entity, for tests.
func (g *Gate) Waiting(t *Table, key any) int {
	c := Call{Table: t, Key: key}
	s := c.slot()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lanes[c.laneKey()]; l != nil {
		return len(l.queue)
	}
	return 0
}

// Taken returns how many lanes there are, and how many slots are not free, for tests.
func (g *Gate) Taken() (lanes, taken int) {
	for i := range g.slots {
		s := &g.slots[i]
		s.mu.Lock()
		lanes += len(s.lanes)
		if s.owner.Load() != nil {
			taken++
		}
		s.mu.Unlock()
	}
	return lanes, taken
}

// enter makes the call the owner of its lane, and then returns nil, or puts it in the queue.
func (s *slot) enter(c *Call) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.owner.Load() != crowd {
		owner := s.owner.Load()
		switch {
		case owner == nil && s.owner.CompareAndSwap(nil, c):
			return nil
		case owner != nil && owner != crowd && s.owner.CompareAndSwap(owner, crowd):
			s.add(owner)
		}
	}
	l := s.lanes[c.laneKey()]
	if l == nil {
		s.add(c)
		return nil
	}
	b := &member{Call: c, lane: l, orders: make(chan order, 1), joined: l.reads, isAlone: c.mustBeAlone}
	if c.isFirst() {
		l.queue = slices.Insert(l.queue, 0, b)
	} else {
		l.queue = append(l.queue, b)
	}
	if !l.isRunning {
		l.isRunning = true
		go l.run()
	}
	return b
}

// add makes a lane with an owner. The slot is crowded then, and locked.
func (s *slot) add(owner *Call) {
	if s.lanes == nil {
		s.lanes = make(map[laneKey]*lane)
	}
	key := owner.laneKey()
	s.lanes[key] = &lane{
		slot: s, key: key, owner: owner, free: make(chan struct{}, 1), replies: make(chan struct{}, 1),
	}
}

// remove takes away a lane in which nobody is left. The slot is locked.
func (s *slot) remove(l *lane) {
	delete(s.lanes, l.key)
	if len(s.lanes) == 0 {
		s.owner.Store(nil)
	}
}

// leave ends an owner's attempt. Where the runner has gone on beside it, it is the owner no more.
func (s *slot) leave(c *Call) {
	if s.owner.CompareAndSwap(c, nil) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[c.laneKey()]
	if l == nil || l.owner != c {
		return
	}
	l.owner = nil
	if l.isRunning {
		l.free <- struct{}{}
	} else {
		s.remove(l)
	}
}

// run is the runner of a lane: a goroutine that begins when a call finds company and ends when the queue is empty. It
// yields twice before it does: those whom it has answered come back, and find it at work.
//
// Code of the user's runs on it, codecs and the clock, and may panic or call Goexit. Whose fault that is cannot
// be told, so that another runner gives all whom this one has taken a turn of their own, in which it happens on the
// goroutine of its author.
func (l *lane) run() {
	hasEnded := false
	defer func() {
		if !hasEnded {
			_ = recover()
			l.restart()
		}
	}()
	l.timer = time.NewTimer(time.Hour)
	defer l.timer.Stop()
	for yields := 0; ; {
		l.awaitOwner()
		l.pause()
		b := l.take(nil)
		switch {
		case b == nil && yields < 2:
			yields++
			runtime.Gosched()
			continue
		case b == nil:
			if hasEnded = l.end(); hasEnded {
				return
			}
		case b.isAlone || !b.Table.Combine:
			l.giveTurn(b)
		default:
			l.combine(b)
		}
		l.taken = l.taken[:0]
		yields = 0
	}
}

// restart has another runner take over from one that was ended by code of the user's.
func (l *lane) restart() {
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	l.asking, l.cancel = nil, nil
	var back []*member
	for _, b := range l.taken {
		if l.isSending && b.state.Load() == pending {
			b.tell(order{kind: lost})
		}
		if b.toIdle() {
			b.isAlone = true
			back = append(back, b)
		}
	}
	l.isSending = false
	l.queue = append(back, l.queue...)
	l.taken = nil
	go l.run()
}

// end takes the lane away where nobody is left in it.
func (l *lane) end() bool {
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	if len(l.queue) > 0 {
		return false
	}
	l.isRunning = false
	l.slot.remove(l)
	return true
}

// take takes the first member out of the queue, nil where there is none, or where it is not one of that table
// whose functions can be run with others.
func (l *lane) take(of *Table) *member {
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	if len(l.queue) == 0 {
		return nil
	}
	b := l.queue[0]
	if of != nil && (b.Table != of || b.isAlone) {
		return nil
	}
	l.queue = slices.Delete(l.queue, 0, 1)
	l.taken = append(l.taken, b)
	return b
}

// giveTurn makes a member the owner, which then makes an attempt of its own on its goroutine.
func (l *lane) giveTurn(b *member) {
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	if b.state.CompareAndSwap(idle, over) {
		l.owner = b.Call
		b.orders <- order{kind: turn}
	}
}

// awaitOwner waits until the lane's owner has left. It goes on beside an owner whose function runs for longer than
// its patience, and is patient with I/O: the members look after themselves there (longestWait).
func (l *lane) awaitOwner() {
	l.slot.mu.Lock()
	owner := l.owner
	if owner == nil {
		select {
		case <-l.free: // it left before
		default:
		}
	}
	l.slot.mu.Unlock()
	if owner == nil {
		return
	}
	for place := owner.place.Load(); ; {
		l.timer.Reset(owner.patienceNow())
		select {
		case <-l.free:
			l.timer.Stop()
			return
		case <-l.timer.C:
		}
		last := place
		if place = owner.place.Load(); place != last || !isInFunction(place) {
			continue
		}
		l.slot.mu.Lock()
		if l.owner == owner {
			l.owner = nil
			owner.wasPassed.Store(true)
		} else {
			<-l.free
		}
		l.slot.mu.Unlock()
		return
	}
}

// isInFunction reports whether a call at that place is in the caller's function.
func isInFunction(place uint32) bool { return place%2 == 1 }

// pause waits after rounds that another process has won, so that two of them do not meet again at once.
func (l *lane) pause() {
	if l.conflicts > 0 {
		time.Sleep(rand.N(min(longestPause, firstPause<<min(l.conflicts-1, 10))))
	}
}
