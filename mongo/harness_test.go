package mongo_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// open opens a database that is closed with the test.
func open(t testing.TB, uri, database string, o *mongo.Options) *store.DB {
	t.Helper()
	db, err := mongo.Open(t.Context(), uri, database, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// direct is a client of the driver alone, behind the library's back.
func direct(t testing.TB, uri string) *mongodriver.Client {
	t.Helper()
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	return client
}

// TestConformance holds the backend to every guarantee of package store.
func TestConformance(t *testing.T) {
	t.Run("ReplicaSet", func(t *testing.T) {
		t.Parallel()
		conform(t, testbed.Mongo(t))
	})
	t.Run("Standalone", func(t *testing.T) {
		t.Parallel()
		conform(t, testbed.MongoStandalone(t))
	})
}

func TestConformanceOnThreeNodes(t *testing.T) {
	t.Parallel()
	conform(t, testbed.StartMongo(t, 3))
}

func conform(t *testing.T, set *testbed.MongoSet) {
	h := newHarness(t, set)
	if nodes := set.Nodes(); len(nodes) == 1 {
		database := set.Database(t)
		h = newHarnessIn(t, set.URI(), database)
		h.Faults = func(tb testing.TB, o store.Options) (*store.DB, func(storetest.Fault)) {
			return faults(tb, testbed.NewProxy(tb, nodes[0].Addr()), database, o)
		}
	}
	storetest.Run(t, h)
}

// patience is for the full loads, in which 64 writers wait for one document: a write that takes longer
// than WriteTimeout has an unknown outcome, and the suite can forgive none.
const patience = time.Minute

// doc is a document of names and values, one after the other.
func doc(pairs ...any) bson.D {
	d := bson.D{}
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return d
}

func newHarness(t testing.TB, set *testbed.MongoSet) storetest.Harness {
	return newHarnessIn(t, set.URI(), set.Database(t))
}

// newHarnessIn is the backend as the conformance suite and the loads want it: with handles of its own, and a
// second client behind the library's back.
func newHarnessIn(t testing.TB, uri, database string) storetest.Harness {
	client := direct(t, uri)
	db := client.Database(database)
	return storetest.Harness{
		Raw: raw{db},
		Open: func(tb testing.TB, o store.Options) *store.DB {
			return open(tb, uri, database, &mongo.Options{Store: o, WriteTimeout: patience})
		},
		OpenSingle: func(tb testing.TB, o store.Options) *store.DB {
			return open(tb, with(uri, "maxPoolSize=1"), database, &mongo.Options{Store: o, WriteTimeout: patience})
		},
		Table: func(tb testing.TB, name string) string {
			tb.Cleanup(func() { require.NoError(tb, db.Collection(name).Drop(context.WithoutCancel(tb.Context()))) })
			return name
		},
		Leaks: func(tb testing.TB) { requireIdle(tb, client, database) },
	}
}

func with(uri, option string) string {
	if strings.Contains(uri, "?") {
		return uri + "&" + option
	}
	return uri + "/?" + option
}

// requireIdle asserts that nothing of a database is open at the server: no transaction, no cursor
// and no command.
func requireIdle(tb testing.TB, client *mongodriver.Client, database string) {
	tb.Helper()
	var left []bson.M
	require.Eventually(tb, func() bool {
		cursor, err := client.Database("admin").Aggregate(tb.Context(), bson.A{
			doc("$currentOp", doc("idleSessions", true, "idleCursors", true)),
			bson.D{{Key: "$match", Value: bson.D{{Key: "$or", Value: bson.A{
				bson.D{{Key: "transaction", Value: bson.D{{Key: "$exists", Value: true}}}},
				bson.D{{Key: "ns", Value: bson.Regex{Pattern: "^" + database + "\\."}}},
			}}}}},
		})
		require.NoError(tb, err)
		left = nil
		require.NoError(tb, cursor.All(tb.Context(), &left))
		return len(left) == 0
	}, testbed.Patience, 10*time.Millisecond, "transactions, cursors or commands are open at the server: %v", &left)
}

// faults opens a database through a proxy that breaks the connection when it is armed.
func faults(tb testing.TB, p *testbed.Proxy, database string, o store.Options) (*store.DB, func(storetest.Fault)) {
	tb.Helper()
	db := open(tb, p.URI(), database, &mongo.Options{Store: o})
	var armed atomic.Pointer[storetest.Fault]
	p.OnClient(func(data []byte) testbed.Action {
		f := armed.Load()
		if f == nil {
			return testbed.Pass
		}
		names := []string{"\x02insert\x00", "\x02update\x00", "\x02delete\x00"}
		if f.Commit {
			names = []string{"commitTransaction"}
		}
		if !slices.ContainsFunc(names, func(name string) bool { return strings.Contains(string(data), name) }) {
			return testbed.Pass
		}
		armed.Store(nil)
		if f.Landed {
			return testbed.CutAfter
		}
		return testbed.Cut
	})
	return db, func(f storetest.Fault) { armed.Store(&f) }
}

// raw is the second connection.
type raw struct{ db *mongodriver.Database }

// filter finds the row by its key as it is stored: a single one is _id, several are its fields in
// the order of the struct.
func filter(row storetest.Row) bson.D {
	if len(row.Columns) == 1 && reflect.TypeOf(row.Key).Kind() != reflect.Struct {
		return bson.D{{Key: "_id", Value: value(row.Key)}}
	}
	t := reflect.TypeOf(row.Key)
	id := bson.D{}
	for i := range t.NumField() {
		part := reflect.ValueOf(row.Key).Field(i).Interface()
		id = append(id, bson.E{Key: t.Field(i).Tag.Get("bson"), Value: value(part)})
	}
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: id}}}}
}

