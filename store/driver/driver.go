package driver

import (
	"context"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Database is one open database. It is safe for concurrent use.
type Database interface {
	// Info returns the same facts for the life of the Database. It does no I/O.
	Info() Info

	// Resolve says how the backend's own struct tags store a field. It is pure. The parts of a
	// struct key are resolved through it too.
	Resolve(f reflect.StructField) Naming

	// Collection compiles the plan for one entity type and one table. It does no I/O and returns
	// all problems of the mapping that this backend finds, joined; each names type and field.
	Collection(spec *Spec) (Collection, error)

	// Begin opens a transaction. ctx bounds the call only: the transaction outlives it.
	Begin(ctx context.Context, p *BeginParams) (Tx, error)

	// Classify says what an error returned by this backend means. It is pure, and it looks
	// through wrapped and joined errors.
	Classify(err error) Fault

	// Close frees what Open acquired, and nothing that the caller owns. It is called once.
	Close() error
}

// Tx is one transaction. Package store calls exactly one of its methods, exactly once, and never
// two operations of one Tx at the same time.
type Tx interface {
	// Commit returns nil only when the database acknowledged the commit. It returns by the end
	// of ctx, which carries a deadline and is never the caller's own: a commit that was sent and
	// not answered is a Fault with Sent.
	Commit(ctx context.Context) error

	// Rollback ends the transaction without a trace and frees its connection, even where it
	// returns an error. It returns by the end of ctx, which carries a deadline.
	Rollback(ctx context.Context) error
}

// Collection reads and writes the entities of one [Spec]. It is safe for concurrent use.
//
// Every Record that a method is given points at a value of Spec.Type. A driver writes into a
// Record only where the method's parameters say so. Where a parameter struct has a Tx, nil means
// that the call is a transaction of its own.
type Collection interface {
	// Get reads one row by its key.
	Get(ctx context.Context, p *GetParams) (GetResult, error)

	// Find reads one page of a query, or the rows of a list of keys. It has read all of them,
	// and holds nothing at the database, when it returns.
	Find(ctx context.Context, p *FindParams) (FindResult, error)

	// Count counts the rows that a filter selects.
	Count(ctx context.Context, p *CountParams) (int64, error)

	// Version reads the stored version of one row and nothing else.
	Version(ctx context.Context, p *VersionParams) (VersionResult, error)

	// Insert writes all records or none. It never overwrites: a key that is there is a
	// Duplicate, and so is a value that a unique index already holds.
	Insert(ctx context.Context, p *InsertParams) (InsertResult, error)

	// Update writes fields of one row when its stored version is p.Expect. It never creates a
	// row, and never touches what it was not told to write. See [WriteResult] for its outcomes.
	Update(ctx context.Context, p *UpdateParams) (WriteResult, error)

	// Delete removes one row when its stored version is p.Expect.
	Delete(ctx context.Context, p *DeleteParams) (WriteResult, error)

	// Copy gives dst, whose mapped fields are zero, the key, the version and the fields of src, as a Get would
	// that reads what was written of src. The two share no memory then. It does no I/O. Its error, a
	// [ValueError], is that of a value which could not be written, or not be read again. [Copier] is one for a
	// backend that stores no value by a codec of its own.
	Copy(dst, src Record) error

	// Schema compares the live table with the plan. With p.Create it first creates what is
	// missing; it never alters or drops what is there.
	Schema(ctx context.Context, p *SchemaParams) (SchemaResult, error)

	// DDL returns the statements, in order, that create the table and its indexes. It does no
	// I/O.
	DDL() []string
}

// Info holds the facts about a database that package store and its users act on. A capability
// that is false is ErrUnsupported before any I/O.
type Info struct {
	// Name is the backend's name, "mysql".
	Name string
	// Server is product and version, for errors and reports.
	Server string
	// System is the product as OpenTelemetry's db.system.name has it: "mysql", "mariadb",
	// "microsoft.sql_server", "mongodb".
	System string
	// Database is the name of the database at the server, empty where it has none.
	Database string
	// Identity tells the database from others whose Info has the same Name and Database, where that can be
	// known. To a cursor two databases are one when all three are the same.
	Identity string

	// Transactions says that several entities can be written in one Tx.
	Transactions bool
	// Views says that BeginParams.View is honoured.
	Views bool
	// NoViews says, where Views is false, what would bring them. It may be empty.
	NoViews string
	// LockingReads says that GetParams.Lock is honoured, not merely parsed: the read is of the
	// newest committed state, which no one else can change until the Tx ends.
	LockingReads bool
	// SnapshotTx says that all reads of a Tx that is no View share one moment, that of its first
	// operation. Where it is false, each read of such a Tx sees what is committed at its start.
	SnapshotTx bool

	// Changes says that a [Watcher] tells of writes, whoever makes them. Where it is false, they are found by reading
	// versions now and then.
	Changes bool

	// AutoKeys says that the database can make integer keys.
	AutoKeys bool
	// AutoVersion says that the database can move the version itself (store:"version,auto").
	// Such a version changes with each write, by any amount.
	AutoVersion bool

	// TimePrecision is the unit to which times are cut. It is at least one nanosecond.
	TimePrecision time.Duration
	// DecimalDigits is the largest precision of a decimal field.
	DecimalDigits int
	// MaxKeys is the number of keys, or of values in a list, that one statement can carry.
	MaxKeys int

	// TrailingSpaces says that strings that differ only in trailing spaces are different.
	TrailingSpaces bool
	// CodePointOrder says that strings sort by code point beyond U+FFFF too.
	CodePointOrder bool
	// UUIDOrder says that UUIDs sort by their bytes from left to right.
	UUIDOrder bool

	// NestedPaths says that a nested struct is written by its paths: what lies inside it beside the
	// fields that the entity maps stays as it is, in structs inside structs and behind pointers too.
	// Where it is false a nested value is one value, and a write of it replaces it. A slice and a map
	// are one value in either case.
	NestedPaths bool

	// Native is the type of Filter.Native that Find and Count accept, nil when there is none.
	Native reflect.Type

	// StoredJSON is what the backend makes of the JSON text of a nested value before it stores it, nil
	// where it keeps the text, as it does of a field whose Text is set. Package store refuses a value that
	// would come back as another. The function is pure.
	StoredJSON func(text string) string

	// NativeText says what tells a value of Native from others: its text and its arguments, so that a cursor
	// of one condition is refused by a query with another. It is the same in each process. The function is
	// pure. Nil means that a query with native conditions has no cursors.
	NativeText func(native any) (text []byte, err error)

	// NestedCodec reports whether the backend stores a type that lies inside a nested value by
	// methods or a codec of its own. Package store then neither looks inside such a value nor
	// asks for fields that it could store. The function is pure. Nil means the types with JSON or
	// text forms, which is right where a nested value is one JSON text.
	NestedCodec func(t reflect.Type) bool

	// NestedForm returns a function that says what a value of a nested or opaque type is stored as: values of one
	// form are read back as the same. Modify writes nothing where no form has changed. Both functions are pure. Nil
	// means the JSON text of [Field.Encode].
	NestedForm func(t reflect.Type) func(v reflect.Value) ([]byte, error)
}

// Naming says how a backend stores a struct field.
type Naming struct {
	// Name is the stored name, for Stored.
	Name string
	// How is the way in which the field is stored.
	How How
	// Opaque says that the backend encodes the field's type by a codec of its own. Package store
	// then does not look inside the value, and no query can compare it.
	Opaque bool
}

// How is the way in which a struct field is stored.
type How uint8

const (
	// Skip means that the field is not stored.
	Skip How = iota
	// Stored means that the field is stored under its name.
	Stored
	// Inline means that the fields of this struct are stored in its place.
	Inline
)

// BeginParams are the parameters of [Database.Begin].
type BeginParams struct {
	// View makes all reads see one moment, that of the first. No write is sent in it.
	View bool
}

// GetParams are the parameters of [Collection.Get].
type GetParams struct {
	Tx  Tx
	Key any // of the type of Spec.Key
	// Into is what the row is decoded into. Its mapped fields are zero.
	Into Record
	// Base, unless it is the zero Record, receives a second decoding of the same row, which
	// shares no memory with the first. Its mapped fields are zero.
	Base Record
	// Lock makes it a current read: the newest committed state, kept until the Tx ends where
	// Info.LockingReads says so. It is set only with a Tx.
	Lock bool
	// Confirmed asks for a read that cannot be taken back: a row that it shows is there, whatever
	// server is lost afterwards, and what it does not show was not stored when it was sent. It is set
	// only without a Tx. Where every read outside a Tx is such a read it has no effect.
	Confirmed bool
}

// GetResult is the result of [Collection.Get].
type GetResult struct {
	Found bool
}

// FindParams are the parameters of [Collection.Find].
type FindParams struct {
	Tx Tx
	// Keys, when it is not nil, names the rows to read, in any order; a key without a row is
	// passed over. Filter, Order and Limit are then not set. It has at most Info.MaxKeys
	// elements, no two of them equal.
	Keys []any
	// Filter selects the rows; nil selects all.
	Filter *Filter
	// Order is never empty without Keys, and it is total: it ends in the key.
	Order []Order
	// After, when it is not nil, holds the values of Order's fields in the row behind which the page
	// starts, as FindResult.Last gave them, to this program or to another one with the same driver. Filter
	// selects the rows behind it in any case: After is for a driver that can go straight to that place, and
	// may be ignored.
	After []any
	// Limit is the most rows to read. It is at least 1 without Keys.
	Limit int
	// Peek asks whether there are more rows than Limit, so that one more is looked at.
	Peek bool
	// Into is called once for each row that was read and returns the record to decode it into.
	// Its mapped fields are zero.
	Into func() Record
}

// FindResult is the result of [Collection.Find].
type FindResult struct {
	// Rows is the number of rows that were decoded.
	Rows int
	// More says, where FindParams.Peek is set, that the query selects rows behind the last one.
	More bool
	// Bytes is about how many bytes the rows took on the wire, by which package store decides how many the next page
	// asks for; 0 where nothing was sent, or it is not known.
	Bytes int
	// Last holds what the database sorts by: the values of Order's fields as they are stored in the last
	// row, nil for NULL. Each is of a type of [IsStored], in a form that the driver itself takes back, in
	// FindParams.After and in a Filter with Stored, and compares as the database sorts. It is never made
	// from the decoded record, whose value may be another than the stored one: true for a stored 2, a
	// rounded number, a text that Scan has folded. It shares no memory with the database's client. It is
	// set when Order and Rows are.
	Last []any
}

// CountParams are the parameters of [Collection.Count].
type CountParams struct {
	Tx     Tx
	Filter *Filter // nil selects all
}

// VersionParams are the parameters of [Collection.Version].
type VersionParams struct {
	Tx  Tx
	Key any
}

// VersionResult is the result of [Collection.Version].
type VersionResult struct {
	Found   bool
	Version int64 // 0 where the row holds none
}

// InsertParams are the parameters of [Collection.Insert].
type InsertParams struct {
	Tx      Tx
	Records []Record
	// Version is stored as the version of each record, unless Spec.VersionAuto is set. What
	// stands in the records' version fields does not count.
	Version int64
	// Into is set exactly when Spec has a field that is Generated, and has a record for each of
	// Records. Insert decodes into it the version and the generated fields as they are stored with
	// this insert, and nothing else: other writes must not come in between. The fields are zero.
	Into []Record
}

// InsertResult is the result of [Collection.Insert].
type InsertResult struct {
	// Keys are the keys that the database made, of the type of Spec.Key and in the order of the
	// records. It is set exactly when Spec.KeyAuto is. Where one does not fit that type, Insert has
	// written nothing, or takes it back before it returns the ValueError that says so.
	Keys []any
	// Versions are the versions that the database made, in the order of the records. It is set
	// exactly when Spec.VersionAuto is.
	Versions []int64
}

// UpdateParams are the parameters of [Collection.Update].
type UpdateParams struct {
	Tx     Tx
	Key    any
	Record Record
	// Fields are the indexes into Spec.Fields of what is written: nil means all but those that are
	// Generated, and an empty slice that is not nil means the version alone.
	Fields []int
	// Base, unless it is the zero Record, is the row as it was read with the version Expect, before it
	// was changed to Record: by it a driver can write less of a field than the whole. What lies beside
	// it in a nested value that the driver can write in parts stays as it is, with or without Base.
	Base Record
	// Expect is the version that must be stored. 0 matches a version of 0, NULL or absent.
	Expect int64
	// Next is the version to store, unless Spec.VersionAuto is set.
	Next int64
	// Into is set exactly when Spec has a field that is Generated. Where the outcome is Applied,
	// Update has decoded into it the generated fields as they are stored with this write, which other
	// writes must not come in between, and WriteResult.Stored is the version that was read with them:
	// a trigger may have moved it beyond Next. The fields are zero.
	Into Record
}

// DeleteParams are the parameters of [Collection.Delete].
type DeleteParams struct {
	Tx     Tx
	Key    any
	Expect int64 // as in UpdateParams
	// Any removes the row whatever its version.
	Any bool
}

// WriteResult says what became of an Update or a Delete.
//
// With a nil error, Outcome is Applied, Missing or Stale. When nothing matched and the read that
// tells Missing from Stale failed, Outcome is NotApplied beside that read's error: the write did
// not happen, whatever the error is. With any other error Outcome is zero and the error's Fault
// says whether the write may have happened.
type WriteResult struct {
	Outcome Outcome
	// Stored is the version now stored, for Applied and Stale.
	Stored int64
}

// Outcome is what became of a write.
type Outcome uint8

const (
	// Applied means that the row was written.
	Applied Outcome = iota + 1
	// Missing means that there is no such row.
	Missing
	// Stale means that the row was there with another version when the write was tried.
	// WriteResult.Stored was read afterwards, so that it may even be the expected one.
	Stale
	// NotApplied means that nothing was written, for a reason that could not be read.
	NotApplied
)

// SchemaParams are the parameters of [Collection.Schema].
type SchemaParams struct {
	// Create creates what is missing first.
	Create bool
	// Combined says that calls may share a write, so that what the server does with each row that is written
	// (checks, triggers, validators) does not see the states between. The result names each of them.
	Combined bool
}

// SchemaResult is the result of [Collection.Schema].
type SchemaResult struct {
	Differences []Difference
	// Migration are the statements, in order and each to be run by itself, of the differences that are
	// SeverityMust and have a fix, and of the indexes that are missing. None of them takes anything away.
	Migration []string
}

// Difference is one way in which a live table is not what a mapping needs.
type Difference struct {
	Table    string // as given to NewRepository
	Name     string // the column, field or index, empty when it is the table itself
	Severity Severity
	Problem  string // what is different, in one sentence without its full stop
	// Statements mend it, in order and each to be run by itself. There are none where no statement is safe: Problem
	// then says what to decide. One of SQL Server may be a batch, which is a transaction.
	Statements []string
	// Fix is Statements for a person, or for a client that takes a script: each on lines of its own, all but a single
	// one ended by ";". Package store makes it of Statements, where a backend has not.
	Fix string
}

// Severity is what a [Difference] costs. Only what must be mended stands between a program and its start.
type Severity uint8

const (
	// SeverityMust is a difference with which a call fails, or a guarantee does not hold.
	SeverityMust Severity = iota
	// SeverityWeaker is a difference with which every call works, but something is weaker than on a table that
	// EnsureSchema makes: an order, a comparison, speed, or what a rule of the table refuses, by name and before
	// anything is stored. The problem says what.
	SeverityWeaker
	// SeverityNote is a difference that costs nothing here, and that other programs may care about.
	SeverityNote
)

// String returns "must", "weaker" or "note".
func (s Severity) String() string {
	switch s {
	case SeverityMust:
		return "must"
	case SeverityWeaker:
		return "weaker"
	case SeverityNote:
		return "note"
	}
	return "severity " + strconv.Itoa(int(s))
}

// String returns the difference on one line, which begins with its severity.
func (d Difference) String() string {
	s := d.Severity.String() + ": " + Shown(d.Table)
	if d.Name != "" {
		s += "." + Shown(d.Name)
	}
	s += ": " + Shown(d.Problem)
	if len(d.Statements) > 0 {
		s += " (fix: " + Shown(strings.ReplaceAll(strings.Join(d.Statements, "; "), "\n", " ")) + ")"
	}
	return s
}

// Fault is what an error means.
type Fault struct {
	Class Class
	// Code is the server's number or name for the error, empty where there is none. It is shown
	// in the text of package store's errors, where the server's message never is.
	Code string
	// Constraint names the index or constraint that did not take a value, where the server says so.
	Constraint string
	// Problem is what is wrong and what to do about it, for the text of package store's error: "clubs.city: no
	// such column: CheckSchema has the statement that adds it". It holds names of tables, columns and
	// settings, and neither a value nor the server's message. Empty means that the class says it all.
	Problem string
	// Sent says that a write, or a commit, may have reached the server and may have happened. It
	// is false for a call that only reads, and for the read in an Update or Delete that tells
	// Missing from Stale: nothing can come of those later.
	Sent bool
}

// Class is the kind of a [Fault].
type Class uint8

const (
	// Other is an error that has no class below: a missing table, a syntax error.
	Other Class = iota
	// Duplicate means that a key or a unique value is already there.
	Duplicate
	// Conflict means that the server saw a write conflict and nothing of the transaction remains.
	Conflict
	// LockFailure means that the transaction was chosen to end a deadlock, or waited for a lock until
	// the server gave up. It must be rolled back.
	LockFailure
	// Unavailable means that the connection or the server is away.
	Unavailable
	// Refused means that the server does not take a value, or that a constraint is not met.
	Refused
	// Canceled means that the call's context ended.
	Canceled
	// Unsupported means that the server cannot do this.
	Unsupported
	// Closed means that the database handle was closed.
	Closed
)
