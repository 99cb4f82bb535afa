package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/history"
)

// game is what the clients of one history share: the record of their calls, and what was odd.
type game struct {
	history.Recorder

	ids       atomic.Int64 // of writes; each attempt of each write has one of its own
	calls     atomic.Int64
	unknowns  atomic.Int64
	conflicts atomic.Int64
	nothings  atomic.Int64 // calls that failed and did nothing

	mu      sync.Mutex
	odd     []string
	acked   map[int64][]int // by id, the rows that an acknowledged write has marked
	perhaps map[int64][]int // the same for writes of unknown outcome
}

func newGame() *game { return &game{acked: map[int64][]int{}, perhaps: map[int64][]int{}} }

func (g *game) oddity(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.odd = append(g.odd, fmt.Sprintf(format, args...))
}

// wrote notes the steps of an acknowledged write, or of one of unknown outcome.
func (g *game) wrote(marks map[int64][]int, steps []history.Step) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range steps {
		if s.Kind == history.Put || s.Kind == history.Change && !s.Keep {
			marks[s.Value] = append(marks[s.Value], s.Row)
		}
	}
}

// shape says how an entity carries what a history needs.
type shape[T any] struct {
	made func(key int64) T
	key  func(T) int64
	row  func(T) history.Row
	set  func(entity *T, id int64)
	// anyVersion says that the database makes the versions.
	anyVersion bool
}

// player is one client of a history. It makes random calls on a few rows.
type player[T any] struct {
	game   *game
	shape  shape[T]
	db     *store.DB
	repo   *store.Repository[T, int64]
	client int
	random *rand.Rand
	first  int64 // the key of row 0
	rows   int
	mortal int           // rows from this one on are never inserted nor deleted
	limit  time.Duration // of each call; 0 is none
	tx     *store.TxOptions
	kinds  []string // what it may do
	held   map[int]T
}

func (p *player[T]) key(row int) int64 { return p.first + int64(row) }

// play makes a call of a random kind.
func (p *player[T]) play(ctx context.Context) {
	if p.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.limit)
		defer cancel()
	}
	p.game.calls.Add(1)
	kind := p.kinds[p.random.IntN(len(p.kinds))]
	row := p.random.IntN(p.rows)
	held, holds := p.held[row]
	switch kind {
	case "save", "touch", "delete", "reload", "is stale":
		if !holds {
			kind = "get"
		}
	}
	if row >= p.mortal && (kind == "insert" || kind == "delete" || kind == "delete key") {
		kind = "modify"
	}
	call := p.game.Start(p.client, kind)
	switch kind {
	case "get":
		p.get(ctx, call, row)
	case "reload":
		err := p.repo.Reload(ctx, &held)
		p.read(call, row, held, err)
	case "is stale":
		stale, err := p.repo.IsStale(ctx, held)
		step := p.about(row, held, history.SawVersion)
		if stale {
			step.Kind = history.SawOther
		}
		p.end(call, history.Read, row, step.Expect, err, step)
	case "get many", "find":
		p.readAll(ctx, call, kind)
	case "insert":
		p.insert(ctx, call, row)
	case "save":
		step := p.about(row, held, history.Change)
		step.Value = p.game.ids.Add(1)
		p.shape.set(&held, step.Value)
		err := p.repo.Save(ctx, &held)
		step.Next = p.next(held, step.Expect, err)
		if p.end(call, history.Write, row, step.Expect, err, step) {
			p.held[row] = held
		}
	case "touch":
		step := p.about(row, held, history.Change)
		step.Keep = true
		err := p.repo.Touch(ctx, &held)
		step.Next = p.next(held, step.Expect, err)
		if p.end(call, history.Write, row, step.Expect, err, step) {
			p.held[row] = held
		}
	case "delete":
		step := p.about(row, held, history.Remove)
		p.end(call, history.Write, row, step.Expect, p.repo.Delete(ctx, held), step)
	case "delete key":
		p.end(call, history.Write, row, 0, p.repo.DeleteKey(ctx, p.key(row)), history.Step{Row: row, Kind: history.RemoveAny})
	case "modify", "upsert":
		p.modify(ctx, call, kind, row)
	case "atomic":
		p.atomic(ctx, call)
	case "view":
		p.view(ctx, call)
	default:
		panic("no such kind of call: " + kind)
	}
}

