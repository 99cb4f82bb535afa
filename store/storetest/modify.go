package storetest

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Modify reads fresh, writes only what the function changed, and runs it again on conflict.
var _ = register(
	"Modify",
	Test{Name: "ReadsFresh", run: modifyReadsFresh},
	Test{Name: "WritesOnlyWhatChanged", run: modifyWritesChanged},
	Test{Name: "SeesChangesInPlace", run: modifySeesInPlace},
	Test{Name: "NothingChangedWritesNothing", run: modifyUnchanged},
	Test{Name: "WhatTheDatabaseCannotKeepIsNoChange", run: modifyCutIsNoChange},
	Test{Name: "WhatIsNotStoredInsideIsNoChange", run: modifyNotStored},
	Test{Name: "RunsAgainOnConflict", run: modifyRerun},
	Test{Name: "EachRunHasANewCopy", run: modifyNewCopy},
	Test{Name: "GivesUpAtItsBounds", run: modifyBounds},
	Test{Name: "FunctionErrorEndsIt", run: modifyFunctionError},
	Test{Name: "PanicEndsIt", run: modifyPanic},
	Test{Name: "KeyAndVersionAreNotTheFunctions", run: modifyKeyAndVersion},
	Test{Name: "ReturnsWhatIsStored", run: modifyReturns},
	Test{Name: "Validate", run: modifyValidate},
)

// modifyReadsFresh changes the row behind the library's back before each Modify, which must see it: it may not work on
// a copy that it kept.
func modifyReadsFresh(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	other := r.on(e.open(store.Options{}), nil)
	for i := range int64(20) {
		r.set(1, Columns{"balance": 1000 + i})
		c, err := other.Modify(e.ctx, 1, func(c *club) error {
			require.Equal(e, 1000+i, c.Balance)
			c.Balance *= 2
			return nil
		})
		require.NoError(e, err)
		require.Equal(e, 2*(1000+i), c.Balance)
		require.Equal(e, 2*(1000+i), r.number(1, "balance"))
	}
}

