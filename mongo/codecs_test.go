package mongo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// sealed has a codec of one BSON value, with a pointer receiver, and stores what BSON would pass over.
type sealed struct{ text string }

func (s *sealed) MarshalBSONValue() (byte, []byte, error) {
	t, data, err := bson.MarshalValue("sealed:" + s.text)
	return byte(t), data, err
}

func (s *sealed) UnmarshalBSONValue(t byte, data []byte) error {
	var text string
	if err := (bson.RawValue{Type: bson.Type(t), Value: data}).Unmarshal(&text); err != nil {
		return err
	}
	s.text = strings.TrimPrefix(text, "sealed:")
	return nil
}

// opened is the same with a value receiver, and with a field that BSON would store.
type opened struct{ Text string }

func (o opened) MarshalBSONValue() (byte, []byte, error) {
	t, data, err := bson.MarshalValue("opened:" + o.Text)
	return byte(t), data, err
}

func (o *opened) UnmarshalBSONValue(t byte, data []byte) error {
	var s sealed
	err := s.UnmarshalBSONValue(t, data)
	o.Text = strings.TrimPrefix(s.text, "opened:")
	return err
}

// paper has a codec of a whole document, with a pointer receiver.
type paper struct{ pages int64 }

func (p *paper) MarshalBSON() ([]byte, error) {
	return bson.Marshal(bson.D{{Key: "pages", Value: p.pages}})
}

func (p *paper) UnmarshalBSON(data []byte) error {
	var err error
	p.pages, err = readPages(data)
	return err
}

func readPages(data []byte) (int64, error) {
	n, ok := bson.Raw(data).Lookup("pages").AsInt64OK()
	if !ok {
		return 0, errors.New("no pages")
	}
	return n, nil
}

// texted is a key with text methods, by value; pointed is one by pointer.
type texted string

func (t texted) MarshalText() ([]byte, error) { return []byte("t-" + string(t)), nil }

func (t *texted) UnmarshalText(text []byte) error {
	rest, found := strings.CutPrefix(string(text), "t-")
	if !found {
		return errors.New("no t-")
	}
	*t = texted(rest)
	return nil
}

type pointed struct{ A, B int }

func (p *pointed) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d.%d", p.A, p.B), nil }

func (p *pointed) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d.%d", &p.A, &p.B)
	return err
}

// everywhere has a type at each position.
type everywhere[V any] struct {
	Field     V
	Pointer   *V
	Nil       *V
	Slice     []V
	Pointers  []*V
	Array     [2]V
	Map       map[string]V
	MapSlice  map[string][]V
	MapArray  map[string][1]V
	MapStruct map[int]struct{ V V }
	MapNull   map[string]sql.Null[V]
	MapMap    map[string]map[string]V
	Null      sql.Null[V]
	Inline    inlined[V] `bson:",inline"`
	Rest      struct {
		Known V
		Rest  map[string]V `bson:",inline"`
	}
}

type inlined[V any] struct {
	InlineField V
	InlineMap   map[string]V
}

func valuesEverywhere[V any](v V) everywhere[V] {
	e := everywhere[V]{
		Field: v, Pointer: &v, Slice: []V{v}, Pointers: []*V{&v, nil}, Array: [2]V{v, v}, Map: map[string]V{"a": v},
		MapSlice: map[string][]V{"a": {v}}, MapArray: map[string][1]V{"a": {v}},
		MapStruct: map[int]struct{ V V }{-1: {v}}, MapNull: map[string]sql.Null[V]{"a": {V: v, Valid: true}, "b": {}},
		MapMap: map[string]map[string]V{"a": {"b": v}, "nil": nil}, Null: sql.Null[V]{V: v, Valid: true},
		Inline: inlined[V]{InlineField: v, InlineMap: map[string]V{"a": v}},
	}
	e.Rest.Known, e.Rest.Rest = v, map[string]V{"other": v}
	return e
}

type holder[V any] struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `bson:"_id" store:"key"`
	V              V     `bson:"v"`
}

