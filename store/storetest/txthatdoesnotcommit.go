package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// TxThatDoesNotCommit: in a Tx that does not commit nothing happened, in the database and in the
// entities that it was handed by pointer.
var _ = register(
	"TxThatDoesNotCommit",
	Test{Name: "LeavesNoRow", needs: transactions, run: undoLeavesNoRow},
	Test{Name: "PutsEntitiesBack", needs: transactions, run: undoEntities},
	Test{Name: "PutsEntitiesBackBeforeEachRun", needs: transactions, run: undoBetweenRuns},
	Test{Name: "SaveInARerunDoesNotOverwrite", needs: transactions, run: undoRerunTrap},
	Test{Name: "InsertInARerun", needs: transactions, run: undoInsertRerun},
	Test{Name: "CommitThatIsRefusedRunsAgain", needs: transactions, run: undoRefusedCommit},
	Test{Name: "CommitKeepsEntities", needs: transactions, run: undoNotAfterCommit},
	Test{Name: "ChangesOfTheFunctionItselfStay", needs: transactions, run: undoOwnChanges},
	Test{Name: "IsNeverSeen", needs: transactions, run: manyRollbacks},
)

// undoLeavesNoRow ends transactions with every kind of write in every way but a commit: no row of theirs is there.
func undoLeavesNoRow(e *env) {
	r := newAccounts(e, 10, 20, 30)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	for name, end := range endings(cancel) {
		err := end(e, func(fn txFunc) error {
			return e.db.Atomic(ctx, nil, fn)
		}, func(ctx context.Context, tx *store.Tx) error { return writeAll(ctx, r.In(tx)) })
		require.Error(e, err, name)
		untouched(e, r)
		other := r.on(e.open(store.Options{}), nil)
		n, err := other.Count(e.ctx, store.Query{})
		require.NoError(e, err)
		require.EqualValues(e, 3, n, name)
	}
}

// ending runs work in a transaction and ends it without a commit.
type ending = func(e *env, begin func(work txFunc) error, work txFunc) error

// txFunc is what Atomic and View run.
type txFunc = func(ctx context.Context, tx *store.Tx) error

// endings are the ways in which a function does not commit. The last ends the caller's context. The work may
// run on another goroutine than the test's: it fails no test.
func endings(cancel func()) map[string]ending {
	return map[string]ending{
		"error": func(_ *env, begin func(txFunc) error, work txFunc) error {
			return begin(func(ctx context.Context, tx *store.Tx) error { return errors.Join(work(ctx, tx), errBoom) })
		},
		"panic": func(_ *env, begin func(txFunc) error, work txFunc) (err error) {
			defer func() {
				if recover() != nil {
					err = tasks.ErrExited
				}
			}()
			return begin(func(ctx context.Context, tx *store.Tx) error {
				if err := work(ctx, tx); err != nil {
					return nil // the caller then misses the error
				}
				panic("boom")
			})
		},
		"Goexit": func(e *env, begin func(txFunc) error, work txFunc) error {
			return e.await(e.async("a Tx whose goroutine ends", func(context.Context) error {
				return begin(func(ctx context.Context, tx *store.Tx) error {
					if err := work(ctx, tx); err == nil {
						runtime.Goexit()
					}
					return nil
				})
			}))
		},
		"cancel": func(_ *env, begin func(txFunc) error, work txFunc) error {
			return begin(func(ctx context.Context, tx *store.Tx) error {
				err := work(ctx, tx)
				cancel()
				return err
			})
		},
	}
}

