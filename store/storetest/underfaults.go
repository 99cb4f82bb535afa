package storetest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
	"github.com/stillframe/stillframe/store/storetest/internal/game"
	"github.com/stillframe/stillframe/store/storetest/internal/history"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// Strike is one kind of fault that [UnderFaults] makes. Its functions are called on the goroutine of
// the test, one at a time.
type Strike struct {
	// Name is what is counted: "cuts".
	Name string
	// Begin makes the fault.
	Begin func(tb testing.TB)
	// End undoes it, after some calls have met it. Defaults to nothing.
	End func(tb testing.TB)
	// Alone has no call run while End does: for a server that is started again, and refuses
	// everything until then.
	Alone bool
	// Crash says that Begin is the crash of a server that shows a commit before its log is written, as
	// InnoDB does without a binary log (MySQL bug 74303): reads before it may have seen writes of
	// unknown outcome that it undid. They are counted. An acknowledged write may not be undone.
	Crash bool
}

// FaultRun configures [UnderFaults].
type FaultRun struct {
	// Harness is asked for handles that the strikes reach, for a table, and for what is left at the
	// server. Raw is not needed.
	Harness Harness
	// Strikes are the faults. Each kind happens at least once.
	Strikes []Strike
	// Calls is the least number of calls to make. Defaults to 400.
	Calls int
	// Every is how many calls return between two strikes, about. Defaults to 8.
	Every int
	// Duration is how long to go on at least. Defaults to no time, so that Calls counts.
	Duration time.Duration
	// CallTimeout bounds each call by its context, and each end of a transaction. Defaults to 500 ms.
	CallTimeout time.Duration
	// OldReads allows Get, Reload and IsStale to answer with a state that is no longer the newest, as
	// a primary does that was replaced and does not know it yet. They are counted. Defaults to false.
	OldReads bool
	// OldLooks allows the same to all other calls that write nothing: queries, Views, and refusals.
	// Defaults to false.
	OldLooks bool
}

// FaultReport counts what happened in a run of [UnderFaults].
type FaultReport struct {
	// Strikes counts the faults by their names.
	Strikes map[string]int
	// Calls is the number of calls; Unknown, Conflicts and Nothing are those whose outcome is
	// unknown, that met another's write, and that failed by a named error with nothing done.
	Calls, Unknown, Conflicts, Nothing int
	// Writes is the number of acknowledged writes whose ids were looked for in the end. Lost are
	// those that were not there, Doubled those that were there twice, and Unasked is the number of
	// ids that were there although their write had failed.
	Writes, Lost, Doubled, Unasked int
	// NotLinearizable is the number of histories without an order, and Undecided the number of those
	// for which the search for one took too long. Both fail the run.
	NotLinearizable, Undecided int
	// OldReads and OldLooks are the answers that FaultRun's fields of that name are about.
	OldReads, OldLooks int
	// Undone is the number of reads that saw what a crash then undid; see Strike.Crash.
	Undone int
}

// String returns the report on one line.
func (r FaultReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d calls", r.Calls)
	for _, name := range slices.Sorted(maps.Keys(r.Strikes)) {
		fmt.Fprintf(&b, ", %d %s", r.Strikes[name], name)
	}
	fmt.Fprintf(&b, ", %d unknown outcomes, %d conflicts, %d that did nothing", r.Unknown, r.Conflicts, r.Nothing)
	fmt.Fprintf(
		&b, "; of %d acknowledged writes %d lost, %d doubled, %d unasked", r.Writes, r.Lost, r.Doubled, r.Unasked,
	)
	fmt.Fprintf(
		&b, "; %d not linearizable, %d undecided, %d old reads, %d old looks, %d reads of what a crash undid",
		r.NotLinearizable, r.Undecided, r.OldReads, r.OldLooks, r.Undone,
	)
	return b.String()
}