// requireBack writes a value and reads it, and requires that it is the same after each kind of write.
func requireBack[V any](t *testing.T, db *store.DB, v V) {
	t.Helper()
	table := "t" + strings.NewReplacer("/", "_", "#", "").Replace(t.Name())
	r, err := store.NewRepository[holder[V], int64](db, table, nil)
	require.NoError(t, err)
	h := holder[V]{ID: 1, V: v}
	require.NoError(t, r.Insert(t.Context(), &h))
	have, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, h.V, have.V)
	same, err := r.Modify(t.Context(), 1, func(*holder[V]) error { return nil })
	require.NoError(t, err)
	require.EqualValues(t, 1, same.Version, "nothing has changed")
	require.NoError(t, r.Save(t.Context(), &have))
	require.NoError(t, r.Reload(t.Context(), &have))
	require.Equal(t, h.V, have.V)
	var zero V
	_, err = r.Modify(t.Context(), 1, func(h *holder[V]) error { h.V = zero; return nil })
	require.NoError(t, err)
	_, err = r.Modify(t.Context(), 1, func(h *holder[V]) error { h.V = v; return nil })
	require.NoError(t, err)
	have, err = r.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, h.V, have.V)
}

// requireRefused requires that the mapping, or else the insert, refuses a value by the name of its field.
func requireRefused[V any](t *testing.T, db *store.DB, v V) {
	t.Helper()
	r, err := store.NewRepository[holder[V], int64](db, "refused", nil)
	if err == nil {
		err = r.Insert(t.Context(), &holder[V]{ID: 1, V: v})
	}
	require.ErrorIs(t, err, store.ErrInvalid)
	require.Regexp(t, `(\.V|V): `, err.Error())
}

func TestCodecsEverywhere(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	t.Run("PointerReceiver", func(t *testing.T) { requireBack(t, db, valuesEverywhere(sealed{"a"})) })
	t.Run("ValueReceiver", func(t *testing.T) { requireBack(t, db, valuesEverywhere(opened{"a"})) })
	t.Run("Document", func(t *testing.T) { requireBack(t, db, valuesEverywhere(paper{7})) })
	t.Run("ValueAndScan", func(t *testing.T) { requireBack(t, db, valuesEverywhere(money{7})) })
	t.Run("Time", func(t *testing.T) {
		requireBack(t, db, valuesEverywhere(time.Date(2016, 5, 2, 21, 0, 0, 0, time.UTC)))
	})
	t.Run("UUID", func(t *testing.T) { requireBack(t, db, valuesEverywhere([16]byte{1})) })
	t.Run("TextKey", func(t *testing.T) { requireBack(t, db, map[texted]texted{"a": "b"}) })
	t.Run("PointerTextKey", func(t *testing.T) { requireBack(t, db, map[pointed]int64{{1, 2}: 3}) })
	t.Run("NumberKeys", func(t *testing.T) { requireBack(t, db, map[int8]map[uint64]string{-7: {9: "a"}}) })
	t.Run("ObjectIDKey", func(t *testing.T) { requireBack(t, db, map[bson.ObjectID]string{bson.NewObjectID(): "a"}) })
	t.Run("AnyOfBSON", func(t *testing.T) { requireBack(t, db, bson.M{"a": int64(5), "b": "x", "c": bson.A{true}}) })
}

func TestValuesThatDoNotComeBack(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	t.Run("TwoOfOneName", func(t *testing.T) {
		requireRefused(t, db, struct {
			A int64 `bson:"a"`
			B int64 `bson:"a"`
		}{})
	})
	t.Run("Dollar", func(t *testing.T) {
		requireRefused(t, db, struct {
			A int64 `bson:"$set"`
		}{})
	})
	t.Run("Dot", func(t *testing.T) {
		requireRefused(t, db, []struct {
			A int64 `bson:"a.b"`
		}{})
	})
	t.Run("PointerToNil", func(t *testing.T) { requireRefused(t, db, struct{ P *[]string }{new([]string)}) })
	t.Run("NullOfNil", func(t *testing.T) { requireRefused(t, db, sql.Null[[]string]{Valid: true}) })
	t.Run("PointerKey", func(t *testing.T) { requireRefused(t, db, map[*pointed]int64{{1, 2}: 3}) })
	t.Run("ZeroByteKey", func(t *testing.T) { requireRefused(t, db, map[string]int64{"a\x00b": 1}) })
	t.Run("InlineClash", func(t *testing.T) {
		requireRefused(t, db, struct {
			A    int64            `bson:"a"`
			Rest map[string]int64 `bson:",inline"`
		}{Rest: map[string]int64{"a": 1}})
	})
	t.Run("IntOfBSON", func(t *testing.T) { requireRefused(t, db, bson.M{"a": 5}) })
	t.Run("DocumentOfBSON", func(t *testing.T) { requireRefused(t, db, bson.D{{Key: "a", Value: time.Now()}}) })
	t.Run("TextOfBSON", func(t *testing.T) { requireRefused(t, db, bson.M{"a": "\xff"}) })
}

