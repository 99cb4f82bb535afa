package recipes

import (
	"time"

	"github.com/stillframe/stillframe/store"
)

// PlayerID is a composite key: two columns in SQL, the subdocument _id in MongoDB.
type PlayerID struct {
	Season string `db:"season" bson:"season" store:"size=9"`
	Number int64  `db:"number" bson:"number"`
}

// Contract is embedded: each of its fields is a column, or a field of the document itself.
type Contract struct {
	Wage  string     `db:"wage" bson:"wage" store:"decimal=19.4"`
	Until *time.Time `db:"until" bson:"until"` // NULL while it is not signed
}

// Address is one value: a JSON column, or a subdocument.
type Address struct {
	Street string `json:"street" bson:"street"`
	Town   string `json:"town" bson:"town"`
}

// Player shows what becomes of a struct.
type Player struct {
	store.Snapshot `bson:",inline"`
	ID             PlayerID `bson:"_id" store:"key"`
	Contract       `bson:",inline"`
	Home           Address   `db:"home" bson:"home"`
	Nicknames      []string  `db:"nicknames" bson:"nicknames"`
	Joined         time.Time `db:"joined" bson:"joined" store:"created"`
	Changed        time.Time `db:"changed" bson:"changed" store:"updated"`
}
