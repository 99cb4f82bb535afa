package storetest

import (
	"testing"

	"github.com/stillframe/stillframe/store"
)

// Harness is what a backend gives to [Run]. Open and Raw are required, the rest is optional.
//
// All of its functions are called on the goroutine of a test and fail that test by tb when they
// cannot do what they are asked. Tests run in parallel, so they must be safe for concurrent use.
type Harness struct {
	// Open opens a new handle on the database under test. All handles must reach the same
	// tables, as several processes would. The suite closes them.
	Open func(tb testing.TB, o store.Options) *store.DB

	// Raw works on rows behind the library's back, on a connection of its own.
	Raw Raw

	// Table turns a name that the suite made up, which is unique and has at most 40 letters,
	// digits and underscores, into the name of a table that is not there yet, and has tb.Cleanup
	// drop it. Defaults to the name itself, and to dropping nothing.
	Table func(tb testing.TB, name string) string

	// OpenSingle opens a handle that has one connection only, so that a call that needs a
	// second one while it holds the first would wait for ever. Defaults to Open.
	OpenSingle func(tb testing.TB, o store.Options) *store.DB

	// Leaks fails tb when a transaction, cursor or running statement of the suite is still open
	// at the server. It is called while the suite's handles are open but idle, and while no
	// other test of the suite runs. Defaults to none.
	Leaks func(tb testing.TB)

	// Faults opens a handle whose connection can be broken: break lets the next write or commit
	// that the handle sends meet the fault, once. Defaults to a handle on which the fault is
	// made up between package store and the backend.
	Faults func(tb testing.TB, o store.Options) (db *store.DB, arm func(Fault))
}

// Columns holds the values of a row by the stored names of its columns: nil for NULL, and else a
// bool, int64, float64, string, []byte or time.Time.
type Columns = map[string]any

// Row names one row.
type Row struct {
	// Table is the name that Harness.Table returned.
	Table string
	// Key is the key as a user of the repository gives it.
	Key any
	// Columns is the key by column: {"id": 7}, and one entry a part for a composite key. In
	// MongoDB a single one is _id, and several are the fields of the subdocument _id.
	Columns Columns
}

// Raw reads and writes rows behind the library's back. No method looks at the version.
type Raw interface {
	// Set stores columns of a row that is there, and nothing else. The version moves only when
	// it is among the columns.
	Set(tb testing.TB, row Row, columns Columns)

	// Unset takes columns of a row away: a document loses the fields, a SQL row gets NULL. It is
	// asked for the version too, whose column must be altered first where it refuses NULL.
	Unset(tb testing.TB, row Row, columns ...string)

	// Delete removes a row that is there.
	Delete(tb testing.TB, row Row)

	// Read returns all stored columns of a row, in any types in which the database's client
	// gives them, and nil when there is no such row.
	Read(tb testing.TB, row Row) Columns
}

// Fault is one way in which a connection breaks. The client gets no answer in any case.
type Fault struct {
	// Commit says that the next commit meets the fault; otherwise it is the next insert, update
	// or delete.
	Commit bool
	// Landed says that the server does what it was sent, so that only the answer is lost.
	Landed bool
}