type priceTag struct{ Cents, Currency int64 }

// IsZero is true of every amount of nothing, in whatever currency.
func (p priceTag) IsZero() bool { return p.Cents == 0 }

type sparse struct {
	Number  *int64       `bson:"number,omitempty"`
	Price   *priceTag    `bson:"price,omitempty"`
	Free    priceTag     `bson:"free,omitempty"`
	At      *time.Time   `bson:"at,omitempty"`
	Since   time.Time    `bson:"since,omitempty"`
	Text    *string      `bson:"text,omitempty"`
	Pointer *inlinedZero `bson:",inline"`
}

type inlinedZero struct {
	X int64 `bson:"x,omitempty"`
}

// What omitempty leaves out reads as zero and as nothing else: a pointer to zero is no nil pointer.
func TestOmitEmptyLosesNothing(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	full := sparse{
		Number: new(int64), Price: &priceTag{Currency: 3}, Free: priceTag{Currency: 4},
		At: &time.Time{}, Text: new(string),
	}
	t.Run("Nested", func(t *testing.T) { requireBack(t, db, full) })
	t.Run("Zero", func(t *testing.T) { requireBack(t, db, sparse{}) })
	t.Run("InSlice", func(t *testing.T) { requireBack(t, db, []sparse{full, {}}) })
	t.Run("TopLevel", func(t *testing.T) {
		type top struct {
			store.Snapshot `bson:",inline"`
			ID             int64      `bson:"_id" store:"key"`
			At             *time.Time `bson:"at,omitempty"`
			Price          *priceTag  `bson:"price,omitempty"`
			Free           priceTag   `bson:"free,omitempty"`
		}
		r, err := store.NewRepository[top, int64](db, "tops", nil)
		require.NoError(t, err)
		want := top{ID: 1, At: &time.Time{}, Price: &priceTag{Currency: 3}, Free: priceTag{Currency: 4}}
		require.NoError(t, r.Insert(t.Context(), &want))
		have, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		want.Snapshot = have.Snapshot
		assert.Equal(t, want, have)
		_, err = r.Modify(t.Context(), 1, func(o *top) error {
			o.At, o.Price, o.Free = nil, nil, priceTag{}
			return nil
		})
		require.NoError(t, err)
		native, _ := mongo.Native(db)
		doc, err := native.Collection("tops").FindOne(t.Context(), bson.D{}).Raw()
		require.NoError(t, err)
		for _, name := range []string{"at", "price", "free"} {
			assert.Zero(t, doc.Lookup(name), name)
		}
	})
}

// hexID is a text in Go and an ObjectID in the database.
type hexID string

func (h hexID) MarshalBSONValue() (byte, []byte, error) {
	id, err := bson.ObjectIDFromHex(string(h))
	if err != nil {
		return 0, nil, err
	}
	t, data, err := bson.MarshalValue(id)
	return byte(t), data, err
}

func (h *hexID) UnmarshalBSONValue(t byte, data []byte) error {
	id, ok := bson.RawValue{Type: bson.Type(t), Value: data}.ObjectIDOK()
	if !ok {
		return errors.New("no ObjectID")
	}
	*h = hexID(id.Hex())
	return nil
}

type hexed[K comparable] struct {
	store.Snapshot `bson:",inline"`
	ID             K     `bson:"_id" store:"key"`
	N              int64 `bson:"n"`
}

type hexPair struct {
	A hexID `bson:"a"`
	B int64 `bson:"b"`
}

// plainID is stored by the caller's registry, turned around.
type plainID string