// modifyWritesChanged lets a writer that moves no version change another column meanwhile. A Modify
// that wrote the columns that it only read would undo that.
func modifyWritesChanged(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	c, err := r.Modify(e.ctx, 1, func(c *club) error {
		r.set(1, Columns{"name": "raw", "logo": []byte{8}})
		c.Balance = 5
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 5, c.Balance)
	have := r.get(1)
	require.Equal(e, "raw", have.Name)
	require.Equal(e, []byte{8}, have.Logo)
	require.EqualValues(e, 5, have.Balance)
	require.EqualValues(e, 2, have.Version)
}

// modifySeesInPlace changes what a field points at and not the field. A comparison of shallow copies would find nothing
// to write.
func modifySeesInPlace(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	for i, change := range []struct {
		name string
		do   func(c *club)
	}{
		{"an element of a slice", func(c *club) { c.Titles[1] = "2031" }},
		{"an element of a map", func(c *club) { c.Wages["Vardy"] = 120 }},
		{"a new key of a map", func(c *club) { c.Wages["Kante"] = 90 }},
		{"a deleted key of a map", func(c *club) { delete(c.Wages, "Mahrez") }},
		{"what a pointer points at", func(c *club) { *c.Nick = "City" }},
		{"a field behind a pointer", func(c *club) { c.Ground.Name = "King Power" }},
		{"a slice behind a pointer", func(c *club) { c.Ground.Stands[0] = "East" }},
		{"a time behind a pointer", func(c *club) { c.Ground.Opened = c.Ground.Opened.Add(time.Hour) }},
		{"a byte", func(c *club) { c.Logo[2] = 44 }},
		{"the order of a slice", func(c *club) { c.Titles[0], c.Titles[1] = c.Titles[1], c.Titles[0] }},
		{"nil to empty", func(c *club) { c.Titles = []string{} }},
		{"to NULL", func(c *club) { c.Nick, c.Ground = nil, nil }},
		{"empty to nil", func(c *club) { c.Titles = nil }},
	} {
		want := r.get(1)
		change.do(&want)
		want.Version++
		have, err := r.Modify(e.ctx, 1, func(c *club) error { change.do(c); return nil })
		require.NoError(e, err, change.name)
		require.EqualValues(e, i+2, have.Version, "the change was not seen: %s", change.name)
		e.same(want, have, change.name)
		e.same(want, r.get(1), change.name)
	}
}

// modifyUnchanged changes nothing that is stored, in several ways: nothing is written, and the version stays.
func modifyUnchanged(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	want := r.raw(1)
	for name, do := range map[string]func(c *club){
		"nothing":           func(*club) {},
		"there and back":    func(c *club) { c.Balance++; c.Balance-- },
		"equal new memory":  func(c *club) { c.Titles = append([]string{}, c.Titles...); c.Nick = pointer(*c.Nick) },
		"another zone":      func(c *club) { c.Founded = c.Founded.In(time.FixedZone("", 7200)) },
		"an unmapped field": func(c *club) { c.Scratch = "mine" },
	} {
		c, err := ours.Modify(e.ctx, 1, func(c *club) error { do(c); return nil })
		require.NoError(e, err, name)
		require.EqualValues(e, 1, c.Version, name)
		require.Equal(e, want, r.raw(1), name)
		e.same(r.get(1), c, "%s: what is returned is what is stored", name)
		require.Equal(e, "get", spy.take(), "%s: one read and nothing else", name)
	}
	_, err := ours.Modify(e.ctx, 1, func(c *club) error { c.Balance++; return nil })
	require.NoError(e, err)
	require.Equal(e, "get update", spy.take(), "one read and one write")
}

// partly has what is not stored inside a nested value.
type partly struct {
	store.Snapshot `bson:",inline"`

	ID    int64       `db:"id" bson:"_id" store:"key"`
	Name  string      `db:"name" bson:"name" store:"size=20"`
	In    partlyIn    `db:"nested" bson:"nested"`
	InP   *partlyIn   `db:"nested_p" bson:"nested_p"`
	Slice []partlyIn  `db:"slice" bson:"slice"`
	Map   partlyByKey `db:"by_key" bson:"by_key"`
}

type partlyByKey map[string]partlyIn

type partlyIn struct {
	Name   string           `json:"name" bson:"name"`
	Cache  map[string]int64 `json:"-" bson:"-"`
	Rest   map[string]int64 `json:"rest,omitempty" bson:",inline"`
	Titles []string         `json:"titles,omitempty" bson:"titles,omitempty"`
	Inner  struct {
		Seen bool `json:"-" bson:"-"`
	} `json:"inner" bson:"inner"`
}

// modifyNotStored changes what is not stored inside a nested value, and makes an empty container of none where both are
// left out: nothing is written, and what is returned is what is stored.
func modifyNotStored(e *env) {
	made := newRepository[partly](e, "partly", byID)
	in := partlyIn{Name: "a"}
	inserted(made, partly{ID: 1, In: in, InP: &in, Slice: []partlyIn{in}, Map: partlyByKey{"a": in}})
	db, spy := e.spied(store.Options{})
	r := made.on(db, nil)
	for name, do := range map[string]func(in *partlyIn){
		"a field that is not stored":        func(in *partlyIn) { in.Cache = map[string]int64{"a": 1} },
		"one in a struct in it":             func(in *partlyIn) { in.Inner.Seen = true },
		"an empty map that is not stored":   func(in *partlyIn) { in.Rest = map[string]int64{} },
		"an empty slice that is not stored": func(in *partlyIn) { in.Titles = []string{} },
	} {
		for at, pick := range map[string]func(p *partly) *partlyIn{
			"plain":   func(p *partly) *partlyIn { return &p.In },
			"pointer": func(p *partly) *partlyIn { return p.InP },
			"slice":   func(p *partly) *partlyIn { return &p.Slice[0] },
		} {
			got, err := r.Modify(e.ctx, 1, func(p *partly) error { do(pick(p)); return nil })
			require.NoError(e, err, name)
			require.EqualValues(e, 1, got.Version, "%s, %s", name, at)
			require.Equal(e, "get", spy.take(), "%s, %s: one read and nothing else", name, at)
			want := made.get(1)
			got.ReadAt = want.ReadAt
			require.Equal(e, want, got, "%s, %s: what is returned is what is stored", name, at)
		}
		got, err := r.Modify(e.ctx, 1, func(p *partly) error {
			in := p.Map["a"]
			do(&in)
			p.Map["a"] = in
			return nil
		})
		require.NoError(e, err, name)
		require.EqualValues(e, 1, got.Version, name)
		require.Equal(e, "get", spy.take(), "%s in a map: one read and nothing else", name)
	}
	got, err := r.Modify(e.ctx, 1, func(p *partly) error {
		p.Name, p.In.Cache, p.InP.Rest = "b", map[string]int64{}, map[string]int64{"a": 1}
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, map[string]int64{"a": 1}, made.get(1).InP.Rest)
	require.EqualValues(e, 2, got.Version)
	require.Nil(e, got.In.Cache)
}

// modifyCutIsNoChange changes a time by less than the database keeps, which is no change.
func modifyCutIsNoChange(e *env) {
	if e.info.TimePrecision < 2 {
		e.Skip("this backend keeps every nanosecond")
	}
	r := newClubs(e)
	e.stored(r, 1)
	c, err := r.Modify(e.ctx, 1, func(c *club) error {
		c.Founded = c.Founded.Add(e.info.TimePrecision - 1)
		c.Ground.Opened = c.Ground.Opened.Add(e.info.TimePrecision - 1)
		return nil
	})
	require.NoError(e, err)
	require.EqualValues(e, 1, c.Version)
	require.Equal(e, e.cut(kickoff), c.Founded, "what is returned is what is stored")
	require.Equal(e, e.cut(kickoff), c.Ground.Opened)
}

// modifyRerun has three others write between the read and the write of a Modify: the function runs again each time, on
// what they left.
func modifyRerun(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	runs := 0
	c, err := r.Modify(e.ctx, 1, func(c *club) error {
		if runs++; runs <= 3 {
			r.modify(1, func(c *club) { c.Balance += 100 })
		}
		c.Balance++
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, 4, runs)
	require.EqualValues(e, 401, c.Balance)
	require.EqualValues(e, 5, c.Version)
	require.EqualValues(e, 401, r.number(1, "balance"))
}

// modifyNewCopy keeps and spoils the copy of each run: the next run must not see it.
func modifyNewCopy(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	var kept []*club
	_, err := r.Modify(e.ctx, 1, func(c *club) error {
		for _, old := range kept {
			require.NotSame(e, old, c)
		}
		require.Equal(e, []string{"2016", "2021"}, c.Titles, "a change of an earlier run")
		require.Empty(e, c.Scratch)
		if kept = append(kept, c); len(kept) < 3 {
			r.modify(1, func(c *club) { c.Balance++ })
		}
		scribble(c)
		c.Scratch = "mine"
		return nil
	})
	require.NoError(e, err)
	require.Len(e, kept, 3)
}

// modifyBounds conflicts for ever: ModifyAttempts ends it, and so does ModifyTimeout, with the last conflict.
func modifyBounds(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	runs := 0
	contended := func(o store.RepositoryOptions) error {
		runs = 0
		c, err := r.on(e.db, &o).Modify(e.ctx, 1, func(c *club) error {
			runs++
			r.modify(1, func(c *club) { c.Balance++ })
			c.Name = "never stored"
			return nil
		})
		require.Equal(e, club{}, c, "the zero value beside an error")
		return err
	}
	err := contended(store.RepositoryOptions{ModifyAttempts: 4})
	e.only(err, store.ErrConflict)
	require.Equal(e, 4, runs)
	stored := r.number(1, "version")
	conflict, ok := errors.AsType[*store.ConflictError](err)
	require.True(e, ok)
	require.Equal(e, store.ConflictError{Expected: stored - 1, Actual: stored}, *conflict, "that of the last attempt")
	require.True(e, store.Retryable(err))

	e.only(contended(store.RepositoryOptions{ModifyTimeout: 30 * time.Millisecond}), store.ErrConflict)
	require.Positive(e, runs)
	require.Equal(e, "Club 1", r.get(1).Name)
}

// modifyFunctionError lets the function fail: nothing is written, it does not run again, and its error is returned as
// it is, also when it is one of ours.
func modifyFunctionError(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	want := r.raw(1)
	runs := 0
	c, err := r.Modify(e.ctx, 1, func(c *club) error { runs++; c.Balance = -1; return errBoom })
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, errBoom, err, "it is returned as it is")
	require.Equal(e, club{}, c)
	_, err = r.Upsert(e.ctx, 1, func(c *club, _ bool) error { c.Balance = -1; return errBoom })
	require.ErrorIs(e, err, errBoom)
	_, err = r.Upsert(e.ctx, 2, func(c *club, _ bool) error { runs++; return errBoom })
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, 2, runs)
	require.Equal(e, want, r.raw(1))
	r.gone(2)
	// An error of the function that wraps one of ours is still the function's, and ends it.
	_, err = r.Modify(e.ctx, 1, func(c *club) error { runs++; c.Balance = -1; return store.ErrConflict })
	require.ErrorIs(e, err, store.ErrConflict)
	require.Equal(e, 3, runs)
	require.Equal(e, want, r.raw(1))
}

func modifyPanic(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	want := r.raw(1)
	require.PanicsWithValue(e, "boom", func() {
		_, _ = r.Modify(e.ctx, 1, func(c *club) error { c.Balance = -1; panic("boom") })
	})
	require.Equal(e, want, r.raw(1))
	r.modify(1, func(c *club) { c.Balance = 3 })
}

// modifyKeyAndVersion lets the function change the key or the version, by which the row is found: refused before the
// write.
func modifyKeyAndVersion(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	want := r.raw(1)
	for field, touch := range map[string]func(c *club){
		"ID":      func(c *club) { c.ID, c.Balance = 2, 9 },
		"Version": func(c *club) { c.Version++; c.Balance = 9 },
	} {
		_, err := r.Modify(e.ctx, 1, func(c *club) error { touch(c); return nil })
		e.only(err, store.ErrInvalid, field)
		e.names(err, field)
		_, err = r.Upsert(e.ctx, 1, func(c *club, _ bool) error { touch(c); return nil })
		e.only(err, store.ErrInvalid, field)
		e.names(err, field)
		require.Equal(e, want, r.raw(1))
		r.gone(2)
	}
	_, err := r.Upsert(e.ctx, 3, func(c *club, _ bool) error { *c = newClub(4); return nil })
	e.only(err, store.ErrInvalid)
	e.names(err, "ID")
	r.gone(3)
	r.gone(4)
}

// modifyReturns compares what Modify returns with what a read finds: times are cut as the database cuts them.
func modifyReturns(e *env) {
	r := newClubs(e)
	e.stored(r, 1)
	later := kickoff.Add(time.Hour).In(time.FixedZone("", 3600))
	c, err := r.Modify(e.ctx, 1, func(c *club) error {
		c.Founded, c.Ground.Opened, c.Wages["Drinkwater"] = later, later, 40
		return nil
	})
	require.NoError(e, err)
	require.Equal(e, e.cut(later), c.Founded)
	require.Equal(e, e.cut(later), c.Ground.Opened)
	e.same(c, r.get(1))
	require.False(e, c.ReadAt.IsZero())
	r.modify(1, func(c *club) { c.Balance++ })
	again, err := r.Modify(e.ctx, 1, func(*club) error { return nil })
	require.NoError(e, err)
	e.same(r.get(1), again, "of an unchanged one, too")
}

// checked refuses itself.
type checked struct {
	store.Snapshot `bson:",inline"`

	ID     int64 `db:"id" bson:"_id" store:"key"`
	Amount int64 `db:"amount" bson:"amount"`
}

var errNegative = errors.New("the amount is negative: secret 4711")

func (c *checked) Validate() error {
	if c.Amount < 0 {
		return errNegative
	}
	return nil
}

// modifyValidate has an entity whose Validate refuses it: no verb writes it, and Save and Insert do not even read.
func modifyValidate(e *env) {
	r := newRepository[checked](e, "checked", byID)
	c := inserted(r, checked{ID: 1, Amount: 1})
	want := r.raw(1)
	db, spy := e.spied(store.Options{})
	ours := r.on(db, nil)
	refused := func(err error, calls string) {
		e.Helper()
		e.only(err, store.ErrInvalid)
		require.ErrorIs(e, err, errNegative)
		require.Equal(e, calls, spy.take())
	}
	c.Amount = -1
	refused(ours.Save(e.ctx, &c), "")
	refused(ours.Insert(e.ctx, &checked{ID: 2, Amount: -1}), "")
	_, err := ours.Modify(e.ctx, 1, func(c *checked) error { c.Amount = -1; return nil })
	refused(err, "get")
	_, err = ours.Upsert(e.ctx, 2, func(c *checked, _ bool) error { c.Amount = -1; return nil })
	refused(err, "get")
	require.Equal(e, want, r.raw(1))
	r.gone(2)
}
