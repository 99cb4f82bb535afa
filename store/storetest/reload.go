package storetest

import (
	"context"
	"math"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Reload replaces every mapped field, in place, only on success.
var _ = register(
	"Reload",
	Test{Name: "ReplacesTheWholeInPlace", run: reloadWhole},
	Test{Name: "NullClears", run: reloadNullClears},
	Test{Name: "WritesThroughNoOldPointer", run: reloadOldPointers},
	Test{Name: "MissingLeavesTheValue", run: reloadMissing},
	Test{Name: "FailureLeavesTheValue", run: reloadFailure},
	Test{Name: "StoredValueThatDoesNotFitLeavesTheValue", run: reloadMisfit},
	Test{Name: "NeedsOnlyTheKey", run: reloadKeyOnly},
	Test{Name: "IsStaleReadsTheVersion", run: reloadIsStale},
)

// reloadWhole reloads a copy that was changed in memory: every mapped field is the stored one, and what is not mapped
// stays.
func reloadWhole(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	c.Scratch = "mine"
	same := &c
	c.Balance, c.Name, c.Titles = -5, "dirty", nil

	changed := newClub(1)
	changed.Name, changed.Balance, changed.Logo = "Leicester City", 7, []byte{9}
	changed.Titles, changed.Wages = []string{"2016"}, map[string]int64{"Morgan": 60}
	want := r.modify(1, func(c *club) {
		s := c.Snapshot
		*c = changed
		c.Snapshot = s
	})
	before := c.ReadAt
	require.NoError(e, r.Reload(e.ctx, same))
	e.same(want, c)
	require.EqualValues(e, 2, c.Version)
	require.False(e, c.ReadAt.Before(before), "ReadAt is that of the reload")
	require.Equal(e, "mine", c.Scratch, "a field that is not mapped is the caller's")
}

func reloadNullClears(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	c := r.get(1)
	require.NoError(e, r.Reload(e.ctx, &c)) // a value that was read in place is one to be cleared
	r.unset(1, "nick", "logo", "titles", "wages", "ground")
	require.NoError(e, r.Reload(e.ctx, &c))
	require.Nil(e, c.Nick)
	require.Nil(e, c.Logo)
	require.Nil(e, c.Titles)
	require.Nil(e, c.Wages)
	require.Nil(e, c.Ground)
	require.Equal(e, "Club 1", c.Name)
}

// reloadOldPointers keeps what the fields of a copy point at. Reload gives them new memory, since somebody else may
// hold the old one.
func reloadOldPointers(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	nick, logo, titles, wages, ground := c.Nick, c.Logo, c.Titles, c.Wages, c.Ground
	r.modify(1, func(c *club) {
		*c.Nick, c.Logo[0], c.Titles[0], c.Wages["Vardy"], c.Ground.Name = "new", 77, "new", 1, "new"
	})
	require.NoError(e, r.Reload(e.ctx, &c))
	require.Equal(e, "new", *c.Nick)
	require.Equal(e, "The Foxes", *nick, "another holder of the old pointer sees no change")
	require.EqualValues(e, 1, logo[0])
	require.Equal(e, "2016", titles[0])
	require.EqualValues(e, 80, wages["Vardy"])
	require.Equal(e, "Filbert Street", ground.Name)
}

func reloadMissing(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	c.Balance, c.Scratch = 55, "mine"
	want := c
	r.remove(1)
	e.only(r.Reload(e.ctx, &c), store.ErrNotFound)
	require.Equal(e, want, c)
}

func reloadFailure(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	r.set(1, Columns{"balance": int64(3)})
	want := c
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	require.ErrorIs(e, r.Reload(ctx, &c), context.Canceled)
	require.Equal(e, want, c)
}

// clubSmall maps the balance to a type that cannot hold what the table can.
type clubSmall struct {
	store.Snapshot `bson:",inline"`

	ID      int64  `db:"id" bson:"_id" store:"key"`
	Name    string `db:"name" bson:"name" store:"size=60"`
	Balance int8   `db:"balance" bson:"balance"`
}

// reloadMisfit reads a number that does not fit into its field: an error that names the field, and the copy is as it
// was.
func reloadMisfit(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	small := over[clubSmall, int64](e, e.db, r.name, nil)
	c, err := small.Get(e.ctx, 1)
	require.NoError(e, err)
	require.EqualValues(e, 100, c.Balance)
	r.modify(1, func(c *club) { c.Balance, c.Name = math.MaxInt8+1, "changed" })
	want := c
	err = small.Reload(e.ctx, &c)
	e.names(err, "Balance")
	require.NotErrorIs(e, err, store.ErrNotFound)
	require.Equal(e, want, c, "nothing of the row was taken over")
	_, err = small.Get(e.ctx, 1)
	e.names(err, "Balance")
	_, err = store.Collect(small.Find(e.ctx, store.Query{}))
	e.names(err, "Balance")
	_, err = small.GetMany(e.ctx, []int64{1})
	e.names(err, "Balance")
}

func reloadKeyOnly(e *env) {
	r := newClubs(e)
	want := inserted(r, newClub(1))
	c := club{ID: 1}
	require.NoError(e, r.Reload(e.ctx, &c))
	e.same(want, c)
}

// reloadIsStale asks IsStale after a write that moves the version, after one that does not, and after a Reload.
func reloadIsStale(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	stale, err := r.IsStale(e.ctx, c)
	require.NoError(e, err)
	require.False(e, stale)
	r.set(1, Columns{"balance": int64(3)})
	stale, err = r.IsStale(e.ctx, c)
	require.NoError(e, err)
	require.False(e, stale, "a writer that moves no version is not seen")
	r.modify(1, func(c *club) { c.Balance++ })
	stale, err = r.IsStale(e.ctx, c)
	require.NoError(e, err)
	require.True(e, stale)
	require.NoError(e, r.Reload(e.ctx, &c))
	stale, err = r.IsStale(e.ctx, c)
	require.NoError(e, err)
	require.False(e, stale)
}
