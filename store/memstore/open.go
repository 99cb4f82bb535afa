package memstore

import (
	"context"
	"slices"
	"time"

	"github.com/stillframe/stillframe/store"
)

// Options configure [Open]. The zero value is the default.
type Options struct {
	// Store holds what is the same for every backend. Defaults to the zero [store.Options].
	Store store.Options

	// SnapshotReads makes transactions those of MongoDB: all reads see the moment of the first
	// operation, no read locks, and a write of a row that somebody else has written since, or has
	// written and not committed, is a write conflict at once. Where it is false they are those of MySQL
	// and SQL Server: READ COMMITTED, with locking reads. Defaults to false.
	SnapshotReads bool

	// NoTransactions makes it a standalone MongoDB: neither Atomic nor View. Defaults to false.
	NoTransactions bool

	// TimePrecision is the unit to which times are cut. A value below one nanosecond is the default.
	// Defaults to 1 µs.
	TimePrecision time.Duration

	// LockTimeout bounds each wait for a row lock, which then ends as a lost deadlock does. A value below
	// one nanosecond is the default. Defaults to 3 s.
	LockTimeout time.Duration

	// Tag says which struct tags name the columns. "db" resolves every field as the SQL backends do, and
	// "bson" as MongoDB's driver does. Where it is empty each field follows its db tag where it has one,
	// else its bson tag, else the default of the SQL backends. Any other value is a fault of every
	// mapping. Defaults to "".
	Tag string

	// Like names a server that the database is like in what it refuses: "mysql" (MySQL and MariaDB), "sqlserver" or
	// "mongo". A unit test then fails where the server would: a mapping with names, keys, versions, decimals or
	// indexes that it does not take, a table or column that EnsureSchema has not made (SQL), a text larger than a
	// packet (MySQL), a document larger than 16 MiB (MongoDB). It also sets Tag, TimePrecision and
	// SnapshotReads to what that server has, whatever they are here; a Tag of another family is a fault of every
	// mapping, as is any other name. Comparisons and orders do not change. Defaults to "", which refuses least.
	Like string

	// Fault is called before each operation. An error of this package, or one that wraps it, makes the
	// operation fail in that way; any other error is returned as it is, and nothing happens. It may block
	// on ctx, and it may use [Native]. It must be safe for concurrent use. Defaults to none.
	Fault func(ctx context.Context, c Call) error
}

// Open returns a new, empty database. A nil o means defaults. Nothing needs to be freed when it is no
// longer used; Close ends what still runs in it. What is wrong with o, NewRepository says.
func Open(o *Options) *store.DB {
	if o == nil {
		o = &Options{}
	}
	s := settings{
		snapshotReads:  o.SnapshotReads,
		noTransactions: o.NoTransactions,
		timePrecision:  o.TimePrecision,
		lockTimeout:    o.LockTimeout,
		tag:            o.Tag,
		likeName:       o.Like,
		fault:          o.Fault,
	}
	db, err := store.New(newEngine(s), &o.Store)
	if err == nil {
		return db
	}
	// The other backends' Open return it. Here there is no error to return, so that every mapping has it.
	s.invalid = err
	db, err = store.New(newEngine(s), nil)
	if err != nil {
		panic(err) // no options are always right
	}
	return db
}

// Native returns the raw store behind a database that [Open] made. It reports false for a database of
// another backend, and for nil.
func Native(db *store.DB) (*Database, bool) {
	if db == nil {
		return nil, false
	}
	e, ok := db.Driver().(*engine)
	if !ok {
		return nil, false
	}
	return &Database{engine: e}, true
}

// Where selects the rows for which match returns true. A row comes as a map of its own by column, in the
// form that [Database] describes, without the columns that are NULL. match must be pure; it runs on the
// caller's goroutine, perhaps more than once for a row. A nil match is store.ErrUnsupported when the
// query runs, as a native condition of another backend is.
//
// args are what match depends on beside the row: variables that it captures. They are given to nobody; a
// cursor of Page is good for a function that begins on the same line of the program, with equal args alone,
// while what a function captures cannot be seen.
func Where(match func(row map[string]any) bool, args ...any) store.Query {
	if match == nil {
		return store.Native(nil)
	}
	return store.Native(condition{match, slices.Clone(args)})
}
