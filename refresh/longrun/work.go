package longrun

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store"
)

// worker is a running Work.
type workerRun[S any] struct {
	kind *Kind[S]
	id   string
	news chan struct{} // of length 1: there may be something to claim

	// others are the workers that were seen, for takeover.
	others map[string]sighting

	mu       sync.Mutex
	isSilent bool                // no beat was acknowledged for a lease: nothing is claimed
	running  map[string]*attempt // by their claims
	left     int                 // functions that have not returned in time
	work     sync.WaitGroup
}

// sighting is when the counter of a worker was first seen to stand where it stands.
type sighting struct {
	beat  int64
	since time.Time
}

// errTaken says that there is nothing to claim.
var errTaken = errors.New("longrun: taken")

// Work does operations of the kind until ctx ends, at most Options.Parallel at the same time; it may be called in any
// number of processes. When ctx ends it claims no more, ends the ctx of its functions, waits Options.Grace for them and
// gives the operations back, so that another worker goes on with them at once. It returns nil then, or an error that
// says how many functions have not returned. A server that is away is waited for.
func (k *Kind[S]) Work(ctx context.Context) error {
	w := &workerRun[S]{
		kind: k, id: randomID(), news: make(chan struct{}, 1), running: map[string]*attempt{},
		others: map[string]sighting{},
	}
	if _, err := k.rows.Versions(ctx, nil); err != nil {
		return fmt.Errorf("longrun: work on %s: %w", k.name, err)
	}
	// Functions end when ctx does, and when no beat was acknowledged for a lease.
	fnCtx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	defer context.AfterFunc(ctx, func() { stop(ErrStopped) })()
	beatCtx, endBeats := context.WithCancel(context.WithoutCancel(ctx))
	var beating sync.WaitGroup
	isAlive := make(chan struct{})
	beating.Go(func() { w.beat(beatCtx, isAlive) })
	defer k.db.OnWrite(func(written store.Written) {
		if written.Table == OperationsTable {
			notify(w.news)
		}
	})()
	select {
	case <-isAlive: // nobody may find a claim of a worker that he does not know
	case <-ctx.Done():
	}
	w.claimAll(ctx, fnCtx)
	w.work.Wait()
	endBeats()
	beating.Wait()
	if w.left > 0 {
		return fmt.Errorf("longrun: work on %s: %d functions have not returned within Options.Grace", k.name, w.left)
	}
	w.bury(context.WithoutCancel(ctx))
	return nil
}

func notify(flag chan struct{}) {
	select {
	case flag <- struct{}{}:
	default:
	}
}

func randomID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // which never fails
	return hex.EncodeToString(id[:])
}

// beat tells the others that the worker lives, three times in a lease. When none was acknowledged for a lease, counted
// from when it was sent, others may have taken over: the functions end.
func (w *workerRun[S]) beat(ctx context.Context, isAlive chan struct{}) {
	lease := w.kind.options.Lease
	isFirst := true
	var row worker
	overdue := time.AfterFunc(lease, w.loseAll)
	defer overdue.Stop()
	for n := int64(1); ; n++ {
		sent := time.Now()
		row.Beat, row.At = n, now()
		beatCtx, cancel := context.WithTimeout(ctx, lease/3)
		err := w.kind.workers.Save(beatCtx, &row)
		if err != nil { // the first, or somebody has taken it for dead and removed its row
			row, err = w.kind.workers.Upsert(beatCtx, w.id, func(there *worker, _ bool) error {
				there.Name, there.Beat, there.At = w.kind.options.Worker, n, now()
				return nil
			})
		}
		cancel()
		if err == nil {
			w.heard()
			overdue.Reset(time.Until(sent.Add(lease)))
			if isFirst {
				isFirst = false
				close(isAlive)
			}
		}
		if !sleep(ctx, time.Until(sent.Add(lease/3))) {
			return
		}
	}
}

// heard notes that a beat was acknowledged.
func (w *workerRun[S]) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isSilent = false
}

// loseAll ends all functions, since the worker may be taken for dead.
func (w *workerRun[S]) loseAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isSilent = true
	for _, a := range w.running {
		a.cancel(ErrLost)
	}
}

// bury removes the row of a worker that has given everything back.
func (w *workerRun[S]) bury(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.kind.options.Lease)
	defer cancel()
	_ = w.kind.workers.DeleteKey(ctx, w.id)
}

