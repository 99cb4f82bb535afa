// Package game has clients make random calls on a few rows, and records for package history what each
// of them was told.
package game

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stillframe/stillframe/store/storetest/internal/history"
)

// Game is what the clients of one history share: the record of their calls, what became of the writes,
// and what was odd. Its methods are safe for concurrent use.
type Game struct {
	history.Recorder

	ids       atomic.Int64 // of writes; each attempt of each write has one of its own
	calls     atomic.Int64
	unknowns  atomic.Int64
	conflicts atomic.Int64
	nothings  atomic.Int64

	mu      sync.Mutex
	odd     []string
	acked   map[int64][]int // by id, the rows that an acknowledged write has marked
	perhaps map[int64][]int // the same for writes of unknown outcome
}

// New returns a game without a call.
func New() *Game { return &Game{acked: map[int64][]int{}, perhaps: map[int64][]int{}} }

// Counts says how the calls of a game ended.
type Counts struct {
	// Calls is the number of calls. Unknown, Conflicts and Nothing are those whose outcome is unknown,
	// that met another's write, and that failed and did nothing.
	Calls, Unknown, Conflicts, Nothing int
}

// Counts returns the numbers so far.
func (g *Game) Counts() Counts {
	return Counts{
		Calls: int(g.calls.Load()), Unknown: int(g.unknowns.Load()),
		Conflicts: int(g.conflicts.Load()), Nothing: int(g.nothings.Load()),
	}
}

// Odd returns what no order of the calls could excuse: an error without a name, a value that is not the
// caller's own.
func (g *Game) Odd() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.odd)
}

// Acknowledged returns the rows that each acknowledged write has marked, by the id of the write. No call
// of the game may run.
func (g *Game) Acknowledged() map[int64][]int { return g.acked }

// MayHaveMarked reports whether a write, by its id, has marked a row, or may have.
func (g *Game) MayHaveMarked(id int64, row int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.acked[id], row) || slices.Contains(g.perhaps[id], row)
}

// oddity notes something that may never happen.
func (g *Game) oddity(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.odd = append(g.odd, fmt.Sprintf(format, args...))
}

// wrote notes the steps of an acknowledged write in g.acked, or of one of unknown outcome in g.perhaps.
func (g *Game) wrote(marks map[int64][]int, steps []history.Step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range steps {
		if s.Kind == history.Put || s.Kind == history.Change && !s.Keep {
			marks[s.Value] = append(marks[s.Value], s.Row)
		}
	}
}

// Shape says how an entity carries what a history needs.
type Shape[T any] struct {
	// Made returns a new entity with a key.
	Made func(key int64) T
	// Key returns an entity's key.
	Key func(T) int64
	// Row returns what an entity says that its row holds.
	Row func(T) history.Row
	// Set puts the id of a write into an entity.
	Set func(entity *T, id int64)
	// AnyVersion says that the database makes the versions.
	AnyVersion bool
}
