package store

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
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
	var change func(*T, bool) error
	if fn != nil {
		change = func(entity *T, _ bool) error { return fn(entity) }
	}
	return r.modify(ctx, "modify", ownCopy, key, change)
}

// modifier is one Modify or Upsert without its type parameters.
type modifier struct {
	*call
	basis  basis
	fresh  func() driver.Record
	change func(r driver.Record, found bool) error
	absent int // attempts in a row that found nothing and could not insert either
}

func (r *Repository[T, K]) modify(ctx context.Context, op string, b basis, key K, fn func(*T, bool) error) (T, error) {
	c := r.call(op, key, true)
	var none T
	ctx, err := c.start(ctx)
	if err != nil {
		return none, err
	}
	returned := false
	defer func() {
		if !returned { // fn panicked or called Goexit
			_ = c.end(ctx, errNotReturned)
		}
	}()
	var result *T
	m := modifier{
		call: c, basis: b,
		fresh: func() driver.Record { return driver.RecordOf(new(T)) },
		change: func(r driver.Record, found bool) error {
			result = r.Pointer().(*T)
			return fn(result, found)
		},
	}
	if fn == nil {
		err = invalidf("the function is nil")
	} else {
		err = m.run(ctx)
	}
	returned = true
	if err := c.end(ctx, err); err != nil {
		return none, err
	}
	return *result, nil
}

func (m *modifier) run(ctx context.Context) error {
	if m.isUpsert() && m.repo.mapping.Spec.KeyAuto {
		return invalidf("%s: the database makes the key, so it cannot be given", m.repo.mapping.Spec.Key.Name)
	}
	if m.tx != nil {
		err := m.attempt(ctx)
		if a, ok := err.(*again); ok {
			return a.err // the Tx is doomed, and Atomic runs its function again
		}
		return err
	}
	if m.db.options.Rehearse {
		m.rehearse(ctx)
	}
	return retry(ctx, m.call, m.repo.bounds(), func(int) error { return m.attempt(ctx) })
}

// rehearse runs the function on a copy of its own and throws away what came of it. A Tx has its
// functions rehearsed with it.
func (m *modifier) rehearse(ctx context.Context) {
	entity := m.fresh()
	switch err := readRow(ctx, m.call, rowRead{into: entity}); {
	case err == nil:
		_ = m.change(entity, true)
	case err == ErrNotFound && m.isUpsert():
		entity = m.fresh()
		m.repo.mapping.SetKey(entity, m.key)
		_ = m.change(entity, false)
	}
}

// attempt reads, has the function change the copy, and writes.
func (m *modifier) attempt(ctx context.Context) error {
	entity, base := m.fresh(), m.fresh()
	err := readRow(ctx, m.call, rowRead{into: entity, base: base, isCurrent: true})
	switch {
	case err == ErrNotFound && m.isUpsert():
		return m.create(ctx)
	case err != nil:
		return againOutsideTx(ctx, m.call, err)
	}
	m.absent = 0
	mp := m.repo.mapping
	read, readAt := mp.Version(entity), mp.ReadAt(entity)
	if err := m.change(entity, true); err != nil {
		return &callersError{err}
	}
	if !mp.HasKey(entity, m.key) {
		return invalidf("%s: the function changed the key", mp.Spec.Key.Name)
	}
	if mp.Version(entity) != read {
		return invalidf("%s: the function changed the version", mp.Spec.Version.Name)
	}
	fields, err := mp.Changed(entity, base)
	if err != nil {
		return invalid(err)
	}
	if len(fields) == 0 {
		mp.StampReadAt(entity, readAt)
		return nil
	}
	return m.write(ctx, entity, fields, read)
}

// write writes the fields that the function has changed, on the version that was read.
func (m *modifier) write(ctx context.Context, entity driver.Record, fields []int, read int64) error {
	at, err := m.enterWrite(ctx)
	if err != nil {
		return err
	}
	if m.tx != nil && !m.tx.lastSaw(entityKey{m.repo.table, m.key}, read) {
		_ = m.leave(ctx, nil)
		return invalidf("the function wrote the entity that it was given to change")
	}
	result, err := m.repo.collection.Update(ctx, &driver.UpdateParams{
		Tx: m.driverTx(), Key: m.key, Record: entity, Fields: fields, Expect: read, Next: read + 1,
	})
	if err == nil && result.Outcome == driver.Applied {
		m.repo.mapping.Stamp(entity, result.Stored, at)
	}
	return m.basis.finish(ctx, m.call, read, result, err)
}
