// Package entity holds the structs and values of the conformance suite that more than one of its packages
// stores, and those that must be exported because a codec may pass over embedded structs that are not.
package entity

import "github.com/stillframe/stillframe/store"

// Common is what several entities begin with.
type Common struct {
	store.Snapshot `bson:",inline"`

	ID int64 `db:"id" bson:"_id" store:"key"`
}

// Address is stored in the place of the struct that embeds it.
type Address struct {
	Street string `db:"street" bson:"street" store:"size=40"`
	Town   string `db:"town" bson:"town" store:"size=40"`
}

// Ticket has a key that the database makes.
type Ticket struct {
	store.Snapshot `bson:",inline"`

	ID   int64  `db:"id" bson:"_id" store:"key,auto"`
	Note string `db:"note" bson:"note" store:"size=20"`
}
