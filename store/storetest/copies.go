package storetest

import (
	"context"
	"maps"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Copies: what a read returns shares no memory with the library or with another read, a write
// keeps no reference to what it was given, and a value is decoded into cleared fields.
var _ = register(
	"Copies",
	Test{Name: "EveryReadIsItsOwn", run: copiesOfReads},
	Test{Name: "WriteKeepsNoReference", run: copiesOfWrites},
	Test{Name: "ReturnedByModifyAndUpsert", run: copiesReturned},
	Test{Name: "InOneTx", needs: transactions, run: copiesInTx},
	Test{Name: "ReadsLeaveNothingBehind", run: copiesAreCleared},
)

// copiesOfReads overwrites what each read handed out. A backend that keeps or shares what it hands out shows it to the
// next reader.
func copiesOfReads(e *env) {
	r := newClubs(e)
	want := inserted(r, newClub(1))
	for _, reader := range readers {
		e.run(reader.name, func(e *env) {
			r := r.at(e)
			for range 3 { // the later reads would see what the earlier copies did to a shared value
				have := reader.read(e, r.Repository, 1)
				e.same(want, have)
				scribble(&have)
			}
			first, second := reader.read(e, r.Repository, 1), reader.read(e, r.Repository, 1)
			scribble(&first)
			e.same(want, second, "a copy that was already handed out")
		})
	}
}

// copiesOfWrites overwrites an entity after it was written. A backend that keeps the caller's memory would change the
// stored row with it.
func copiesOfWrites(e *env) {
	r := newClubs(e)
	c := newClub(1)
	require.NoError(e, r.Insert(e.ctx, &c))
	want := r.get(1)
	scribble(&c)
	e.same(want, r.get(1), "after Insert")

	c = r.get(1)
	c.Titles = append(c.Titles, "2031")
	require.NoError(e, r.Save(e.ctx, &c))
	want = r.get(1)
	scribble(&c)
	e.same(want, r.get(1), "after Save")

	other := newClub(2)
	require.NoError(e, insertAll(e, r.Repository, &other))
	want = r.get(2)
	scribble(&other)
	e.same(want, r.get(2), "after InsertMany")
}

// insertAll inserts by InsertMany.
func insertAll(e *env, r *store.Repository[club, int64], all ...*club) error {
	return r.InsertMany(e.ctx, all)
}

// copiesReturned overwrites the copies that Modify and Upsert return, and the one that their function was given.
func copiesReturned(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	var inside *club
	c, err := r.Modify(e.ctx, 1, func(c *club) error { inside = c; c.Balance++; return nil })
	require.NoError(e, err)
	want := r.get(1)
	scribble(&c)
	e.same(want, r.get(1), "after the copy that Modify returned was changed")
	if inside.Nick != c.Nick {
		scribble(inside)
		e.same(want, r.get(1), "after the copy that the function kept was changed")
	}

	c, err = r.Upsert(e.ctx, 2, func(c *club, _ bool) error { *c = newClub(2); return nil })
	require.NoError(e, err)
	want = r.get(2)
	scribble(&c)
	e.same(want, r.get(2), "after the copy that Upsert returned was changed")
}

// copiesInTx overwrites copies inside of a Tx, where a backend might keep one copy of each row, or its own uncommitted
// write.
func copiesInTx(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		first, err := in.Get(ctx, 1)
		require.NoError(e, err)
		second, err := in.Get(ctx, 1)
		require.NoError(e, err)
		scribble(&first)
		third, err := in.Get(ctx, 1)
		require.NoError(e, err)
		e.same(third, second, "no identity map in a Tx")
		c := newClub(2)
		require.NoError(e, in.Insert(ctx, &c))
		own, err := in.Get(ctx, 2)
		require.NoError(e, err)
		scribble(&c)
		scribble(&own)
		again, err := in.Get(ctx, 2)
		require.NoError(e, err)
		require.Equal(e, "The Foxes", *again.Nick, "its own uncommitted write is no shared value either")
		return nil
	})
	require.Equal(e, newClub(2).Titles, r.get(2).Titles)
}

// copiesAreCleared reads rows of different content one after the other: nothing of one may show in
// the next, whatever buffers are used again.
func copiesAreCleared(e *env) {
	r := newClubs(e)
	full := newClub(1)
	bare := club{ID: 2, Name: "bare"}
	short := newClub(3)
	short.Logo, short.Titles, short.Wages = []byte{7}, []string{"x"}, map[string]int64{"Kante": 1}
	last := club{ID: 4, Logo: []byte{}, Titles: []string{}, Wages: map[string]int64{}, Ground: &ground{}}
	want := map[int64]club{}
	for _, c := range []club{full, bare, short, last} {
		want[c.ID] = inserted(r, c)
	}
	many, err := r.GetMany(e.ctx, []int64{1, 2, 3, 4})
	require.NoError(e, err)
	require.Len(e, many, 4)
	found, err := store.Collect(r.Find(e.ctx, store.Query{}))
	require.NoError(e, err)
	require.Len(e, found, 4)
	for id := range maps.Keys(want) {
		e.same(want[id], many[id], "GetMany")
		e.same(want[id], found[id-1], "Find")
		e.same(want[id], r.get(id), "Get")
	}
	c := r.get(1)
	for _, id := range []int64{2, 3, 4, 1, 4, 2} {
		c.ID = id
		require.NoError(e, r.Reload(e.ctx, &c))
		e.same(want[id], c, "Reload over another row")
	}
}
