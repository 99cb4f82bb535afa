package storetest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Versions: Insert stores 1, each write adds exactly 1, the version in memory moves only after the
// write, a missing version is 0, and a copy that was never read is refused.
var _ = register(
	"Versions",
	Test{Name: "InsertStoresOne", run: versionsInsert},
	Test{Name: "EachWriteAddsOne", run: versionsEachWrite},
	Test{Name: "ChangeOfNothing", run: versionsUnchanged},
	Test{Name: "FailureLeavesTheEntity", run: versionsFailure},
	Test{Name: "MissingVersionIsZero", run: versionsMissing},
	Test{Name: "StoredZeroIsZero", run: versionsZero},
	Test{Name: "NeverReadIsInvalid", run: versionsNeverRead},
	Test{Name: "CopyFromElsewhere", run: versionsFromElsewhere},
	Test{Name: "OwnFields", run: versionsOwnFields},
	Test{Name: "OfAnotherKey", run: versionsOtherKey},
)

// versionsInsert inserts entities that hold a version already: the stored one is 1.
func versionsInsert(e *env) {
	r := newClubs(e)
	c := newClub(1)
	c.Version = 41 // as when a copy gets another key
	require.NoError(e, r.Insert(e.ctx, &c))
	require.EqualValues(e, 1, c.Version)
	require.EqualValues(e, 1, r.number(1, "version"))
	require.False(e, c.ReadAt.IsZero())
	two, three := newClub(2), newClub(3)
	require.NoError(e, insertMany(e, r, &two, &three))
	for _, c := range []club{two, three} {
		require.EqualValues(e, 1, c.Version)
		require.EqualValues(e, 1, r.number(c.ID, "version"))
	}
}

