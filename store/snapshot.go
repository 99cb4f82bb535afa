package store

import "time"

// Snapshot is what an entity embeds to say which version it is and when it was read. An entity
// may instead carry fields of its own, tagged store:"version" (int64) and store:"readat"
// (time.Time).
//
// MongoDB's driver nests an embedded struct unless it is told otherwise, so an entity that is
// stored there embeds it as
//
//	store.Snapshot `bson:",inline"`
//
// The zero Snapshot belongs to an entity that was never read or written: Save, Touch, Delete and IsStale refuse
// it. [SnapshotAt] makes the one of an entity that was read somewhere else.
type Snapshot struct {
	// Version counts the writes in the life of the entity's key: an insert stores 1, and each
	// write adds 1. Where the database moves it (store:"version,auto") it changes with each
	// write. 0 is the version of a row that holds none, as rows do that are older than their
	// version column.
	Version int64 `db:"version" bson:"version" store:"version"`
	// ReadAt is the time at which the entity was as it is here: it was taken before the request
	// that read or wrote it was sent, in a View before the first request. It is in UTC, by
	// Options.Now, and it is not stored.
	ReadAt time.Time `db:"-" bson:"-" store:"readat"`
	// Mark is 0 without RepositoryOptions.SkipUnchanged.
	Mark Mark `db:"-" bson:"-" json:"-" yaml:"-" store:"mark"`
}

// Mark is a hash of what an entity held when it was read or written, by which Save knows a copy that has not changed
// (RepositoryOptions.SkipUnchanged). Each repository has marks of its own, by a random seed, so that one from another
// table, database or process never matches: such a copy is written. A program sets it to 0 where Save shall write in
// any case, and has no other use for it. It is not stored, and not part of JSON.
type Mark uint64

// Equal reports true, so that comparisons by such methods, as go-cmp makes, look at what entities hold. To == and
// reflect.DeepEqual marks are numbers: copies of one row by one repository have the same while they hold the same.
func (Mark) Equal(Mark) bool { return true }

// SnapshotAt returns the Snapshot of a copy of that version whose time of reading is not known. A program uses
// it for an entity that it puts together from what a client sends back, who has seen that version: a hidden field,
// an ETag. ReadAt is the Unix epoch. Without it a version of 0, which a row has that is older than its version
// column, could not be told from an entity that was never read.
func SnapshotAt(version int64) Snapshot {
	return Snapshot{Version: version, ReadAt: time.Unix(0, 0).UTC()}
}
