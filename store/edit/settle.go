package edit

import (
	"context"
	"strings"

	"github.com/stillframe/stillframe/store"
)

// apply writes the planned change of rows in a Tx, and returns their lines of the journal as they are then. One that
// another was writing at the time is left out, and met again in the next sweep.
func (e *Edit[T, K]) apply(ctx context.Context, tx *store.Tx, s *pass, lines []line) ([]line, error) {
	rows := e.rows.In(tx)
	keys, byKey, err := e.keys(lines)
	if err != nil {
		return nil, err
	}
	matched := map[K]T{}
	for entity, err := range rows.Find(ctx, store.AllOf(e.query, e.rows.WhereKeys(keys))) {
		if err != nil {
			return nil, err
		}
		matched[e.rows.KeyOf(entity)] = entity
	}
	var settled []line
	var there []K
	for _, key := range keys {
		if _, ok := matched[key]; ok {
			there = append(there, key)
		} else {
			settled = append(settled, byKey[key].as(Held, "it no longer matches the query, or is gone"))
		}
	}
	if e.options.Delete {
		more, err := e.remove(ctx, rows, there, matched, byKey)
		return append(settled, more...), err
	}
	befores, held := map[K]T{}, map[K]string{}
	after, err := rows.ModifyMany(ctx, there, func(entity *T) error {
		key := e.rows.KeyOf(*entity)
		delete(befores, key)
		delete(held, key)
		if e.rows.VersionOf(*entity) != e.rows.VersionOf(matched[key]) {
			return nil // written since the query was asked: in the next sweep
		}
		before, err := e.rows.Copy(*entity)
		if err != nil {
			return err
		}
		if held[key], err = e.asPlanned(entity, before, byKey[key]); err != nil || held[key] != "" {
			*entity = before
			return err
		}
		delete(held, key)
		befores[key] = before
		return nil
	}, &store.ModifyManyOptions{SkipMissing: true})
	if err != nil {
		return nil, err
	}
	for _, key := range there {
		before, isWritten := befores[key]
		entity, isThere := after[key]
		switch {
		case held[key] != "":
			settled = append(settled, byKey[key].as(Held, held[key]))
		case !isThere:
			settled = append(settled, byKey[key].as(Held, "it is gone"))
		case isWritten:
			l, err := e.written(byKey[key], before, entity)
			if err != nil {
				return nil, err
			}
			settled = append(settled, l)
		case s.Futile > futile:
			settled = append(settled, byKey[key].as(Held, "others were writing it all the time"))
		}
	}
	return settled, nil
}

// futile is how many sweeps may meet nothing but rows that others write at the time.
const futile = 10

// keys reads the keys of lines, in their order.
func (e *Edit[T, K]) keys(lines []line) (keys []K, byKey map[K]*line, err error) {
	byKey = make(map[K]*line, len(lines))
	for i := range lines {
		key, err := e.codec.keyOf(&lines[i])
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, key)
		byKey[key] = &lines[i]
	}
	return keys, byKey, nil
}

// as is the line with another phase.
func (l *line) as(p Phase, reason string) line {
	other := *l
	other.Phase, other.Reason, other.At = p, cut(reason, 500), now()
	return other
}

// asPlanned makes the change on an entity, or says why it is not the one that was planned: the fields that it changes
// are as they were, and become what was planned.
func (e *Edit[T, K]) asPlanned(entity *T, before T, l *line) (held string, err error) {
	was, err := e.rows.Copy(before)
	if err != nil {
		return "", err
	}
	if _, err := e.codec.overlay(&was, l.Before); err != nil {
		return "", err
	}
	want, err := e.rows.Copy(before)
	if err != nil {
		return "", err
	}
	names, err := e.codec.overlay(&want, l.After)
	if err != nil {
		return "", err
	}
	for _, name := range e.rows.Different(before, was) {
		for _, changed := range names {
			if name == changed {
				return "field " + name + " was changed since the plan", nil
			}
		}
	}
	got, err := e.changed(before)
	if err != nil {
		if _, ok := err.(*refusal); ok {
			return "it is refused now: " + err.Error(), nil
		}
		return "", err
	}
	if d := e.rows.Different(got, want); len(d) > 0 {
		return "the function changes it in another way than was planned: " + strings.Join(d, ", "), nil
	}
	if e.must != nil {
		if err := e.must(before, got); err != nil {
			return "the condition of Must is not met: " + err.Error(), nil
		}
	}
	if err := e.fn(entity); err != nil {
		return "it is refused now: " + err.Error(), nil
	}
	return "", nil
}