// The clients of a run: rows from mortalRows on are never deleted and collect the ids of all writes.
const (
	faultClients = 8
	faultHandles = 3
	faultRows    = 5
	mortalRows   = 2
	faultTurns   = 25 // calls of one client in a round
)

var faultCalls = draw.Spread(map[string]int{
	"get": 4, "get many": 1, "find": 1, "reload": 2, "is stale": 1, "insert": 3, "save": 4, "touch": 2, "delete": 1,
	"delete key": 1, "modify": 8, "upsert": 2, "atomic": 6, "view": 2,
})

// UnderFaults has clients make random calls on a few rows while faults happen, and holds the backend
// to this: an acknowledged write is never lost and never doubled, what cannot be known ends as
// ErrUnknownOutcome, everything else succeeds or is named, one order of all calls explains what they
// were told, and nothing is left: no goroutine, and nothing open at the server.
//
// Faults happen after a counted number of calls. Rounds of calls on new rows follow each other until
// the run has its calls, and its time where it has one. The choices are seeded as those of all tests.
func UnderFaults(t *testing.T, run FaultRun) FaultReport {
	t.Helper()
	require.NoError(t, errPatience)
	run = run.withDefaults()
	e := &env{T: t, h: run.Harness, ctx: t.Context(), tasks: tasks.NewGroup(t.Context())}
	defer e.end()
	seed := e.seed()
	f := &faultRun{FaultRun: run, env: e, random: rand.New(rand.NewPCG(seed, 0)), seed: seed}
	f.report.Strikes = map[string]int{}
	f.turn = sync.NewCond(&f.mu)
	label := fmt.Sprintf("storetest-%d", labels.Add(1))
	labelled := func(fn func()) {
		pprof.Do(e.ctx, pprof.Labels("storetest", label), func(context.Context) { fn() })
	}
	table := e.table("faults")
	labelled(func() {
		for range faultHandles {
			f.handles = append(f.handles, run.Harness.Open(t, store.Options{}))
		}
	})
	e.info = f.handles[0].Info()
	for _, db := range f.handles {
		f.repos = append(f.repos, over[account, int64](e, db, table, patient))
	}
	require.NoError(t, f.repos[0].EnsureSchema(e.ctx))
	start := time.Now()
	isDone := func() bool {
		return f.report.Calls >= run.Calls && !f.missing() && time.Since(start) >= run.Duration
	}
	for round := int64(0); !t.Failed() && !isDone(); round++ {
		f.round(round, labelled)
	}
	t.Logf("%s: %v", e.info.Server, f.report)
	if run.Harness.Leaks != nil && !t.Failed() {
		run.Harness.Leaks(t)
	}
	for _, db := range f.handles {
		require.NoError(t, db.Close())
	}
	e.noGoroutines(label)
	return f.report
}

// withDefaults fills in what the caller has left zero.
func (run FaultRun) withDefaults() FaultRun {
	if run.Calls == 0 {
		run.Calls = 400
	}
	if run.Every == 0 {
		run.Every = 8
	}
	if run.CallTimeout == 0 {
		run.CallTimeout = 500 * time.Millisecond
	}
	if run.Harness.Table == nil {
		run.Harness.Table = func(_ testing.TB, name string) string { return name }
	}
	return run
}

// faultRun is a running FaultRun.
type faultRun struct {
	FaultRun

	env     *env
	seed    uint64
	random  *rand.Rand
	handles []*store.DB
	repos   []*accountRepository
	report  FaultReport
	next    []Strike // the rest of this turn of all strikes

	// What the goroutines of a round tell each other. turn is signalled when any of it changes.
	mu       sync.Mutex
	turn     *sync.Cond
	returned int  // calls of this round
	calling  int  // calls that have not returned
	playing  int  // clients
	isClosed bool // no call may begin
}

// missing reports whether a kind of fault has not happened yet.
func (f *faultRun) missing() bool {
	for _, s := range f.Strikes {
		if f.report.Strikes[s.Name] == 0 {
			return true
		}
	}
	return false
}

