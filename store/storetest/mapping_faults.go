package storetest

import (
	sqldriver "database/sql/driver"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// What NewRepository must refuse, as part of Mapping.
var _ = register(
	"Mapping",
	Test{Name: "FaultsNameTypeAndField", run: mappingFaults},
	Test{Name: "FaultsOfKeyTypes", run: mappingKeyFaults},
	Test{Name: "FaultsAreReportedTogether", run: mappingAllFaults},
	Test{Name: "ChecksDoNoIO", run: mappingNoIO},
)

// hidden has only unexported fields and no codec.
type hidden struct{ a, b int }

// half has a Value method and no Scan.
type half struct{ A int }

// Value implements driver.Valuer.
func (half) Value() (sqldriver.Value, error) { return "half", nil }

// faulty asserts that a mapping is refused, by names.
func faulty[T any, K comparable](e *env, names ...string) {
	e.Helper()
	r, err := store.NewRepository[T, K](e.db, e.table("faulty"), nil)
	assert.Nil(e, r)
	e.only(err, store.ErrInvalid, "%v", names)
	e.names(err, names...)
}

// mappingFaults has entity types that cannot be mapped, one mistake each: NewRepository refuses them and names the
// field.
func mappingFaults(e *env) {
	_ = hidden{1, 2}.a + hidden{1, 2}.b
	type noKey struct {
		store.Snapshot `bson:",inline"`
		Amount         int64 `db:"amount" bson:"amount"`
	}
	faulty[noKey, int64](e, "noKey", "key")
	type twoKeys struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `db:"id" bson:"_id" store:"key"`
		Other          int64 `db:"other" bson:"other" store:"key"`
	}
	faulty[twoKeys, int64](e, "twoKeys", "key")
	type noVersion struct {
		ID int64 `db:"id" bson:"_id" store:"key"`
	}
	faulty[noVersion, int64](e, "noVersion", "version")
	type twoVersions struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `db:"id" bson:"_id" store:"key"`
		Rev            int64 `db:"rev" bson:"rev" store:"version"`
	}
	faulty[twoVersions, int64](e, "twoVersions", "version")
	type smallVersion struct {
		ID  int64 `db:"id" bson:"_id" store:"key"`
		Rev int32 `db:"rev" bson:"rev" store:"version"`
	}
	faulty[smallVersion, int64](e, "smallVersion", "Rev", "int64")
	type nullVersion struct {
		ID  int64  `db:"id" bson:"_id" store:"key"`
		Rev *int64 `db:"rev" bson:"rev" store:"version"`
	}
	faulty[nullVersion, int64](e, "nullVersion", "Rev")
	type wrongReadAt struct {
		ID   int64 `db:"id" bson:"_id" store:"key"`
		Rev  int64 `db:"rev" bson:"rev" store:"version"`
		Seen int64 `db:"-" bson:"-" store:"readat"`
	}
	faulty[wrongReadAt, int64](e, "wrongReadAt", "Seen")
	type nests struct {
		Snap store.Snapshot `db:"snap" bson:"snap"`
		ID   int64          `db:"id" bson:"_id" store:"key"`
	}
	faulty[nests, int64](e, "nests", "Snap")
	type byPointer struct {
		*store.Snapshot `bson:",inline"`
		ID              int64 `db:"id" bson:"_id" store:"key"`
	}
	faulty[byPointer, int64](e, "byPointer", "Snapshot")
	type notStored struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `db:"-" bson:"-" store:"key"`
	}
	faulty[notStored, int64](e, "notStored", "ID")
	type unexportedTag struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `db:"id" bson:"_id" store:"key"`
		amount         int64 `store:"index"`
	}
	_ = unexportedTag{}.amount
	faulty[unexportedTag, int64](e, "unexportedTag", "amount")
	fieldFaults(e)
}

// fielded is a mapping with one more field, which is wrong.
type fielded[V any] struct {
	store.Snapshot `bson:",inline"`

	ID    int64 `db:"id" bson:"_id" store:"key"`
	Wrong V     `db:"wrong" bson:"wrong"`
}

