package store

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store/driver"
)

// Upsert is Modify where the entity exists, and else Insert: fn is then given an entity that is
// zero but for its key, and found is false. When another inserts the same key in between, fn runs
// again on what is there. An entity whose key the database makes is ErrInvalid.
func (r *Repository[T, K]) Upsert(ctx context.Context, key K, fn func(entity *T, found bool) error) (T, error) {
	return r.modify(ctx, &changer[T]{
		modifier: modifier{call: *r.call("upsert", key, true), basis: ownCopyOrNew}, upsert: fn,
	})
}

func (m *modifier) isUpsert() bool { return m.basis == ownCopyOrNew }

// create is the rest of an attempt of Upsert that found no row: it has the function fill a new entity,
// and inserts that.
func (m *modifier) create(ctx context.Context) error {
	entity := m.repo.fresh()
	m.repo.mapping.SetKey(entity, m.key)
	if err := m.changeChecked(entity, false); err != nil {
		return err
	}
	if err := m.repo.mapping.CheckGenerated(entity); err != nil {
		return invalid(err)
	}
	err := insert(ctx, &m.call, []driver.Record{entity})
	if !errors.Is(err, ErrExists) {
		return againOutsideTx(ctx, &m.call, err)
	}
	return m.existsAfterAll(err)
}

// mostAbsent is how often Upsert takes an ErrExists for another's insert of the same key. After
// that it must be the value of another unique index.
const mostAbsent = 3

// existsAfterAll decides what becomes of an Upsert that found no row and whose insert was then told
// that there is one. Most likely another has inserted the same key in between, and a new attempt
// finds its row; in a Tx, whose failed insert has doomed it, Atomic runs its function again. But the
// error may be about a unique value of another row: then no attempt ever succeeds, and after
// mostAbsent of them the caller gets the ErrExists.
func (m *modifier) existsAfterAll(err error) error {
	if m.tx != nil {
		m.tx.mu.Lock()
		defer m.tx.mu.Unlock()
		m.tx.canRerun = m.tx.doomedBy == err && m.tx.run <= mostAbsent
		return err
	}
	if m.absent++; m.absent == mostAbsent {
		return err
	}
	return &again{err: err}
}
