// Package mapping has entities that are wrong in one way each, or right. Package run makes their repositories and
// prints what NewRepository says of each.
package mapping

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"time"
	"unsafe"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

type (
	noKey     struct{ store.Snapshot }
	noVersion struct {
		ID int64 `store:"key"`
	}
	twoKeys struct {
		store.Snapshot `bson:",inline"`
		A              int64 `store:"key"`
		B              int64 `store:"key"`
	}
	twoVersions struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `store:"key"`
		Other          int64 `store:"version"`
	}
	otherKey struct {
		store.Snapshot `bson:",inline"`
		ID             int32 `store:"key"` // want `is the key and has type int32`
	}
	nests struct {
		store.Snapshot `db:"snapshot" bson:"snapshot"` // want `would be stored as a value of its own`
		ID             int64                           `store:"key"`
	}
	byPointer struct {
		*store.Snapshot `bson:",inline"` // want `is embedded by pointer`
		ID              int64            `store:"key"`
	}
	shortVersion struct {
		ID      int64 `store:"key"`
		Version int32 `store:"version"` // want `is the version and must be an int64, not int`
	}
	unknownWord struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `store:"key,primary"` // want `has the unknown word "primary"`
		Name           string `store:"size=x"`      // want `has a "size"`
		Size           string `store:"unique="`     // want `has an empty name at "unique"`
		Price          string `store:"decimal=2.4"` // want `has a "decimal"`
		Auto           int64  `store:"auto"`        // want `has "auto" without "key" or "version"`
		Flag           bool   `store:"secret=1"`    // want `has a value at "secret", which takes none`
	}
	twoRoles struct {
		store.Snapshot `bson:",inline"`
		ID             int64     `store:"key"`
		At             time.Time `store:"created,updated"`   // want `has the roles created and updated at once`
		By             time.Time `store:"created,generated"` // want `has "generated" beside "created"`
	}
	sameName struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `store:"key"`
		A              string `db:"name" bson:"name"`
		B              string `db:"name" bson:"name"` // want `is stored as "name", and so is A`
	}
	unexported struct {
		store.Snapshot `bson:",inline"`
		id             int64 `store:"key"` // want `is tagged but not exported`
		ID             int64 `store:"key"`
	}
	wrongTimes struct {
		ID        int64     `store:"key"`
		Version   int64     `store:"version"`
		ReadAt    int64     `store:"readat"`  // want `is tagged readat and must be a time\.Time, no`
		Mark      string    `store:"mark"`    // want `is tagged mark and must be a store\.Mark, not`
		Created   string    `store:"created"` // want `is tagged created and must be a time\.Time, n`
		Updated   time.Time `store:"updated"`
		Updated2  time.Time `store:"updated"` // want `is a second field tagged updated`
		ReadAgain time.Time `store:"readat"`  // want `is a second field tagged readat`
	}
	notStored struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `store:"key"`
		Other          int64  `db:"-" bson:"-" store:"updated"`   // want `is tagged "updated" but is not stored`
		Made           string `db:"-" bson:"-" store:"generated"` // want `is tagged "generated" but is not stored`
	}
	kinds struct {
		store.Snapshot `bson:",inline"`
		ID             int64              `store:"key"`
		Channel        chan int           // want `has type chan int, which cannot be stored`
		Func           func() error       // want `has type func\(\) error, which cannot be store`
		Complex        complex64          // want `has type complex64, which cannot be stored`
		Pointer        uintptr            // want `has type uintptr, which cannot be stored`
		Unsafe         unsafe.Pointer     // want `has type unsafe\.Pointer, which cannot be sto`
		Any            any                // want `has type interface \{\}, which cannot be store`
		Deep           **int              // want `has type \*\*int, which cannot be stored`
		Map            map[string]any     // want `holds a value of type interface \{\}, which ca`
		Keys           map[float64]string // want `holds a map whose keys have type float64: th`
		JSON           int                `store:"json"` // want `is tagged json,`
	}
	options struct {
		store.Snapshot `bson:",inline"`
		ID             *int64  `store:"key"`             // want `is the key and has type \*int64`
		Level          int     `store:"size=3"`          // want `is tagged size,`
		Name           string  `store:"size=3,text"`     // want `is tagged size beside text,`
		Price          float64 `store:"decimal=19.4"`    // want `is tagged decimal,`
		Long           string  `store:"size=max,unique"` // want `is tagged unique or index,`
		Number         int     `store:"varchar"`         // want `is tagged varchar,`
		Fine           string  `store:"size=3,index=fine"`
		NotFine        string  `store:"unique=fine"` // want `names the index "fine", which is unique for`
	}
	inner struct {
		Name string `store:"size=3"`
	}
	hidden struct {
		Name   string
		secret int
	}
	closed struct{ unseen *hidden }
	twice  struct {
		A string `json:"a"`
		B string `json:"a"`
	}
	withTags struct {
		store.Snapshot `bson:",inline"`
		ID             int64             `store:"key"`
		Inner          []inner           // want `holds a mapping\.inner,`
		Hidden         map[string]hidden // want `holds a mapping\.hidden,`
		Moment         *closed           // want `holds a mapping\.closed`
	}
	embedsPointer struct {
		*hidden
		Name string
	}
	deeper struct {
		store.Snapshot `bson:",inline"`
		ID             int64         `store:"key"`
		Pointer        embedsPointer // want `holds a mapping\.embedsPointer`
		Fine           [][]map[int]*struct{ N sql.NullInt64 }
	}
	onlyValue struct{ n int }
	halfCodec struct {
		store.Snapshot `bson:",inline"`
		ID             int64     `store:"key"`
		Value          onlyValue // want `has type mapping\.onlyValue, which has a Valu`
	}
	inline struct {
		store.Snapshot `bson:",inline" store:"index"` // want `is inline and takes no store tag`
		ID             int64                          `store:"key"`
	}
)