func (p *player[T]) about(row int, held T, kind history.Kind) history.Step {
	return history.Step{Row: row, Kind: kind, Expect: p.shape.row(held).Version}
}

// next is the version that a write has stored, or would have.
func (p *player[T]) next(entity T, expect int64, err error) int64 {
	if err != nil {
		return expect + 1
	}
	return p.shape.row(entity).Version
}

func (p *player[T]) put(row int, entity T, id int64, err error) history.Step {
	return history.Step{Row: row, Kind: history.Put, Next: p.next(entity, 0, err), Value: id}
}

// insert reports whether the row is there now.
func (p *player[T]) insert(ctx context.Context, call *history.Pending, row int) bool {
	id := p.game.ids.Add(1)
	entity := p.shape.made(p.key(row))
	p.shape.set(&entity, id)
	err := p.repo.Insert(ctx, &entity)
	if p.end(call, history.Write, row, 0, err, p.put(row, entity, id, err)) {
		p.held[row] = entity
		return true
	}
	return errors.Is(err, store.ErrExists)
}

// get reports whether there was an answer.
func (p *player[T]) get(ctx context.Context, call *history.Pending, row int) bool {
	entity, err := p.repo.Get(ctx, p.key(row))
	p.read(call, row, entity, err)
	return err == nil || errors.Is(err, store.ErrNotFound)
}

// read ends a call that returns one row.
func (p *player[T]) read(call *history.Pending, row int, entity T, err error) {
	switch {
	case err == nil:
		p.held[row] = entity
		call.Done(history.Read, history.Step{Row: row, Seen: p.shape.row(entity)})
	case errors.Is(err, store.ErrNotFound):
		call.Done(history.Read, history.Step{Row: row})
	default:
		p.failed(err)
	}
}

// readAll reads all rows in one call. They need not be of one moment, outside a View.
func (p *player[T]) readAll(ctx context.Context, call *history.Pending, kind string) {
	steps, err := p.look(ctx, p.repo, kind)
	if err != nil {
		p.failed(err)
		return
	}
	for _, s := range steps {
		call.Done(history.Look, s)
	}
}

