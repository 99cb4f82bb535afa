package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// findMongo returns the deployment that the environment names, else a new set of one node.
func findMongo() (*MongoSet, error) {
	uri := os.Getenv(mongoVariable)
	if uri == "" {
		return startMongo(1, calm)
	}
	m := &MongoSet{uri: uri}
	if err := m.identify(); err != nil {
		return nil, fmt.Errorf("%s: %w", mongoVariable, err)
	}
	return m, nil
}

// elections say how soon the nodes of a replica set take a silent primary for dead.
type elections struct{ timeout, heartbeat time.Duration }

var (
	calm  = elections{10 * time.Second, 2 * time.Second} // the server's defaults
	quick = elections{time.Second, 200 * time.Millisecond}
)

// startMongo starts a replica set, or a standalone server for no nodes.
func startMongo(nodes int, e elections) (_ *MongoSet, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), attempts*startLimit)
	defer cancel()
	b, err := binary.Find(ctx, binary.Mongo)
	if errors.Is(err, binary.ErrMissing) {
		return startMongoDocker(ctx, nodes, err)
	}
	if err != nil {
		return nil, err
	}
	m := &MongoSet{}
	defer func() {
		if err != nil {
			m.stop()
		}
	}()
	start := func() (*Server, error) { return startMongod(ctx, b, nodes > 0) }
	if err := m.startNodes(max(nodes, 1), start); err != nil {
		return nil, err
	}
	var addrs []string
	for _, node := range m.nodes {
		addrs = append(addrs, node.addr)
	}
	m.uri = m.nodes[0].dsn
	if nodes > 0 {
		m.uri = "mongodb://" + strings.Join(addrs, ",") + "/?replicaSet=" + setName
		if err := m.initiate(ctx, e); err != nil {
			return nil, err
		}
	}
	return m, m.identify()
}

// startNodes starts servers side by side. Those that did start belong to the set also when another did not.
func (m *MongoSet) startNodes(count int, start func() (*Server, error)) error {
	var group sync.WaitGroup
	started, failures := make([]*Server, count), make([]error, count)
	for i := range count {
		group.Go(func() { started[i], failures[i] = retry(start) })
	}
	group.Wait()
	for _, node := range started {
		if node != nil {
			m.nodes = append(m.nodes, node)
		}
	}
	return errors.Join(failures...)
}

// initiate makes the nodes a replica set and waits until it has a primary and all members are ready.
func (m *MongoSet) initiate(ctx context.Context, e elections) error {
	members := bson.A{}
	for i, node := range m.nodes {
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: node.addr}})
	}
	config := bson.D{
		{Key: "_id", Value: setName},
		{Key: "members", Value: members},
		{Key: "settings", Value: bson.D{
			{Key: "electionTimeoutMillis", Value: e.timeout.Milliseconds()},
			{Key: "heartbeatIntervalMillis", Value: e.heartbeat.Milliseconds()},
		}},
	}
	if err := askMongo(ctx, m.nodes[0].dsn, bson.D{{Key: "replSetInitiate", Value: config}}, nil); err != nil {
		return err
	}
	_, err := m.primary(ctx)
	if err != nil {
		return err
	}
	return m.awaitMembers(ctx)
}

// awaitMembers returns when every member has its copy of the data. Before that a set that loses its primary may
// be left with no majority that could acknowledge a write.
func (m *MongoSet) awaitMembers(ctx context.Context) error {
	const primary, secondary = 1, 2
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return until(ctx, func() error {
		var status struct {
			Members []struct {
				State int `bson:"state"`
			} `bson:"members"`
		}
		if err := askMongo(ctx, m.nodes[0].dsn, bson.D{{Key: "replSetGetStatus", Value: 1}}, &status); err != nil {
			return err
		}
		ready := 0
		for _, member := range status.Members {
			if member.State == primary || member.State == secondary {
				ready++
			}
		}
		if ready < len(m.nodes) {
			return fmt.Errorf("%d of %d members are ready", ready, len(m.nodes))
		}
		return nil
	})
}

// startMongod starts one server on a folder and a port of its own.
func startMongod(ctx context.Context, b *binary.Binary, member bool) (_ *Server, err error) {
	folder, err := os.MkdirTemp(memoryFolder(), "stillframe-mongo-")
	if err != nil {
		return nil, err
	}
	s := &Server{product: "MongoDB", version: b.Version, folder: folder}
	defer func() {
		if err != nil {
			s.stop()
			_ = os.RemoveAll(folder) // The first error is the one to tell.
		}
	}()
	data := filepath.Join(folder, "data")
	if err := b.Prepare(ctx, data); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.dsn = "mongodb://" + s.addr + "/?directConnection=true"
	s.command = append([]string{b.Path}, b.Args(data, port)...)
	if member {
		s.command = append(s.command, binary.ReplicaSetArgs(setName)...)
	}
	s.ping = func(ctx context.Context) error { return askMongo(ctx, s.dsn, bson.D{{Key: "ping", Value: 1}}, nil) }
	if err := s.launch(); err != nil {
		return nil, err
	}
	return s, s.await(ctx)
}

// startMongoDocker starts the one-node set of compose.yaml; absent says why there is no binary.
func startMongoDocker(ctx context.Context, nodes int, absent error) (*MongoSet, error) {
	if nodes != 1 {
		return nil, &missing{absent.Error() + "; in Docker there is a replica set of one node only"}
	}
	c, addr, _, err := startDocker(ctx, string(binary.Mongo))
	if err != nil {
		return nil, &missing{absent.Error() + "; " + err.Error()}
	}
	s := &Server{product: "MongoDB", addr: addr, dsn: "mongodb://" + addr + "/?directConnection=true", docker: c}
	s.ping = func(ctx context.Context) error { return askMongo(ctx, s.dsn, bson.D{{Key: "ping", Value: 1}}, nil) }
	m := &MongoSet{uri: s.dsn, nodes: []*Server{s}}
	if _, err = m.primary(ctx); err == nil {
		err = m.identify()
	}
	if err != nil {
		m.stop()
		return nil, err
	}
	s.version = m.version
	return m, nil
}
