package testbed

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// mongoVariable is the environment variable with the connection string of a deployment that runs already.
const mongoVariable = "STILLFRAME_MONGO_URI"

// setName is the name of every replica set that is started here.
const setName = "stillframe"

var (
	sharedMongo      = sync.OnceValues(findMongo)
	sharedStandalone = sync.OnceValues(func() (*MongoSet, error) { return startMongo(0, calm) })
)

// MongoSet is a deployment of MongoDB: a replica set, or a standalone server. Its methods are safe for concurrent
// use.
type MongoSet struct {
	uri, version string
	nodes        []*Server
}

// Mongo returns the replica set that all tests of this test binary share: the one that STILLFRAME_MONGO_URI names,
// else one of a single node that the first call starts. Without any the test is skipped, or fails where
// STILLFRAME_REQUIRE names mongo.
func Mongo(t testing.TB) *MongoSet {
	t.Helper()
	m, err := sharedMongo()
	settle(t, string(binary.Mongo), err)
	return m
}

// MongoStandalone is like Mongo for a server that belongs to no replica set. The environment is not asked.
func MongoStandalone(t testing.TB) *MongoSet {
	t.Helper()
	m, err := sharedStandalone()
	settle(t, string(binary.Mongo), err)
	return m
}

// StartMongo starts a replica set of the test's own, with this many nodes, and ends it with the test. A node that
// is slow for some seconds keeps its place: elections take as long as the server's defaults say.
func StartMongo(t testing.TB, nodes int) *MongoSet {
	t.Helper()
	return startMongoFor(t, nodes, calm)
}

// StartMongoFailover is like StartMongo for a test that kills or pauses nodes. Elections are quick: a set of three
// that loses its primary has a new one after one to two seconds. On a machine under load it may also elect one
// that nobody asked for.
func StartMongoFailover(t testing.TB, nodes int) *MongoSet {
	t.Helper()
	return startMongoFor(t, nodes, quick)
}

func startMongoFor(t testing.TB, nodes int, e elections) *MongoSet {
	t.Helper()
	if nodes < 1 {
		t.Fatal("testbed: a replica set has at least one node")
	}
	m, err := startMongo(nodes, e)
	settle(t, string(binary.Mongo), err)
	t.Cleanup(m.stop)
	return m
}

// URI returns the connection string of the whole deployment, without a database.
func (m *MongoSet) URI() string { return m.uri }

// Version returns the version of the server.
func (m *MongoSet) Version() string { return m.version }

// Nodes returns the servers that were started here. It is empty for a deployment that the environment named.
func (m *MongoSet) Nodes() []*Server { return append([]*Server(nil), m.nodes...) }

// Database returns the name of a database for this test, which is dropped when the test ends. MongoDB creates it
// with the first write.
func (m *MongoSet) Database(t testing.TB) string {
	t.Helper()
	name := databaseName(t)
	t.Cleanup(func() {
		for _, node := range m.nodes {
			if node.ended() {
				return
			}
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), dropLimit)
		defer cancel()
		if err := m.drop(ctx, name); err != nil {
			t.Errorf("testbed: dropping the database %s: %v", name, err)
		}
	})
	return name
}

// drop drops a database, as often as it takes. After a test that paused a primary two nodes take themselves for it for
// a moment: the one that has to step down refuses the drop, or gives it up half-way.
func (m *MongoSet) drop(ctx context.Context, name string) error {
	return until(ctx, func() error {
		return withMongo(ctx, m.uri, func(client *mongodriver.Client) error { return client.Database(name).Drop(ctx) })
	})
}

// Primary returns the node that is the primary, waiting until there is one. It fails the test when there is none
// within the bound.
func (m *MongoSet) Primary(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	node, err := m.primary(ctx)
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	return node
}

// primary polls the nodes until one is the primary. They are asked all at once, so that a paused one holds up nothing
// but its own answer.
func (m *MongoSet) primary(ctx context.Context) (found *Server, err error) {
	err = until(ctx, func() error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		primaries := make(chan *Server, len(m.nodes))
		var group sync.WaitGroup
		for _, node := range m.nodes {
			if node.ended() {
				continue
			}
			group.Go(func() {
				var hello struct {
					IsWritablePrimary bool `bson:"isWritablePrimary"`
				}
				err := askMongo(ctx, node.dsn, bson.D{{Key: "hello", Value: 1}}, &hello)
				if err == nil && hello.IsWritablePrimary {
					primaries <- node
					cancel() // the others need not answer any more
				}
			})
		}
		group.Wait()
		select {
		case found = <-primaries:
			return nil
		default:
			return errors.New("no node is the primary")
		}
	})
	return found, err
}

// ForgetSoon has the servers end the transactions of a client that has died after two seconds, instead of sixty. They
// do not notice that a client is killed, and hold what its transaction has written until then.
func (m *MongoSet) ForgetSoon(t testing.TB) {
	t.Helper()
	for _, node := range m.nodes {
		err := askMongo(context.WithoutCancel(t.Context()), "mongodb://"+node.Addr()+"/?directConnection=true", bson.D{
			{Key: "setParameter", Value: 1}, {Key: "transactionLifetimeLimitSeconds", Value: 2},
		}, nil)
		if err != nil {
			t.Fatalf("%s: %v", node.Addr(), err)
		}
	}
}

func (m *MongoSet) stop() {
	for _, node := range m.nodes {
		node.stop()
	}
}

func (m *MongoSet) identify() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var info struct{ Version string }
	if err := askMongo(ctx, m.uri, bson.D{{Key: "buildInfo", Value: 1}}, &info); err != nil {
		return err
	}
	m.version = info.Version
	return nil
}

// askMongo runs one command on the admin database over a client of its own.
func askMongo(ctx context.Context, uri string, command bson.D, into any) error {
	return withMongo(ctx, uri, func(client *mongodriver.Client) error {
		result := client.Database("admin").RunCommand(ctx, command)
		if into == nil {
			return result.Err()
		}
		return result.Decode(into)
	})
}

// withMongo runs a function on a client of its own.
//
// The client checks its servers by polling. The driver's Disconnect ends the check of each server that is under way,
// one server after the other and without regard to the context, and when the check is just beginning it misses it and
// waits for its answer. That is at once where the client polls, and within pingLimit when the server is paused. Where
// the client streams, which is the driver's default, the server answers after 10 s, and a paused one is given up after
// 40 s.
func withMongo(ctx context.Context, uri string, f func(client *mongodriver.Client) error) error {
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(pingLimit).
		SetConnectTimeout(pingLimit).SetServerMonitoringMode(options.ServerMonitoringModePoll))
	if err != nil {
		return err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }() // Its error says nothing about f.
	return f(client)
}
