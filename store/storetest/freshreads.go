package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/tasks"
)

// FreshReads: a read that begins after a write was acknowledged sees that write or a newer one, and
// ReadAt is never later than the moment that the read shows.
var _ = register(
	"FreshReads",
	Test{Name: "AnotherHandleSeesEachWrite", run: freshAcrossHandles},
	Test{Name: "NothingIsCached", run: freshBehindTheBack},
	Test{Name: "AnotherHandleSeesDeletes", run: freshDeletes},
	Test{Name: "CommittedOnly", needs: transactions, run: freshCommittedOnly},
	Test{Name: "ReadAtIsBeforeTheRead", run: freshReadAt},
	Test{Name: "ReadAtIsBeforeTheMomentOfAView", needs: views, run: freshReadAtInView},
	Test{Name: "ReadAtInATx", needs: transactions, run: freshReadAtInTx},
	Test{Name: "ReadAtOfAWrite", run: freshReadAtOfWrites},
	Test{Name: "ReadAtIsUTC", run: freshReadAtUTC},
	Test{Name: "NeverGoBack", run: manyReads},
)

func freshAcrossHandles(e *env) {
	r := newAccounts(e, 0)
	other := r.on(e.open(store.Options{}), nil)
	for i := range int64(50) {
		r.modify(1, func(a *account) { a.Amount = i + 1 })
		a, err := other.Get(e.ctx, 1)
		require.NoError(e, err)
		require.Equal(e, i+1, a.Amount)
		require.Equal(e, i+2, a.Version)
		n, err := other.Count(e.ctx, store.Where("Amount", store.Eq, i+1))
		require.NoError(e, err)
		require.EqualValues(e, 1, n)
	}
}

func freshBehindTheBack(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	for i, reader := range readers {
		e.run(reader.name, func(e *env) {
			r := r.at(e)
			before := reader.read(e, r.Repository, 1)
			r.set(1, Columns{"balance": int64(1000 + i)})
			after := reader.read(e, r.Repository, 1)
			require.EqualValues(e, 1000+i, after.Balance)
			require.Equal(e, before.Version, after.Version, "nobody moved the version")
		})
	}
}

// freshDeletes deletes rows behind another handle, which must see it at once: it may not have kept what it read.
func freshDeletes(e *env) {
	r := newClubs(e)
	e.stored(r, 1, 2)
	other := r.on(e.open(store.Options{}), nil)
	c, err := other.Get(e.ctx, 1)
	require.NoError(e, err)
	require.NoError(e, r.Delete(e.ctx, r.get(1)))
	r.remove(2)
	for _, id := range []int64{1, 2} {
		_, err = other.Get(e.ctx, id)
		e.only(err, store.ErrNotFound)
		require.ErrorIs(e, other.Reload(e.ctx, &club{ID: id}), store.ErrNotFound)
	}
	_, err = other.IsStale(e.ctx, c)
	e.only(err, store.ErrNotFound)
	many, err := other.GetMany(e.ctx, []int64{1, 2})
	require.NoError(e, err)
	require.Empty(e, many)
}

// freshCommittedOnly reads from outside while a write is not committed. A server may make the
// reader wait; then it answers after the rollback, and with the old state all the same.
func freshCommittedOnly(e *env) {
	r := newAccounts(e, 100)
	other := r.on(e.open(store.Options{}), nil)
	seen := int64(-1)
	var outside *tasks.Task
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := r.In(tx).Modify(ctx, 1, func(a *account) error { a.Amount = 13; return nil }); err != nil {
			return err
		}
		outside = e.async("the read from outside", func(ctx context.Context) error {
			a, err := other.Get(ctx, 1)
			seen = a.Amount
			return err
		})
		within(outside.Done())
		return errBoom
	})
	require.ErrorIs(e, err, errBoom)
	require.NoError(e, e.await(outside))
	require.EqualValues(e, 100, seen)
}

// movingClock is an Options.Now that writes, behind the library's back, how often it was called.
// A read whose ReadAt was taken by call n, and only then sent, must show n or more.
type movingClock struct {
	calls atomic.Int64
	tick  func(n int64) // nil until there is a row
}

func (c *movingClock) now() time.Time {
	n := c.calls.Add(1)
	if c.tick != nil {
		c.tick(n)
	}
	return clockStart.Add(time.Duration(n) * time.Hour)
}

var clockStart = time.Date(2016, time.January, 1, 0, 0, 0, 0, time.UTC)

// call says which call of the clock gave t.
func (c *movingClock) call(t time.Time) int64 { return int64(t.Sub(clockStart) / time.Hour) }

func (e *env) clocked() (*clubs, *store.DB, *movingClock) {
	r := newClubs(e)
	e.stored(r, 1, 2)
	clock := &movingClock{}
	db := e.open(store.Options{Now: clock.now})
	clock.tick = func(n int64) {
		r.set(1, Columns{"balance": n})
		r.set(2, Columns{"balance": n})
	}
	return r, db, clock
}

