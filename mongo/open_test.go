package mongo_test

import (
	"context"
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
	// retryWrites=false is right for a standalone, which has none.
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
		{"RetryWrites", with(set.URI(), "retryWrites=false"), "any", nil, store.ErrInvalid, "retryWrites"},
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
	for name, o := range map[string]*options.ClientOptions{
		"w=0":         options.Client().SetWriteConcern(writeconcern.Unacknowledged()),
		"retryWrites": options.Client().SetRetryWrites(false),
	} {
		_, err := mongo.New(t.Context(), connect(t, set.URI(), o), "any", nil)
		require.ErrorIs(t, err, store.ErrInvalid, name)
		assert.Contains(t, err.Error(), name)
	}
	_, err := mongo.New(t.Context(), nil, "any", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
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
