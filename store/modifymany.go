package store

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// ModifyManyOptions configure one [Repository.ModifyMany].
type ModifyManyOptions struct {
	// SkipMissing leaves keys without an entity out of the result. Without it they are ErrNotFound, with all of them
	// in the error, and nothing is written.
	SkipMissing bool
}

// ModifyMany is Modify for many entities, all or none: it reads them in one request for as many keys as a statement can
// carry, has fn change each, and writes the fields that changed of those that did. It returns all entities as they
// are stored then, by their keys. The functions run one after another, in the order of the keys.
//
// When others have written some of them in between, only those are read again and only their functions run again,
// within the bounds of RepositoryOptions; then all is written as before. fn may so run many times for one entity, and
// must change nothing but its argument. Its error ends the call with nothing written, and is returned as it is.
//
// A key without an entity is ErrNotFound, unless the options say that it is left out; the error wraps an *[Error] for
// each of them. A key that is given twice is ErrInvalid. In Atomic the reads are current, as that of Modify is. A nil o
// means defaults.
func (r *Repository[T, K]) ModifyMany(
	ctx context.Context, keys []K, fn func(entity *T) error, o *ModifyManyOptions,
) (map[K]T, error) {
	c := r.call("modify many", nil, true)
	ctx, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	defer c.endUnreturned(ctx)
	m := manyModifier{call: c}
	if o != nil {
		m.options = *o
	}
	m.apply = func(r driver.Record) error { return fn(r.Pointer().(*T)) }
	if fn == nil {
		err = invalidf("the function is nil")
	} else if err = m.take(anyKeys(keys)); err == nil && len(keys) > 0 {
		err = m.run(ctx)
	}
	if err = c.end(ctx, err); err != nil {
		return nil, err
	}
	changed := make(map[K]T, len(m.entities))
	for i := range m.entities {
		if e := &m.entities[i]; !e.record.IsZero() {
			changed[e.key.(K)] = *e.record.Pointer().(*T)
		}
	}
	return changed, nil
}

func anyKeys[K comparable](keys []K) []any {
	all := make([]any, len(keys))
	for i, key := range keys {
		all[i] = key
	}
	return all
}

// manyModifier is one ModifyMany without its type parameters.
type manyModifier struct {
	*call
	options  ModifyManyOptions
	apply    func(r driver.Record) error
	entities []manyRow   // in the order of the caller's keys; the zero record where there is none
	at       map[any]int // where the entity of a key is
}

// take checks the keys.
func (m *manyModifier) take(keys []any) error {
	m.entities, m.at = make([]manyRow, len(keys)), make(map[any]int, len(keys))
	for i, key := range keys {
		if err := m.repo.mapping.CheckKey(key); err != nil {
			return invalidf("key %d: %v", i, err)
		}
		if first, ok := m.at[key]; ok {
			return invalidf("keys %d and %d are the same", first, i)
		}
		m.entities[i].key, m.at[key] = key, i
	}
	return m.checkTogether(len(keys))
}

// run makes attempts until all is written. Between two of them those that others have moved are read again.
func (m *manyModifier) run(ctx context.Context) error {
	moved := make([]int, len(m.entities))
	for i := range moved {
		moved[i] = i
	}
	if m.db.options.Rehearse && m.tx == nil {
		_ = m.change(ctx, moved) // which the first attempt does again
	}
	attempt := func(int) error {
		if err := m.change(ctx, moved); err != nil {
			return againOutsideTx(ctx, m.call, err)
		}
		rows := m.changed()
		if len(rows) == 0 {
			return nil
		}
		err := m.storeMany(ctx, rows, manyWrite{isRead: true})
		if moved = m.movedBy(err); len(moved) > 0 && m.tx == nil {
			return &again{err: err}
		}
		return err
	}
	if m.tx != nil {
		err := attempt(1)
		if a, ok := err.(*again); ok {
			return a.err
		}
		return err
	}
	return retry(ctx, m.call, m.repo.bounds(), attempt)
}