// fieldFaults has fields that cannot be stored, and tags that say what cannot be: each is named, all of them in one
// error.
func fieldFaults(e *env) {
	faulty[fielded[any], int64](e, "Wrong")
	faulty[fielded[error], int64](e, "Wrong")
	faulty[fielded[func()], int64](e, "Wrong")
	faulty[fielded[chan int], int64](e, "Wrong")
	faulty[fielded[complex128], int64](e, "Wrong")
	faulty[fielded[uintptr], int64](e, "Wrong")
	faulty[fielded[map[string]any], int64](e, "Wrong")
	faulty[fielded[[]any], int64](e, "Wrong")
	faulty[fielded[map[hidden]int], int64](e, "Wrong")
	faulty[fielded[hidden], int64](e, "Wrong", "hidden")
	faulty[fielded[*hidden], int64](e, "Wrong", "hidden")
	faulty[fielded[[]hidden], int64](e, "Wrong", "hidden")
	faulty[fielded[struct{ Deep struct{ H hidden } }], int64](e, "Wrong", "hidden")
	faulty[fielded[half], int64](e, "Wrong", "Scan")
	faulty[fielded[**int64], int64](e, "Wrong")
	type tags struct {
		store.Snapshot `bson:",inline"`
		ID             int64     `db:"id" bson:"_id" store:"key"`
		Unknown        string    `db:"a" bson:"a" store:"unkown"`
		Roles          int64     `db:"b" bson:"b" store:"created,version"`
		Size           string    `db:"c" bson:"c" store:"size=0"`
		SizeWord       string    `db:"d" bson:"d" store:"size=large"`
		SizeOfInt      int64     `db:"e" bson:"e" store:"size=10"`
		Decimal        string    `db:"f" bson:"f" store:"decimal=19"`
		DecimalOfInt   int64     `db:"g" bson:"g" store:"decimal=19.4"`
		Scale          string    `db:"h" bson:"h" store:"decimal=4.5"`
		Digits         string    `db:"i" bson:"i" store:"decimal=1000.4"`
		JSON           int64     `db:"j" bson:"j" store:"json"`
		Text           []byte    `db:"k" bson:"k" store:"text"`
		Both           string    `db:"l" bson:"l" store:"text,size=10"`
		Auto           int64     `db:"m" bson:"m" store:"auto"`
		Created        string    `db:"n" bson:"n" store:"created"`
		Unique         []int64   `db:"o" bson:"o" store:"json,unique"`
		Long           string    `db:"p" bson:"p" store:"size=max,index"`
		Empty          string    `db:"q" bson:"q" store:"index="`
		Value          string    `db:"r" bson:"r" store:"secret=yes"`
		Same           string    `db:"s" bson:"s"`
		Again          string    `db:"s" bson:"s"`
		Mixed          string    `db:"t" bson:"t" store:"size=9,index=mixed"`
		MixedToo       string    `db:"u" bson:"u" store:"size=9,unique=mixed"`
		Generated      string    `db:"-" bson:"-" store:"generated"`
		GeneratedTime  time.Time `db:"v" bson:"v" store:"updated,generated"`
	}
	faulty[tags, int64](
		e, "Unknown", "unkown", "Roles", "Size:", "SizeWord", "SizeOfInt", "Decimal:", "DecimalOfInt", "Scale",
		"Digits", "JSON", "Text",
		"Both", "Auto", "Created", "Unique", "Long", "Empty", "Value", "Again", "Same", "Mixed", "mixed",
		"Generated:", "GeneratedTime",
	)
}

// mappingKeyFaults has keys that cannot be compared by a server, or that are not those of the entity, and repositories
// that cannot be.
func mappingKeyFaults(e *env) {
	faulty[keyed[float64], float64](e, "float64")
	faulty[keyed[bool], bool](e, "bool")
	faulty[keyed[*int64], *int64](e, "*int64")
	faulty[keyed[any], any](e, "interface")
	faulty[keyed[time.Time], time.Time](e, "time.Time")
	faulty[keyed[complex64], complex64](e, "complex64")
	faulty[keyed[[3]int], [3]int](e, "[3]int")
	faulty[keyed[struct{}], struct{}](e, "struct {}")
	type floating struct {
		A int64   `db:"a" bson:"a"`
		B float64 `db:"b" bson:"b"`
	}
	faulty[keyed[floating], floating](e, "floating", "B")
	type private struct {
		A int64 `db:"a" bson:"a"`
		b int64
	}
	_ = private{}.b
	faulty[keyed[private], private](e, "private", "b")
	type timed struct {
		At time.Time `db:"at" bson:"at"`
	}
	faulty[keyed[timed], timed](e, "timed", "At")
	faulty[keyed[int64], int32](e, "ID", "int32", "int64")
	faulty[keyed[string], int64](e, "ID", "string", "int64")
	faulty[account, seatKey](e, "ID", "seatKey")
	faulty[int, int64](e, "int")
	faulty[*account, int64](e, "account")
	faulty[map[string]any, int64](e, "map")
	faulty[time.Time, int64](e, "Time")
	_, err := store.NewRepository[account, int64](e.db, "", nil)
	e.only(err, store.ErrInvalid)
	_, err = store.NewRepository[account, int64](nil, "account", nil)
	e.only(err, store.ErrInvalid)
	for _, o := range []store.RepositoryOptions{{PageSize: -1}, {ModifyAttempts: -1}, {ModifyTimeout: -1}} {
		_, err = store.NewRepository[account, int64](e.db, e.table("account"), &o)
		e.only(err, store.ErrInvalid)
	}
}

func mappingAllFaults(e *env) {
	type many struct {
		ID      float64           `db:"id" bson:"_id" store:"key"`
		Rev     int32             `db:"rev" bson:"rev" store:"version"`
		Any     any               `db:"any" bson:"any"`
		Options map[string]hidden `db:"options" bson:"options"`
		Name    string            `db:"name" bson:"name" store:"size=-1"`
		Email   string            `db:"email" bson:"email" store:"uniqe"`
	}
	faulty[many, float64](e, "many", "float64", "Rev", "Any", "Options", "Name", "Email")
}

func mappingNoIO(e *env) {
	db, spy := e.spied(store.Options{})
	_, err := store.NewRepository[account, int64](db, e.table("account"), nil)
	require.NoError(e, err)
	_, err = store.NewRepository[fielded[any], int64](db, e.table("faulty"), nil)
	require.Error(e, err)
	r := over[account, int64](e, db, e.table("account"), nil)
	require.Equal(e, r.DDL(), r.DDL())
	require.Empty(e, spy.take())
}
