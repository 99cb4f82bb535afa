package game

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/history"
)

// Player is one client of a history. It makes random calls on a few rows. Its exported fields are set
// before its first call and stay as they are; one goroutine at a time may use it.
type Player[T any] struct {
	Game  *Game
	Shape Shape[T]
	DB    *store.DB
	Repo  *store.Repository[T, int64]
	// IsCombined says that Repo combines calls: what a function has seen need not have been stored where its call has
	// failed, since it was run on what another had left, and all of that was thrown away.
	IsCombined bool
	// Client is the player's number in the history.
	Client int
	Random *rand.Rand
	// First is the key of row 0; the other rows follow it.
	First int64
	Rows  int
	// Mortal is the first of the rows that are never inserted nor deleted.
	Mortal int
	// Limit bounds each call by its context; 0 is none.
	Limit time.Duration
	// Tx are the options of Atomic and View.
	Tx *store.TxOptions
	// Kinds are the calls that it may make, each as often as it is likely.
	Kinds []string

	held map[int]T // by row, the copy that was read or written last
}

func (p *Player[T]) key(row int) int64 { return p.First + int64(row) }

// hold keeps the copy that a call returned, for later calls that need one.
func (p *Player[T]) hold(row int, entity T) {
	if p.held == nil {
		p.held = map[int]T{}
	}
	p.held[row] = entity
}