// players are the clients of one round, on rows of their own.
func (f *faultRun) players(g *game.Game, round int64) []*game.Player[account] {
	tx := &store.TxOptions{RunTimeout: f.CallTimeout, Timeout: 4 * f.CallTimeout, EndTimeout: f.CallTimeout}
	kinds := slices.DeleteFunc(slices.Clone(faultCalls), func(kind string) bool {
		return kind == "atomic" && !f.env.info.Transactions || kind == "view" && !f.env.info.Views
	})
	players := make([]*game.Player[account], faultClients)
	for i := range players {
		players[i] = &game.Player[account]{
			Game: g, Shape: accountShape, DB: f.handles[i%faultHandles], Repo: f.repos[i%faultHandles], Client: i,
			Random: rand.New(rand.NewPCG(f.seed, uint64(round)<<8+uint64(i)+1)),
			First:  round*faultRows + 1, Rows: faultRows, Mortal: mortalRows,
			Limit: f.CallTimeout, Tx: tx, Kinds: kinds,
		}
	}
	return players
}

// round plays one history while faults happen, and checks it. What begins goroutines runs under labelled, by
// which those that are left are found.
func (f *faultRun) round(round int64, labelled func(func())) {
	g := game.New()
	players := f.players(g, round)
	for row := mortalRows; row < faultRows; row++ {
		f.until(func(ctx context.Context) bool { return players[0].Insert(ctx, row) })
	}
	f.mu.Lock()
	f.returned, f.playing = 0, faultClients
	f.mu.Unlock()
	var clients []*tasks.Task
	labelled(func() {
		for i, p := range players {
			clients = append(clients, f.env.async(fmt.Sprintf("client %d", i), func(ctx context.Context) error {
				f.play(ctx, p)
				return nil
			}))
		}
	})
	var crashes []int64
	var notes []history.Note
	for f.wait(f.Every/2 + f.random.IntN(f.Every+1)) {
		f.strike(func(s Strike, what string) {
			at := g.Now()
			notes = append(notes, history.Note{At: at, Text: s.Name + what})
			if s.Crash && what == "" {
				crashes = append(crashes, at)
			}
		})
	}
	for _, client := range clients {
		require.NoError(f.env, f.env.await(client))
	}
	marks := map[int][]int64{}
	for row := range faultRows {
		f.until(func(ctx context.Context) bool {
			if row < mortalRows {
				return players[0].Get(ctx, row)
			}
			a, ok := players[0].Settle(ctx, row)
			marks[row] = a.Marks
			return ok
		})
	}
	f.compare(g, marks)
	h := g.History()
	h.Notes = notes
	f.check(g, &h, crashes)
}

// play makes the calls of one client.
func (f *faultRun) play(ctx context.Context, p *game.Player[account]) {
	defer f.change(func() { f.playing-- })
	for range faultTurns {
		f.call(ctx, p)
	}
}

// call makes one call, when it may.
func (f *faultRun) call(ctx context.Context, p *game.Player[account]) {
	f.mu.Lock()
	for f.isClosed {
		f.turn.Wait()
	}
	f.calling++
	f.mu.Unlock()
	defer f.change(func() { f.calling--; f.returned++ })
	p.Play(ctx)
}

// change changes what others wait for.
func (f *faultRun) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	f.turn.Broadcast()
}

// waitUntil waits for something that the clients' calls bring about. Where they do not return any more, it
// fails the test and says where they are. f.mu is held, and also while isDone is asked.
func (f *faultRun) waitUntil(isDone func() bool) {
	isLate := false
	timer := time.AfterFunc(stall, func() { f.change(func() { isLate = true }) })
	defer timer.Stop()
	for !isDone() {
		if isLate {
			names, stacks := f.env.tasks.Running()
			require.FailNow(f.env, "calls do not return", "not back after %v: %q\n%s", stall, names, stacks)
		}
		f.turn.Wait()
	}
}

