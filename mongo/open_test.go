package mongo_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestOpenSaysWhatTheServerIs(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	info := open(t, set.URI(), "any", nil).Info()
	assert.Regexp(t, `^MongoDB [0-9.]+ \(replica set .+\)$`, info.Server)
	assert.True(t, info.Transactions)
	assert.True(t, info.Views)

	single := testbed.MongoStandalone(t)
	db := open(t, single.URI(), single.Database(t), nil)
	assert.Regexp(t, `^MongoDB [0-9.]+ \(standalone\)$`, db.Info().Server)
	assert.False(t, db.Info().Transactions)
	assert.False(t, db.Info().Views)
	r := newClubs(t, db)
	never := func(context.Context, *store.Tx) error { t.Error("the function ran"); return nil }
	require.ErrorIs(t, db.Atomic(t.Context(), nil, never), store.ErrUnsupported)
	require.ErrorIs(t, db.View(t.Context(), nil, never), store.ErrUnsupported)
	require.ErrorIs(t, r.InsertMany(t.Context(), []*club{{ID: 1}, {ID: 2}}), store.ErrUnsupported)
	require.NoError(t, r.InsertMany(t.Context(), []*club{{ID: 1}}))
	c, err := r.Modify(t.Context(), 1, func(c *club) error { c.Balance = 5; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Version)
	open(t, with(single.URI(), "retryWrites=false"), "any", nil)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	const secret = "hunter2"
	for _, tt := range []struct {
		name, uri, database string
		options             *mongo.Options
		want                error
		word                string
	}{
		{"Unacknowledged", with(set.URI(), "w=0"), "any", nil, store.ErrInvalid, "w=0"},
		{"Scheme", "http://user:" + secret + "@host", "any", nil, store.ErrInvalid, "connection string"},
		{"Syntax", "mongodb://us%zzer:" + secret + "@host/", "any", nil, store.ErrInvalid, "connection string"},
		{"NoDatabase", set.URI(), "", nil, store.ErrInvalid, "database"},
		{"BadDatabase", set.URI(), "a.b", nil, store.ErrInvalid, "database"},
		{"NegativeTimeout", set.URI(), "any", &mongo.Options{ReadTimeout: -1}, store.ErrInvalid, "ReadTimeout"},
		{
			"NobodyThere", "mongodb://user:" + secret + "@127.0.0.1:1/?serverSelectionTimeoutMS=50", "any", nil,
			store.ErrTransient, "unavailable",
		},
		{
			"Slow", "mongodb://user:" + secret + "@127.0.0.1:1/", "any",
			&mongo.Options{ReadTimeout: 20 * time.Millisecond}, store.ErrTransient, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, err := mongo.Open(t.Context(), tt.uri, tt.database, tt.options)
			require.Nil(t, db)
			require.ErrorIs(t, err, tt.want)
			assert.Contains(t, err.Error(), tt.word)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "127.0.0.1")
		})
	}
}

// connect makes a client as a caller would.
func connect(t *testing.T, uri string, o *options.ClientOptions) *mongodriver.Client {
	t.Helper()
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	return client
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	unacknowledged := options.Client().SetWriteConcern(writeconcern.Unacknowledged())
	_, err := mongo.New(t.Context(), connect(t, set.URI(), unacknowledged), "any", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "w=0")
	_, err = mongo.New(t.Context(), nil, "any", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
}

// yard has a field of each kind that a caller's registry may decode otherwise.
type yard struct {
	store.Snapshot `bson:",inline"`

	ID    string    `bson:"_id" store:"key,size=20"`
	Name  string    `bson:"name" store:"size=20"`
	N     int64     `bson:"n"`
	At    time.Time `bson:"at"`
	Inner struct{ A, B string }
	Each  []string `bson:"each"`
}

// TestNewWithAnyClient opens clients whose settings are other than the driver's defaults, and calls everything.
func TestNewWithAnyClient(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	loud := bson.NewRegistry()
	loud.RegisterKindEncoder(reflect.String, bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			return w.WriteString(v.String() + "!")
		}))
	loud.RegisterKindDecoder(reflect.String, bson.ValueDecoderFunc(
		func(_ bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
			s, err := r.ReadString()
			v.SetString("?" + s)
			return err
		}))
	loud.RegisterKindEncoder(reflect.Int64, bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error { return w.WriteString("number") }))
	loud.RegisterKindDecoder(reflect.Int, bson.ValueDecoderFunc(
		func(_ bson.DecodeContext, r bson.ValueReader, v reflect.Value) error { v.SetInt(1); return r.Skip() }))
	strict := options.ServerAPI(options.ServerAPIVersion1).SetStrict(true).SetDeprecationErrors(true)
	for name, o := range map[string]*options.ClientOptions{
		"StrictAPI":   options.Client().SetServerAPIOptions(strict),
		"OwnRegistry": options.Client().SetRegistry(loud),
		"NoRetries":   options.Client().SetRetryWrites(false).SetRetryReads(false),
		"BSONOptions": options.Client().SetBSONOptions(&options.BSONOptions{
			UseJSONStructTags: true, ObjectIDAsHexString: true, NilSliceAsEmpty: true, IntMinSize: true,
			BinaryAsSlice: true, ZeroStructs: true, DefaultDocumentM: true,
		}),
		"Timeout": options.Client().SetTimeout(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, set.URI(), o)
			all := &mongo.Options{LinearizableReads: true, Validators: true}
			db, err := mongo.New(t.Context(), client, set.Database(t), all)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			assert.Regexp(t, `^MongoDB [0-9.]+ \(replica set stillframe\)$`, db.Info().Server)
			callEverything(t, db)
			require.NoError(t, client.Ping(t.Context(), readpref.Primary()))
		})
	}
}

