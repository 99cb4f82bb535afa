package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Save of a copy that has not changed, with SkipUnchanged, as part of Versions.
var _ = register(
	"Versions",
	Test{Name: "UnchangedSaveMovesNothing", run: unchangedOnEachPath},
	Test{Name: "UnchangedSaveHasItsErrors", run: unchangedErrors},
	Test{Name: "UnchangedSaveInATxWrites", needs: transactions, run: unchangedInTx},
	Test{Name: "UnchangedSaveEndsWriteSkew", needs: transactions, run: unchangedWriteSkew},
	Test{Name: "ChangedSaveWritesEachKind", run: changedOfEachKind},
	Test{Name: "SaveWritesWhatIsNotKnownToBeStored", run: saveOfUnknown},
)

var skipUnchanged = &store.RepositoryOptions{SkipUnchanged: true}

// visit has the fields that a write moves by itself, and a Validate that trims.
type visit struct {
	store.Snapshot `bson:",inline"`

	ID      int64            `db:"id" bson:"_id" store:"key"`
	Name    string           `db:"name" bson:"name" store:"size=60"`
	Notes   map[string]int64 `db:"notes" bson:"notes" store:"json"`
	Updated time.Time        `db:"updated" bson:"updated" store:"updated"`
}

// Validate trims the name to 10 bytes.
func (v *visit) Validate() error {
	v.Name = v.Name[:min(len(v.Name), 10)]
	return nil
}

// visitPaths are the ways in which a program comes by a copy of what is stored.
var visitPaths = []struct {
	name string
	copy func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error)
}{
	{"Get", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.Get(ctx, id)
	}},
	{"GetConfirmed", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.GetConfirmed(ctx, id)
	}},
	{"GetMany", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		many, err := r.GetMany(ctx, []int64{id})
		return many[id], err
	}},
	{"Find", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		all, err := store.Collect(r.Find(ctx, store.Where("ID", store.Eq, id)))
		return append(all, visit{})[0], err
	}},
	{"First", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.First(ctx, store.Where("ID", store.Eq, id))
	}},
	{"Page", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		all, _, err := r.Page(ctx, store.Where("ID", store.Eq, id))
		return append(all, visit{})[0], err
	}},
	{"Reload", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v := visit{ID: id, Name: "another"}
		return v, r.Reload(ctx, &v)
	}},
	{"ReloadMany", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v := visit{ID: id, Snapshot: store.SnapshotAt(1), Name: "another"}
		_, err := r.ReloadMany(ctx, []*visit{&v})
		return v, err
	}},
	{"Modify", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.Modify(ctx, id, func(v *visit) error { v.Notes = map[string]int64{"a": 1}; return nil })
	}},
	{"Modify of nothing", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.Modify(ctx, id, func(v *visit) error { v.Mark = 0; return nil })
	}},
	{"Upsert", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		return r.Upsert(ctx, 1000+id, func(v *visit, _ bool) error { v.Name = "upserted and too long"; return nil })
	}},
	{"Insert", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v := visit{ID: 2000 + id, Name: "inserted and too long", Notes: map[string]int64{"b": 2, "c": 3}}
		return v, r.Insert(ctx, &v)
	}},
	{"Save", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v, err := r.Get(ctx, id)
		v.Name = "saved and too long"
		return v, errors.Join(err, r.Save(ctx, &v))
	}},
	{"SaveMany", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v, err := r.Get(ctx, id)
		v.Name = "together and too long"
		return v, errors.Join(err, r.SaveMany(ctx, []*visit{&v}))
	}},
	{"ModifyMany", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		all, err := r.ModifyMany(ctx, []int64{id}, func(v *visit) error { v.Name += "!"; return nil }, nil)
		return all[id], err
	}},
	{"Touch", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v, err := r.Get(ctx, id)
		return v, errors.Join(err, r.Touch(ctx, &v))
	}},
	{"Copy", func(ctx context.Context, r *store.Repository[visit, int64], id int64) (visit, error) {
		v, err := r.Get(ctx, id)
		if err != nil {
			return v, err
		}
		return r.Copy(v)
	}},
}