// look reads all rows: "get", "get many" or "find".
func (p *player[T]) look(ctx context.Context, repo *store.Repository[T, int64], kind string) ([]history.Step, error) {
	steps := make([]history.Step, p.rows)
	keys := make([]int64, p.rows)
	for row := range steps {
		steps[row].Row, keys[row] = row, p.key(row)
	}
	switch kind {
	case "get":
		for _, row := range p.random.Perm(p.rows) {
			entity, err := repo.Get(ctx, keys[row])
			if err == nil {
				steps[row].Seen = p.shape.row(entity)
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
	case "get many":
		found, err := repo.GetMany(ctx, keys)
		for key, entity := range found {
			steps[key-p.first].Seen = p.shape.row(entity)
		}
		return steps, err
	case "find":
		// The order of the results says which row each is.
		found, err := store.Collect(repo.Find(ctx, store.Where("ID", store.In, keys)))
		at := 0
		for _, entity := range found {
			for at < p.rows && p.shape.key(entity) != keys[at] {
				at++
			}
			if at == p.rows {
				p.game.oddity("find: a row that was not asked for, or not in order: %+v", entity)
				break
			}
			steps[at].Seen = p.shape.row(entity)
		}
		return steps, err
	}
	return steps, nil
}

var errGivenUp = errors.New("given up on purpose")

// modify changes a row, or leaves it as it is, or gives up.
func (p *player[T]) modify(ctx context.Context, call *history.Pending, kind string, row int) {
	how := p.random.IntN(10) // 0: change nothing, 1: give up
	var seen history.Row
	var id int64
	ran := false
	change := func(entity *T, found bool) error {
		ran, seen = true, history.Row{}
		if found {
			seen = p.shape.row(*entity)
		}
		if how == 0 && found {
			return nil
		}
		id = p.game.ids.Add(1)
		p.shape.set(entity, id)
		if how == 1 {
			return errGivenUp
		}
		return nil
	}
	var entity T
	var err error
	if kind == "upsert" {
		entity, err = p.repo.Upsert(ctx, p.key(row), change)
	} else {
		entity, err = p.repo.Modify(ctx, p.key(row), func(entity *T) error { return change(entity, true) })
	}
	saw := history.Step{Row: row, Seen: seen}
	switch {
	case errors.Is(err, errGivenUp):
		call.Done(history.Look, saw)
		return
	case how == 0 && ran && seen.Exists:
		// The last run saw this, unless the call failed before it could read again.
		if err == nil {
			p.held[row] = entity
			call.Done(history.Look, saw)
		} else {
			p.failed(err)
		}
		return
	}
	step := history.Step{Row: row, Kind: history.Change, Seen: seen, Expect: seen.Version, Next: p.next(entity, seen.Version, err), Value: id}
	switch {
	case !seen.Exists:
		step = p.put(row, entity, id, err)
	case !p.oneLife(row):
		// What it read was true, and it wrote on the same version; perhaps in another life.
		step.Seen = history.Row{}
		if ran {
			call.Done(history.Look, saw)
		}
	}
	if !p.end(call, history.Write, row, seen.Version, err, step) {
		return
	}
	if value := p.shape.row(entity).Value; value != id {
		p.game.oddity("%s returned the value #%d in place of its own #%d", kind, value, id)
	}
	p.held[row] = entity
}

// oneLife reports whether a version says all about a row: it does not where a key may be deleted and
// inserted again and come to the same version, as the documentation of package store says.
func (p *player[T]) oneLife(row int) bool { return row >= p.mortal || p.shape.anyVersion }

// end notes what a call on one row was told. It reports whether the call succeeded.
func (p *player[T]) end(call *history.Pending, class history.Class, row int, expect int64, err error, step history.Step) bool {
	conflict, isConflict := errors.AsType[*store.ConflictError](err)
	switch {
	case err == nil:
		call.Done(class, step)
		p.game.wrote(p.game.acked, []history.Step{step})
		return true
	case store.MayHaveHappened(err):
		p.game.unknowns.Add(1)
		if !step.Writes() {
			p.game.oddity("a read of unknown outcome: %v", err)
			return false
		}
		call.Lost(step)
		p.game.wrote(p.game.perhaps, []history.Step{step})
	case isConflict:
		p.game.conflicts.Add(1)
		if conflict.Expected != expect {
			p.game.oddity("a conflict about v%d names v%d: %v", expect, conflict.Expected, err)
		}
		told := history.Step{Row: row, Kind: history.SawVersion, Expect: conflict.Actual}
		if conflict.Actual == expect {
			told.Kind = history.Refused
		}
		call.Done(history.Look, told)
	case errors.Is(err, store.ErrNotFound):
		call.Done(history.Look, history.Step{Row: row})
	case errors.Is(err, store.ErrExists):
		call.Done(history.Look, history.Step{Row: row, Kind: history.SawAny})
	default:
		p.failed(err)
	}
	return false
}

// failed notes a call that did nothing. Its error must have a name.
func (p *player[T]) failed(err error) {
	p.game.nothings.Add(1)
	switch {
	case store.MayHaveHappened(err):
		p.game.oddity("an unknown outcome where nothing was written: %v", err)
	case errors.Is(err, store.ErrTransient), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrExists), errors.Is(err, store.ErrNotFound):
	case p.limit > 0 && errors.Is(err, context.DeadlineExceeded):
	default:
		p.game.oddity("an error without a name: %v", err)
	}
}

// atomic writes two or three rows, and reads another, in one transaction, a fifth of which give up.
func (p *player[T]) atomic(ctx context.Context, call *history.Pending) {
	rows := p.random.Perm(p.rows)
	writes := rows[:min(2+p.random.IntN(2), p.rows)]
	other := rows[len(writes):]
	hows := []int{p.random.IntN(10), p.random.IntN(10), p.random.IntN(10)}
	abort := p.random.IntN(5) == 0
	info := p.db.Info()
	var steps, reads []history.Step
	err := p.db.Atomic(ctx, p.tx, func(ctx context.Context, tx *store.Tx) error {
		steps, reads = nil, nil
		id := p.game.ids.Add(1)
		in := p.repo.In(tx)
		if len(other) > 0 {
			one := p.game.Start(p.client, "get in atomic")
			entity, err := in.Get(ctx, p.key(other[0]))
			seen := history.Step{Row: other[0]}
			switch {
			case err == nil:
				seen.Seen = p.shape.row(entity)
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
			if info.SnapshotTx {
				reads = append(reads, seen)
			} else {
				one.Done(history.Look, seen)
			}
		}
		for i, row := range writes {
			step, err := p.change(ctx, in, row, hows[i], id)
			if err != nil {
				return err
			}
			steps = append(steps, step)
		}
		if abort {
			return errGivenUp
		}
		return nil
	})
	switch {
	case err == nil:
		if len(reads) > 0 {
			call.Done(history.Look, reads...)
		}
		call.Done(history.Write, steps...)
		p.game.wrote(p.game.acked, steps)
	case store.MayHaveHappened(err):
		p.game.unknowns.Add(1)
		call.Lost(steps...)
		p.game.wrote(p.game.perhaps, steps)
	case errors.Is(err, errGivenUp):
	default:
		if errors.Is(err, store.ErrConflict) {
			p.game.conflicts.Add(1)
		}
		p.failed(err)
	}
}

// change writes one row in a Tx, which keeps others from changing it until its end.
func (p *player[T]) change(ctx context.Context, in *store.Repository[T, int64], row, how int, id int64) (history.Step, error) {
	key := p.key(row)
	switch {
	case how == 0 && row < p.mortal:
		err := in.DeleteKey(ctx, key)
		if !errors.Is(err, store.ErrNotFound) {
			return history.Step{Row: row, Kind: history.RemoveAny}, err
		}
	case how <= 2:
		entity, err := in.Get(ctx, key)
		if err == nil {
			step := p.about(row, entity, history.Change)
			p.shape.set(&entity, id)
			err = in.Save(ctx, &entity)
			step.Next, step.Value = p.next(entity, step.Expect, err), id
			return step, err
		}
		if !errors.Is(err, store.ErrNotFound) {
			return history.Step{}, err
		}
	default:
		var seen history.Row
		entity, err := in.Modify(ctx, key, func(entity *T) error {
			seen = p.shape.row(*entity)
			p.shape.set(entity, id)
			return nil
		})
		if !errors.Is(err, store.ErrNotFound) {
			step := history.Step{Row: row, Kind: history.Change, Seen: seen, Expect: seen.Version, Next: p.next(entity, seen.Version, err), Value: id}
			if info := p.db.Info(); !info.LockingReads && !info.SnapshotTx && !p.oneLife(row) {
				step.Seen = history.Row{}
			}
			return step, err
		}
	}
	entity := p.shape.made(key)
	p.shape.set(&entity, id)
	err := in.Insert(ctx, &entity)
	return p.put(row, entity, id, err), err
}

// view reads all rows as of one moment.
func (p *player[T]) view(ctx context.Context, call *history.Pending) {
	kind := []string{"get", "get many", "find"}[p.random.IntN(3)]
	var steps []history.Step
	err := p.db.View(ctx, p.tx, func(ctx context.Context, tx *store.Tx) (err error) {
		steps, err = p.look(ctx, p.repo.In(tx), kind)
		return err
	})
	if err != nil {
		p.failed(err)
		return
	}
	call.Done(history.Look, steps...)
}

// kindsOf spreads a weighted list.
func kindsOf(weights map[string]int) []string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(weights)) {
		for range weights[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
