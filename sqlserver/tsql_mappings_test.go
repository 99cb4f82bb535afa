package sqlserver

import (
	"context"
	"database/sql"
	"time"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

// byText, byCode, byUUID and so on have a key of each kind.
type byText struct {
	store.Snapshot
	Code  string `store:"key,size=20"`
	Price string `store:"decimal=38.10"`
}

type byCode struct {
	store.Snapshot
	Code  string  `store:"key,size=20,varchar"`
	Place string  `store:"size=40,varchar,index"`
	Free  string  `store:"varchar"`
	Maybe *string `store:"size=3,varchar,unique"`
}

type byUUID struct {
	ID   [16]byte  `store:"key"`
	Rev  int64     `store:"version,auto"`
	Read time.Time `db:"-" store:"readat"`
}

type byArray struct {
	store.Snapshot
	ID   [4]byte `store:"key"`
	Sums [9000]byte
}

type byUint struct {
	ID    uint32    `store:"key"`
	Rev   int64     `store:"version,auto"`
	Small uint8     `store:"index=first"`
	At    time.Time `store:"index=first"`
	Made  time.Time `store:"created"`
	Moved time.Time `store:"updated"`
	Read  time.Time `db:"-" store:"readat"`
}

type byPair struct {
	store.Snapshot
	ID struct {
		Season string `store:"size=9"`
		Day    int32
	} `store:"key"`
	Goals *float32
}

type byMany struct {
	ID struct {
		Team [16]byte
		Code string `store:"size=20,varchar"`
		Hash [3]byte
		No   uint8
	} `store:"key"`
	Rev  int64 `store:"version,auto"`
	Face *[]byte
	Read time.Time `db:"-" store:"readat"`
}

// made has nothing but what the database writes and the version.
type made struct {
	store.Snapshot
	ID int64 `store:"key,auto"`
}

// bare has a key and a version alone.
type bare struct {
	store.Snapshot
	ID int64 `store:"key"`
}

// strange has names that mean something to the grammar wherever a quote is forgotten.
type strange struct {
	store.Snapshot
	ID    int64            `db:"primary key" store:"key"`
	Order string           `db:"(order); by --" store:"size=20,unique=a] [index'"`
	Quote *int64           `db:"it's [x]" store:"unique=two words"`
	Word  *string          `db:"select" store:"size=9,unique=two words,index=/*"`
	Param []byte           `db:"@p1"`
	Long  string           `db:"Stärke in % 😀" store:"size=5"`
	Note  bool             `db:"/* no comment"`
	Said  time.Time        `db:"\"said\""`
	Point float64          `db:"a.b"`
	Line  sql.Null[string] `db:"one\nline" store:"varchar,size=4"`
}

// repository is what the collector needs of a *store.Repository, of whatever types.
type repository interface {
	count(ctx context.Context, q store.Query) error
	page(ctx context.Context, q store.Query) (next string, err error)
}

type repositoryOf[T any, K comparable] struct{ *store.Repository[T, K] }

func (r repositoryOf[T, K]) count(ctx context.Context, q store.Query) error {
	_, err := r.Count(ctx, q)
	return err
}

func (r repositoryOf[T, K]) page(ctx context.Context, q store.Query) (string, error) {
	_, next, err := r.Page(ctx, q)
	return next, err
}

// mapping opens a table with a mapping.
type mapping struct {
	name string
	open func(db *store.DB, table string) (repository, error)
}

func mappingOf[T any, K comparable](name string) mapping {
	return mapping{name, func(db *store.DB, table string) (repository, error) {
		r, err := store.NewRepository[T, K](db, table, nil)
		return repositoryOf[T, K]{r}, err
	}}
}

// pairKey and manyKey are the types of the keys of byPair and byMany.
type (
	pairKey = struct {
		Season string `store:"size=9"`
		Day    int32
	}
	manyKey = struct {
		Team [16]byte
		Code string `store:"size=20,varchar"`
		Hash [3]byte
		No   uint8
	}
)

// mappings are the mappings of which every verb is collected.
func mappings() []mapping {
	return []mapping{
		mappingOf[walker, int64]("walkers"),
		mappingOf[sqltest.Kinds, int64]("kinds"),
		mappingOf[stamp, int64]("stamps"),
		mappingOf[byText, string]("by_text"),
		mappingOf[byCode, string]("by_code"),
		mappingOf[byUUID, [16]byte]("by_uuid"),
		mappingOf[byArray, [4]byte]("by_array"),
		mappingOf[byUint, uint32]("by_uint"),
		mappingOf[byPair, pairKey]("by_pair"),
		mappingOf[byMany, manyKey]("by_many"),
		mappingOf[made, int64]("made"),
		mappingOf[bare, int64]("bare"),
		mappingOf[strange, int64]("strange"),
	}
}

// tableNames are names that mean something to the grammar wherever a quote is forgotten.
func tableNames() []string {
	return []string{
		"dbo.players", "league.players", "game.dbo.players", "it's", "a]b", "[x]", "select", "a b",
		"x;drop table y--", `"q"`, "@p1", "/*", "*/", "N'", "表", "the 😀 club",
		"#temp", "a\nb", " a space first", "it's.a]b.[x]",
	}
}
