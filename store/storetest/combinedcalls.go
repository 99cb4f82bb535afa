package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Combined calls share a write, and none is told anything that is not so.
var _ = register(
	"CombinedCalls",
	Test{Name: "ManyOnOneEntity", run: combinedMany},
	Test{Name: "ManyUpsertOneKey", run: combinedUpsert},
	Test{Name: "ManyOnManyEntities", run: combinedSpread},
	Test{Name: "FewerWritesThanCalls", run: combinedWrites},
	Test{Name: "EveryKind", run: func(e *env) { valuesBy(e, valuesCombined) }},
	Test{Name: "RefusalIsItsAuthors", run: combinedRefusal},
	Test{Name: "ErrorsRestOnWhatIsStored", run: combinedErrors},
	Test{Name: "UnknownOutcome", run: combinedUnknown},
	Test{Name: "Copies", run: combinedCopies},
)

// combining is patient, and has calls combined.
func combining() *store.RepositoryOptions {
	o := *patient
	o.Combine = true
	return &o
}

// combinedMany is the contended counter with calls of four kinds at once: combined on two handles, which do not know of
// each other, and by themselves beside both. The versions that were returned are those between the first and the last,
// each once, and each is that of the state that came with it.
func combinedMany(e *env) {
	r := newAccounts(e, 0)
	workers, each := scaled(64, 16), repeated(100, 20)
	second := e.open(store.Options{})
	handles := []*accountRepository{
		r.on(e.db, combining()), r.on(second, combining()), r.on(e.db, patient), r.on(e.db, combining()),
	}
	var found collector
	e.parallel(workers, each, func(ctx context.Context, w, turn int) error {
		mark := int64(w*each + turn)
		a, err := handles[w%len(handles)].Modify(ctx, 1, func(a *account) error {
			a.Amount++
			a.Marks = append(a.Marks[max(0, len(a.Marks)-8):], mark)
			return nil
		})
		if err != nil {
			return err
		}
		if a.Amount != a.Version-1 || a.Marks[len(a.Marks)-1] != mark {
			return fmt.Errorf("version %d came with amount %d and marks %v for %d", a.Version, a.Amount, a.Marks, mark)
		}
		found.add(a.Version)
		return nil
	})
	n := int64(workers * each)
	require.Equal(e, n, r.number(1, "amount"))
	require.Equal(e, n+1, r.number(1, "version"))
	slices.Sort(found.values)
	require.Equal(e, upTo(n + 1)[1:], found.values, "the versions that Modify returned")
}

// combinedUpsert has many make one entity: one of them finds nothing.
func combinedUpsert(e *env) {
	r := newAccounts(e)
	workers := scaled(32, 8)
	handles := []*accountRepository{r.on(e.db, combining()), r.on(e.open(store.Options{}), combining())}
	for id := range int64(repeated(10, 3)) {
		var found collector
		e.parallel(workers, 1, func(ctx context.Context, w, _ int) error {
			a, err := handles[w%2].Upsert(ctx, id+1, func(a *account, isFound bool) error {
				if isFound != (a.Amount > 0) {
					return fmt.Errorf("found is %t for amount %d", isFound, a.Amount)
				}
				a.Amount++
				return nil
			})
			if err == nil && a.Amount != a.Version {
				err = fmt.Errorf("version %d came with amount %d", a.Version, a.Amount)
			}
			found.add(a.Version)
			return err
		})
		slices.Sort(found.values)
		require.Equal(e, upTo(int64(workers)), found.values)
		require.EqualValues(e, workers, r.number(id+1, "amount"))
	}
}

