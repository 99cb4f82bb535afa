package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// club is the entity of most tests. It has every form of memory that a copy could share.
type club struct {
	store.Snapshot `bson:",inline"`

	ID      int64            `db:"id" bson:"_id" store:"key"`
	Name    string           `db:"name" bson:"name" store:"size=60"`
	Balance int64            `db:"balance" bson:"balance"`
	Nick    *string          `db:"nick" bson:"nick" store:"size=60"`
	Logo    []byte           `db:"logo" bson:"logo" store:"size=200"`
	Founded time.Time        `db:"founded" bson:"founded"`
	Titles  []string         `db:"titles" bson:"titles" store:"json"`
	Wages   map[string]int64 `db:"wages" bson:"wages" store:"json"`
	Ground  *ground          `db:"ground" bson:"ground" store:"json"`

	Scratch string `db:"-" bson:"-"`
}

type ground struct {
	Name   string    `json:"name" bson:"name"`
	Stands []string  `json:"stands" bson:"stands"`
	Opened time.Time `json:"opened" bson:"opened"`
}

// newClub is a club with something in every field.
func newClub(id int64) club {
	return club{
		ID:      id,
		Name:    fmt.Sprintf("Club %d", id),
		Balance: 100,
		Nick:    pointer("The Foxes"),
		Logo:    []byte{1, 2, 3},
		Founded: kickoff,
		Titles:  []string{"2016", "2021"},
		Wages:   map[string]int64{"Vardy": 80, "Mahrez": 35},
		Ground:  &ground{Name: "Filbert Street", Stands: []string{"North", "South"}, Opened: kickoff},
	}
}

type clubs = repository[club, int64]

func newClubs(e *env) *clubs {
	e.Helper()
	return newRepository[club](e, "club", byID)
}

// stored makes the clubs with these ids.
func (e *env) stored(r *clubs, ids ...int64) {
	e.Helper()
	for _, id := range ids {
		inserted(r, newClub(id))
	}
}

// clubName and clubBalance are projections of club: two smaller structs over the same table.
type clubName struct {
	store.Snapshot `bson:",inline"`

	ID   int64  `db:"id" bson:"_id" store:"key"`
	Name string `db:"name" bson:"name" store:"size=60"`
}

type clubBalance struct {
	store.Snapshot `bson:",inline"`

	ID      int64 `db:"id" bson:"_id" store:"key"`
	Balance int64 `db:"balance" bson:"balance"`
}

// scribble changes everything that hangs on a club, in place.
func scribble(c *club) {
	*c.Nick = "scribbled"
	c.Logo[0] = 99
	c.Titles[0] = "scribbled"
	c.Wages["Vardy"] = -1
	c.Ground.Name = "scribbled"
	c.Ground.Stands[0] = "scribbled"
}

// same asserts that two clubs hold the same values, whenever they were read.
func (e *env) same(want, have club, about ...any) {
	e.Helper()
	want.ReadAt, have.ReadAt = kickoff, kickoff
	want.Scratch, have.Scratch = "", ""
	require.Equal(e, want, have, about...)
}

// reader is one way to read a club.
type reader struct {
	name string
	read func(e *env, r *store.Repository[club, int64], id int64) club
}

var readers = []reader{
	{"Get", func(e *env, r *store.Repository[club, int64], id int64) club {
		c, err := r.Get(e.ctx, id)
		require.NoError(e, err)
		return c
	}},
	{"GetMany", func(e *env, r *store.Repository[club, int64], id int64) club {
		many, err := r.GetMany(e.ctx, []int64{id})
		require.NoError(e, err)
		require.Len(e, many, 1)
		return many[id]
	}},
	{"First", func(e *env, r *store.Repository[club, int64], id int64) club {
		c, err := r.First(e.ctx, store.Where("ID", store.Eq, id))
		require.NoError(e, err)
		return c
	}},
	{"Find", func(e *env, r *store.Repository[club, int64], id int64) club {
		all, err := store.Collect(r.Find(e.ctx, store.Where("ID", store.Eq, id)))
		require.NoError(e, err)
		require.Len(e, all, 1)
		return all[0]
	}},
	{"Page", func(e *env, r *store.Repository[club, int64], id int64) club {
		all, _, err := r.Page(e.ctx, store.Where("ID", store.Eq, id))
		require.NoError(e, err)
		require.Len(e, all, 1)
		return all[0]
	}},
	{"Reload", func(e *env, r *store.Repository[club, int64], id int64) club {
		c := club{ID: id}
		require.NoError(e, r.Reload(e.ctx, &c))
		return c
	}},
}