// value is a Go value as the library stores it.
func value(v any) any {
	x := reflect.ValueOf(v)
	if x.IsValid() && x.Kind() == reflect.Array && x.Type().Elem().Kind() == reflect.Uint8 {
		data := make([]byte, x.Len())
		reflect.Copy(reflect.ValueOf(data), x)
		subtype := byte(0)
		if len(data) == 16 {
			subtype = 4
		}
		return bson.Binary{Subtype: subtype, Data: data}
	}
	return v
}

func (r raw) update(tb testing.TB, row storetest.Row, change bson.D) {
	tb.Helper()
	result, err := r.db.Collection(row.Table).UpdateOne(tb.Context(), filter(row), change)
	require.NoError(tb, err)
	require.EqualValues(tb, 1, result.MatchedCount)
}

func (r raw) Set(tb testing.TB, row storetest.Row, columns storetest.Columns) {
	tb.Helper()
	set := bson.D{}
	for name, v := range columns {
		set = append(set, bson.E{Key: name, Value: value(v)})
	}
	r.update(tb, row, bson.D{{Key: "$set", Value: set}})
}

func (r raw) Unset(tb testing.TB, row storetest.Row, columns ...string) {
	tb.Helper()
	unset := bson.D{}
	for _, name := range columns {
		unset = append(unset, bson.E{Key: name, Value: ""})
	}
	r.update(tb, row, bson.D{{Key: "$unset", Value: unset}})
}

func (r raw) Delete(tb testing.TB, row storetest.Row) {
	tb.Helper()
	result, err := r.db.Collection(row.Table).DeleteOne(tb.Context(), filter(row))
	require.NoError(tb, err)
	require.EqualValues(tb, 1, result.DeletedCount)
}

func (r raw) Read(tb testing.TB, row storetest.Row) storetest.Columns {
	tb.Helper()
	var doc bson.M
	err := r.db.Collection(row.Table).FindOne(tb.Context(), filter(row)).Decode(&doc)
	if errors.Is(err, mongodriver.ErrNoDocuments) {
		return nil
	}
	require.NoError(tb, err)
	columns := storetest.Columns{}
	for name, v := range doc {
		columns[name] = plain(v)
	}
	return columns
}

// plain is a value in the forms of storetest.Columns, where it has one.
func plain(v any) any {
	switch x := v.(type) {
	case int32:
		return int64(x)
	case bson.Binary:
		return x.Data
	case bson.DateTime:
		return x.Time().UTC()
	case bson.Decimal128:
		return x.String()
	}
	return v
}