// unchangedOnEachPath saves copies of all paths as they are, which moves nothing, and then with a change.
func unchangedOnEachPath(e *env) {
	visits := newRepository[visit](e, "visit", byID)
	r := visits.on(e.db, skipUnchanged)
	inserted(visits, visit{ID: 1, Name: "first", Notes: map[string]int64{"x": 1}})
	for _, path := range visitPaths {
		v, err := path.copy(e.ctx, r, 1)
		require.NoError(e, err, path.name)
		before := visits.raw(v.ID)
		kept := v
		require.NoError(e, r.Save(e.ctx, &v), path.name)
		require.Equal(e, before, visits.raw(v.ID), "%s: nothing was changed, so nothing is written", path.name)
		require.False(e, v.ReadAt.Before(kept.ReadAt), path.name)
		v.ReadAt = kept.ReadAt
		require.Equal(e, kept, v, "%s: the copy stays as it is", path.name)

		v.Notes = map[string]int64{"x": v.Notes["x"] + 1}
		require.NoError(e, r.Save(e.ctx, &v), path.name)
		require.Equal(e, kept.Version+1, v.Version, path.name)
		require.Equal(e, v.Notes, visits.get(v.ID).Notes, "%s: what was changed is written", path.name)
		v.Notes["x"]++
		require.NoError(e, r.Save(e.ctx, &v), path.name)
		require.Equal(e, v.Notes, visits.get(v.ID).Notes, "%s: a change in a map is written", path.name)
	}
}

// unchangedErrors is a Save of an unchanged copy of a row that has moved, and of one that is gone.
func unchangedErrors(e *env) {
	visits := newRepository[visit](e, "visit", byID)
	r := visits.on(e.db, skipUnchanged)
	v := visit{ID: 1, Name: "first"}
	require.NoError(e, r.Insert(e.ctx, &v))
	old := v
	visits.modify(1, func(v *visit) { v.Name = "moved" })
	e.conflict(r.Save(e.ctx, &v), 1, 2)
	require.Equal(e, old, v, "a copy that was not saved stays as it is")
	require.NoError(e, r.Reload(e.ctx, &v))
	require.NoError(e, visits.DeleteKey(e.ctx, 1))
	e.only(r.Save(e.ctx, &v), store.ErrNotFound)
	visits.gone(1)
	none := visit{ID: 1}
	e.only(r.Save(e.ctx, &none), store.ErrInvalid)
	_, err := store.NewRepository[stampedPlain, int64](e.db, e.table("stamped"), skipUnchanged)
	e.names(err, "SkipUnchanged")
}

// stampedPlain has no field for a Mark.
type stampedPlain struct {
	ID      int64     `db:"id" bson:"_id" store:"key"`
	Version int64     `db:"version" bson:"version" store:"version"`
	Seen    time.Time `db:"-" bson:"-" store:"readat"`
}

// unchangedInTx saves an unchanged copy in a Tx, which moves the version: what the Tx decides may rest on it.
func unchangedInTx(e *env) {
	visits := newRepository[visit](e, "visit", byID)
	r := visits.on(e.db, skipUnchanged)
	v := visit{ID: 1, Name: "first"}
	require.NoError(e, r.Insert(e.ctx, &v))
	require.NoError(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return r.In(tx).Save(ctx, &v)
	}))
	require.EqualValues(e, 2, v.Version)
	require.EqualValues(e, 2, visits.number(1, "version"))

	// What a Tx that does not commit has written is not stored: the change is still one.
	errUndone := errors.New("undone")
	v.Name = "again"
	require.ErrorIs(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(r.In(tx).Save(ctx, &v), errUndone)
	}), errUndone)
	require.EqualValues(e, 2, v.Version)
	require.NoError(e, r.Save(e.ctx, &v))
	require.Equal(e, "again", visits.get(1).Name)
	many := v
	many.Name = "together"
	require.ErrorIs(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return errors.Join(r.In(tx).SaveMany(ctx, []*visit{&many}), errUndone)
	}), errUndone)
	require.NoError(e, r.Save(e.ctx, &many))
	require.Equal(e, "together", visits.get(1).Name)
	require.ErrorIs(e, e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		many.Name = "reloaded"
		return errors.Join(r.In(tx).Reload(ctx, &many), errUndone)
	}), errUndone)
	require.NoError(e, r.Save(e.ctx, &many))
	require.Equal(e, "reloaded", visits.get(1).Name, "what Reload had replaced is back, and is a change")
}

