package game

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/history"
)

// atomic writes two or three rows, and reads another, in one transaction, a fifth of which give up.
func (p *Player[T]) atomic(ctx context.Context, call *history.Pending) {
	rows := p.Random.Perm(p.Rows)
	writes := rows[:min(2+p.Random.IntN(2), p.Rows)]
	other := rows[len(writes):]
	hows := []int{p.Random.IntN(10), p.Random.IntN(10), p.Random.IntN(10)}
	abort := p.Random.IntN(5) == 0
	info := p.DB.Info()
	var steps, reads []history.Step
	err := p.DB.Atomic(ctx, p.Tx, func(ctx context.Context, tx *store.Tx) error {
		steps, reads = nil, nil
		id := p.Game.ids.Add(1)
		in := p.Repo.In(tx)
		if len(other) > 0 {
			one := p.Game.Start(p.Client, "get in atomic")
			entity, err := in.Get(ctx, p.key(other[0]))
			seen := history.Step{Row: other[0]}
			switch {
			case err == nil:
				seen.Seen = p.Shape.Row(entity)
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
		p.Game.wrote(p.Game.acked, steps)
	case store.MayHaveHappened(err):
		p.Game.unknowns.Add(1)
		call.Lost(steps...)
		p.Game.wrote(p.Game.perhaps, steps)
	case errors.Is(err, errGivenUp):
	default:
		if errors.Is(err, store.ErrConflict) {
			p.Game.conflicts.Add(1)
		}
		p.failed(err)
	}
}

// change writes one row in a Tx, which keeps others from changing it until its end. How it is written is
// chosen before, so that each run of the Tx does the same; a row that is not there is inserted.
func (p *Player[T]) change(
	ctx context.Context, in *store.Repository[T, int64], row, how int, id int64,
) (history.Step, error) {
	key := p.key(row)
	switch {
	case how == 0 && row < p.Mortal:
		err := in.DeleteKey(ctx, key)
		if !errors.Is(err, store.ErrNotFound) {
			return history.Step{Row: row, Kind: history.RemoveAny}, err
		}
	case how <= 2:
		entity, err := in.Get(ctx, key)
		if err == nil {
			step := p.about(row, entity, history.Change)
			p.Shape.Set(&entity, id)
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
			seen = p.Shape.Row(*entity)
			p.Shape.Set(entity, id)
			return nil
		})
		if !errors.Is(err, store.ErrNotFound) {
			step := p.changed(row, seen, entity, id, err)
			if info := p.DB.Info(); !info.LockingReads && !info.SnapshotTx && !p.oneLife(row) {
				step.Seen = history.Row{}
			}
			return step, err
		}
	}
	entity := p.Shape.Made(key)
	p.Shape.Set(&entity, id)
	err := in.Insert(ctx, &entity)
	return p.put(row, entity, id, err), err
}

// view reads all rows as of one moment.
func (p *Player[T]) view(ctx context.Context, call *history.Pending) {
	kind := []string{"get", "get many", "find"}[p.Random.IntN(3)]
	var steps []history.Step
	err := p.DB.View(ctx, p.Tx, func(ctx context.Context, tx *store.Tx) (err error) {
		steps, err = p.look(ctx, p.Repo.In(tx), kind)
		return err
	})
	if err != nil {
		p.failed(err)
		return
	}
	call.Done(history.Look, steps...)
}