func freshReadAt(e *env) {
	r, db, clock := e.clocked()
	ours := r.on(db, nil)
	for _, reader := range readers {
		before := clock.calls.Load()
		c := reader.read(e, ours, 1)
		n := clock.call(c.ReadAt)
		require.Greater(e, n, before, "%s: ReadAt is older than the call", reader.name)
		require.GreaterOrEqual(e, c.Balance, n, "%s: ReadAt was taken after the read", reader.name)
	}
}

// freshReadAtInView counts the calls of a clock. ReadAt may be earlier than the moment that a View shows, and never
// later, since a copy must not look fresher than it is.
func freshReadAtInView(e *env) {
	r, db, clock := e.clocked()
	ours := r.on(db, nil)
	require.NoError(e, db.View(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := ours.In(tx)
		before := clock.calls.Load()
		first, err := in.Get(ctx, 1)
		require.NoError(e, err)
		require.Greater(e, clock.call(first.ReadAt), before-1)
		second, err := in.Get(ctx, 2)
		require.NoError(e, err)
		require.NoError(e, in.Reload(ctx, &first))
		all, err := store.Collect(in.Find(ctx, store.Query{}))
		require.NoError(e, err)
		for _, c := range append(all, first, second) {
			require.GreaterOrEqual(e, c.Balance, clock.call(c.ReadAt), "ReadAt is later than the moment of the View")
		}
		return nil
	}))
}

func freshReadAtInTx(e *env) {
	r, db, clock := e.clocked()
	ours := r.on(db, nil)
	require.NoError(e, db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		for range 2 {
			for _, id := range []int64{1, 2} {
				c, err := ours.In(tx).Get(ctx, id)
				require.NoError(e, err)
				require.GreaterOrEqual(e, c.Balance, clock.call(c.ReadAt), "ReadAt was taken after the read")
			}
		}
		return nil
	}))
}

// freshReadAtOfWrites looks at ReadAt after each write, which tells what is stored as well as a read does.
func freshReadAtOfWrites(e *env) {
	var calls atomic.Int64
	db := e.open(store.Options{Now: func() time.Time {
		return clockStart.Add(time.Duration(calls.Add(1)) * time.Hour)
	}})
	r := newClubs(e)
	ours := r.on(db, nil)
	c := newClub(1)
	last := clockStart
	moved := func(op string, readAt time.Time) {
		require.True(e, readAt.After(last), "%s: ReadAt is %v and was %v", op, readAt, last)
		last = readAt
	}
	require.NoError(e, ours.Insert(e.ctx, &c))
	moved("Insert", c.ReadAt)
	require.NoError(e, ours.Save(e.ctx, &c))
	moved("Save", c.ReadAt)
	require.NoError(e, ours.Touch(e.ctx, &c))
	moved("Touch", c.ReadAt)
	c, err := ours.Modify(e.ctx, 1, func(c *club) error { c.Balance++; return nil })
	require.NoError(e, err)
	moved("Modify", c.ReadAt)
	c, err = ours.Upsert(e.ctx, 1, func(c *club, _ bool) error { c.Balance++; return nil })
	require.NoError(e, err)
	moved("Upsert", c.ReadAt)
	require.NotContains(e, r.raw(1), "readat", "ReadAt is not stored")
}

func freshReadAtUTC(e *env) {
	zone := time.FixedZone("Leicester", 3600)
	r := newClubs(e)
	e.stored(r, 1)
	db := e.open(store.Options{Now: func() time.Time { return clockStart.In(zone) }})
	c, err := r.on(db, nil).Get(e.ctx, 1)
	require.NoError(e, err)
	require.Equal(e, time.UTC, c.ReadAt.Location())
	require.True(e, c.ReadAt.Equal(clockStart))
}

// manyReads has readers on other handles watch a row that is written all the time. What a reader sees
// is at least what was acknowledged before its call, and never older than what it saw before.
func manyReads(e *env) {
	r := newAccounts(e, 0)
	var acknowledged atomic.Int64
	write := func(ctx context.Context, _ int) error {
		a, err := r.Modify(ctx, 1, credit(1))
		if err == nil {
			acknowledged.Store(a.Version)
		}
		return err
	}
	var handles []*accountRepository
	for range 3 {
		handles = append(handles, r.on(e.open(store.Options{}), nil))
	}
	last := make([]int64, len(handles))
	read := func(ctx context.Context, reader, _ int) error {
		least := acknowledged.Load()
		a, err := handles[reader].Get(ctx, 1)
		switch {
		case err != nil:
			return err
		case a.Version < least:
			return fmt.Errorf("version %d, although %d was acknowledged", a.Version, least)
		case a.Version < last[reader]:
			return fmt.Errorf("the version went back from %d to %d", last[reader], a.Version)
		case a.Amount != a.Version-1:
			return fmt.Errorf("a torn row: version %d with the amount %d", a.Version, a.Amount)
		}
		last[reader] = a.Version
		return nil
	}
	e.meanwhile(1, write, func(context.Context) { e.parallel(len(handles), scaled(300, 60), read) })
}
