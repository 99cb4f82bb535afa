package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// NamedOutcomes: conflict, not found, already exists and unknown outcome are different errors.
var _ = register(
	"NamedOutcomes",
	Test{Name: "Conflict", run: outcomesConflict},
	Test{Name: "NotFound", run: outcomesNotFound},
	Test{Name: "Exists", run: outcomesExists},
	Test{Name: "ExistsNamesTheIndex", run: outcomesConstraint},
	Test{Name: "UniqueValueIsFreedByItsOwner", run: outcomesUniqueFreed},
	Test{Name: "DeleteChecksTheVersion", run: outcomesDelete},
	Test{Name: "ConflictThatIsGoneIsTriedAgain", run: outcomesSecondLook},
	Test{Name: "SecondLookThatFailsIsTransient", run: outcomesNoSecondLook},
)

// conflict asserts that err is a conflict and nothing else, and which versions it carries.
func (e *env) conflict(err error, expected, actual int64) {
	e.Helper()
	if !e.only(err, store.ErrConflict) {
		return
	}
	c, ok := errors.AsType[*store.ConflictError](err)
	if assert.True(e, ok, "no *store.ConflictError in %v", err) {
		assert.Equal(e, expected, c.Expected, "the version of the copy")
		assert.Equal(e, actual, c.Actual, "the version that was stored")
	}
	assert.True(e, store.Retryable(err), "a conflict is retryable")
	assert.False(e, store.MayHaveHappened(err))
}

// outcomesConflict writes by a stale copy, and by one that is ahead: the conflict tells both versions, and nothing is
// written.
func outcomesConflict(e *env) {
	r := newClubs(e)
	stale := inserted(r, newClub(42))
	for range 3 {
		r.modify(42, func(c *club) { c.Balance++ })
	}
	want := r.raw(42)
	for name, write := range map[string]func(*club) error{
		"save":   func(c *club) error { return r.Save(e.ctx, c) },
		"touch":  func(c *club) error { return r.Touch(e.ctx, c) },
		"delete": func(c *club) error { return r.Delete(e.ctx, *c) },
	} {
		c := stale
		err := write(&c)
		e.conflict(err, 1, 4)
		require.Equal(
			e, fmt.Sprintf("store: %s %s \"42\": version conflict (have 1, stored 4)", name, r.name), err.Error(),
		)
		require.Equal(e, stale, c)
	}
	require.Equal(e, want, r.raw(42), "nothing was written")

	ahead := r.get(42)
	ahead.Version += 5
	e.conflict(r.Save(e.ctx, &ahead), 9, 4)
}

// outcomesNotFound makes every call on a row that is gone. Only GetMany leaves it out.
func outcomesNotFound(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	r.remove(1)
	called := false
	_, get := r.Get(e.ctx, 1)
	_, first := r.First(e.ctx, store.Where("ID", store.Eq, 1))
	_, stale := r.IsStale(e.ctx, c)
	_, modify := r.Modify(e.ctx, 1, func(*club) error { called = true; return nil })
	for name, err := range map[string]error{
		"Get": get, "First": first, "IsStale": stale, "Modify": modify,
		"Reload": r.Reload(e.ctx, &c), "Save": r.Save(e.ctx, &c), "Delete": r.Delete(e.ctx, c),
		"Touch": r.Touch(e.ctx, &c), "DeleteKey": r.DeleteKey(e.ctx, 1),
	} {
		e.only(err, store.ErrNotFound, name)
		require.False(e, store.Retryable(err), name)
		require.False(e, store.MayHaveHappened(err), name)
	}
	require.False(e, called, "the function of Modify ran without an entity")
	many, err := r.GetMany(e.ctx, []int64{1, 2})
	require.NoError(e, err)
	require.Empty(e, many, "a missing key is absent")
}

// outcomesExists inserts a key that is there: the stored row stays as it was. Keys that share a part are different.
func outcomesExists(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	want := r.raw(1)
	c := newClub(1)
	c.Balance = -1
	err := r.Insert(e.ctx, &c)
	e.only(err, store.ErrExists)
	require.False(e, store.Retryable(err))
	require.EqualValues(e, 0, c.Version)
	require.Equal(e, want, r.raw(1))

	seats := newSeats(e)
	key := seatKey{"2015-16", 7}
	inserted(seats, seat{ID: key})
	e.only(seats.Insert(e.ctx, &seat{ID: key}), store.ErrExists)
	inserted(seats, seat{ID: seatKey{"2015-16", 8}})
	inserted(seats, seat{ID: seatKey{"2016-17", 7}})
}

