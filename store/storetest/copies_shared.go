package storetest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Nothing of the caller's is written to but the entity, as part of Copies.
var _ = register(
	"Copies",
	Test{Name: "WhatIsSharedIsNotWrittenTo", run: copiesShared},
)

// borrower has in each field what may be shared with others.
type borrower struct {
	store.Snapshot `bson:",inline"`

	ID     int64                `db:"id" bson:"_id" store:"key"`
	Name   string               `db:"name" bson:"name" store:"size=20"`
	Last   *time.Time           `db:"last_at" bson:"last_at"`
	Nick   *string              `db:"nick" bson:"nick" store:"size=20"`
	Data   []byte               `db:"data_v" bson:"data_v" store:"size=20"`
	ByName map[string]time.Time `db:"by_name" bson:"by_name" store:"json"`
	All    []*time.Time         `db:"all_v" bson:"all_v" store:"json"`
	Ground *ground              `db:"ground_v" bson:"ground_v" store:"json"`
}

// lent is what all borrowers share.
type lent struct {
	at     time.Time
	nick   string
	data   []byte
	byName map[string]time.Time
	all    []*time.Time
	ground ground
}

func newLent(at time.Time) *lent {
	l := &lent{at: at, nick: "Foxes", data: []byte("b a"), byName: map[string]time.Time{"b": at, "a": at}}
	later := at.Add(time.Hour)
	l.all = []*time.Time{&later, &l.at}
	l.ground = ground{Name: "Filbert Street", Opened: at, Stands: []string{"South", "East"}}
	return l
}

// to has an entity borrow all of it.
func (l *lent) to(b *borrower) {
	b.Last, b.Nick, b.Data, b.ByName, b.All, b.Ground = &l.at, &l.nick, l.data, l.byName, l.all, &l.ground
}

// copiesShared writes entities that share what they point at, by every verb and whatever comes of it, from several
// goroutines: with times that are stored as they are, and with such that must be cut. Under the race detector a write
// to any of it is found even where it changes nothing.
func copiesShared(e *env) {
	r := newRepository[borrower](e, "borrower", byID)
	for i, at := range []time.Time{e.cut(kickoff), kickoff.In(leicester)} {
		shared, want := newLent(at), newLent(at)
		first := int64(i * 100)
		e.parallel(4, 1, func(ctx context.Context, worker, _ int) error {
			return borrowAll(ctx, e, r, shared, first+int64(worker)*10)
		})
		require.Equal(e, want, shared, "what the entities point at is the caller's")
		require.True(e, shared.all[1] == &shared.at && shared.all[0] != shared.all[1])
		got := r.get(first)
		require.True(e, got.Last.Equal(e.cut(at)))
	}
}

// borrowAll writes by every verb, for copiesShared, and returns the first error that is not meant.
func borrowAll(ctx context.Context, e *env, r *repository[borrower, int64], shared *lent, id int64) error {
	lend := func(b *borrower) error { shared.to(b); return nil }
	one, two, three := borrower{ID: id}, borrower{ID: id + 1}, borrower{ID: id + 2}
	shared.to(&one)
	if err := r.Insert(ctx, &one); err != nil {
		return err
	}
	shared.to(&one)
	_ = r.Insert(ctx, &one) // it is there
	shared.to(&two)
	shared.to(&three)
	err := r.Insert(ctx, &two)
	if e.info.Transactions {
		err = r.InsertMany(ctx, []*borrower{&three, {ID: id + 5, Last: &shared.at, ByName: shared.byName}})
	}
	if err != nil {
		return err
	}
	shared.to(&one)
	if err := r.Save(ctx, &one); err != nil {
		return err
	}
	stale := two
	shared.to(&two)
	if err := r.Save(ctx, &two); err != nil {
		return err
	}
	shared.to(&stale)
	_ = r.Save(ctx, &stale) // it is stale
	if _, err := r.Modify(ctx, id, func(b *borrower) error { b.Name = "b"; return lend(b) }); err != nil {
		return err
	}
	_, _ = r.Modify(ctx, id, func(b *borrower) error { shared.to(b); return errBoom })
	_, _ = r.Modify(ctx, id, func(b *borrower) error { b.Name = "\xff"; return lend(b) }) // no text
	if _, err := r.Upsert(ctx, id+3, func(b *borrower, _ bool) error { return lend(b) }); err != nil {
		return err
	}
	if !e.info.Transactions {
		return nil
	}
	four := borrower{ID: id + 4}
	shared.to(&four)
	shared.to(&three)
	_ = e.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if err := in.Insert(ctx, &four); err != nil {
			return err
		}
		if err := in.Save(ctx, &three); err != nil {
			return err
		}
		return errBoom
	})
	return nil
}
