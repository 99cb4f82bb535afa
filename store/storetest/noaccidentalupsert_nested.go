package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// fan has a nested struct, one behind a pointer, and one inside each. oldFan is the same to a program
// that does not know all of their fields.
type fan struct {
	store.Snapshot `bson:",inline"`

	ID   int64  `db:"id" bson:"_id" store:"key"`
	Name string `db:"name" bson:"name" store:"size=60"`
	Home seats  `db:"home" bson:"home" store:"json"`
	Away *seats `db:"away" bson:"away" store:"json"`
}

type seats struct {
	Stand string `json:"stand" bson:"stand"`
	Row   int64  `json:"row" bson:"row"`
	Gate  gate   `json:"gate" bson:"gate"`
}

type gate struct {
	Code   string `json:"code" bson:"code"`
	Colour string `json:"colour" bson:"colour"`
}

type oldFan struct {
	store.Snapshot `bson:",inline"`

	ID   int64     `db:"id" bson:"_id" store:"key"`
	Name string    `db:"name" bson:"name" store:"size=60"`
	Home oldSeats  `db:"home" bson:"home" store:"json"`
	Away *oldSeats `db:"away" bson:"away" store:"json"`
}

type oldSeats struct {
	Stand string  `json:"stand" bson:"stand"`
	Gate  oldGate `json:"gate" bson:"gate"`
}

type oldGate struct {
	Code string `json:"code" bson:"code"`
}

func newFan(id int64) fan {
	return fan{
		ID: id, Name: "Ann",
		Home: seats{"North", 7, gate{"N1", "blue"}}, Away: &seats{"South", 9, gate{"S2", "red"}},
	}
}

// upsertsNested writes through nested structs that know a part of the fields. Where Info.NestedPaths says
// so the others stay; where a nested value is one value, they go with a write of that value and no other.
func upsertsNested(e *env) {
	r := newRepository[fan](e, "fan", byID)
	inserted(r, newFan(1))
	old := over[oldFan, int64](e, e.db, r.name, nil)
	want := newFan(1)
	check := func(op string) {
		e.Helper()
		have, err := r.Get(e.ctx, 1)
		require.NoError(e, err, op)
		have.Snapshot = want.Snapshot
		require.Equal(e, want, have, op)
	}
	change := func(op string, fn func(*oldFan)) {
		e.Helper()
		_, err := old.Modify(e.ctx, 1, func(f *oldFan) error { fn(f); return nil })
		require.NoError(e, err, op)
	}
	whole := func(s *seats) { // what is left where a nested value is one value
		if !e.info.NestedPaths {
			s.Row, s.Gate.Colour = 0, ""
		}
	}
	change("Modify", func(f *oldFan) { f.Name = "Bob" })
	want.Name = "Bob"
	check("Modify of another field")
	change("Modify", func(f *oldFan) { f.Home.Gate.Code = "N2" })
	want.Home.Gate.Code = "N2"
	whole(&want.Home)
	check("Modify inside a struct")
	change("Modify", func(f *oldFan) { f.Away.Stand = "West" })
	want.Away.Stand = "West"
	whole(want.Away)
	check("Modify behind a pointer")

	inserted(r, newFan(2))
	f, err := old.Get(e.ctx, 1)
	require.NoError(e, err)
	f.Home.Stand, f.Away.Gate.Code = "East", "S3"
	require.NoError(e, old.Save(e.ctx, &f))
	want.Home.Stand, want.Away.Gate.Code = "East", "S3"
	check("Save")
	_, err = old.Upsert(e.ctx, 1, func(f *oldFan, _ bool) error { f.Home = oldSeats{}; return nil })
	require.NoError(e, err)
	want.Home.Stand, want.Home.Gate.Code = "", ""
	check("Upsert of a zero struct")
}

// upsertsNestedNull writes nested structs where nothing, or null, is stored.
func upsertsNestedNull(e *env) {
	r := newRepository[fan](e, "fan", byID)
	for id, write := range map[int64]func(*fan) error{
		1: func(f *fan) error { return r.Save(e.ctx, f) },
		2: func(f *fan) error {
			change := *f
			_, err := r.Modify(e.ctx, f.ID, func(f *fan) error {
				f.Home, f.Away = change.Home, change.Away
				return nil
			})
			return err
		},
	} {
		for i, forget := range []func(){
			func() { r.set(id, Columns{"home": nil, "away": nil}) },
			func() { r.e.h.Raw.Unset(e, r.row(id), "home", "away") },
		} {
			if i == 0 {
				inserted(r, newFan(id))
			}
			forget()
			f, err := r.Get(e.ctx, id)
			require.NoError(e, err)
			require.Zero(e, f.Home)
			require.Nil(e, f.Away)
			want := newFan(id)
			f.Home, f.Away = want.Home, want.Away
			require.NoError(e, write(&f))
			f, err = r.Get(e.ctx, id)
			require.NoError(e, err)
			require.Equal(e, want.Home, f.Home)
			require.Equal(e, want.Away, f.Away)
			f.Away = nil
			require.NoError(e, write(&f))
			f, err = r.Get(e.ctx, id)
			require.NoError(e, err)
			require.Nil(e, f.Away)
		}
	}
}