// undoEntities hands every verb an entity by pointer. Each ends as it began: version, key, ReadAt,
// the parts of times that the backend cuts, and after Reload the whole value.
func undoEntities(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2, 3)
	later := kickoff.AddDate(1, 0, 0)
	for name := range endings(nil) {
		ctx, cancel := context.WithCancel(e.ctx)
		saved, touched, reloaded, fresh := r.get(1), r.get(2), r.get(3), newClub(9)
		many := []*club{pointer(newClub(10)), pointer(newClub(11))}
		saved.Founded, saved.Ground.Opened, saved.Balance = later, later, -5
		reloaded.Balance, reloaded.Titles = -7, []string{"mine"}
		r.set(3, Columns{"balance": int64(1234)})
		want := []club{saved, touched, reloaded, fresh, *many[0], *many[1]}
		var inside []any
		err := endings(cancel)[name](e, func(fn txFunc) error {
			return e.db.Atomic(ctx, nil, fn)
		}, func(ctx context.Context, tx *store.Tx) error {
			in := r.In(tx)
			if err := errors.Join(
				in.Save(ctx, &saved), in.Touch(ctx, &touched), in.Reload(ctx, &reloaded),
				in.Insert(ctx, &fresh), in.InsertMany(ctx, many),
				in.Save(ctx, &saved), in.Save(ctx, &reloaded), in.Touch(ctx, &fresh), // and once more
			); err != nil {
				return err
			}
			inside = []any{saved.Version, reloaded.Balance, saved.Founded, fresh.Version}
			return nil
		})
		cancel()
		require.Error(e, err, name)
		require.Equal(e, []any{int64(3), int64(1234), e.cut(later), int64(2)}, inside, "the Tx itself sees its writes")
		have := []club{saved, touched, reloaded, fresh, *many[0], *many[1]}
		require.Equal(e, want, have, name)
		require.Equal(e, later, saved.Ground.Opened, "%s: a nested time was left cut", name)
		require.EqualValues(e, 1, r.number(1, "version"))
	}
}

// undoBetweenRuns writes entities from outside of the Tx in runs that conflict: each run finds them as the first one
// did.
func undoBetweenRuns(e *env) {
	r, others := newClubs(e), newAccounts(e, 10)
	e.stored(r, 1, 2)
	saved, reloaded, fresh := r.get(1), r.get(2), newClub(9)
	saved.Balance, reloaded.Balance = 5, 6
	want := []club{saved, reloaded, fresh}
	runs := 0
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		runs++
		require.Equal(e, want, []club{saved, reloaded, fresh}, "run %d", runs)
		in := r.In(tx)
		if err := errors.Join(in.Save(ctx, &saved), in.Reload(ctx, &reloaded), in.Insert(ctx, &fresh)); err != nil {
			return err
		}
		if runs < 3 {
			return clash(ctx, others, tx, 1)
		}
		return nil
	})
	require.Equal(e, 3, runs)
	require.EqualValues(e, 2, saved.Version)
	require.EqualValues(e, 100, reloaded.Balance)
	require.EqualValues(e, 1, fresh.Version)
	require.EqualValues(e, 2, r.number(1, "version"))
	require.EqualValues(e, 5, r.number(1, "balance"))
	require.EqualValues(e, 1, r.number(9, "version"))
}

// undoRerunTrap is the rerun trap: the first run saves a club and is rolled back. Before the second
// one another writer stores the very version number that the first run had given. If the copy in
// memory still had that number, the second run would overwrite the other's change.
func undoRerunTrap(e *env) {
	r, others := newClubs(e), newAccounts(e, 10)
	e.stored(r, 1)
	c := r.get(1)
	c.Balance = 1
	before := c
	runs := 0
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 2 {
			stored := r.modify(1, func(c *club) { c.Balance = 777 })
			require.EqualValues(e, 2, stored.Version)
		}
		if err := r.In(tx).Save(ctx, &c); err != nil {
			return err
		}
		require.EqualValues(e, 2, c.Version)
		return clash(ctx, others, tx, 1)
	})
	require.Equal(e, 2, runs)
	e.conflict(err, 1, 2)
	require.Equal(e, before, c)
	require.EqualValues(e, 777, r.number(1, "balance"), "the other's change was overwritten")
	require.EqualValues(e, 2, r.number(1, "version"))
}

