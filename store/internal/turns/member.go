package turns

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// member is a call that waits in a lane. Its goroutine does what the runner orders: the caller's function runs on it,
// and whatever else is the user's code.
type member struct {
	*Call
	lane   *lane
	orders chan order // holds one
	state  atomic.Uint32
	joined uint64 // how many reads the runner had begun when it came
	// isAlone says that it cannot be combined with others: what it reads or writes cannot be copied, or a runner
	// that had it among others was ended by code of the user's.
	isAlone bool

	// What its function has made of the runner's state. The runner reads it when the member has answered.
	entity driver.Record // the caller's copy
	next   driver.Record // the runner's, the zero Record where nothing was changed
	fields []int         // that were changed, nil for a new entity
	err    error         // where nothing was changed: the error that the caller gets, nil for none
	nth    int64         // which change it is of its round, from 1; the runner's
}

// The states of a member. Each change is made by a compare-and-swap, so that the runner and the member agree on who
// has it.
const (
	idle    uint32 = iota // nothing of it is to be written
	playing               // its function runs
	pending               // its change is part of what the runner writes
	over                  // it was answered, or has left
)

// order is what the runner tells a member.
type order struct {
	kind orderKind

	// For play.
	state   driver.Record // what is stored, or will be: it never changes, and must not be changed
	isFound bool          // there is an entity
	version int64         // of state
	at      time.Time     // when it was read

	answer Answer // for result, but for what is each member's own
}

type orderKind uint8

const (
	turn   orderKind = iota // make an attempt of your own
	play                    // run the function on this state
	own                     // what the function came to is the answer
	result                  // this is what became of the request that was made for you
	lost                    // nothing is known of that request
)

// isFirst reports whether the call goes to the head of the queue: its function was put out, or it must be alone.
func (c *Call) isFirst() bool { return c.patience > 0 || c.mustBeAlone }

// patienceNow is how long its function may run while others wait.
func (c *Call) patienceNow() time.Duration { return max(c.patience, firstPatience) }

// wait does what the runner orders until there is an answer. A call that leaves while it only waits has done nothing;
// one whose change the runner is about to write, or writes, has an unknown outcome.
func (b *member) wait(ctx context.Context) error {
	guard := time.NewTimer(longestWait)
	defer guard.Stop()
	done := ctx.Done()
	for {
		select {
		case o := <-b.orders:
			switch o.kind {
			case turn:
				defer b.lane.slot.leave(b.Call)
				return b.Caller.Attempt(ctx)
			case play:
				if isOver, err := b.play(ctx, &o); isOver {
					return err
				}
			case own:
				return b.err
			case result:
				o.answer.Entity, o.answer.Nth = b.entity, b.nth
				return b.Caller.Answer(ctx, &o.answer)
			case lost:
				return b.Caller.Ended(ctx, Lost, 0)
			}
		case <-done:
			wasPending, hasLeft := b.leave()
			switch {
			case !hasLeft: // an order is on its way
				done = nil
			case wasPending:
				return b.Caller.Ended(ctx, LeftPending, 0)
			default:
				return b.Caller.Ended(ctx, Left, 0)
			}
		case <-guard.C:
			if b.leaveQueue() {
				return b.Caller.Attempt(ctx)
			}
			guard.Reset(longestWait)
		}
	}
}

// leave takes the member out of its lane, unless the runner has an order for it. The last one that the runner's
// request is made for ends that.
func (b *member) leave() (wasPending, hasLeft bool) {
	l := b.lane
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	switch {
	case b.state.CompareAndSwap(pending, over):
		wasPending = true
	case !b.state.CompareAndSwap(idle, over):
		return false, false
	}
	if i := slices.Index(l.queue, b); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	if l.cancel != nil && !slices.ContainsFunc(l.asking, (*member).isWaiting) {
		l.cancel()
	}
	return wasPending, true
}

// leaveQueue takes the member out of its lane if the runner has not come to it yet.
func (b *member) leaveQueue() bool {
	l := b.lane
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	i := slices.Index(l.queue, b)
	if i < 0 || !b.state.CompareAndSwap(idle, over) {
		return false
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	return true
}

func (b *member) isWaiting() bool { return b.state.Load() != over }

// toIdle says that nothing of the member is to be written, and reports whether it still waits.
func (b *member) toIdle() bool {
	b.state.CompareAndSwap(pending, idle)
	return b.isWaiting()
}

// tell gives the member its last order, unless it has left.
func (b *member) tell(o order) {
	if b.state.CompareAndSwap(idle, over) || b.state.CompareAndSwap(pending, over) {
		b.orders <- o
	}
}

// play runs the caller's function for the runner, which waits for the reply. Where it has lost its patience, what
// the function came to is thrown away, and the call is made again.
func (b *member) play(ctx context.Context, o *order) (isOver bool, err error) {
	began, hasReturned := time.Now(), false
	defer func() {
		if !hasReturned && b.state.CompareAndSwap(playing, over) {
			b.lane.replies <- struct{}{}
		}
	}()
	to := idle
	isAlone := false
	if ctx.Err() == nil {
		isAlone = !b.compute(o)
	}
	switch {
	case ctx.Err() != nil || isAlone:
		to = over
	case b.isChanged():
		to = pending
	}
	hasReturned = true
	if !b.state.CompareAndSwap(playing, to) {
		return true, b.putOut(ctx, time.Since(began))
	}
	b.lane.replies <- struct{}{}
	switch {
	case to != over:
		return false, nil
	case isAlone:
		b.mustBeAlone = true
		return true, b.Caller.Ended(ctx, Alone, 0)
	}
	return true, b.Caller.Ended(ctx, Left, 0)
}

// compute has the function change a copy of the runner's state, and makes the next state of it. Both are copies of
// their own, since the caller does with its entity what it likes. It reports whether that can be done: a value that
// is stored may be one that cannot be written again. What the function came to is in the member.
func (b *member) compute(o *order) bool {
	copyOf := b.Table.Collection.Copy
	b.entity, b.next, b.fields, b.err, b.nth = b.Table.fresh(), driver.Record{}, nil, nil, 0
	var base driver.Record
	if o.isFound {
		base = b.Table.fresh()
		if copyOf(b.entity, o.state) != nil || copyOf(base, o.state) != nil {
			return false
		}
		b.Table.Mapping.StampReadAt(b.entity, o.at)
	}
	isChanged, fields, err := b.Caller.Apply(b.entity, base, o.isFound)
	if b.err = err; err != nil || !isChanged {
		return true
	}
	next := b.Table.fresh()
	if copyOf(next, b.entity) != nil {
		return false
	}
	b.Table.Mapping.Stamp(next, o.version+1, o.at)
	b.next, b.fields = next, fields
	return true
}

// isChanged reports whether the function has changed anything.
func (b *member) isChanged() bool { return !b.next.IsZero() }

// fresh makes a zero entity.
func (t *Table) fresh() driver.Record {
	return driver.RecordOf(reflect.New(t.Mapping.Spec.Type).Interface())
}

// putOut says that the function took too long. The call is made again at once, with more patience: with what the
// function has taken this time, if it is not more than all others can be asked for.
func (b *member) putOut(ctx context.Context, took time.Duration) error {
	before := b.patienceNow()
	want := max(2*before, took+took/2)
	b.patience = min(mostPatience, want+rand.N(want/4+1))
	b.wasPassed.Store(before == mostPatience)
	return b.Caller.Ended(ctx, PutOut, before)
}
