package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/turns"
)

// Modify reads the entity with the key, has fn change that copy, and writes the fields that
// changed if the stored version is still the one that was read. It returns what is stored then.
//
// It finds the changes by comparing with a second copy, so that a change inside a map, a slice or
// behind a pointer is seen. When fn changed nothing, nothing is written and the version stays.
// Another's write in between is a conflict, after which everything is done again with a new copy:
// fn may run many times, and must change nothing but its argument. Attempts are bounded by
// RepositoryOptions; the error is then the last ErrConflict or ErrTransient. fn must not change
// the key or the version: that is ErrInvalid.
//
// An error of fn ends it with nothing written, and is returned as it is. A missing entity is
// ErrNotFound: Modify never creates. A write whose answer was lost is ErrUnknownOutcome and is not
// tried again.
//
// In Atomic the read is current, as that of Reload is, and a conflict runs the whole function of
// Atomic again.
func (r *Repository[T, K]) Modify(ctx context.Context, key K, fn func(entity *T) error) (T, error) {
	return r.modify(ctx, &changer[T]{
		modifier: modifier{call: *r.call("modify", key, true), basis: ownCopy}, modify: fn,
	})
}

// modifier is one Modify or Upsert without its type parameters.
type modifier struct {
	call
	basis  basis // ownCopy for Modify, ownCopyOrNew for Upsert
	change interface {
		// apply calls the caller's function.
		apply(r driver.Record, isFound bool) error
	}
	absent int // attempts in a row that found no row and could not insert one

	turns turns.Call // for the calls that want the same entity at the same time
}

// changer is a modifier with the caller's function, of which one is set, and the entity that it was given last. It is
// one piece of memory with its call, so that a Modify allocates no more for being known to others.
type changer[T any] struct {
	modifier
	modify func(entity *T) error
	upsert func(entity *T, found bool) error
	result *T
}

func (c *changer[T]) apply(r driver.Record, isFound bool) error {
	c.result = r.Pointer().(*T)
	if c.modify != nil {
		return c.modify(c.result)
	}
	return c.upsert(c.result, isFound)
}

// modify is Modify and Upsert from the call's start to its end. A function of the caller that does not
// return, because it panics or calls Goexit, still ends the call for the observer.
func (r *Repository[T, K]) modify(ctx context.Context, c *changer[T]) (T, error) {
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	defer c.endUnreturned(ctx)
	if c.change = c; c.modify == nil && c.upsert == nil {
		err = invalidf("the function is nil")
	} else {
		err = c.run(ctx)
	}
	if err := c.end(ctx, err); err != nil {
		return none, err
	}
	return *c.result, nil
}

// run makes attempts until one has an answer. In a Tx there is one attempt: what would make another
// worth while has doomed the Tx, and Atomic runs its whole function again.
func (m *modifier) run(ctx context.Context) error {
	if m.isUpsert() && m.repo.mapping.Spec.KeyAuto {
		return invalidf("%s: the database makes the key, so it cannot be given", m.repo.mapping.Spec.Key.Name)
	}
	if m.tx != nil {
		err := m.attempt(ctx)
		if a, ok := err.(*again); ok {
			return a.err
		}
		return err
	}
	if m.db.options.Rehearse {
		m.rehearse(ctx)
	}
	m.turns.Caller, m.turns.Table, m.turns.Key = m, m.repo.turns, m.key
	return retry(ctx, &m.call, m.repo.bounds(), func(int) error { return m.turns.Do(ctx) })
}

// rehearse has the function change a copy that is thrown away, with whatever came of it. It is not
// called in a Tx, which is rehearsed as a whole.
func (m *modifier) rehearse(ctx context.Context) {
	entity := m.repo.fresh()
	switch err := readRow(ctx, &m.call, rowRead{into: entity}); {
	case err == nil:
		_ = m.change.apply(entity, true)
	case err == ErrNotFound && m.isUpsert():
		entity = m.repo.fresh()
		m.repo.mapping.SetKey(entity, m.key)
		_ = m.change.apply(entity, false)
	}
}

// attempt reads, has the function change the copy, and writes what it changed, on the version that
// was read. An *again says that nothing was written and that another attempt may succeed.
func (m *modifier) attempt(ctx context.Context) error {
	entity, base := m.repo.fresh(), m.repo.fresh()
	err := readRow(ctx, &m.call, rowRead{into: entity, base: base, isCurrent: true})
	switch {
	case err == ErrNotFound && m.isUpsert():
		return m.create(ctx)
	case err != nil:
		return againOutsideTx(ctx, &m.call, err)
	}
	m.absent = 0
	mp := m.repo.mapping
	read, readAt := mp.Version(entity), mp.ReadAt(entity)
	if err := m.changeChecked(entity, true); err != nil {
		return err
	}
	fields, err := mp.Changed(entity, base)
	if err != nil {
		return invalid(err)
	}
	if len(fields) == 0 {
		mp.StampReadAt(entity, readAt) // which the function may have changed
		return nil
	}
	return m.write(ctx, entity, base, fields, read)
}

// changeChecked calls the caller's function. It must leave key and version alone: the write goes to
// the row that was read, and another key in the copy would say that it is another entity.
func (m *modifier) changeChecked(entity driver.Record, isFound bool) error {
	mp := m.repo.mapping
	version := mp.Version(entity)
	m.turns.Step()
	err := m.change.apply(entity, isFound)
	m.turns.Step()
	if err != nil {
		return &callersError{err}
	}
	if !mp.HasKey(entity, m.key) {
		return invalidf("%s: the function changed the key: change the other fields of the entity that it is given",
			mp.Spec.Key.Name)
	}
	if mp.Version(entity) != version {
		return invalidf("%s: the function changed the version: change the fields of the entity that it is given, "+
			"and do not replace the whole", mp.Spec.Version.Name)
	}
	return nil
}

// write writes the fields that the function has changed, on the version that was read. In a Tx the
// function may itself have written the entity through the repository: then that newer version is not
// another's, and no attempt would ever find its own.
func (m *modifier) write(ctx context.Context, entity, base driver.Record, fields []int, read int64) error {
	at, err := m.enterWrite(ctx)
	if err != nil {
		return err
	}
	defer m.abandon()
	if m.tx != nil && !m.tx.lastSaw(m.repo.entityKey(m.key), read) {
		_ = m.leave(ctx, nil)
		return invalidf("the function wrote the entity that it was given to change")
	}
	into := m.repo.mapping.ForGenerated()
	result, err := m.repo.collection.Update(ctx, &driver.UpdateParams{
		Tx: m.driverTx(), Key: m.key, Record: entity, Base: base, Fields: fields,
		Expect: read, Next: read + 1, Into: into,
	})
	if err == nil && result.Outcome == driver.Applied {
		m.repo.mapping.TakeGenerated(nil, entity, into)
		m.repo.mapping.Stamp(entity, result.Stored, at)
	}
	return m.basis.conclude(ctx, &m.call, read, result, err)
}
