package storetest

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// What the server writes itself is never sent, and read back after each write, as part of Mapping. A second client
// stands for the server here: what it has put there before a write is there with that write.
var _ = register(
	"Mapping",
	Test{Name: "GeneratedFieldsAreReadBack", run: generatedReadBack},
	Test{Name: "GeneratedFieldsAreNotChanged", run: generatedChanged},
	Test{Name: "GeneratedFieldsInATx", needs: transactions, run: generatedInTx},
)

// scored has fields that the server writes.
type scored struct {
	store.Snapshot `bson:",inline"`

	ID    int64    `db:"id" bson:"_id" store:"key"`
	Total int64    `db:"total" bson:"total" store:"generated"`
	Name  string   `db:"name" bson:"name" store:"size=20"`
	Label *string  `db:"label" bson:"label" store:"generated,size=20"`
	Rate  *float64 `db:"rate" bson:"rate" store:"generated"`
}

// generated makes a row and says what the server has written into it.
func generated(e *env) (r *repository[scored, int64], s scored) {
	r = newRepository[scored](e, "scored", byID)
	s = scored{ID: 1, Total: 99, Name: "one", Label: pointer("mine")}
	require.NoError(e, r.Insert(e.ctx, &s))
	require.Zero(e, s.Total, "Insert: the server has written nothing")
	require.Nil(e, s.Label, "Insert: the server has written nothing")
	require.EqualValues(e, -1, r.number(1, "total"), "Insert sent a generated field")
	return r, s
}

// same asserts that an entity is what is stored under its version.
func (r *repository[T, K]) same(about string, key K, version int64, have T, plain func(*T) *store.Snapshot) {
	r.e.Helper()
	want := r.get(key)
	require.Equal(r.e, version, plain(&want).Version, about)
	require.Equal(r.e, version, plain(&have).Version, about)
	*plain(&want), *plain(&have) = store.Snapshot{}, store.Snapshot{}
	require.Equal(r.e, want, have, "%s: memory is not what is stored under its version", about)
}

func snapshotOf(s *scored) *store.Snapshot { return &s.Snapshot }

// generatedReadBack writes by every verb after the server has written.
func generatedReadBack(e *env) {
	r, s := generated(e)
	r.set(1, Columns{"total": int64(7), "label": "x"})
	s.Total, s.Name = 5, "saved"
	require.NoError(e, r.Save(e.ctx, &s))
	require.EqualValues(e, 7, s.Total, "Save")
	require.EqualValues(e, 7, r.number(1, "total"), "Save sent a generated field")
	r.same("Save", 1, 2, s, snapshotOf)

	r.set(1, Columns{"total": int64(8), "rate": 0.5})
	require.NoError(e, r.Touch(e.ctx, &s))
	require.EqualValues(e, 8, s.Total, "Touch")
	r.same("Touch", 1, 3, s, snapshotOf)

	m, err := r.Modify(e.ctx, 1, func(s *scored) error {
		r.set(1, Columns{"total": int64(9), "label": nil})
		s.Name = "modified"
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 9, m.Total, "Modify")
	r.same("Modify", 1, 4, m, snapshotOf)

	stale := s
	e.only(r.Save(e.ctx, &s), store.ErrConflict)
	require.Equal(e, stale, s, "a Save that fails leaves the entity as it was")

	m, err = r.Upsert(e.ctx, 1, func(s *scored, found bool) error { s.Name = "upserted"; return nil })
	require.NoError(e, err)
	r.same("Upsert", 1, 5, m, snapshotOf)
	fresh, err := r.Upsert(e.ctx, 2, func(s *scored, found bool) error { s.Name = "fresh"; return nil })
	require.NoError(e, err)
	r.same("Upsert of a new entity", 2, 1, fresh, snapshotOf)
	n, err := r.Count(e.ctx, store.Where("Total", store.Eq, 9))
	require.NoError(e, err)
	require.EqualValues(e, 1, n)
	if e.info.Transactions {
		many := []*scored{{ID: 11, Total: 1}, {ID: 13, Total: 1}, {ID: 12, Label: pointer("y")}}
		require.NoError(e, r.InsertMany(e.ctx, many))
		for _, s := range many {
			r.same("InsertMany", s.ID, 1, *s, snapshotOf)
		}
	}
	ends(e, r)
}

// ends deletes the rows by their copies, which the versions that were read back must allow.
func ends(e *env, r *repository[scored, int64]) {
	e.Helper()
	for s, err := range r.Find(e.ctx, store.Query{}) {
		require.NoError(e, err)
		require.NoError(e, r.Delete(e.ctx, s))
	}
}

// generatedChanged has the function of Modify and Upsert change what only the server writes.
func generatedChanged(e *env) {
	r, _ := generated(e)
	r.set(1, Columns{"total": int64(7)})
	for name, change := range map[string]func(*scored){
		"a number":  func(s *scored) { s.Total++ },
		"a pointer": func(s *scored) { s.Label, s.Name = pointer("mine"), "new" },
	} {
		_, err := r.Modify(e.ctx, 1, func(s *scored) error { change(s); return nil })
		e.only(err, store.ErrInvalid, name)
		e.names(err, "generated")
		_, err = r.Upsert(e.ctx, 1, func(s *scored, _ bool) error { change(s); return nil })
		e.only(err, store.ErrInvalid, name)
		_, err = r.Upsert(e.ctx, 2, func(s *scored, _ bool) error { change(s); return nil })
		e.only(err, store.ErrInvalid, name)
		r.gone(2)
	}
	s := r.get(1)
	require.EqualValues(e, 1, s.Version)
	require.Equal(e, "one", s.Name)
	require.EqualValues(e, 7, s.Total)
	m, err := r.Modify(e.ctx, 1, func(s *scored) error { s.Total += 0; return nil })
	require.NoError(e, err)
	require.EqualValues(e, 1, m.Version)
}

// generatedInTx reads back in a Tx, which takes it back with the Tx.
func generatedInTx(e *env) {
	r, s := generated(e)
	r.set(1, Columns{"total": int64(7), "label": "x"})
	before := s
	err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if err := in.Save(ctx, &s); err != nil {
			return err
		}
		assert.EqualValues(e, 7, s.Total, "Save")
		if err := in.Touch(ctx, &s); err != nil {
			return err
		}
		return errBoom
	})
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, before, s, "a Tx that does not commit leaves generated fields as they were")
	fresh := scored{ID: 2, Total: 5}
	e.atomic(func(ctx context.Context, tx *store.Tx) error {
		in := r.In(tx)
		if err := in.Insert(ctx, &fresh); err != nil {
			return err
		}
		if _, err := in.Modify(ctx, 1, func(s *scored) error { s.Name = "modified"; return nil }); err != nil {
			return err
		}
		s, err := in.Get(ctx, 1)
		if err != nil {
			return err
		}
		return in.Save(ctx, &s)
	})
	r.same("Insert", 2, 1, fresh, snapshotOf)
	require.EqualValues(e, 7, r.get(1).Total)
	require.EqualValues(e, 3, r.get(1).Version)
}