func (onlyValue) Value() (driver.Value, error) { return nil, nil }

// The kinds of Validate that are never called.
type (
	NoResult struct {
		Base `bson:",inline"`
	}
	arguments struct {
		Base `bson:",inline"`
	}
	byValue struct {
		Base `bson:",inline"`
	}
	promoted struct {
		NoResult `bson:",inline"`
	}
	validates struct {
		Base `bson:",inline"`
	}
	validatesCopy struct {
		Base `bson:",inline"`
	}
	// Base is inline for both kinds of tags.
	Base struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `store:"key"`
	}
)

func (*NoResult) Validate()                   {}              // want `would never be called` `would never be called`
func (*arguments) Validate(strict bool) error { return nil }  // want `would never be called`
func (byValue) Validate() bool                { return true } // want `would never be called`
func (*validates) Validate() error            { return nil }
func (validatesCopy) Validate() error         { return nil }

type (
	badParts struct {
		A int64  `store:"unique"`
		B string `db:"-" bson:"-"`
		C string `db:"a" bson:"a"`
	}
	composite struct {
		store.Snapshot `bson:",inline"`
		ID             badParts `store:"key,auto"` // want `is composite` `its part A is` `its part B is` `its part C is`
	}
	floatKey struct {
		store.Snapshot `bson:",inline"`
		ID             float64 `store:"key"`
	}
	autoText struct {
		store.Snapshot `bson:",inline"`
		ID             string `store:"key,auto,index"` // want `is the key, which has an index` `is tagged auto, and no`
	}
	moved struct {
		ID      int64 `store:"key"`
		Version int64 `store:"version,auto"`
	}
	generated struct {
		ID      int64 `store:"key"`
		Version int64 `store:"version"`
		Made    int   `store:"generated"`
	}
	generic[V any] struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `store:"key"`
		Value          V     // want `has type chan int, which cannot be stored`
	}
	floatPart struct {
		store.Snapshot `bson:",inline"`
		ID             floats `store:"key"`
	}
	unseenPart struct {
		store.Snapshot `bson:",inline"`
		ID             unseen `store:"key"`
	}
	embeddedPart struct {
		store.Snapshot `bson:",inline"`
		ID             embedding `store:"key"`
	}
	nestsHidden struct {
		store.Snapshot `bson:",inline"`
		Number         `db:"number" bson:"number"`
		parts          `db:"parts" bson:"parts"` // want `is embedded and not exported, and would be stored`
		ID             int64                     `store:"key"`
	}
	readsItself struct {
		store.Snapshot `bson:",inline"`
		moment         `bson:",inline"` // want `embeds mapping.moment, which stores itself`
		ID             int64            `store:"key"`
	}
	moment    time.Time
	floats    struct{ F float64 }
	unseen    struct{ n int }
	Number    int
	embedding struct{ Number }
	right     struct {
		store.Snapshot `bson:",inline"`
		ID             int64           `db:"id" bson:"_id" store:"key,auto"` // want `is the key and has type int64`
		Name           string          `store:"size=60,unique=names"`
		Other          *string         `store:"index,unique=names"`
		Price          string          `store:"decimal=19.4"`
		Raw            json.RawMessage `store:"json"`
		Tags           []string
		Null           sql.Null[time.Time] `store:"updated"`
		Since          sql.NullTime        `store:"created"`
		ID16           [16]byte
		Secret         []byte `store:"secret,size=max"`
		unseen         int
	}
	parts      struct{ A, B int32 }
	ownVersion struct {
		ID      parts `store:"key"`
		Version int64 `store:"version"`
	}
)

