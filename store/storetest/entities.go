package storetest

import (
	"fmt"
	"time"

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

func pointer[V any](v V) *V { return &v }

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

func byID(id int64) Columns { return Columns{"id": id} }

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

// account is a small entity for sums and for what concurrent writers leave behind.
type account struct {
	store.Snapshot `bson:",inline"`

	ID     int64   `db:"id" bson:"_id" store:"key"`
	Amount int64   `db:"amount" bson:"amount"`
	Marks  []int64 `db:"marks" bson:"marks" store:"json"` // the ids of the writes that it holds
}

type accounts = repository[account, int64]

func newAccounts(e *env, amounts ...int64) *accounts {
	e.Helper()
	r := newRepository[account](e, "account", byID)
	for i, amount := range amounts {
		inserted(r, account{ID: int64(i + 1), Amount: amount})
	}
	return r
}

// member has a unique field.
type member struct {
	store.Snapshot `bson:",inline"`

	ID    int64  `db:"id" bson:"_id" store:"key"`
	Email string `db:"email" bson:"email" store:"size=80,unique=member_email"`
	Age   int64  `db:"age" bson:"age"`
}

func newMembers(e *env) *repository[member, int64] {
	e.Helper()
	return newRepository[member](e, "member", byID)
}

// seat has a composite key.
type seatKey struct {
	Season string `db:"season" bson:"season" store:"size=20"`
	Club   int64  `db:"club" bson:"club"`
}

type seat struct {
	store.Snapshot `bson:",inline"`

	ID     seatKey `bson:"_id" store:"key"`
	Points int64   `db:"points" bson:"points"`
	Note   *string `db:"note" bson:"note" store:"size=60"`
}

func newSeats(e *env) *repository[seat, seatKey] {
	e.Helper()
	return newRepository[seat](e, "seat", func(k seatKey) Columns {
		return Columns{"season": k.Season, "club": k.Club}
	})
}

// letter has a string key, and a body that must never be printed.
type letter struct {
	store.Snapshot `bson:",inline"`

	ID   string `db:"id" bson:"_id" store:"key,size=120"`
	Body string `db:"body" bson:"body" store:"size=20"`
}

func byText(id string) Columns { return Columns{"id": id} }

func newLetters(e *env) *repository[letter, string] {
	e.Helper()
	return newRepository[letter](e, "letter", byText)
}
