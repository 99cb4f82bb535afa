package store

import (
	"context"
	"errors"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
	"github.com/stillframe/stillframe/store/internal/turns"
)

// A modifier is what package turns makes attempts of: with Attempt its own, and with the others those that it shares
// with the calls that wait for the same entity (RepositoryOptions.Combine).
var _ turns.Caller = (*modifier)(nil)

// Attempt implements [turns.Caller].
func (m *modifier) Attempt(ctx context.Context) error { return m.attempt(ctx) }

// Apply implements [turns.Caller]. It is what attempt and create do between their read and their write.
func (m *modifier) Apply(entity, base driver.Record, isFound bool) (isChanged bool, fields []int, err error) {
	mp := m.repo.mapping
	switch {
	case isFound:
		m.absent = 0
		readAt := mp.ReadAt(entity)
		if err := m.changeChecked(entity, true); err != nil {
			return false, nil, err
		}
		m.rows = 1
		if fields, err = mp.Changed(entity, base); err != nil {
			return false, nil, invalid(err)
		}
		if len(fields) == 0 {
			mp.StampReadAt(entity, readAt)
			return false, nil, nil
		}
		return true, fields, nil
	case !m.isUpsert():
		return false, nil, ErrNotFound
	}
	mp.SetKey(entity, m.key)
	if err := m.changeChecked(entity, false); err != nil {
		return false, nil, err
	}
	var u mapping.Undo // for nobody: the entity is the call's own
	return true, nil, prepareInsert(mp, &u, entity, 0, 1)
}

// Answer implements [turns.Caller].
func (m *modifier) Answer(ctx context.Context, a *turns.Answer) (err error) {
	m.isWriting, m.rows = a.IsSent, 0
	switch isApplied := a.Err == nil && a.Result.Outcome == driver.Applied; {
	case isApplied:
		m.repo.mapping.Stamp(a.Entity, a.Read+a.Nth, a.At)
		m.wrote(m.key, a.Read+a.Nth)
		return nil
	case a.Err == ErrClosed:
		return a.Err
	case a.IsWrite && !a.IsInsert:
		err = m.basis.conclude(ctx, &m.call, a.Read, a.Result, a.Err)
	case a.IsInsert && errors.Is(m.fault(ctx, a.Err), ErrExists):
		err = m.existsAfterAll(m.fault(ctx, a.Err))
	default:
		err = againOutsideTx(ctx, &m.call, m.fault(ctx, a.Err))
	}
	if again, ok := err.(*again); ok {
		again.isAtOnce = true // it waits for its turn, not for the clock
	}
	return err
}

// Ended implements [turns.Caller].
func (m *modifier) Ended(ctx context.Context, how turns.End, patience time.Duration) error {
	switch how {
	case turns.LeftPending:
		return both(ErrUnknownOutcome, ctx.Err())
	case turns.Lost:
		return explain(ErrUnknownOutcome, "the write did not return")
	case turns.PutOut:
		return &again{isAtOnce: true, err: explain(ErrTransient,
			"the function ran for longer than %v while other calls waited for the entity", patience)}
	case turns.Alone:
		return &again{isAtOnce: true, err: explain(ErrTransient, "the entity holds a value that cannot be copied")}
	}
	return ctx.Err()
}

// Meaning implements [turns.Caller].
func (m *modifier) Meaning(err error, isSent bool) turns.Meaning {
	c := call{db: m.db, repo: m.repo, op: m.op, key: m.key, isWriting: isSent}
	switch fault := c.fault(context.Background(), err); {
	case MayHaveHappened(fault):
		return turns.Unknown
	case Retryable(fault):
		return turns.Again
	case errors.Is(fault, ErrExists):
		return turns.Exists
	}
	return turns.Refused
}