// Play makes a call of a random kind on a random row. Where it needs a copy and holds none it is a get,
// and where it may not insert or delete its row it is a modify.
func (p *Player[T]) Play(ctx context.Context) {
	if p.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Limit)
		defer cancel()
	}
	p.Game.calls.Add(1)
	kind := p.Kinds[p.Random.IntN(len(p.Kinds))]
	row := p.Random.IntN(p.Rows)
	held, holds := p.held[row]
	switch kind {
	case "save", "touch", "delete", "reload", "is stale":
		if !holds {
			kind = "get"
		}
	}
	if row >= p.Mortal && (kind == "insert" || kind == "delete" || kind == "delete key") {
		kind = "modify"
	}
	call := p.Game.Start(p.Client, kind)
	switch kind {
	case "save", "touch", "delete", "reload", "is stale":
		p.useCopy(ctx, call, kind, row, held)
	case "get":
		p.get(ctx, call, row)
	case "get many", "find":
		p.readAll(ctx, call, kind)
	case "insert":
		p.insert(ctx, call, row)
	case "delete key":
		err := p.Repo.DeleteKey(ctx, p.key(row))
		p.end(call, history.Write, row, 0, err, history.Step{Row: row, Kind: history.RemoveAny})
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

// useCopy makes a call on the copy that the player holds of a row.
func (p *Player[T]) useCopy(ctx context.Context, call *history.Pending, kind string, row int, held T) {
	step := p.about(row, held, history.Change)
	var err error
	switch kind {
	case "reload":
		err = p.Repo.Reload(ctx, &held)
		p.read(call, row, held, err)
		return
	case "is stale":
		stale, err := p.Repo.IsStale(ctx, held)
		step.Kind = history.SawVersion
		if stale {
			step.Kind = history.SawOther
		}
		p.end(call, history.Read, row, step.Expect, err, step)
		return
	case "delete":
		step.Kind = history.Remove
		p.end(call, history.Write, row, step.Expect, p.Repo.Delete(ctx, held), step)
		return
	case "save":
		step.Value = p.Game.ids.Add(1)
		p.Shape.Set(&held, step.Value)
		err = p.Repo.Save(ctx, &held)
	case "touch":
		step.Keep = true
		err = p.Repo.Touch(ctx, &held)
	}
	step.Next = p.next(held, step.Expect, err)
	if p.end(call, history.Write, row, step.Expect, err, step) {
		p.hold(row, held)
	}
}

// about is a step on a row that a held copy speaks of.
func (p *Player[T]) about(row int, held T, kind history.Kind) history.Step {
	return history.Step{Row: row, Kind: kind, Expect: p.Shape.Row(held).Version}
}

// next is the version that a write has stored, or would have.
func (p *Player[T]) next(entity T, expect int64, err error) int64 {
	if err != nil {
		return expect + 1
	}
	return p.Shape.Row(entity).Version
}

// put is the step of an insert.
func (p *Player[T]) put(row int, entity T, id int64, err error) history.Step {
	return history.Step{Row: row, Kind: history.Put, Next: p.next(entity, 0, err), Value: id}
}

// Insert inserts a row that must not be among the first Mortal ones, before the players play. It reports
// whether the row is there now.
func (p *Player[T]) Insert(ctx context.Context, row int) bool {
	return p.insert(ctx, p.Game.Start(p.Client, "insert"), row)
}

// Get reads a row, after the players have played: what is there in the end belongs to the history. It
// reports whether there was an answer.
func (p *Player[T]) Get(ctx context.Context, row int) bool {
	return p.get(ctx, p.Game.Start(p.Client, "get"), row)
}

// Settle writes a row and returns what is stored then, and whether that was acknowledged. A write on the
// version that it read shows what is really there, when all faults are over.
func (p *Player[T]) Settle(ctx context.Context, row int) (T, bool) {
	call := p.Game.Start(p.Client, "modify")
	var seen history.Row
	var id int64
	entity, err := p.Repo.Modify(ctx, p.key(row), func(entity *T) error {
		seen, id = p.Shape.Row(*entity), p.Game.ids.Add(1)
		p.Shape.Set(entity, id)
		return nil
	})
	return entity, p.end(call, history.Write, row, seen.Version, err, p.changed(row, seen, entity, id, err))
}

// changed is the step of a Modify that saw a row and wrote an entity in its place.
func (p *Player[T]) changed(row int, seen history.Row, entity T, id int64, err error) history.Step {
	return history.Step{
		Row: row, Kind: history.Change, Seen: seen, Expect: seen.Version,
		Next: p.next(entity, seen.Version, err), Value: id,
	}
}

// insert reports whether the row is there now.
func (p *Player[T]) insert(ctx context.Context, call *history.Pending, row int) bool {
	id := p.Game.ids.Add(1)
	entity := p.Shape.Made(p.key(row))
	p.Shape.Set(&entity, id)
	err := p.Repo.Insert(ctx, &entity)
	if p.end(call, history.Write, row, 0, err, p.put(row, entity, id, err)) {
		p.hold(row, entity)
		return true
	}
	return errors.Is(err, store.ErrExists)
}

// get reports whether there was an answer.
func (p *Player[T]) get(ctx context.Context, call *history.Pending, row int) bool {
	entity, err := p.Repo.Get(ctx, p.key(row))
	p.read(call, row, entity, err)
	return err == nil || errors.Is(err, store.ErrNotFound)
}

// read ends a call that returns one row.
func (p *Player[T]) read(call *history.Pending, row int, entity T, err error) {
	switch {
	case err == nil:
		p.hold(row, entity)
		call.Done(history.Read, history.Step{Row: row, Seen: p.Shape.Row(entity)})
	case errors.Is(err, store.ErrNotFound):
		call.Done(history.Read, history.Step{Row: row})
	default:
		p.failed(err)
	}
}

// readAll reads all rows in one call. They need not be of one moment, outside a View.
func (p *Player[T]) readAll(ctx context.Context, call *history.Pending, kind string) {
	steps, err := p.look(ctx, p.Repo, kind)
	if err != nil {
		p.failed(err)
		return
	}
	for _, s := range steps {
		call.Done(history.Look, s)
	}
}

// look reads all rows: "get", "get many" or "find".
func (p *Player[T]) look(
	ctx context.Context, repo *store.Repository[T, int64], kind string,
) ([]history.Step, error) {
	steps := make([]history.Step, p.Rows)
	keys := make([]int64, p.Rows)
	for row := range steps {
		steps[row].Row, keys[row] = row, p.key(row)
	}
	switch kind {
	case "get":
		for _, row := range p.Random.Perm(p.Rows) {
			entity, err := repo.Get(ctx, keys[row])
			if err == nil {
				steps[row].Seen = p.Shape.Row(entity)
			} else if !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
	case "get many":
		found, err := repo.GetMany(ctx, keys)
		for key, entity := range found {
			steps[key-p.First].Seen = p.Shape.Row(entity)
		}
		return steps, err
	case "find":
		// The order of the results says which row each is.
		found, err := store.Collect(repo.Find(ctx, store.Where("ID", store.In, keys)))
		at := 0
		for _, entity := range found {
			for at < p.Rows && p.Shape.Key(entity) != keys[at] {
				at++
			}
			if at == p.Rows {
				p.Game.oddity("find: a row that was not asked for, or not in order: %+v", entity)
				break
			}
			steps[at].Seen = p.Shape.Row(entity)
		}
		return steps, err
	}
	return steps, nil
}

var errGivenUp = errors.New("given up on purpose")

// modify changes a row, or leaves it as it is, or gives up.
func (p *Player[T]) modify(ctx context.Context, call *history.Pending, kind string, row int) {
	how := p.Random.IntN(10) // 0: change nothing, 1: give up
	var seen history.Row
	var id int64
	ran := false
	change := func(entity *T, found bool) error {
		ran, seen = true, history.Row{}
		if found {
			seen = p.Shape.Row(*entity)
		}
		if how == 0 && found {
			return nil
		}
		id = p.Game.ids.Add(1)
		p.Shape.Set(entity, id)
		if how == 1 {
			return errGivenUp
		}
		return nil
	}
	var entity T
	var err error
	if kind == "upsert" {
		entity, err = p.Repo.Upsert(ctx, p.key(row), change)
	} else {
		entity, err = p.Repo.Modify(ctx, p.key(row), func(entity *T) error { return change(entity, true) })
	}
	saw := history.Step{Row: row, Seen: seen}
	switch {
	case errors.Is(err, errGivenUp):
		call.Done(history.Look, saw)
		return
	case how == 0 && ran && seen.Exists:
		// The last run saw this, unless the call failed before it could read again.
		if err == nil {
			p.hold(row, entity)
			call.Done(history.Look, saw)
		} else {
			p.failed(err)
		}
		return
	}
	step := p.changed(row, seen, entity, id, err)
	switch {
	case !seen.Exists:
		step = p.put(row, entity, id, err)
	case !p.oneLife(row):
		// What it read was true, and it wrote on the same version; perhaps in another life.
		step.Seen = history.Row{}
		if ran && (err == nil || !p.IsCombined) {
			call.Done(history.Look, saw)
		}
	}
	if !p.end(call, history.Write, row, seen.Version, err, step) {
		return
	}
	if value := p.Shape.Row(entity).Value; value != id {
		p.Game.oddity("%s returned the value #%d in place of its own #%d", kind, value, id)
	}
	p.hold(row, entity)
}

// oneLife reports whether a version says all about a row: it does not where a key may be deleted and
// inserted again and come to the same version, as the documentation of package store says.
func (p *Player[T]) oneLife(row int) bool { return row >= p.Mortal || p.Shape.AnyVersion }

// end notes what a call on one row was told: step where it succeeded, and else what its error says.
// expect is the version that a conflict must name. It reports whether the call succeeded.
func (p *Player[T]) end(
	call *history.Pending, class history.Class, row int, expect int64, err error, step history.Step,
) bool {
	conflict, isConflict := errors.AsType[*store.ConflictError](err)
	switch {
	case err == nil:
		call.Done(class, step)
		p.Game.wrote(p.Game.acked, []history.Step{step})
		return true
	case store.MayHaveHappened(err):
		p.Game.unknowns.Add(1)
		if !step.Writes() {
			p.Game.oddity("a read of unknown outcome: %v", err)
			return false
		}
		call.Lost(step)
		p.Game.wrote(p.Game.perhaps, []history.Step{step})
	case isConflict:
		p.Game.conflicts.Add(1)
		if conflict.Expected != expect {
			p.Game.oddity("a conflict about v%d names v%d: %v", expect, conflict.Expected, err)
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
func (p *Player[T]) failed(err error) {
	p.Game.nothings.Add(1)
	switch {
	case store.MayHaveHappened(err):
		p.Game.oddity("an unknown outcome where nothing was written: %v", err)
	case errors.Is(err, store.ErrTransient), errors.Is(err, store.ErrConflict):
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrNotFound):
	case p.Limit > 0 && errors.Is(err, context.DeadlineExceeded):
	default:
		p.Game.oddity("an error without a name: %v", err)
	}
}