// callEverything makes each call that sends another command than the ones before it.
func callEverything(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	r, err := store.NewRepository[yard, string](db, "yards", nil)
	require.NoError(t, err)
	require.NoError(t, r.EnsureSchema(ctx))
	want := yard{ID: "a", Name: "Ann", N: 1 << 40, At: time.UnixMilli(5).UTC(), Each: []string{"x"}}
	want.Inner.A = "in"
	y := want
	require.NoError(t, r.Insert(ctx, &y))
	require.ErrorIs(t, r.Insert(ctx, &yard{ID: "a"}), store.ErrExists)
	have, err := r.Get(ctx, "a")
	require.NoError(t, err)
	have.Snapshot = store.Snapshot{}
	require.Equal(t, want, have)
	require.NoError(t, r.InsertMany(ctx, []*yard{{ID: "b"}, {ID: "c"}}))
	y.N++
	require.NoError(t, r.Save(ctx, &y))
	_, err = r.Modify(ctx, "a", func(y *yard) error { y.Inner.B = "more"; y.Each = nil; return nil })
	require.NoError(t, err)
	_, err = r.Upsert(ctx, "d", func(*yard, bool) error { return nil })
	require.NoError(t, err)
	stale, err := r.IsStale(ctx, y)
	require.NoError(t, err)
	assert.True(t, stale)
	require.ErrorIs(t, r.Save(ctx, &y), store.ErrConflict)
	many, err := r.GetMany(ctx, []string{"a", "b"})
	require.NoError(t, err)
	assert.Len(t, many, 2)
	named := store.Where("Name", store.Prefix, "A").And("N", store.Gt, 5).OrderBy("At")
	all, err := store.Collect(r.Find(ctx, named))
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "more", all[0].Inner.B)
	n, err := r.Count(ctx, named)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	rolledBack := assert.AnError
	for _, end := range []error{nil, rolledBack} {
		err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if err := r.In(tx).DeleteKey(ctx, "b"); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			_, err := r.In(tx).Modify(ctx, "c", func(y *yard) error { y.N++; return nil })
			return errors.Join(err, end)
		})
		require.ErrorIs(t, err, end)
	}
	require.NoError(t, db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		c, err := r.In(tx).Get(ctx, "c")
		assert.EqualValues(t, 1, c.N)
		return err
	}))
	require.NoError(t, r.DeleteKey(ctx, "c"))
	differences, err := r.CheckSchema(ctx)
	require.NoError(t, err)
	assert.Empty(t, differences)
}

// The caller's weak settings are not used, and the caller's client stays connected.
func TestNewUsesTheMajority(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	client := connect(t, set.URI(), options.Client().
		SetWriteConcern(writeconcern.W1()).
		SetReadConcern(readconcern.Local()).SetReadPreference(readpref.Secondary()).SetTimeout(time.Minute))
	db, err := mongo.New(t.Context(), client, set.Database(t), nil)
	require.NoError(t, err)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	_, err = r.Get(t.Context(), 1)
	require.NoError(t, err, "a one-node set has no secondary")
	native, ok := mongo.Native(db)
	require.True(t, ok)
	n, err := native.Collection("clubs").CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, db.Close())
	_, err = r.Get(t.Context(), 1)
	require.ErrorIs(t, err, store.ErrClosed)
	require.NoError(t, client.Ping(t.Context(), readpref.Primary()), "the client is the caller's")
}

func TestNative(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	r := newClubs(t, db)
	other := memstore.Open(nil)
	_, ok := mongo.Native(other)
	assert.False(t, ok)
	_, ok = mongo.Native(nil)
	assert.False(t, ok)
	_, ok = mongo.NativeContext(t.Context(), nil)
	assert.False(t, ok)
	native, ok := mongo.Native(db)
	require.True(t, ok)
	var ended *store.Tx
	rollback := assert.AnError
	err := db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		ended = tx
		inside, ok := mongo.NativeContext(ctx, tx)
		require.True(t, ok)
		_, err := native.Collection("clubs").
			InsertOne(inside, bson.D{{Key: "_id", Value: int64(7)}, {Key: "name", Value: "raw"}})
		require.NoError(t, err)
		c, err := r.In(tx).Get(ctx, 7)
		require.NoError(t, err, "it is the same transaction")
		require.Equal(t, "raw", c.Name)
		return rollback
	})
	require.ErrorIs(t, err, rollback)
	_, ok = mongo.NativeContext(t.Context(), ended)
	assert.False(t, ok, "it has ended")
	_, err = r.Get(t.Context(), 7)
	require.ErrorIs(t, err, store.ErrNotFound, "it was rolled back")

	for id := range int64(4) {
		require.NoError(t, r.Insert(t.Context(), &club{ID: id, Balance: id}))
	}
	even := mongo.Where(bson.D{{Key: "balance", Value: bson.D{{Key: "$mod", Value: bson.A{2, 0}}}}})
	all, err := store.Collect(r.Find(t.Context(), even.And("Balance", store.Gt, 0).OrderBy("Name")))
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.EqualValues(t, 1, all[0].Version)
	_, err = r.Count(t.Context(), mongo.Where(bson.D{{Key: "$nonsense", Value: 1}}))
	require.ErrorIs(t, err, store.ErrInvalid)
	n, err := r.Count(t.Context(), mongo.Where(nil))
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
}