// combinedSpread has calls on more entities than there are goroutines: nothing is mixed up between them.
func combinedSpread(e *env) {
	const entities = 8
	r := newAccounts(e, make([]int64, entities)...)
	hot := r.on(e.db, combining())
	workers, each := scaled(32, 8), repeated(60, 20)
	e.parallel(workers, each, func(ctx context.Context, w, turn int) error {
		id := int64((w+turn)%entities) + 1
		a, err := hot.Modify(ctx, id, credit(id))
		if err == nil && a.Amount != id*(a.Version-1) {
			err = fmt.Errorf("entity %d: version %d came with amount %d", id, a.Version, a.Amount)
		}
		return err
	})
	var total int64
	for id := range int64(entities) {
		total += r.number(id+1, "version") - 1
		require.Equal(e, (id+1)*(r.number(id+1, "version")-1), r.number(id+1, "amount"))
	}
	require.EqualValues(e, workers*each, total)
}

// combinedWrites counts what is sent for many calls that wait at the same time: less than a write for each.
func combinedWrites(e *env) {
	r := newAccounts(e, 0)
	db, s := e.spied(store.Options{})
	hot := r.on(db, combining())
	calls := make([]func(ctx context.Context) error, 16)
	for i := range calls {
		calls[i] = func(ctx context.Context) error {
			_, err := hot.Modify(ctx, 1, credit(1))
			return err
		}
	}
	errs := e.crowd(func(inFunction func()) error {
		_, err := hot.Modify(e.ctx, 1, func(*account) error { inFunction(); return nil })
		return err
	}, calls...)
	require.NoError(e, errors.Join(errs...))
	updates := 0
	for _, op := range s.list() {
		if op == "update" {
			updates++
		}
	}
	require.Positive(e, updates)
	require.Less(e, updates, len(calls))
}

// crowd makes calls that wait for one that is at work, so that most of them are in one round: the function of that one
// waits until theirs have run, or one of them has had its answer.
func (e *env) crowd(hold func(inFunction func()) error, calls ...func(ctx context.Context) error) []error {
	e.Helper()
	started, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	holder := e.async("the call at work", func(context.Context) error {
		return hold(func() {
			once.Do(func() { close(started); <-release })
		})
	})
	soon(e, started, "the function of the call at work")
	errs := make([]error, len(calls))
	var left atomic.Int64
	left.Store(int64(len(calls)))
	e.parallel(len(calls), 1, func(ctx context.Context, w, _ int) error {
		errs[w] = calls[w](ctx)
		if left.Add(-1) == 0 {
			close(release)
		}
		return nil
	})
	require.NoError(e, e.await(holder))
	return errs
}

// valuesCombined writes an entity by one of several calls that are combined.
func valuesCombined(e *env, r *kindTable, k kinds) (have kinds) {
	e.Helper()
	inserted(r, plainKinds(k.ID))
	hot := r.on(e.db, combining())
	var after kinds
	errs := e.crowd(func(inFunction func()) error {
		_, err := hot.Modify(e.ctx, k.ID, func(*kinds) error { inFunction(); return nil })
		return err
	}, func(ctx context.Context) (err error) {
		have, err = hot.Modify(ctx, k.ID, func(old *kinds) error {
			fresh := k
			fresh.Snapshot = old.Snapshot
			*old = fresh
			return nil
		})
		return err
	}, func(ctx context.Context) (err error) {
		after, err = hot.Modify(ctx, k.ID, func(*kinds) error { return nil })
		return err
	})
	require.NoError(e, errors.Join(errs...))
	if after.Version == have.Version {
		same := have
		same.Snapshot, after.Snapshot = store.Snapshot{}, store.Snapshot{}
		e.alike(same, after, "what the next was given")
	}
	return have
}

// combinedRefusal has one of many take a value that another row has.
func combinedRefusal(e *env) {
	r := newMembers(e)
	inserted(r, member{ID: 1, Email: "taken@example.org"})
	inserted(r, member{ID: 2, Email: "free@example.org"})
	hot := r.on(e.db, combining())
	workers := scaled(16, 6)
	for turn := range repeated(6, 3) {
		bad := turn % workers
		var calls []func(ctx context.Context) error
		for w := range workers {
			calls = append(calls, func(ctx context.Context) error {
				_, err := hot.Modify(ctx, 2, func(m *member) error {
					if m.Age++; w == bad {
						m.Email = "taken@example.org"
					}
					return nil
				})
				return err
			})
		}
		age := r.number(2, "age")
		errs := e.crowd(func(inFunction func()) error {
			_, err := hot.Modify(e.ctx, 2, func(*member) error { inFunction(); return nil })
			return err
		}, calls...)
		for w, err := range errs {
			if w == bad {
				e.only(err, store.ErrExists)
			} else {
				require.NoError(e, err, "call %d is not the author", w)
			}
		}
		require.EqualValues(e, age+int64(workers)-1, r.number(2, "age"))
	}
}