// written is the line of a row that was written, with what has become of it.
func (e *Edit[T, K]) written(l *line, before, after T) (line, error) {
	done := l.as(RowApplied, "")
	var err error
	if done.Before, err = e.codec.encode(before, nil); err != nil {
		return done, err
	}
	names := e.codec.differ(before, after)
	done.After, err = e.codec.encode(after, append([]string{}, names...))
	return done, err
}

// remove deletes rows that are as they were planned.
func (e *Edit[T, K]) remove(
	ctx context.Context, rows *store.Repository[T, K], keys []K, matched map[K]T, byKey map[K]*line,
) (settled []line, err error) {
	var doomed []T
	for _, key := range keys {
		now := matched[key]
		was, err := e.rows.Copy(now)
		if err != nil {
			return nil, err
		}
		if _, err := e.codec.overlay(&was, byKey[key].Before); err != nil {
			return nil, err
		}
		if d := e.rows.Different(now, was); len(d) > 0 {
			settled = append(settled, byKey[key].as(Held, "field "+d[0]+" was changed since the plan"))
			continue
		}
		doomed = append(doomed, now)
		settled = append(settled, byKey[key].as(RowApplied, ""))
	}
	return settled, rows.DeleteMany(ctx, doomed)
}

// undo takes back rows in a Tx, and returns their lines of the journal as they are then.
func (e *Edit[T, K]) undo(ctx context.Context, tx *store.Tx, s *pass, lines []line) ([]line, error) {
	rows := e.rows.In(tx)
	keys, byKey, err := e.keys(lines)
	if err != nil {
		return nil, err
	}
	var settled []line
	if e.options.Delete {
		var back []*T
		for _, key := range keys {
			entity, err := e.restored(key, byKey[key])
			if err != nil {
				return nil, err
			}
			back = append(back, &entity)
			settled = append(settled, byKey[key].as(RowUndone, ""))
		}
		return settled, rows.InsertMany(ctx, back)
	}
	kept := map[K]string{}
	there, err := rows.ModifyMany(ctx, keys, func(entity *T) error {
		key := e.rows.KeyOf(*entity)
		var err error
		kept[key], err = e.takeBack(entity, byKey[key], s.Merge)
		return err
	}, &store.ModifyManyOptions{SkipMissing: true})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		switch _, isThere := there[key]; {
		case !isThere:
			settled = append(settled, byKey[key].as(Kept, "it is gone"))
		case kept[key] != "":
			settled = append(settled, byKey[key].as(Kept, kept[key]))
		default:
			settled = append(settled, byKey[key].as(RowUndone, ""))
		}
	}
	return settled, nil
}

// restored is a deleted entity as the journal has it.
func (e *Edit[T, K]) restored(key K, l *line) (entity T, err error) {
	if _, err = e.codec.overlay(&entity, l.Before); err != nil {
		return entity, err
	}
	e.codec.setKey(&entity, key)
	return entity, nil
}

// takeBack gives an entity the fields that it had before, where it is as the edit has left it, and else says why not.
func (e *Edit[T, K]) takeBack(entity *T, l *line, merge bool) (kept string, err error) {
	left, err := e.rows.Copy(*entity)
	if err != nil {
		return "", err
	}
	if _, err := e.codec.overlay(&left, l.Before); err != nil {
		return "", err
	}
	names, err := e.codec.overlay(&left, l.After)
	if err != nil {
		return "", err
	}
	touched := e.codec.differ(*entity, left)
	if len(touched) > 0 && !merge {
		return "touched since: " + strings.Join(touched, ", "), nil
	}
	var mine []string
	for _, name := range names {
		isTouched := false
		for _, other := range touched {
			isTouched = isTouched || other == name
		}
		if !isTouched {
			mine = append(mine, name)
		}
	}
	if len(mine) == 0 {
		return "touched since: " + strings.Join(touched, ", "), nil
	}
	return "", e.codec.overlayOnly(entity, l.Before, mine)
}
