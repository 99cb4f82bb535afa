package testbed

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func openMongo(t *testing.T, uri string) *mongodriver.Client {
	t.Helper()
	// A bound for each call, and not for what the test does between them: it waits for servers that start and elect.
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri).SetTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	return client
}

// insertInTransaction inserts a document in a transaction, which only a replica set has.
func insertInTransaction(ctx context.Context, collection *mongodriver.Collection) error {
	session, err := collection.Database().Client().StartSession()
	if err != nil {
		return err
	}
	defer session.EndSession(context.WithoutCancel(ctx))
	if err := session.StartTransaction(); err != nil {
		return err
	}
	ctx = mongodriver.NewSessionContext(ctx, session)
	if _, err := collection.InsertOne(ctx, bson.D{{Key: "v", Value: 1}}); err != nil {
		return err
	}
	return session.CommitTransaction(ctx)
}

func TestMongoShared(t *testing.T) {
	t.Parallel()
	m := Mongo(t)
	assert.Same(t, m, Mongo(t))
	require.NotEmpty(t, m.Version())
	t.Log("MongoDB", m.Version(), "at", m.URI())
	collection := openMongo(t, m.URI()).Database(m.Database(t)).Collection("one")
	require.NoError(t, insertInTransaction(t.Context(), collection))
}

func TestMongoStandalone(t *testing.T) {
	t.Parallel()
	m := MongoStandalone(t)
	collection := openMongo(t, m.URI()).Database(m.Database(t)).Collection("one")
	_, err := collection.InsertOne(t.Context(), bson.D{{Key: "v", Value: 1}})
	require.NoError(t, err)
	require.Error(t, insertInTransaction(t.Context(), collection), "a standalone server has transactions")
}

func TestMongoDatabase(t *testing.T) {
	t.Parallel()
	m := Mongo(t)
	client := openMongo(t, m.URI())
	var name string
	t.Run("Inner", func(t *testing.T) {
		name = m.Database(t)
		_, err := client.Database(name).Collection("one").InsertOne(t.Context(), bson.D{})
		require.NoError(t, err)
	})
	names, err := client.ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: name}})
	require.NoError(t, err)
	assert.Empty(t, names)
}

// TestMongoThreeNodes kills the primary and pauses the next: the set goes on, and the dead node comes back.
func TestMongoThreeNodes(t *testing.T) {
	t.Parallel()
	began := time.Now()
	m := StartMongoFailover(t, 3)
	t.Logf("three nodes after %s", time.Since(began).Round(time.Millisecond))
	require.Len(t, m.Nodes(), 3)
	collection := openMongo(t, m.URI()).Database(m.Database(t)).Collection("one")
	require.NoError(t, insertInTransaction(t.Context(), collection))

	first := m.Primary(t)
	require.NoError(t, first.Kill())
	began = time.Now()
	second := m.Primary(t)
	t.Logf("another primary %s after the kill", time.Since(began).Round(time.Millisecond))
	assert.NotEqual(t, first.Addr(), second.Addr())
	_, err := collection.InsertOne(t.Context(), bson.D{{Key: "v", Value: 2}})
	require.NoError(t, err)

	require.NoError(t, first.Restart(t.Context()))
	require.NoError(t, second.Pause())
	began = time.Now()
	third := m.Primary(t)
	t.Logf("another primary %s after the pause", time.Since(began).Round(time.Millisecond))
	assert.NotEqual(t, second.Addr(), third.Addr())
	require.NoError(t, second.Resume())
	count, err := collection.CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	assert.EqualValues(t, 2, count)
}

func TestProxyCountsMongo(t *testing.T) {
	t.Parallel()
	m := Mongo(t)
	if len(m.Nodes()) == 0 {
		t.Skip("the address of the server is not known")
	}
	p := NewProxy(t, m.Nodes()[0].Addr())
	p.Ignore(IsMongoHello)
	client := openMongo(t, p.URI())
	collection := client.Database(m.Database(t)).Collection("one")
	_, err := collection.InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}})
	require.NoError(t, err)

	p.Reset()
	_, err = collection.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 1}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "v", Value: 1}}}})
	require.NoError(t, err)
	assert.Equal(t, 1, p.Count())
	p.Reset()
	require.NoError(t, insertInTransaction(t.Context(), collection))
	assert.Equal(t, 2, p.Count(), "the begin goes with the first operation")

	p.OnClient(Once("commitTransaction", CutAfter))
	session, err := client.StartSession()
	require.NoError(t, err)
	defer session.EndSession(t.Context())
	require.NoError(t, session.StartTransaction())
	ctx := mongodriver.NewSessionContext(t.Context(), session)
	_, err = collection.InsertOne(ctx, bson.D{{Key: "_id", Value: "cut"}})
	require.NoError(t, err)
	// The driver tries a commit again by itself; what counts here is that the first reached the server.
	_ = session.CommitTransaction(ctx)
	direct := openMongo(t, m.URI()).Database(collection.Database().Name()).Collection("one")
	count, err := direct.CountDocuments(t.Context(), bson.D{{Key: "_id", Value: "cut"}})
	require.NoError(t, err)
	assert.EqualValues(t, 1, count)
}