// combinedErrors has functions that refuse when what they see is not what they want. Each says what it saw, and by that
// must be right.
func combinedErrors(e *env) {
	r := newAccounts(e, 0)
	hot := r.on(e.db, combining())
	other := r.on(e.open(store.Options{}), patient)
	workers, each := scaled(32, 8), repeated(40, 10)
	var spent atomic.Int64
	errPoor := errors.New("poor")
	e.parallel(workers, each, func(ctx context.Context, w, turn int) error {
		if w == 0 {
			_, err := other.Modify(ctx, 1, credit(3))
			return err
		}
		a, err := hot.Modify(ctx, 1, func(a *account) error {
			if a.Amount == 0 {
				return errPoor
			}
			a.Amount--
			return nil
		})
		switch {
		case err == nil:
			spent.Add(1)
			if a.Amount < 0 {
				return fmt.Errorf("an amount of %d", a.Amount)
			}
		case !errors.Is(err, errPoor):
			return err
		}
		return nil
	})
	require.EqualValues(e, int64(3*each)-spent.Load(), r.number(1, "amount"))
	require.EqualValues(e, int64(each)+spent.Load()+1, r.number(1, "version"))
}

// combinedUnknown loses the answer of a write that several share. It is not sent again, and each of them is told.
func combinedUnknown(e *env) {
	r := newAccounts(e, 0)
	db, arm := e.faulty()
	hot := r.on(db, combining())
	for _, landed := range []bool{true, false} {
		before := r.number(1, "amount")
		calls := make([]func(ctx context.Context) error, 6)
		for i := range calls {
			calls[i] = func(ctx context.Context) error {
				_, err := hot.Modify(ctx, 1, credit(1))
				return err
			}
		}
		var once sync.Once
		errs := e.crowd(func(inFunction func()) error {
			_, err := hot.Modify(e.ctx, 1, func(*account) error {
				once.Do(func() { arm(Fault{Landed: landed}) })
				inFunction()
				return nil
			})
			return err
		}, calls...)
		stored, unknown := int64(0), int64(0)
		for _, err := range errs {
			if err == nil {
				stored++
				continue
			}
			if e.unknown(err, "Modify") {
				unknown++
			}
		}
		amount := r.number(1, "amount") - before
		require.GreaterOrEqual(e, amount, stored)
		require.LessOrEqual(e, amount, stored+unknown)
		if e.h.Faults == nil {
			require.Positive(e, unknown)
			require.Equal(e, landed, amount == stored+unknown, "all of a write or nothing")
		}
	}
}

// combinedCopies has each call change what it got, in place.
func combinedCopies(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	hot := r.on(e.db, combining())
	workers := scaled(16, 6)
	e.parallel(workers, repeated(20, 5), func(ctx context.Context, w, turn int) error {
		c, err := hot.Modify(ctx, 1, func(c *club) error {
			if c.Ground.Name != "Filbert Street" || c.Titles[0] != "2016" || c.Logo[0] != 1 || *c.Nick != "The Foxes" {
				return fmt.Errorf("another call's changes of its own copy are seen: %v", *c)
			}
			c.Wages[fmt.Sprint("player ", w)] = int64(turn)
			return nil
		})
		if err == nil {
			c.Ground.Name, c.Titles[0], c.Logo[0], *c.Nick = "mine", "mine", 9, "mine"
			clear(c.Wages)
		}
		return err
	})
	require.Len(e, r.get(1).Wages, 2+workers)
}