// change reads the entities at some places, and has the function change each.
func (m *manyModifier) change(ctx context.Context, places []int) error {
	keys := make([]manyRow, len(places))
	for i, at := range places {
		keys[i].key = m.entities[at].key
	}
	if err := m.lockMany(ctx, keys); err != nil {
		return err
	}
	if err := m.read(ctx, places); err != nil {
		return err
	}
	var missing manyError
	for _, at := range places {
		if m.entities[at].record.IsZero() {
			missing.add(m.entities[at].key, m.nameMany(m.entities[at].key, ErrNotFound))
		}
	}
	if len(missing.errs) > 0 && !m.options.SkipMissing {
		missing.of = len(m.entities)
		return &missing
	}
	for _, at := range places {
		if e := &m.entities[at]; !e.record.IsZero() {
			if err := m.changeOne(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockMany makes the reads that follow in an Atomic current, where reads lock.
func (c *call) lockMany(ctx context.Context, keys []manyRow) error {
	if c.tx == nil || c.tx.isView || !c.db.info.LockingReads {
		return nil
	}
	c.sortMany(keys)
	if _, err := c.enter(ctx); err != nil {
		return err
	}
	defer c.abandon()
	_, err := c.versions(ctx, keys, true)
	return c.leave(ctx, err)
}

// read reads the entities at some places, each into two copies that share no memory.
func (m *manyModifier) read(ctx context.Context, places []int) error {
	mp := m.repo.mapping
	for len(places) > 0 {
		part := places[:min(len(places), m.db.info.MaxKeys)]
		places = places[len(part):]
		keys := make([]any, len(part))
		for i, at := range part {
			keys[i] = m.entities[at].key
			m.entities[at] = manyRow{key: keys[i]}
		}
		var found []driver.Record
		next := func() driver.Record {
			found = append(found, m.repo.fresh())
			return found[len(found)-1]
		}
		each := func(do func(driver.Record)) {
			for _, r := range found {
				do(r)
			}
		}
		if _, err := readRows(ctx, m.call, &driver.FindParams{Keys: keys, Into: next}, each); err != nil {
			return err
		}
		for _, r := range found {
			at, ok := m.at[mp.KeyOf(r)]
			if !ok { // a folding collation has found more than was asked for
				continue
			}
			base := m.repo.fresh()
			if err := m.repo.collection.Copy(base, r); err != nil {
				return m.nameMany(mp.KeyOf(r), invalid(err))
			}
			m.entities[at].record, m.entities[at].base, m.entities[at].expect = r, base, mp.Version(r)
		}
	}
	return nil
}

// changeOne has the function change one entity.
func (m *manyModifier) changeOne(e *manyRow) error {
	mp := m.repo.mapping
	readAt := mp.ReadAt(e.record)
	if err := m.apply(e.record); err != nil {
		return &callersError{err}
	}
	switch {
	case !mp.HasKey(e.record, e.key):
		return m.nameMany(e.key, invalidf("%s: the function changed the key: change the other fields of the entity "+
			"that it is given", mp.Spec.Key.Name))
	case mp.Version(e.record) != e.expect:
		return m.nameMany(e.key, invalidf("%s: the function changed the version: change the fields of the entity "+
			"that it is given, and do not replace the whole", mp.Spec.Version.Name))
	}
	fields, err := mp.Changed(e.record, e.base)
	if err != nil {
		return m.nameMany(e.key, invalid(err))
	}
	if e.fields = fields; len(fields) == 0 {
		mp.StampReadAt(e.record, readAt)
	}
	return nil
}

// changed returns the rows that are to be written, sorted.
func (m *manyModifier) changed() []manyRow {
	var rows []manyRow
	for i := range m.entities {
		if len(m.entities[i].fields) > 0 {
			rows = append(rows, m.entities[i])
		}
	}
	m.sortMany(rows)
	return rows
}

// movedBy returns the places of the entities that an error of the write says to have been moved.
func (m *manyModifier) movedBy(err error) (places []int) {
	many, ok := errors.AsType[*manyError](err)
	if !ok {
		return nil
	}
	for _, one := range many.keys {
		places = append(places, m.at[one])
	}
	return places
}
