package storetest

import (
	"github.com/stillframe/stillframe/store"
)

func pointer[V any](v V) *V { return &v }

func byID(id int64) Columns { return Columns{"id": id} }

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
