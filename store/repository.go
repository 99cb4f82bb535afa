package store

import (
	"errors"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
	"github.com/stillframe/stillframe/store/internal/turns"
)

// Repository reads and writes the entities of type T, whose keys have type K, in one table or
// collection. Every T that it returns is a copy of what the database held at one moment: it shares
// no memory with the library or with another copy, and nothing ever changes it but its holder.
//
// A Repository is safe for concurrent use; an entity is not. A program embeds it to add queries of
// its own:
//
//	type Clubs struct{ *store.Repository[Club, int64] }
type Repository[T any, K comparable] struct {
	repo *repo
	tx   *Tx // nil outside a Tx
}

// repo is what a Repository is without its type parameters: all logic stands there once.
type repo struct {
	db         *DB
	table      string
	mapping    *mapping.Mapping
	collection driver.Collection
	options    RepositoryOptions
	turns      *turns.Table // for Modify and Upsert, whose calls on one entity take turns
}

// fresh makes a zero entity.
func (r *repo) fresh() driver.Record {
	return driver.RecordOf(reflect.New(r.mapping.Spec.Type).Interface())
}

// NewRepository checks the mapping of T against the backend and returns a repository over table,
// which may be qualified by a schema ("dbo.clubs"). It does no I/O: [Repository.CheckSchema]
// compares the mapping with the live table. All problems of the mapping are returned together,
// joined, each an ErrInvalid that names type and field. A nil o means defaults.
//
// T is a struct. Its columns are named by the tags that the database's driver uses, `db` for SQL
// (an untagged field goes by its name in lower case) and `bson` for MongoDB. The tag `store` adds
// what the library must know:
//
//	key       the key, one field of type K; a struct K is a composite key
//	version   the version, an int64
//	readat    when the copy was read, a time.Time that is not stored
//	mark      what the copy held then, a [Mark] that is not stored, for RepositoryOptions.SkipUnchanged
//	created   a time.Time that Insert sets where it is zero
//	updated   a time.Time that each write sets, Touch excepted
//	json      a struct, map or slice in one JSON column; a subdocument in MongoDB
//
// and, as options: auto (with key: the database makes it; with version: the database moves it),
// unique and index (with =name, fields of one name share an index), size=N or size=max, varchar,
// text, decimal=19.4, secret (never printed), generated. K is an integer, a string, a byte array, or a struct
// of those.
//
// A generated field is one that the database writes: a generated column, a default, what a trigger fills or
// changes, ON UPDATE. No call sends it, and each write reads it back, so that what stands in it before an
// Insert or Save does not count. A function of Modify or Upsert that changes it is ErrInvalid. EnsureSchema
// makes a plain column of it, which can be NULL: what fills it is the program's own DDL.
//
// Where T or *T has a method Validate() error, it runs before each write of an entity's fields: in
// Insert, InsertMany and Save, and in Modify and Upsert when there is anything to write, with created
// and updated set and nothing of the write sent. It must change nothing. Its error ends the call as an
// ErrInvalid that wraps it and shows its text. Touch, Delete and DeleteKey write no fields and do not
// run it.
func NewRepository[T any, K comparable](db *DB, table string, o *RepositoryOptions) (*Repository[T, K], error) {
	fail := func(err error) (*Repository[T, K], error) {
		return nil, &Error{Op: "map", Entity: table, Err: err}
	}
	if db == nil {
		return fail(invalidf("the DB is nil"))
	}
	if db.closed.Load() {
		return fail(ErrClosed)
	}
	options, err := o.withDefaults()
	if err != nil {
		return fail(err)
	}
	m, problems := mapping.New(mapping.Params{
		Table: table, Type: reflect.TypeFor[T](), Key: reflect.TypeFor[K](), Snapshot: reflect.TypeFor[Snapshot](),
		Info: db.info, Resolve: db.driver.Resolve, Now: db.now, HasMarks: options.SkipUnchanged,
	})
	if len(problems) > 0 {
		for i := range problems {
			problems[i] = invalid(problems[i])
		}
		return fail(errors.Join(problems...))
	}
	if options.Combine {
		if err := checkCombine(&m.Spec); err != nil {
			return fail(err)
		}
	}
	collection, err := db.driver.Collection(&m.Spec)
	if err != nil {
		return fail(invalid(err))
	}
	t := &turns.Table{
		Name: table, Combine: options.Combine, Collection: collection, Mapping: m, Database: db.driver,
		HasLocks: db.info.LockingReads && db.info.Transactions, Now: db.now, Closed: db.checkOpen,
	}
	db.gate.Add(t)
	return &Repository[T, K]{repo: &repo{db, table, m, collection, options, t}}, nil
}