// changedOfEachKind changes each field of every kind, and each changed copy is written.
func changedOfEachKind(e *env) {
	table := newRepository[kinds](e, "kinds", byID)
	r := table.on(e.db, skipUnchanged)
	rows := kindRows()
	k := rows[0]
	require.NoError(e, r.Insert(e.ctx, &k))
	typ := reflect.TypeFor[kinds]()
	for i := range typ.NumField() {
		field := typ.Field(i)
		if field.Name == "Snapshot" || field.Name == "ID" {
			continue
		}
		for n := 1; n < len(rows); n++ {
			have, err := r.Get(e.ctx, k.ID)
			require.NoError(e, err)
			before := have.Version
			require.NoError(e, r.Save(e.ctx, &have))
			hasMark := have.Version == before
			value := reflect.ValueOf(kindRows()[n]).Field(i)
			reflect.ValueOf(&have).Elem().Field(i).Set(value)
			require.NoError(e, r.Save(e.ctx, &have), field.Name)
			after := table.get(k.ID)
			have.Snapshot, after.Snapshot = store.Snapshot{}, store.Snapshot{}
			e.alike(after, have, field.Name)
			require.True(e, hasMark, "%s: what was read and not changed is known as such", field.Name)
			if n == 3 {
				break
			}
		}
	}
}

// saveOfUnknown saves copies of which the library does not know that they are stored as they are.
func saveOfUnknown(e *env) {
	visits := newRepository[visit](e, "visit", byID)
	r, other := visits.on(e.db, skipUnchanged), visits.on(e.db, skipUnchanged)
	v := visit{ID: 1, Name: "first"}
	require.NoError(e, r.Insert(e.ctx, &v))
	saved := func(about string, save *store.Repository[visit, int64], have visit) {
		e.Helper()
		before := have.Version
		require.NoError(e, save.Save(e.ctx, &have), about)
		require.Equal(e, before+1, have.Version, about)
		require.Equal(e, have.Name, visits.get(have.ID).Name, about)
		v = have
	}
	saved("of another repository", other, v)
	saved("of a repository without marks", visits.Repository, v)
	unmarked := v
	require.NoError(e, r.Reload(e.ctx, &unmarked))
	unmarked.Mark = 0
	saved("whose mark was taken away", r, unmarked)

	text, err := json.Marshal(v)
	require.NoError(e, err)
	var sent visit
	require.NoError(e, json.Unmarshal(text, &sent))
	saved("that came as JSON", r, sent)

	touched := v
	touched.Name = "touched"
	require.NoError(e, r.Touch(e.ctx, &touched))
	saved("whose change Touch did not write", r, touched)

	changed := v
	changed.Name = "changed"
	twin, err := r.Copy(changed)
	require.NoError(e, err)
	saved("that was copied after a change", r, twin)

	stale := v
	stale.Name = "stale"
	visits.modify(1, func(v *visit) { v.Name = "moved" })
	e.conflict(r.Save(e.ctx, &stale), stale.Version, stale.Version+1)
	stale.Version++
	saved("that met a conflict and was given the new version", r, stale)

	visits.set(1, Columns{"name": "longer than Validate would have it"})
	have, err := r.Get(e.ctx, 1)
	require.NoError(e, err)
	saved("that Validate changes", r, have)

	second := visit{ID: 2, Name: v.Name, Notes: v.Notes}
	require.NoError(e, visits.Insert(e.ctx, &second))
	moved := v
	moved.ID, moved.Version = 2, 1
	saved("under another key", r, moved)
}