// claimAll claims operations until ctx ends, and looks for those of dead workers.
func (w *workerRun[S]) claimAll(ctx, fnCtx context.Context) {
	o := &w.kind.options
	var looked, cleaned time.Time
	for ctx.Err() == nil {
		if now := time.Now(); now.Sub(looked) >= o.Lease/3 {
			looked = now
			w.takeOver(ctx, fnCtx)
		}
		if now := time.Now(); now.Sub(cleaned) >= o.Keep/100 && now.Sub(cleaned) >= time.Minute {
			cleaned = now
			w.clean(ctx)
		}
		wait := o.Poll/2 + mathrand.N(o.Poll)
		if next := w.claimDue(ctx, fnCtx); !next.IsZero() {
			wait = min(wait, max(time.Until(next), time.Millisecond))
		}
		if !sleep(ctx, shortest) { // however often this process writes
			return
		}
		timer := time.NewTimer(min(wait, o.Lease/3))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-w.news:
		}
		timer.Stop()
	}
}

// shortest is the least time between two looks for operations whose time has come.
const shortest = 5 * time.Millisecond

// free is how many operations the worker can still take.
func (w *workerRun[S]) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isSilent {
		return 0
	}
	return w.kind.options.Parallel - len(w.running)
}

// mine selects the operations that this code can do.
func (w *workerRun[S]) mine(phase Phase) store.Query {
	o := &w.kind.options
	return store.Where("Phase", store.Eq, string(phase)).And("Name.Kind", store.Eq, w.kind.name).
		And("Code", store.In, append([]int64{o.Version}, o.Reads...))
}

// claimDue claims operations whose time has come, and returns when the next one's does, zero where that is not known.
func (w *workerRun[S]) claimDue(ctx, fnCtx context.Context) (next time.Time) {
	free := w.free()
	if free <= 0 {
		return time.Time{}
	}
	q := w.mine(Waiting).OrderBy("Due").Limit(3*free + 1)
	var due []name
	for row, err := range w.kind.rows.Find(ctx, q) {
		if err != nil {
			return time.Time{}
		}
		if row.Due.After(now()) {
			next = row.Due
			break
		}
		due = append(due, row.Name)
	}
	mathrand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] }) // others claim as well
	for _, n := range due {
		if w.free() <= 0 || ctx.Err() != nil {
			return time.Time{}
		}
		w.claim(ctx, fnCtx, n, func(row *operation) bool { return row.Phase == Waiting && !row.Due.After(now()) })
	}
	if len(due) > free {
		return time.Time{}
	}
	return next
}

// takeOver claims operations of workers that are dead: those whose counter has stood still for a lease by this worker's
// clock, or whose last beat is ten leases old, by which processes that live shorter than a lease come to it as well.
// It also claims what stands under this worker's own name and does not run: its attempt ended when no beat was
// acknowledged for a lease, or the answer to its claim was lost. Nobody else would, since this worker lives.
func (w *workerRun[S]) takeOver(ctx, fnCtx context.Context) {
	lease := w.kind.options.Lease
	seen := map[string]sighting{}
	var alive, dead []string
	for row, err := range w.kind.workers.Find(ctx, store.Query{}) {
		if err != nil {
			return
		}
		s, ok := w.others[row.ID]
		if !ok || s.beat != row.Beat {
			s = sighting{row.Beat, time.Now()}
		}
		seen[row.ID] = s
		switch {
		case row.ID == w.id: // what it has lost itself is looked at below
		case time.Since(s.since) >= lease || time.Since(row.At) > 10*lease:
			dead = append(dead, row.ID)
		default:
			alive = append(alive, row.ID)
		}
	}
	w.others = seen
	left := map[string]bool{}
	q := w.mine(Running)
	if len(alive) > 0 {
		q = store.AllOf(w.mine(Running), store.Not(store.Where("Worker", store.In, alive)))
	}
	for row, err := range w.kind.rows.Find(ctx, q.OrderBy("Due").Limit(1000)) {
		if err != nil {
			return
		}
		if slices.Contains(alive, row.Worker) || w.runs(row.Claim) {
			continue
		}
		isTaken := false
		if w.free() > 0 {
			isTaken = w.claim(ctx, fnCtx, row.Name, func(now *operation) bool {
				return now.Phase == Running && now.Claim == row.Claim
			})
		}
		left[row.Worker] = left[row.Worker] || !isTaken
	}
	w.forget(ctx, dead, left)
}

// runs reports whether an attempt of this worker has a claim.
func (w *workerRun[S]) runs(claim string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[claim] != nil
}

// forget removes the rows of dead workers that have nothing left, of any kind, and were silent for ten leases.
func (w *workerRun[S]) forget(ctx context.Context, dead []string, left map[string]bool) {
	for _, id := range dead {
		row, err := w.kind.workers.Get(ctx, id)
		if err != nil || left[id] || time.Since(row.At) < 10*w.kind.options.Lease {
			continue
		}
		n, err := w.kind.rows.Count(ctx, store.Where("Worker", store.Eq, id).And("Phase", store.Eq, string(Running)))
		if err == nil && n == 0 {
			_ = w.kind.workers.Delete(ctx, row)
		}
	}
}

