package mongo

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// shelf has a field of each kind.
type shelf struct {
	store.Snapshot `bson:",inline"`
	ID             int64                 `bson:"_id" store:"key"`
	Bool           bool                  `bson:"bool"`
	Byte           uint8                 `bson:"byte"`
	Float          float32               `bson:"float"`
	Text           *string               `bson:"text"`
	Bytes          []byte                `bson:"bytes"`
	UUID           [16]byte              `bson:"uuid"`
	Object         bson.ObjectID         `bson:"object"`
	Time           time.Time             `bson:"time"`
	Price          string                `bson:"price" store:"decimal=20.4"`
	Loose          bson.M                `bson:"loose"`
	Many           []map[string][]string `bson:"many"`
	Inner          struct {
		Name  string         `bson:"name"`
		Marks map[int64]bool `bson:"marks"`
		Next  *[]string      `bson:"next"`
	} `bson:"inner"`
}

// shelfPlan is the plan of shelf, made without a server.
func shelfPlan(t testing.TB) *plan {
	t.Helper()
	client, err := mongodriver.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	o, err := (*Options)(nil).withDefaults()
	require.NoError(t, err)
	db, err := store.New(newDatabase(client, "any", o, deployment{hasTx: true}, false, &watching{}), nil)
	require.NoError(t, err)
	shelves, err := store.NewRepository[shelf, int64](db, "shelves", nil)
	require.NoError(t, err)
	spec := shelves.Spec()
	p, err := newPlan(&spec, "any", nil)
	require.NoError(t, err)
	return p
}

// shelfDocument is a document of a shelf with a value in each field.
func shelfDocument(t testing.TB, loose any) bson.Raw {
	t.Helper()
	name := "x"
	doc, err := bson.Marshal(bson.D{
		{Key: "_id", Value: int64(7)},
		{Key: "version", Value: int64(1)},
		{Key: "bool", Value: true},
		{Key: "byte", Value: int32(9)},
		{Key: "float", Value: 1.5},
		{Key: "text", Value: &name},
		{Key: "bytes", Value: []byte{1}},
		{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
		{Key: "object", Value: bson.NewObjectID()},
		{Key: "time", Value: time.UnixMilli(1).UTC()},
		{Key: "price", Value: bson.NewDecimal128(0, 1)},
		{Key: "loose", Value: loose},
		{Key: "many", Value: bson.A{bson.M{"a": bson.A{"a", "b"}}}},
		{Key: "inner", Value: bson.M{"name": "n", "marks": bson.M{"1": true}, "next": bson.A{"z"}}},
	})
	require.NoError(t, err)
	return doc
}

// FuzzDecode gives the decoder of documents whatever a server may say. It must not panic, and what it takes come
// back when it is written.
func FuzzDecode(f *testing.F) {
	p := shelfPlan(f)
	f.Add([]byte(shelfDocument(f, bson.M{"a": bson.M{"b": bson.A{}}})))
	f.Add([]byte(shelfDocument(f, bson.CodeWithScope{Code: "x", Scope: bson.M{"a": int32(1)}})))
	f.Add([]byte{5, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, doc []byte) {
		var first, second shelf
		if p.decode(driver.RecordOf(&first), doc) != nil {
			return
		}
		at, b := beginDocument(nil)
		for i := range p.spec.Fields {
			var err error
			c := p.byName[p.spec.Fields[i].Name]
			v := reflect.ValueOf(first).FieldByIndex(p.spec.Fields[i].Index)
			if b, err = c.appendElement(b, c.path, v); err != nil {
				return // what Save would refuse as well: other programs store such values
			}
		}
		b = endDocument(b, at)
		require.NoError(t, p.decode(driver.RecordOf(&second), b))
	})
}

// nested is a value of documents inside each other, made from the outside, as no server would store it.
func nested(kind bson.Type, levels int) bson.RawValue {
	doc := []byte{5, 0, 0, 0, 0}
	all := make([]byte, 0, 8*levels+5)
	for i := range levels {
		all = appendInt32(all, int32(8*(levels-i)+len(doc)))
		all = append(all, byte(kind), 'a', 0)
	}
	all = append(all, doc...)
	return bson.RawValue{Type: kind, Value: append(all, make([]byte, levels)...)}
}

// TestDeepDocuments has values that are nested deeper than a server stores be an error, and others come back. Without
// the bound a million levels end the test program: its stack is used up.
func TestDeepDocuments(t *testing.T) {
	t.Parallel()
	p := shelfPlan(t)
	for _, kind := range []bson.Type{bson.TypeEmbeddedDocument, bson.TypeArray} {
		for levels, want := range map[int]error{
			1: nil, 200: nil, mostDepth - 1: nil, mostDepth: errTooDeep, 100_000: errTooDeep, 2_000_000: errTooDeep,
		} {
			deep := nested(kind, levels)
			if kind == bson.TypeArray { // the field's own value is a document
				at, b := beginDocument(nil)
				b = append(appendHeader(b, deep.Type, "a"), deep.Value...)
				deep = bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: endDocument(b, at)}
				if levels == mostDepth-1 {
					want = errTooDeep
				}
			}
			at, doc := beginDocument(nil)
			doc = appendInt64(appendHeader(doc, bson.TypeInt64, "_id"), 7)
			doc = append(appendHeader(doc, deep.Type, "loose"), deep.Value...)
			doc = endDocument(doc, at)
			var s shelf
			assert.ErrorIs(t, p.decode(driver.RecordOf(&s), doc), want, "%v %d", kind, levels)
			if want == nil {
				assert.Len(t, s.Loose, 1)
			}
		}
	}
}
