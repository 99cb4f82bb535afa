package store_test

import (
	"database/sql"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// The types below are wrong in one way each.
type (
	noKey     struct{ store.Snapshot }
	noVersion struct {
		ID int64 `store:"key"`
	}
	twoKeys struct {
		store.Snapshot
		A int64 `store:"key"`
		B int64 `store:"key"`
	}
	otherKey struct {
		store.Snapshot
		ID int32 `store:"key"`
	}
	nests struct {
		store.Snapshot `bson:"snapshot"`
		ID             int64 `bson:"_id" store:"key"`
	}
	byPointer struct {
		*store.Snapshot
		ID int64 `store:"key"`
	}
	shortVersion struct {
		ID      int64 `store:"key"`
		Version int32 `store:"version"`
	}
	unknownWord struct {
		store.Snapshot
		ID int64 `store:"key,primary"`
	}
	twoRoles struct {
		store.Snapshot
		ID int64     `store:"key"`
		At time.Time `store:"created,updated"`
	}
	sameColumn struct {
		store.Snapshot
		ID int64  `store:"key"`
		A  string `db:"name"`
		B  string `db:"name"`
	}
	withAny struct {
		store.Snapshot
		ID    int64          `store:"key"`
		Extra map[string]any `store:"json"`
	}
	closedBox struct {
		store.Snapshot
		ID    int64   `store:"key"`
		Money big.Rat `db:"money"`
		Lock  struct{ a int }
	}
	hidden struct {
		store.Snapshot
		ID int64 `store:"key"`
		//lint:ignore U1000 that it cannot be stored is the fault
		name string `store:"size=10"`
	}
	sizedNumber struct {
		store.Snapshot
		ID int64 `store:"key"`
		N  int   `store:"size=3"`
	}
	badDecimal struct {
		store.Snapshot
		ID    int64  `store:"key"`
		Price string `store:"decimal=4.19"`
	}
	pointerPointer struct {
		store.Snapshot
		ID int64 `store:"key"`
		P  **int
	}
	nullableKey struct {
		store.Snapshot
		ID sql.Null[int64] `store:"key"`
	}
	uniqueText struct {
		store.Snapshot
		ID   int64  `store:"key"`
		Body string `store:"text,unique"`
	}
	autoText struct {
		store.Snapshot
		ID string `store:"key,auto"`
	}
	badReadAt struct {
		ID      int64  `store:"key"`
		Version int64  `store:"version"`
		Read    string `store:"readat"`
	}
	wrongCreated struct {
		store.Snapshot
		ID      int64 `store:"key"`
		Created int64 `store:"created"`
	}
	skippedKey struct {
		store.Snapshot
		ID int64 `db:"-" store:"key"`
	}
	openKey struct {
		Season string
		//lint:ignore U1000 that it cannot be stored is the fault
		club string
	}
)

func mapped[T any, K comparable]() error {
	_, err := store.NewRepository[T, K](memstore.Open(nil), "clubs", nil)
	return err
}

func TestNewRepositoryFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want []string // each in the text
	}{
		{"NoKey", mapped[noKey, int64](), []string{"noKey: no field is the key"}},
		{"NoVersion", mapped[noVersion, int64](), []string{"noVersion: no field is the version"}},
		{"TwoKeys", mapped[twoKeys, int64](), []string{"twoKeys: 2 fields are tagged as the key"}},
		{"OtherKeyType", mapped[otherKey, int64](), []string{"otherKey.ID", "int32", "int64"}},
		{"SnapshotNests", mapped[nests, int64](), []string{"nests.Snapshot", `bson:",inline"`}},
		{"SnapshotByPointer", mapped[byPointer, int64](), []string{"byPointer.Snapshot", "by pointer"}},
		{"VersionTooShort", mapped[shortVersion, int64](), []string{"shortVersion.Version", "int32"}},
		{"UnknownWord", mapped[unknownWord, int64](), []string{"unknownWord.ID", `"primary"`}},
		{"TwoRoles", mapped[twoRoles, int64](), []string{"twoRoles.At", "created and updated"}},
		{"SameColumn", mapped[sameColumn, int64](), []string{"sameColumn.B", `"name"`, "A"}},
		{"Interface", mapped[withAny, int64](), []string{"withAny.Extra", "interface {}"}},
		{"OnlyUnexported", mapped[closedBox, int64](), []string{"closedBox.Lock", "only unexported fields"}},
		{"Unexported", mapped[hidden, int64](), []string{"hidden.name", "not exported"}},
		{"SizeOfNumber", mapped[sizedNumber, int64](), []string{"sizedNumber.N", "size"}},
		{"Decimal", mapped[badDecimal, int64](), []string{"badDecimal.Price", "decimal"}},
		{"PointerToPointer", mapped[pointerPointer, int64](), []string{"pointerPointer.P", "**int"}},
		{"NullableKey", mapped[nullableKey, sql.Null[int64]](), []string{"cannot be a key"}},
		{"UniqueText", mapped[uniqueText, int64](), []string{"uniqueText.Body", "unique"}},
		{"AutoString", mapped[autoText, string](), []string{"autoText.ID", "auto"}},
		{"ReadAtNoTime", mapped[badReadAt, int64](), []string{"badReadAt.Read", "time.Time"}},
		{"CreatedNoTime", mapped[wrongCreated, int64](), []string{"wrongCreated.Created", "time.Time"}},
		{"KeyNotStored", mapped[skippedKey, int64](), []string{"skippedKey.ID", "not stored"}},
		{"FloatKey", mapped[Club, float64](), []string{"float64 cannot be a key"}},
		{"AnyKey", mapped[Club, any](), []string{"cannot be a key"}},
		{"PointerKey", mapped[Club, *int](), []string{"cannot be a key"}},
		{"BoolKey", mapped[Club, bool](), []string{"cannot be a key"}},
		{"TimeKey", mapped[Club, time.Time](), []string{"cannot be a key"}},
		{"UnexportedPart", mapped[Club, openKey](), []string{"club", "not exported"}},
		{"NoStruct", mapped[int, int64](), []string{"an entity is a struct"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, tt.err, store.ErrInvalid)
			for _, want := range tt.want {
				assert.Contains(t, tt.err.Error(), want)
			}
		})
	}
}

func TestNewRepositoryNamesAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	type worst struct {
		ID   float32 `store:"key"`
		A    chan int
		B    string `store:"sise=3"`
		C, D int    `db:"c"`
	}
	err := mapped[worst, float32]()
	require.Error(t, err)
	for _, want := range []string{
		"float32 cannot be a key", "worst.A", "worst.B", "worst.D", "no field is the version",
	} {
		assert.Contains(t, err.Error(), want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 5)
}

func TestNewRepositoryArguments(t *testing.T) {
	t.Parallel()
	_, err := store.NewRepository[Club, int64](nil, "clubs", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = store.NewRepository[Club, int64](memstore.Open(nil), "", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = store.NewRepository[Club, int64](memstore.Open(nil), "clubs", &store.RepositoryOptions{PageSize: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
	db := memstore.Open(nil)
	require.NoError(t, db.Close())
	_, err = store.NewRepository[Club, int64](db, "clubs", nil)
	require.ErrorIs(t, err, store.ErrClosed)
	assert.Panics(t, func() { store.MustRepository[noKey, int64](memstore.Open(nil), "clubs", nil) })
	_, err = store.New(nil, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// base is embedded unexported, which the SQL convention stores like any other.
type base struct {
	Name string `db:"name" store:"unique=who"`
	Team string `db:"team" store:"unique=who"`
}

func TestNewRepositoryAccepts(t *testing.T) {
	t.Parallel()
	type part struct {
		Season string `db:"season"`
		Round  uint8  `db:"round"`
		Match  [12]byte
	}
	type entity struct {
		base
		Key     part         `store:"key"`
		Rev     int64        `db:"rev" store:"version"`
		Read    time.Time    `store:"readat"`
		Created *time.Time   `store:"created"`
		Updated sql.NullTime `store:"updated"`
		Tree    *node
		Raw     []byte   `store:"size=10"`
		Ignored chan int `db:"-"`
	}
	repo, err := store.NewRepository[entity, part](memstore.Open(nil), "league.things", nil)
	require.NoError(t, err)
	key := part{"2015-16", 3, [12]byte{1}}
	e := entity{Key: key, base: base{Name: "a", Team: "b"}, Tree: &node{Name: "root", Next: &node{}}}
	require.NoError(t, repo.Insert(t.Context(), &e))
	got, err := repo.Get(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, "root", got.Tree.Name)
	assert.NotSame(t, e.Tree, got.Tree)
	assert.NotNil(t, got.Created)
	assert.True(t, got.Updated.Valid)
	other := entity{Key: part{Round: 1}, base: e.base}
	err = repo.Insert(t.Context(), &other)
	require.ErrorIs(t, err, store.ErrExists)
	fault, ok := err.(*store.Error)
	require.True(t, ok)
	assert.Equal(t, "who", fault.Constraint)
	assert.Contains(t, err.Error(), `"/1/000000000000000000000000"`)
}

type node struct {
	Name string
	At   time.Time
	Next *node
}

// A value that holds itself would be endless; it is refused like any other bad value.
func TestInsertEndlessValue(t *testing.T) {
	t.Parallel()
	type entity struct {
		store.Snapshot
		ID   int64 `store:"key"`
		Tree *node `store:"json"`
	}
	repo := store.MustRepository[entity, int64](memstore.Open(nil), "trees", nil)
	loop := &node{Name: "loop"}
	loop.Next = loop
	err := repo.Insert(t.Context(), &entity{ID: 1, Tree: loop})
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "Tree")
}
