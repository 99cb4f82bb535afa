package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// NoAccidentalUpsert: Save and Modify never create, Insert never overwrites, and what an entity does
// not map stays as it is, inside nested structs too where Info.NestedPaths says so.
var _ = register(
	"NoAccidentalUpsert",
	Test{Name: "SaveBringsNoRowBack", run: upsertsSave},
	Test{Name: "ModifyAndTouchBringNoRowBack", run: upsertsModify},
	Test{Name: "InsertOverwritesNothing", run: upsertsInsert},
	Test{Name: "InsertManyIsAllOrNone", run: upsertsInsertMany},
	Test{Name: "SaveKeepsWhatItDoesNotMap", run: upsertsUnmapped},
	Test{Name: "KeepsWhatANestedStructDoesNotMap", run: upsertsNested},
	Test{Name: "WritesNestedStructsOverNull", run: upsertsNestedNull},
	Test{Name: "InsertLeavesTheRestNull", run: upsertsInsertUnmapped},
)

// upsertsSave saves a row that is gone, which must not bring it back.
func upsertsSave(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	r.remove(1)
	e.only(r.Save(e.ctx, &c), store.ErrNotFound)
	r.gone(1)
	n, err := r.Count(e.ctx, store.Query{})
	require.NoError(e, err)
	require.EqualValues(e, 0, n)

	e.stored(r, 2)
	c = r.get(2)
	require.NoError(e, r.Delete(e.ctx, c))
	e.only(r.Save(e.ctx, &c), store.ErrNotFound)
	r.gone(2)
	c.ID = 3
	e.only(r.Save(e.ctx, &c), store.ErrNotFound)
	r.gone(3)
}

func upsertsModify(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	c := r.get(1)
	_, err := r.Modify(e.ctx, 1, func(c *club) error {
		r.remove(1) // between its read and its write
		c.Balance++
		return nil
	})
	e.only(err, store.ErrNotFound)
	r.gone(1)
	e.only(r.Touch(e.ctx, &c), store.ErrNotFound)
	r.gone(1)
}

// upsertsInsert inserts over a row that is there, which must not replace it.
func upsertsInsert(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	r.modify(1, func(c *club) { c.Balance = 7 })
	want := r.raw(1)
	c := newClub(1)
	c.Name, c.Balance = "usurper", -1
	e.only(r.Insert(e.ctx, &c), store.ErrExists)
	require.Equal(e, want, r.raw(1))
	copied := r.get(1) // one that was read is no exception
	copied.Balance = -2
	e.only(r.Insert(e.ctx, &copied), store.ErrExists)
	require.Equal(e, want, r.raw(1))
	require.EqualValues(e, 2, copied.Version)
}

// upsertsInsertMany inserts several of which one is there, at each place of the list: none of them is stored and no
// entity is changed.
func upsertsInsertMany(e *env) {
	r := newClubs(e)
	e.stored(r, 3)
	want := r.raw(3)
	require.NoError(e, r.InsertMany(e.ctx, nil), "none is nothing to do")
	if !e.info.Transactions {
		one, two := newClub(1), newClub(2)
		err := r.InsertMany(e.ctx, []*club{&one, &two})
		if err != nil {
			e.only(err, store.ErrUnsupported)
			r.gone(1)
			r.gone(2)
			return
		}
		require.NotNil(e, r.raw(1))
		require.NotNil(e, r.raw(2))
	} else {
		one, two := newClub(1), newClub(2)
		require.NoError(e, r.InsertMany(e.ctx, []*club{&one, &two}))
		e.same(one, r.get(1))
		e.same(two, r.get(2))
	}
	for _, ids := range [][]int64{{3, 10, 11}, {10, 3, 11}, {10, 11, 3}, {10, 11, 10}} {
		var all []*club
		var before []club
		for _, id := range ids {
			c := newClub(id)
			all = append(all, &c)
			before = append(before, c)
		}
		e.only(r.InsertMany(e.ctx, all), store.ErrExists, ids)
		for i := range all {
			require.Equal(e, before[i], *all[i], "the entities are as they were")
		}
		r.gone(10)
		r.gone(11)
		require.Equal(e, want, r.raw(3))
	}
	bad, good := newClub(13), newClub(12)
	bad.Name = string(make([]byte, 61))
	e.only(r.InsertMany(e.ctx, []*club{&good, &bad}), store.ErrInvalid)
	require.EqualValues(e, 0, good.Version)
	require.Equal(e, kickoff, good.Founded)
	r.gone(12)
	n, err := r.Count(e.ctx, store.Query{})
	require.NoError(e, err)
	require.EqualValues(e, 3, n)
}

// upsertsUnmapped writes through a struct that knows a part of the columns, as an older program does
// while a newer one is rolled out.
func upsertsUnmapped(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	narrow := over[clubName, int64](e, e.db, r.name, nil)
	want := r.raw(1)
	check := func(op, name string, version int64) {
		e.Helper()
		have := r.raw(1)
		require.Equal(e, version, integer(e, have["version"]), op)
		c := r.get(1)
		require.Equal(e, name, c.Name, op)
		have["version"], have["name"] = want["version"], want["name"]
		require.Equal(e, want, have, op)
	}
	c, err := narrow.Get(e.ctx, 1)
	require.NoError(e, err)
	c.Name = "saved"
	require.NoError(e, narrow.Save(e.ctx, &c))
	check("Save", "saved", 2)
	_, err = narrow.Modify(e.ctx, 1, func(c *clubName) error { c.Name = "modified"; return nil })
	require.NoError(e, err)
	check("Modify", "modified", 3)
	_, err = narrow.Upsert(e.ctx, 1, func(c *clubName, _ bool) error { c.Name = "upserted"; return nil })
	require.NoError(e, err)
	check("Upsert", "upserted", 4)
	c, err = narrow.Get(e.ctx, 1)
	require.NoError(e, err)
	require.NoError(e, narrow.Touch(e.ctx, &c))
	check("Touch", "upserted", 5)
}

func upsertsInsertUnmapped(e *env) {
	r := newRepository[wide](e, "wide", byID)
	narrow := over[clubBalance, int64](e, e.db, r.name, nil)
	require.NoError(e, narrow.Insert(e.ctx, &clubBalance{ID: 1, Balance: 3}))
	c := r.get(1)
	require.EqualValues(e, 3, c.Balance)
	require.Nil(e, c.Note)
	require.Nil(e, c.Data)
	require.EqualValues(e, 1, c.Version)
}

// wide has columns of its own beside those of clubBalance, which can all be NULL.
type wide struct {
	store.Snapshot `bson:",inline"`

	ID      int64   `db:"id" bson:"_id" store:"key"`
	Balance int64   `db:"balance" bson:"balance"`
	Note    *string `db:"note" bson:"note" store:"size=20"`
	Data    []byte  `db:"data" bson:"data" store:"size=20"`
}