// claim takes an operation and runs it, where it still is as is says. It reports whether it is this worker's, or is
// nobody's any more.
func (w *workerRun[S]) claim(ctx, fnCtx context.Context, n name, is func(row *operation) bool) bool {
	own, cancel := context.WithCancelCause(fnCtx)
	a := &attempt{
		ctx: own, cancel: cancel, rows: w.kind.rows, options: &w.kind.options, name: n, claim: randomID(),
		code: w.kind.options.Version,
	}
	isOurs := false
	defer func() {
		if !isOurs {
			cancel(nil)
		}
	}()
	var due time.Time
	row, err := w.kind.rows.Modify(ctx, n, func(row *operation) error {
		due = time.Time{}
		if row.Phase == Waiting {
			due = row.Due
		}
		if row.Claim == a.claim { // the answer to the first try was lost
			return nil
		}
		if !is(row) {
			return errTaken
		}
		return w.take(a, row)
	})
	if store.MayHaveHappened(err) {
		row, err = w.settle(ctx, a)
	}
	switch {
	case errors.Is(err, errTaken) || errors.Is(err, store.ErrNotFound):
		return true
	case err != nil:
		return false
	case row.Claim != a.claim: // a wish, or too many attempts, has ended it
		return true
	}
	a.state, a.token, a.number, a.last = row.State, row.Token, row.Attempt, time.Now()
	a.checkpoint, a.sleepsTo = row.Checkpoint, row.SleepsTo
	a.done, a.total, a.text, a.isStored = row.Progress, row.Total, row.Text, true
	a.observed = Observed{
		Kind: n.Kind, ID: n.ID, Trace: row.Trace, Number: row.Attempt, Token: row.Token,
		Worker: w.kind.options.Worker, Began: row.Since,
	}
	if !due.IsZero() {
		a.observed.Waited = max(row.Since.Sub(due), 0)
	}
	isOurs = true
	w.mu.Lock()
	w.running[a.claim] = a
	w.mu.Unlock()
	w.work.Go(func() {
		left := run(w.kind, a)
		w.mu.Lock()
		delete(w.running, a.claim)
		if left {
			w.left++
		}
		w.mu.Unlock()
		notify(w.news)
	})
	return true
}

// settle finds out whether a claim of unknown outcome has happened, by a write that names it.
func (w *workerRun[S]) settle(ctx context.Context, a *attempt) (operation, error) {
	err := a.write(ctx, func(row *operation) { row.Moved = now() })
	if errors.Is(err, ErrLost) {
		err = errTaken
	}
	if err != nil {
		return operation{}, err
	}
	return w.kind.rows.GetConfirmed(ctx, a.name)
}

// take changes the row of an operation that is claimed. One whose worker has died is settled by the wish that it had,
// and has failed after too many attempts.
func (w *workerRun[S]) take(a *attempt, row *operation) error {
	at := now()
	if row.Phase == Running {
		w.kind.options.Logger.Warn("an operation is taken over", "kind", a.name.Kind, "id", a.name.ID,
			"from", row.Worker)
		row.noteEnd("lost", "its worker was silent for a lease", at)
		switch {
		case row.Wish == Paused || row.Wish == Cancelled:
			row.become(row.Wish, at)
			return nil
		case row.Attempt >= int64(w.kind.options.Attempts):
			row.Failed = "its worker was silent for a lease, and it was the last attempt"
			row.become(Failed, at)
			return nil
		}
	}
	row.become(Running, at)
	row.Claim, row.Worker, row.Wish = a.claim, w.id, ""
	row.Token++
	row.Attempt++
	row.Moved = at
	row.Attempts = append(row.Attempts, Attempt{
		Number: row.Attempt, Worker: w.kind.options.Worker + " " + w.id, Began: at,
	})
	if n := len(row.Attempts); n > attemptsKept {
		row.Attempts = slices.Clone(row.Attempts[n-attemptsKept:])
	}
	return nil
}

// clean removes operations that have finished, and tombstones, when Options.Keep has passed.
func (w *workerRun[S]) clean(ctx context.Context) {
	q := store.Where("Phase", store.In, []Phase{Done, Failed, Cancelled, Deleted}).
		And("Name.Kind", store.Eq, w.kind.name).And("Since", store.Lt, now().Add(-w.kind.options.Keep))
	if n, err := w.kind.rows.DeleteWhere(ctx, q, 1000); err != nil && ctx.Err() == nil {
		w.kind.options.Logger.Warn("finished operations could not be removed", "kind", w.kind.name, "error", err)
	} else if n > 0 {
		w.kind.options.Logger.Info("finished operations were removed", "kind", w.kind.name, "count", n)
	}
}