// undoInsertRerun inserts in a run that conflicts, and meets the row of another in the next: the entity is as it was.
func undoInsertRerun(e *env) {
	r, others := newClubs(e), newAccounts(e, 10)
	c := newClub(1)
	before := c
	runs := 0
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 2 {
			inserted(r, newClub(1)) // another makes the row meanwhile
		}
		if err := r.In(tx).Insert(ctx, &c); err != nil {
			return err
		}
		return clash(ctx, others, tx, 1)
	})
	require.Equal(e, 2, runs)
	e.only(err, store.ErrExists)
	require.Equal(e, before, c)
	require.EqualValues(e, 100, r.number(1, "balance"))
}

// undoRefusedCommit has the commit itself meet the conflict, as optimistic servers answer it.
func undoRefusedCommit(e *env) {
	r := newAccounts(e, 10, 20)
	refusals := 0
	db := e.behind(store.Options{}, func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		if c.Op == intercept.Commit && refusals < 2 {
			refusals++
			if err := c.Tx.Rollback(ctx); err != nil {
				return err
			}
			return &intercept.Error{Fault: driver.Fault{Class: driver.Conflict}}
		}
		return next(ctx)
	})
	ours := r.on(db, nil)
	a := r.get(1)
	a.Amount = 11
	before := a
	runs, called := 0, 0
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		runs++
		tx.OnCommit(func() { called++ })
		require.Equal(e, before, a)
		if err := ours.In(tx).Save(ctx, &a); err != nil {
			return err
		}
		_, err := ours.In(tx).Modify(ctx, 2, credit(1))
		return err
	}))
	require.Equal(e, 3, runs)
	require.Equal(e, 1, called)
	require.Equal(e, []int64{11, 21}, amounts(r, 1, 2))
	require.EqualValues(e, 2, a.Version)
}

// undoNotAfterCommit looks at entities after the commit: they are what is stored, and can be written again.
func undoNotAfterCommit(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2)
	saved, touched, fresh := r.get(1), r.get(2), newClub(9)
	saved.Founded = kickoff.AddDate(1, 0, 0)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		return errors.Join(in.Save(ctx, &saved), in.Touch(ctx, &touched), in.Insert(ctx, &fresh))
	})
	for _, c := range []club{saved, touched, fresh} {
		e.same(r.get(c.ID), c)
	}
	require.EqualValues(e, 2, saved.Version)
	require.NoError(e, r.Save(e.ctx, &saved), "and can be written again as they are")
}

// undoOwnChanges states the limit: what the function itself assigned to an entity is not undone, but
// for one that it reloaded.
func undoOwnChanges(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	c := r.get(1)
	require.ErrorIs(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		c.Balance = 55
		if err := r.In(tx).Save(ctx, &c); err != nil {
			return err
		}
		c.Name = "mine"
		return errBoom
	}), errBoom)
	require.EqualValues(e, 1, c.Version)
	require.EqualValues(e, 55, c.Balance)
	require.Equal(e, "mine", c.Name)
	require.NoError(e, r.Save(e.ctx, &c))
}

// manyRollbacks has a writer roll back all that it does. No reader outside may ever see any of it.
func manyRollbacks(e *env) {
	r := newAccounts(e, 10, 20)
	id := int64(1000)
	rollBack := func(ctx context.Context, _ int) error {
		id++
		err := e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			in := r.In(tx)
			if _, err := in.Modify(ctx, 1, func(a *account) error { a.Amount = id; return nil }); err != nil {
				return err
			}
			if err := in.Insert(ctx, &account{ID: id, Amount: id}); err != nil {
				return err
			}
			if err := in.DeleteKey(ctx, 2); err != nil {
				return err
			}
			return errBoom
		})
		if errors.Is(err, errBoom) {
			return nil
		}
		return fmt.Errorf("a Tx that gave up ended with another error: %w", err)
	}
	want := map[int64]int64{1: 10, 2: 20}
	e.meanwhile(1, rollBack, func(ctx context.Context) {
		for range scaled(200, 40) {
			have := map[int64]int64{}
			all, err := store.Collect(r.Find(ctx, store.Query{}))
			require.NoError(e, err)
			for _, a := range all {
				have[a.ID] = a.Amount
			}
			require.True(e, maps.Equal(want, have), "%v was never committed", have)
		}
	})
}