// insertMany inserts by InsertMany where the backend can do that, and else one by one.
func insertMany(e *env, r *clubs, all ...*club) error {
	if e.info.Transactions {
		return r.InsertMany(e.ctx, all)
	}
	for _, c := range all {
		if err := r.Insert(e.ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// versionsEachWrite counts the versions of every verb: each write moves it by one.
func versionsEachWrite(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	want := int64(1)
	step := func(op string, have int64) {
		want++
		require.Equal(e, want, have, op)
		require.Equal(e, want, r.number(1, "version"), op)
	}
	for range 3 {
		c.Balance++
		require.NoError(e, r.Save(e.ctx, &c))
		step("Save", c.Version)
		m, err := r.Modify(e.ctx, 1, func(c *club) error { c.Balance++; return nil })
		require.NoError(e, err)
		step("Modify", m.Version)
		m, err = r.Upsert(e.ctx, 1, func(c *club, _ bool) error { c.Balance++; return nil })
		require.NoError(e, err)
		step("Upsert", m.Version)
		require.NoError(e, r.Touch(e.ctx, &m))
		step("Touch", m.Version)
		c = m
	}
	require.EqualValues(e, 109, r.number(1, "balance"))
}

func versionsUnchanged(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	require.NoError(e, r.Save(e.ctx, &c))
	require.EqualValues(e, 2, c.Version, "Save of an unchanged copy writes")
	require.EqualValues(e, 2, r.number(1, "version"))
	m, err := r.Modify(e.ctx, 1, func(*club) error { return nil })
	require.NoError(e, err)
	require.EqualValues(e, 2, m.Version, "Modify of an unchanged copy does not")
	require.EqualValues(e, 2, r.number(1, "version"))
}

// versionsFailure compares the entity before and after each failed write, its times included, which
// a write that happens would have cut.
func versionsFailure(e *env) {
	r := newClubs(e)
	stale := inserted(r, newClub(1))
	r.modify(1, func(c *club) { c.Balance++ })
	stale.Founded, stale.Ground.Opened = kickoff.In(time.FixedZone("", 3600)), kickoff
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	members := newMembers(e)
	inserted(members, member{ID: 1, Email: "a@example.org"})
	second := inserted(members, member{ID: 2, Email: "b@example.org"})
	second.Email = "a@example.org"

	unread, gone := newClub(1), newClub(9)
	gone.Snapshot = stale.Snapshot
	long := r.get(1)
	long.Name = string(make([]byte, 61))
	for _, c := range []struct {
		name    string
		entity  *club
		write   func(*club) error
		wantErr error
	}{
		{"Insert of a key that is there", &unread, func(c *club) error { return r.Insert(e.ctx, c) }, store.ErrExists},
		{"Save of a stale copy", &stale, func(c *club) error { return r.Save(e.ctx, c) }, store.ErrConflict},
		{"Touch of a stale copy", &stale, func(c *club) error { return r.Touch(e.ctx, c) }, store.ErrConflict},
		{"Save of a missing row", &gone, func(c *club) error { return r.Save(e.ctx, c) }, store.ErrNotFound},
		{"Save of a value that is too long", &long, func(c *club) error { return r.Save(e.ctx, c) }, store.ErrInvalid},
		{"Save under an ended context", &stale, func(c *club) error { return r.Save(ended, c) }, context.Canceled},
	} {
		before := *c.entity
		opened := c.entity.Ground.Opened
		require.ErrorIs(e, c.write(c.entity), c.wantErr, c.name)
		require.Equal(e, before, *c.entity, c.name)
		require.Equal(e, opened, c.entity.Ground.Opened, "%s: a nested time was cut", c.name)
	}
	before := second
	require.ErrorIs(e, members.Save(e.ctx, &second), store.ErrExists)
	require.Equal(e, before, second)
	require.EqualValues(e, 2, r.number(1, "version"))
	require.EqualValues(e, 1, members.number(2, "version"))
}

// versionsMissing meets rows without a version, as a table has them that was there before: they read as version 0 and
// get 1 with their first write.
func versionsMissing(e *env) {
	r := newClubs(e)
	legacy := func(id int64) club {
		inserted(r, newClub(id))
		r.unset(id, "version")
		require.EqualValues(e, -1, r.number(id, "version"))
		c := r.get(id)
		require.EqualValues(e, 0, c.Version)
		require.False(e, c.ReadAt.IsZero())
		return c
	}
	c := legacy(1)
	stale, err := r.IsStale(e.ctx, c)
	require.NoError(e, err)
	require.False(e, stale)
	c.Balance = 1
	require.NoError(e, r.Save(e.ctx, &c))
	require.EqualValues(e, 1, c.Version)
	require.EqualValues(e, 1, r.number(1, "version"))

	legacy(2)
	m := r.modify(2, func(c *club) { c.Balance = 2 })
	require.EqualValues(e, 1, m.Version)
	require.EqualValues(e, 1, r.number(2, "version"))

	c = legacy(3)
	require.NoError(e, r.Touch(e.ctx, &c))
	require.EqualValues(e, 1, r.number(3, "version"))

	c = legacy(4)
	require.NoError(e, r.Delete(e.ctx, c))
	r.gone(4)

	old := legacy(5)
	r.modify(5, func(c *club) { c.Balance = 5 })
	err = r.Save(e.ctx, &old)
	e.conflict(err, 0, 1)
	e.conflict(r.Delete(e.ctx, old), 0, 1)

	legacy(6)
	m, err = r.Upsert(e.ctx, 6, func(c *club, found bool) error {
		require.True(e, found)
		c.Balance = 6
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 1, m.Version)
}

func versionsZero(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	r.set(1, Columns{"version": int64(0)})
	c := r.get(1)
	require.EqualValues(e, 0, c.Version)
	c.Balance = 3
	require.NoError(e, r.Save(e.ctx, &c))
	require.EqualValues(e, 1, r.number(1, "version"))
}

// versionsNeverRead writes entities that were never read. Version 0 would find the rows that have none, so it is
// refused.
func versionsNeverRead(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	r.set(1, Columns{"version": int64(0)}) // zero never means "skip the check"
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	c := newClub(1)
	e.only(ours.Save(e.ctx, &c), store.ErrInvalid, "Save")
	e.only(ours.Delete(e.ctx, c), store.ErrInvalid, "Delete")
	e.only(ours.Touch(e.ctx, &c), store.ErrInvalid, "Touch")
	_, err := ours.IsStale(e.ctx, c)
	e.only(err, store.ErrInvalid, "IsStale")
	require.Empty(e, spy.take(), "refused before any I/O")
	require.EqualValues(e, 0, r.number(1, "version"))
}

// versionsFromElsewhere saves a copy of version 0 that a client has sent back: by its JSON, and by the version
// alone. A second client that has seen the same version meets a conflict.
func versionsFromElsewhere(e *env) {
	r := newClubs(e)
	for _, back := range []func(club) club{
		func(c club) club {
			text, err := json.Marshal(c)
			require.NoError(e, err)
			var sent club
			require.NoError(e, json.Unmarshal(text, &sent))
			return sent
		},
		func(c club) club {
			sent := newClub(c.ID)
			sent.Snapshot = store.SnapshotAt(c.Version)
			return sent
		},
	} {
		e.stored(r, 1)
		r.set(1, Columns{"version": int64(0)})
		first, second := back(r.get(1)), back(r.get(1))
		stale, err := r.IsStale(e.ctx, first)
		require.NoError(e, err)
		require.False(e, stale)
		first.Balance = 7
		require.NoError(e, r.Save(e.ctx, &first))
		require.EqualValues(e, 1, first.Version)
		require.EqualValues(e, 1, r.number(1, "version"))
		require.ErrorIs(e, r.Save(e.ctx, &second), store.ErrConflict)
		require.ErrorIs(e, r.Delete(e.ctx, second), store.ErrConflict)
		require.NoError(e, r.DeleteKey(e.ctx, 1))
	}
}

// ownFields carries its version and time itself.
type ownFields struct {
	ID     int64     `db:"id" bson:"_id" store:"key"`
	Amount int64     `db:"amount" bson:"amount"`
	Rev    int64     `db:"rev" bson:"rev" store:"version"`
	Seen   time.Time `db:"-" bson:"-" store:"readat"`
}

// timeless has no field for the time of its reading.
type timeless struct {
	ID     int64 `db:"id" bson:"_id" store:"key"`
	Amount int64 `db:"amount" bson:"amount"`
	Rev    int64 `db:"rev" bson:"rev" store:"version"`
}

// versionsOwnFields has the version in a field of the entity's own, and no time of reading.
func versionsOwnFields(e *env) {
	r := newRepository[ownFields](e, "own", byID)
	c := inserted(r, ownFields{ID: 1, Amount: 5})
	require.EqualValues(e, 1, c.Rev)
	require.False(e, c.Seen.IsZero())
	c = r.get(1)
	require.False(e, c.Seen.IsZero())
	c.Amount = 6
	require.NoError(e, r.Save(e.ctx, &c))
	require.EqualValues(e, 2, c.Rev)
	require.EqualValues(e, 2, r.number(1, "rev"))
	c.Rev = 1
	e.conflict(r.Save(e.ctx, &c), 1, 2)

	bare := over[timeless, int64](e, e.db, r.name, nil)
	t, err := bare.Get(e.ctx, 1)
	require.NoError(e, err)
	t.Amount = 7
	require.NoError(e, bare.Save(e.ctx, &t))
	require.EqualValues(e, 3, t.Rev)
	e.only(bare.Save(e.ctx, &timeless{ID: 1}), store.ErrInvalid)
}

// versionsOtherKey states what a version cannot see, so that nobody takes it for a promise.
func versionsOtherKey(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	require.NoError(e, r.Delete(e.ctx, r.get(1)))
	e.stored(r, 1)
	require.NoError(e, r.Save(e.ctx, &c), "a key that was deleted and inserted again starts at 1 again")
	c.ID = 2
	e.only(r.Save(e.ctx, &c), store.ErrNotFound)
}
