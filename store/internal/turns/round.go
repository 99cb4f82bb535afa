package turns

import (
	"context"
	"slices"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

const (
	// mostMembers and longestRound bound a round: one read, the functions of its members one after another, one write.
	mostMembers  = 256
	longestRound = 2 * time.Millisecond
	// lockedRounds is for how many rounds the runner reads under a lock after another process has won one, where
	// reads lock. The two then take turns at the database, which halves the longest waits.
	lockedRounds = 8
	// mostExisted is how often an insert that met a key or a unique value is taken to have met another's insert of the
	// same entity, which the next read will show.
	mostExisted = 3
	// endTimeout bounds the commit and the rollback of such a round.
	endTimeout = 5 * time.Second
)

// round is one read and one write that the runner makes for all who wait. No answer is given by it but when what
// the function saw is known to be stored, or was read after its call began.
type round struct {
	*lane
	table   *Table
	number  uint64    // of the read
	members []*member // in the order in which their functions run

	tx      driver.Tx // nil where reads do not lock
	base    driver.Record
	state   driver.Record // with the changes of those whose functions have run
	isFound bool          // there is an entity, read or made
	read    int64         // the version that was read
	at      time.Time     // when it was read

	changes  int64 // how many have changed the state
	isInsert bool  // the first of them has made it
	fields   []int // that they have changed
}

// combine answers a member together with all of its kind who wait, and with those who come while it is at work.
func (l *lane) combine(first *member) {
	members := []*member{first}
	for isOpen := true; len(members) > 0; {
		members = l.round(first.Table, members, isOpen)
		isOpen = false // those of other repositories wait too
	}
}

// round makes one round and returns the members that must be part of another one. An open one takes in those who
// come until it writes.
func (l *lane) round(t *Table, members []*member, isOpen bool) (left []*member) {
	g := &round{lane: l, table: t, members: members}
	if isOpen {
		g.takeMore()
	}
	defer g.rollback()
	if err := g.readRow(); err != nil {
		g.tellAll(Answer{Err: err})
		return nil
	}
	began := time.Now()
	for i := 0; i < len(g.members); i++ {
		g.play(g.members[i])
		if i == len(g.members)-1 && isOpen && time.Since(began) < longestRound {
			g.takeMore()
		}
	}
	g.members = slices.DeleteFunc(g.members, func(b *member) bool { return !b.isWaiting() })
	if len(g.members) == 0 {
		return nil
	}
	if g.changes == 0 {
		return g.members // who came after the read was sent: there is nothing to confirm what they saw
	}
	return g.write()
}

// takeMore takes members out of the queue.
func (g *round) takeMore() {
	for len(g.members) < mostMembers {
		b := g.take(g.table)
		if b == nil {
			return
		}
		g.members = append(g.members, b)
	}
}

// ask makes one request for the members, under a ctx that ends when the last of them has left.
func (g *round) ask(request func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g.slot.mu.Lock()
	g.asking, g.cancel = g.members, cancel
	if !slices.ContainsFunc(g.asking, (*member).isWaiting) {
		cancel()
	}
	g.slot.mu.Unlock()
	err := request(ctx)
	g.slot.mu.Lock()
	g.asking, g.cancel = nil, nil
	g.slot.mu.Unlock()
	return err
}

// readRow reads the entity. Who has joined before has a number below that of the read.
func (g *round) readRow() error {
	g.slot.mu.Lock()
	g.reads++
	g.number = g.reads
	g.slot.mu.Unlock()
	g.at = g.table.Now()
	g.state, g.base = g.table.fresh(), g.table.fresh()
	return g.ask(func(ctx context.Context) (err error) {
		if err := g.table.Closed(); err != nil {
			return err
		}
		p := driver.GetParams{Key: g.key.key, Into: g.state, Base: g.base}
		if g.locked > 0 {
			if g.tx, err = g.table.Database.Begin(ctx, &driver.BeginParams{}); err != nil {
				return err
			}
			p.Tx, p.Lock = g.tx, true
		}
		found, err := g.table.Collection.Get(ctx, &p)
		if g.isFound = err == nil && found.Found && g.table.Mapping.HasKey(g.state, p.Key); g.isFound {
			g.read = g.table.Mapping.Version(g.state)
		}
		return err
	})
}

// play has a member run its function on the state, and takes what it has made of it. One that takes too long is
// put out: the round goes on without it.
func (g *round) play(b *member) {
	if !b.state.CompareAndSwap(idle, playing) {
		return // it has left
	}
	b.orders <- order{kind: play, state: g.state, isFound: g.isFound, version: g.read + g.changes, at: g.at}
	g.timer.Reset(b.patienceNow())
	select {
	case <-g.replies:
		g.timer.Stop()
	case <-g.timer.C:
		if b.state.CompareAndSwap(playing, over) {
			return
		}
		<-g.replies
	}
	switch state := b.state.Load(); {
	case state == over: // it has left, or cannot be combined
	case b.isChanged():
		g.changes++
		b.nth, g.state = g.changes, b.next
		g.isInsert = g.isInsert || !g.isFound
		g.isFound = true
		for _, i := range b.fields {
			if !slices.Contains(g.fields, i) {
				g.fields = append(g.fields, i)
			}
		}
	case g.changes == 0 && b.joined < g.number:
		b.tell(order{kind: own})
	}
}

// write writes the state that the last function has left, and tells everybody what became of it.
func (g *round) write() (left []*member) {
	a := Answer{IsWrite: true, IsInsert: g.isInsert, IsSent: g.tx == nil, Read: g.read, At: g.table.Now()}
	a.Err = g.ask(func(ctx context.Context) (err error) {
		g.isSending = a.IsSent
		if a.Result, err = g.send(ctx); err == nil && a.Result.Outcome == driver.Applied && g.tx != nil {
			a.IsSent, g.isSending = true, true
			err = g.commit()
		}
		g.isSending = false
		return err
	})
	isApplied := a.Err == nil && a.Result.Outcome == driver.Applied
	meaning := Again // of a version that another has moved
	if a.Err != nil {
		meaning = g.members[0].Caller.Meaning(a.Err, a.IsSent)
	}
	switch {
	case isApplied:
		g.conflicts, g.existed, g.locked = 0, 0, max(0, g.locked-1)
		g.tellAll(a)
	case meaning == Again:
		g.conflicts++
		if g.table.HasLocks {
			g.locked = lockedRounds
		}
		g.tellAll(a)
	case meaning == Unknown || g.changes == 1:
		return g.tellChanged(a)
	default:
		return g.split(meaning == Exists && g.isInsert)
	}
	return nil
}

// send sends the write.
func (g *round) send(ctx context.Context) (driver.WriteResult, error) {
	if g.isInsert {
		p := driver.InsertParams{Tx: g.tx, Records: []driver.Record{g.state}, Version: g.changes}
		_, err := g.table.Collection.Insert(ctx, &p)
		return driver.WriteResult{Outcome: driver.Applied}, err
	}
	return g.table.Collection.Update(ctx, &driver.UpdateParams{
		Tx: g.tx, Key: g.key.key, Record: g.state, Base: g.base, Fields: g.fields,
		Expect: g.read, Next: g.read + g.changes,
	})
}

// commit commits the transaction of a round that reads under a lock. A commit that was sent must be waited for.
func (g *round) commit() error {
	end, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	tx := g.tx
	g.tx = nil
	return tx.Commit(end)
}

// rollback ends that transaction where it was not committed.
func (g *round) rollback() {
	if g.tx != nil {
		end, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		_ = g.tx.Rollback(end)
		g.tx = nil
	}
}

// tellAll tells all members the outcome of a request. Who has changed nothing has its own answer where the write
// has confirmed what it saw.
func (g *round) tellAll(a Answer) {
	isApplied := a.IsWrite && a.Err == nil && a.Result.Outcome == driver.Applied
	for _, b := range g.members {
		if isApplied && !b.isChanged() {
			b.tell(order{kind: own})
		} else {
			b.tell(order{kind: result, answer: a})
		}
	}
}

// tellChanged tells those who have changed something the outcome of their write, and returns the others: what they
// saw was not stored, or may not have been.
func (g *round) tellChanged(a Answer) (left []*member) {
	for _, b := range g.members {
		switch {
		case b.isChanged():
			b.tell(order{kind: result, answer: a})
		case b.toIdle():
			left = append(left, b)
		}
	}
	return left
}

// split is for a write that the database has refused, or that met a unique value of another row: it goes on by halves
// until the refusal belongs to its author alone. mayBeOther says that another process may have made the entity.
func (g *round) split(mayBeOther bool) (left []*member) {
	g.rollback()
	members := slices.DeleteFunc(g.members, func(b *member) bool { return !b.toIdle() })
	if g.existed++; mayBeOther && g.existed < mostExisted {
		return members
	}
	half := (len(members) + 1) / 2
	for _, part := range [][]*member{members[:half], members[half:]} {
		for len(part) > 0 {
			part = g.lane.round(g.table, slices.Clone(part), false)
		}
	}
	return nil
}