// A key's own codec, and the caller's registry, decide how it is stored, and every call finds it so.
func TestKeysByTheirCodecs(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(typeOf[plainID](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
			return vw.WriteString("plain:" + v.String())
		}))
	registry.RegisterTypeDecoder(typeOf[plainID](), bson.ValueDecoderFunc(
		func(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
			text, err := vr.ReadString()
			v.SetString(strings.TrimPrefix(text, "plain:"))
			return err
		}))
	db := open(t, set.URI(), set.Database(t), &mongo.Options{Registry: registry})
	native, ok := mongo.Native(db)
	require.True(t, ok)
	ids := []bson.ObjectID{bson.NewObjectID(), bson.NewObjectID(), bson.NewObjectID()}
	t.Run("Own", func(t *testing.T) {
		keysWork(t, db, []hexID{hexID(ids[0].Hex()), hexID(ids[1].Hex()), hexID(ids[2].Hex())})
		n, err := native.Collection("keys_"+t.Name()[len("TestKeysByTheirCodecs/"):]).
			CountDocuments(t.Context(), bson.D{{Key: "_id", Value: ids[0]}})
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)
	})
	t.Run("Composite", func(t *testing.T) {
		keysWork(t, db, []hexPair{{hexID(ids[0].Hex()), 1}, {hexID(ids[1].Hex()), 1}, {hexID(ids[1].Hex()), 2}})
	})
	t.Run("Registry", func(t *testing.T) {
		keysWork(t, db, []plainID{"a", "b", "c"})
		n, err := native.Collection("keys_Registry").CountDocuments(t.Context(), bson.D{{Key: "_id", Value: "plain:a"}})
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)
	})
	r, err := store.NewRepository[hexed[hexID], hexID](db, "keys_Own", nil)
	require.NoError(t, err)
	_, err = r.Get(t.Context(), "no hex")
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = r.Count(t.Context(), store.Where("ID", store.Prefix, "a"))
	require.ErrorIs(t, err, store.ErrInvalid)
}

// keysWork uses three keys, in the order of what is stored, in every call that takes or gives one.
func keysWork[K comparable](t *testing.T, db *store.DB, keys []K) {
	t.Helper()
	table := "keys_" + t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	r, err := store.NewRepository[hexed[K], K](db, table, &store.RepositoryOptions{PageSize: 1})
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(t.Context()))
	var all []*hexed[K]
	for i, key := range keys {
		all = append(all, &hexed[K]{ID: key, N: int64(i)})
	}
	require.NoError(t, r.InsertMany(t.Context(), all))
	require.ErrorIs(t, r.Insert(t.Context(), &hexed[K]{ID: keys[0]}), store.ErrExists)
	many, err := r.GetMany(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, many, 3)
	for i, key := range keys {
		assert.EqualValues(t, i, many[key].N)
	}
	found, err := store.Collect(r.Find(t.Context(), store.Query{}))
	require.NoError(t, err)
	require.Len(t, found, 3)
	for i, one := range found {
		assert.Equal(t, keys[i], one.ID, "in order")
	}
	page, cursor, err := r.Page(t.Context(), store.Query{})
	require.NoError(t, err)
	require.Len(t, page, 1)
	page, _, err = r.Page(t.Context(), (store.Query{}).From(cursor))
	require.NoError(t, err)
	require.Len(t, page, 1)
	assert.Equal(t, keys[1], page[0].ID)
	one, err := r.Get(t.Context(), keys[1])
	require.NoError(t, err)
	isStale, err := r.IsStale(t.Context(), one)
	require.NoError(t, err)
	assert.False(t, isStale)
	require.NoError(t, r.Save(t.Context(), &one))
	require.NoError(t, r.Touch(t.Context(), &one))
	require.NoError(t, r.Reload(t.Context(), &one))
	one, err = r.Modify(t.Context(), keys[1], func(h *hexed[K]) error { h.N = 9; return nil })
	require.NoError(t, err)
	assert.EqualValues(t, 4, one.Version)
	require.NoError(t, r.Delete(t.Context(), one))
	require.NoError(t, r.DeleteKey(t.Context(), keys[0]))
	n, err := r.Count(t.Context(), store.Query{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	differences, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	assert.Empty(t, differences)
	_, err = r.Upsert(context.WithoutCancel(t.Context()), keys[0], func(h *hexed[K], isFound bool) error {
		assert.False(t, isFound)
		return nil
	})
	require.NoError(t, err)
}