// All makes the repositories, and gives on what NewRepository says of each. All of it is found here too.
func All(said func(error)) {
	db := memstore.Open(nil)
	said(of(store.NewRepository[noKey, int64](db, "t", nil)))       // want `no field is the key`
	said(of(store.NewRepository[noVersion, int64](db, "t", nil)))   // want `no field is the version`
	said(of(store.NewRepository[twoKeys, int64](db, "t", nil)))     // want `2 fields are tagged as the key`
	said(of(store.NewRepository[twoVersions, int64](db, "t", nil))) // want `2 fields are tagged as the version`
	said(of(store.NewRepository[otherKey, int64](db, "t", nil)))
	said(of(store.NewRepository[nests, int64](db, "t", nil)))
	said(of(store.NewRepository[byPointer, int64](db, "t", nil)))
	said(of(store.NewRepository[shortVersion, int64](db, "t", nil)))
	said(of(store.NewRepository[unknownWord, int64](db, "t", nil)))
	said(of(store.NewRepository[twoRoles, int64](db, "t", nil)))
	said(of(store.NewRepository[sameName, int64](db, "t", nil)))
	said(of(store.NewRepository[unexported, int64](db, "t", nil)))
	said(of(store.NewRepository[wrongTimes, int64](db, "t", nil)))
	said(of(store.NewRepository[notStored, int64](db, "t", nil)))
	said(of(store.NewRepository[kinds, int64](db, "t", nil)))
	said(of(store.NewRepository[options, int64](db, "t", nil)))
	said(of(store.NewRepository[withTags, int64](db, "t", nil)))
	said(of(store.NewRepository[deeper, int64](db, "t", nil)))
	said(of(store.NewRepository[halfCodec, int64](db, "t", nil)))
	said(of(store.NewRepository[inline, int64](db, "t", nil)))
	said(of(store.NewRepository[NoResult, int64](db, "t", nil)))
	said(of(store.NewRepository[arguments, int64](db, "t", nil)))
	said(of(store.NewRepository[byValue, int64](db, "t", nil)))
	said(of(store.NewRepository[promoted, int64](db, "t", nil)))
	said(of(store.NewRepository[validates, int64](db, "t", nil)))
	said(of(store.NewRepository[validatesCopy, int64](db, "t", nil)))
	said(of(store.NewRepository[moved, int64](db, "t", nil)))
	said(of(store.NewRepository[generic[int], int64](db, "t", nil)))
	said(of(store.NewRepository[generic[chan int], int64](db, "t", nil)))
	said(of(store.NewRepository[composite, badParts](db, "t", nil)))
	said(of(store.NewRepository[floatKey, float64](db, "t", nil)))       // want `float64 cannot be a key`
	said(of(store.NewRepository[right, struct{}](db, "t", nil)))         // want `struct \{\} cannot be a key`
	said(of(store.NewRepository[floatPart, floats](db, "t", nil)))       // want `its field F is no integer`
	said(of(store.NewRepository[unseenPart, unseen](db, "t", nil)))      // want `its field n is not exported`
	said(of(store.NewRepository[embeddedPart, embedding](db, "t", nil))) // want `its field Number is embedded`
	said(of(store.NewRepository[nestsHidden, int64](db, "t", nil)))
	said(of(store.NewRepository[readsItself, int64](db, "t", nil)))
	said(of(store.NewRepository[autoText, string](db, "t", nil)))

	said(of(store.NewRepository[int, int64](db, "t", nil)))  // want `int: an entity is a struct`
	said(of(store.NewRepository[right, int64](db, "", nil))) // want `the table's name is empty`

	said(of(store.NewRepository[moved, int64](db, "t", // want `has no field for the mark that SkipUnchanged`
		&store.RepositoryOptions{SkipUnchanged: true})))
	said(of(store.NewRepository[generated, int64](db, "t", // want `RepositoryOptions\.Combine: mapping\.generated has`
		&store.RepositoryOptions{Combine: true})))
	said(of(store.NewRepository[right, int64](db, "t", &store.RepositoryOptions{SkipUnchanged: true, Combine: true})))
	said(of(store.NewRepository[ownVersion, parts](db, "parts", nil)))
}

func of[T any, K comparable](_ *store.Repository[T, K], err error) error { return err }

// silent are those that some backend would take, or of which nothing is known here.
func silent[T any, K comparable](db *store.DB) {
	_ = store.MustRepository[generic[T], K](db, "t", nil)
	_ = store.MustRepository[T, int64](db, "t", nil)
	_ = store.MustRepository[oneNameInJSON, int64](db, "t", nil)
	_ = store.MustRepository[oneNameInSQL, int64](db, "t", nil)
	_ = store.MustRepository[excused, int64](db, "t", nil)
	_ = store.MustRepository[otherKey, int64](db, "t", nil) // it is said once
}

type (
	oneNameInJSON struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `store:"key"`
		Twice          twice
	}
	oneNameInSQL struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `store:"key"`
		A              string `db:"a" bson:"a"`
		B              string `db:"a" bson:"b"`
	}
	excused struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `store:"key"`
		//stalecheck:ignore the fault is shown here
		Any any
	}
)
