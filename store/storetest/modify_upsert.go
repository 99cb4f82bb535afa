package storetest

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Upsert is Modify, else Insert, as part of Modify.
var _ = register(
	"Modify",
	Test{Name: "UpsertInserts", run: upsertInserts},
	Test{Name: "UpsertModifies", run: upsertModifies},
	Test{Name: "UpsertLosesTheRace", run: upsertRace},
	Test{Name: "UpsertRefusals", run: upsertRefusals},
)

// upsertInserts upserts a row that is not there: the function gets an entity that is zero but for its key, and whatever
// it leaves is inserted.
func upsertInserts(e *env) {
	r := newClubs(e)
	c, err := r.Upsert(e.ctx, 7, func(c *club, found bool) error {
		require.False(e, found)
		require.Equal(e, club{ID: 7}, *c, "zero but for its key")
		c.Name, c.Founded = "new", kickoff
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 7, c.ID)
	require.EqualValues(e, 1, c.Version)
	require.Equal(e, e.cut(kickoff), c.Founded)
	require.False(e, c.ReadAt.IsZero())
	e.same(c, r.get(7))
	_, err = r.Upsert(e.ctx, 8, func(*club, bool) error { return nil })
	require.NoError(e, err, "an entity that the function leaves zero is inserted all the same")
	require.NotNil(e, r.raw(8))
}

// upsertModifies upserts a row that is there: it is a Modify, which writes the changed fields alone.
func upsertModifies(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	want := r.raw(1)
	c, err := r.Upsert(e.ctx, 1, func(_ *club, found bool) error { require.True(e, found); return nil })
	require.NoError(e, err)
	require.EqualValues(e, 1, c.Version)
	require.Equal(e, want, r.raw(1), "nothing changed, nothing is written")
	c, err = r.Upsert(e.ctx, 1, func(c *club, _ bool) error {
		r.set(1, Columns{"name": "raw"})
		c.Balance++
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 2, c.Version)
	require.Equal(e, "raw", r.get(1).Name, "only what changed is written")
	require.EqualValues(e, 101, r.number(1, "balance"))
}

// upsertRace lets another insert the key between the read and the insert, and delete it again.
func upsertRace(e *env) {
	r := newClubs(e)
	var found []bool
	c, err := r.Upsert(e.ctx, 1, func(c *club, f bool) error {
		if found = append(found, f); len(found) == 1 {
			e.stored(r, 1)
		}
		c.Balance++
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, []bool{false, true}, found)
	require.EqualValues(e, 101, c.Balance)
	require.EqualValues(e, 2, c.Version)
	require.Equal(e, "Club 1", c.Name)

	found = nil
	c, err = r.Upsert(e.ctx, 1, func(c *club, f bool) error {
		if found = append(found, f); len(found) == 1 {
			r.remove(1)
		}
		c.Balance++
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, []bool{true, false}, found)
	require.EqualValues(e, 1, c.Balance, "nothing of the deleted life came back")
	require.EqualValues(e, 1, c.Version)
	require.Empty(e, c.Titles)
}

func upsertRefusals(e *env) {
	r := newClubs(e)
	_, err := r.Upsert(e.ctx, 1, func(c *club, _ bool) error { c.Name = strings.Repeat("x", 61); return nil })
	e.only(err, store.ErrInvalid)
	r.gone(1)
	_, err = r.Upsert(e.ctx, 1, nil)
	e.only(err, store.ErrInvalid)
	_, err = r.Modify(e.ctx, 1, nil)
	e.only(err, store.ErrInvalid)
	ended, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err = r.Upsert(ended, 1, func(*club, bool) error { e.Fatal("the function ran"); return nil })
	require.ErrorIs(e, err, context.Canceled)
}
