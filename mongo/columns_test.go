package mongo_test

import (
	"database/sql"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/columns"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

var update = flag.Bool("update", false, "write the column of docs/TYPES.md anew")

// TestDocumentedColumns compares what a document holds with docs/TYPES.md.
func TestDocumentedColumns(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	samples, err := store.NewRepository[columns.Sample, int64](db, "samples", nil)
	require.NoError(t, err)
	n := int64(7)
	sample := columns.Sample{
		ID: 7, Decimal: "1", Bytes: []byte{1}, Small: []byte{1}, Time: time.Now(), Pointer: &n,
		Null: sql.Null[bool]{V: true, Valid: true}, Old: sql.NullString{String: "x", Valid: true},
		Valuer: columns.NewWord("x"), Money: columns.NewWord("1"), Slice: []string{"x"}, Map: map[string]int64{"x": 1},
	}
	require.NoError(t, samples.Insert(t.Context(), &sample))
	native, ok := mongo.Native(db)
	require.True(t, ok)
	document, err := native.Collection("samples").FindOne(t.Context(), bson.D{}).Raw()
	require.NoError(t, err)
	elements, err := document.Elements()
	require.NoError(t, err)
	made := map[string]string{}
	for _, e := range elements {
		name := e.Key()
		if name == "_id" {
			name = "id"
		}
		made[name] = aliasOf(e.Value())
	}
	columns.Check(t, "MongoDB", made, *update)
}

// aliasOf is the type of a value as the server's $type names it, with the subtype of binary data.
func aliasOf(v bson.RawValue) string {
	if subtype, _, ok := v.BinaryOK(); ok {
		return fmt.Sprintf("`binData`, subtype %d", subtype)
	}
	return "`" + map[bson.Type]string{
		bson.TypeBoolean: "bool", bson.TypeInt64: "long", bson.TypeInt32: "int", bson.TypeDouble: "double",
		bson.TypeString: "string", bson.TypeDateTime: "date", bson.TypeDecimal128: "decimal",
		bson.TypeEmbeddedDocument: "object", bson.TypeArray: "array",
	}[v.Type] + "`"
}