// MustRepository is NewRepository for a package variable or a test: it panics where NewRepository
// returns an error.
func MustRepository[T any, K comparable](db *DB, table string, o *RepositoryOptions) *Repository[T, K] {
	r, err := NewRepository[T, K](db, table, o)
	if err != nil {
		panic(err)
	}
	return r
}

// In returns the same repository bound to tx: its calls are part of that transaction. It belongs
// to the goroutine of tx and is useless after the transaction's end.
func (r *Repository[T, K]) In(tx *Tx) *Repository[T, K] {
	if tx == nil {
		tx = nilTx
	}
	return &Repository[T, K]{r.repo, tx}
}

// Base returns r. Functions that take a repository take an interface with this method, so that they
// also take a type of the user's that embeds one.
func (r *Repository[T, K]) Base() *Repository[T, K] { return r }

// DB returns the database of the repository.
func (r *Repository[T, K]) DB() *DB { return r.repo.db }

// Table returns the name of the table or collection, as [NewRepository] was given it.
func (r *Repository[T, K]) Table() string { return r.repo.table }

// Tx returns the transaction that the repository is bound to by [Repository.In], nil where it is to none.
func (r *Repository[T, K]) Tx() *Tx { return r.tx }

// KeyOf returns the key of an entity.
func (r *Repository[T, K]) KeyOf(entity T) K {
	return r.repo.mapping.KeyOf(driver.RecordOf(&entity)).(K)
}

// VersionOf returns the version of a copy, 0 where it was never read or written.
func (r *Repository[T, K]) VersionOf(entity T) int64 {
	return r.repo.mapping.Version(driver.RecordOf(&entity))
}

// KeyText returns a key as the texts of errors have it, without the quotes: cut at 64 characters, and empty where
// the mapping says "secret".
func (r *Repository[T, K]) KeyText(key K) string { return r.repo.mapping.KeyText(key) }

// Copy returns a copy of an entity that shares no memory with it: key, version, ReadAt and mapped fields, as a Get
// would have read them. So one goroutine can give another a copy of its own. It does no I/O. A value that could not be
// stored, or not be read again, is ErrInvalid.
func (r *Repository[T, K]) Copy(entity T) (T, error) {
	mp := r.repo.mapping
	from, into := driver.RecordOf(&entity), new(T)
	if err := r.repo.collection.Copy(driver.RecordOf(into), from); err != nil {
		var none T
		return none, r.call("copy", mp.KeyOf(from), false).fail(invalid(err))
	}
	mp.StampVersion(driver.RecordOf(into), mp.Version(from), mp.ReadAt(from))
	mp.TakeMark(driver.RecordOf(into), from)
	return *into, nil
}

// call makes the call of a verb, which has not started yet.
func (r *Repository[T, K]) call(op string, key any, write bool) *call {
	return &call{db: r.repo.db, repo: r.repo, tx: r.tx, op: op, key: key, mayWrite: write}
}

// entityCall is a call on an entity that the caller holds.
func (r *Repository[T, K]) entityCall(op string, entity *T, write bool) (*call, driver.Record) {
	if entity == nil {
		return r.call(op, nil, write), driver.Record{}
	}
	record := driver.RecordOf(entity)
	return r.call(op, r.repo.mapping.KeyOf(record), write), record
}

// checkCombine returns why entities cannot be combined, for NewRepository.
func checkCombine(s *driver.Spec) error {
	switch {
	case s.VersionAuto:
		return invalidf("RepositoryOptions.Combine: the database moves the version of %s by its own number, and "+
			"combined calls each need one", s.Type)
	case s.HasGenerated():
		return invalidf("RepositoryOptions.Combine: %s has a generated field, which only a write of its own can "+
			"read back for each call", s.Type)
	}
	return nil
}