// outcomesConstraint breaks a unique index by every verb that can: the error names the index and holds no value.
func outcomesConstraint(e *env) {
	r := newMembers(e)
	inserted(r, member{ID: 1, Email: "a@example.org"})
	second := inserted(r, member{ID: 2, Email: "b@example.org", Age: 20})
	named := func(err error, about string) {
		e.Helper()
		e.only(err, store.ErrExists, about)
		if own, ok := errors.AsType[*store.Error](err); assert.True(e, ok, about) {
			assert.Contains(e, own.Constraint, "member_email", about)
		}
		e.names(err, "member_email")
		assert.NotContains(e, err.Error(), "a@example.org", "no field value in the text")
	}
	named(r.Insert(e.ctx, &member{ID: 3, Email: "a@example.org"}), "Insert")
	r.gone(3)
	second.Email, second.Age = "a@example.org", 21
	named(r.Save(e.ctx, &second), "Save")
	_, err := r.Modify(e.ctx, 2, func(m *member) error { m.Email, m.Age = "a@example.org", 21; return nil })
	named(err, "Modify")
	_, err = r.Upsert(e.ctx, 4, func(m *member, _ bool) error { m.Email = "a@example.org"; return nil })
	named(err, "Upsert")
	r.gone(4)
	have := r.get(2)
	require.Equal(e, "b@example.org", have.Email)
	require.EqualValues(e, 20, have.Age, "nothing of the refused write remains")
	require.EqualValues(e, 1, have.Version)

	err = r.Insert(e.ctx, &member{ID: 1, Email: "c@example.org"})
	e.only(err, store.ErrExists)
	own, ok := errors.AsType[*store.Error](err)
	require.True(e, ok)
	require.NotEmpty(e, own.Constraint, "the index of the key has a name too")
	require.NotContains(e, own.Constraint, "member_email")
}

func outcomesUniqueFreed(e *env) {
	r := newMembers(e)
	first := inserted(r, member{ID: 1, Email: "a@example.org"})
	first.Age = 30
	require.NoError(e, r.Save(e.ctx, &first), "a row is no duplicate of itself")
	first.Email = "b@example.org"
	require.NoError(e, r.Save(e.ctx, &first))
	second := inserted(r, member{ID: 2, Email: "a@example.org"})
	require.NoError(e, r.Delete(e.ctx, second))
	inserted(r, member{ID: 3, Email: "a@example.org"})
}

// outcomesDelete deletes by version and by key: no other row goes with it.
func outcomesDelete(e *env) {
	r := newClubs(e)
	stale := inserted(r, newClub(1))
	fresh := r.modify(1, func(c *club) { c.Balance++ })
	e.conflict(r.Delete(e.ctx, stale), 1, 2)
	require.NotNil(e, r.raw(1))
	require.NoError(e, r.Delete(e.ctx, fresh))
	r.gone(1)
	e.only(r.Delete(e.ctx, fresh), store.ErrNotFound)
	e.stored(r, 2, 3)
	r.modify(2, func(c *club) { c.Balance++ })
	require.NoError(e, r.DeleteKey(e.ctx, 2), "whatever its version")
	r.gone(2)
	require.NotNil(e, r.raw(3), "another row was deleted")
}

// outcomesSecondLook lets the first look after a refused write find the very version that was
// expected, as it may when another writer has rolled back in between.
func outcomesSecondLook(e *env) {
	r := newClubs(e)
	refused := 0
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if (c.Op == intercept.Update || c.Op == intercept.Delete) && refused < 2 {
			refused++
			*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.Stale, Stored: 1}
			return nil
		}
		return next(ctx)
	})
	ours := r.on(db, nil)
	c := inserted(r, newClub(1))
	c.Balance = 5
	require.NoError(e, ours.Save(e.ctx, &c))
	require.Equal(e, 2, refused)
	require.EqualValues(e, 2, c.Version)
	require.EqualValues(e, 5, r.number(1, "balance"))

	few := r.on(e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Update {
			*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.Stale, Stored: 2}
			return nil
		}
		return next(ctx)
	}), &store.RepositoryOptions{ModifyAttempts: 3})
	before := c
	err := few.Save(e.ctx, &c)
	require.Error(e, err, "the bound ends it")
	require.False(e, store.MayHaveHappened(err))
	require.Equal(e, before, c)
}

// outcomesNoSecondLook lets a write fail, and the look at why it did not apply as well: it must not be taken for an
// answer.
func outcomesNoSecondLook(e *env) {
	r := newClubs(e)
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Update || c.Op == intercept.Delete {
			*c.Result.(*driver.WriteResult) = driver.WriteResult{Outcome: driver.NotApplied}
			return &intercept.Error{Fault: driver.Fault{Class: driver.Unavailable, Sent: true}}
		}
		return next(ctx)
	})
	ours := r.on(db, &store.RepositoryOptions{ModifyAttempts: 2})
	c := inserted(r, newClub(1))
	before := c
	e.only(ours.Save(e.ctx, &c), store.ErrTransient, "Save")
	e.only(ours.Touch(e.ctx, &c), store.ErrTransient, "Touch")
	e.only(ours.Delete(e.ctx, c), store.ErrTransient, "Delete")
	require.Equal(e, before, c)
	require.EqualValues(e, 1, r.number(1, "version"))
}