// wait returns when n more calls have returned, and reports false when there are no more.
func (f *faultRun) wait(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := f.returned + n
	f.waitUntil(func() bool { return f.returned >= end || f.playing == 0 })
	return f.playing > 0
}

// waitForAll returns when no call is on its way.
func (f *faultRun) waitForAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waitUntil(func() bool { return f.calling == 0 })
}

// strike makes one fault, has some calls meet it, and undoes it.
func (f *faultRun) strike(note func(s Strike, what string)) {
	if len(f.next) == 0 {
		f.next = slices.Clone(f.Strikes)
		f.random.Shuffle(len(f.next), func(i, j int) { f.next[i], f.next[j] = f.next[j], f.next[i] })
	}
	s := f.next[0]
	f.next = f.next[1:]
	s.Begin(f.env)
	f.report.Strikes[s.Name]++
	note(s, "")
	if s.End == nil {
		return
	}
	f.wait(2 + f.random.IntN(6))
	if s.Alone {
		f.change(func() { f.isClosed = true })
		defer f.change(func() { f.isClosed = false })
		f.waitForAll()
	}
	s.End(f.env)
	note(s, ": over")
}

// until repeats a call until it comes to something.
func (f *faultRun) until(try func(ctx context.Context) bool) {
	for end := time.Now().Add(6 * patience); ; {
		ctx, cancel := context.WithTimeout(f.env.ctx, f.CallTimeout)
		ok := try(ctx)
		cancel()
		if ok {
			return
		}
		require.True(
			f.env, time.Now().Before(end), "the database does not answer any more, although all faults have ended",
		)
	}
}

// compare looks for the ids of the writes in the rows that were never deleted.
func (f *faultRun) compare(g *game.Game, marks map[int][]int64) {
	times := map[int]map[int64]int{}
	for row, ids := range marks {
		times[row] = map[int64]int{}
		for _, id := range ids {
			times[row][id]++
			if !g.MayHaveMarked(id, row) {
				f.report.Unasked++
				f.env.Errorf("write #%d of row %d is there, and was said to have failed", id, row)
			}
		}
		for id, n := range times[row] {
			if n > 1 {
				f.report.Doubled++
				f.env.Errorf("write #%d of row %d is there %d times", id, row, n)
			}
		}
	}
	for id, rows := range g.Acknowledged() {
		for _, row := range rows {
			if row < mortalRows {
				continue
			}
			f.report.Writes++
			if times[row][id] == 0 {
				f.report.Lost++
				f.env.Errorf("write #%d of row %d was acknowledged and is lost", id, row)
			}
		}
	}
}

// check looks for an order of the calls, and adds to the report.
func (f *faultRun) check(g *game.Game, h *history.History, crashes []int64) {
	n := g.Counts()
	f.report.Calls += n.Calls
	f.report.Unknown += n.Unknown
	f.report.Conflicts += n.Conflicts
	f.report.Nothing += n.Nothing
	for _, odd := range g.Odd() {
		f.env.Error(odd)
	}
	v, reads, looks := history.Verdict{}, 0, 0
	if f.OldReads || f.OldLooks {
		v, reads, looks = h.CheckOld(checkLimit)
	} else {
		var undone int
		v, undone = h.CheckUndone(checkLimit, crashes)
		f.report.Undone += undone
	}
	f.report.OldReads += reads
	f.report.OldLooks += looks
	if reads > 0 && !f.OldReads || looks > 0 && !f.OldLooks {
		f.env.Errorf("%d reads and %d looks were old", reads, looks)
		v = h.Check(checkLimit) // with all that was wrong
	}
	f.report.NotLinearizable += len(v.Wrong)
	f.report.Undecided += len(v.Undecided)
	if !v.Right() {
		f.env.Logf("%v", f.report)
		f.env.explained(v, f.seed)
	}
}
