package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
)

// TestCompareMongo measures the library against code that a careful programmer writes with
// mongo-driver: the majority's reads and writes, a version in each write, the same round trips, and
// the driver's own struct codec.
func TestCompareMongo(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	set := testbed.Mongo(t)
	name := set.Database(t)
	db, err := mongo.Open(t.Context(), set.URI(), name, nil)
	require.NoError(t, err)
	compareWith(t, "MongoDB "+set.Version(), db, nil, func() byHand { return newMongoByHand(t, set.URI(), name) })
}

// mongoByHand is the hand-written side.
type mongoByHand struct {
	client *mongodriver.Client
	clubs  *mongodriver.Collection
}

func newMongoByHand(t *testing.T, uri, name string) *mongoByHand {
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	o := options.Database().SetReadConcern(readconcern.Majority()).SetWriteConcern(journaled())
	return &mongoByHand{client, client.Database(name, o).Collection("clubs")}
}

func journaled() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}
}

var clubFields = bson.D{
	{Key: "_id", Value: 1},
	{Key: "version", Value: 1},
	{Key: "name", Value: 1},
	{Key: "city", Value: 1},
	{Key: "balance", Value: 1},
	{Key: "rating", Value: 1},
}

func (h *mongoByHand) read(ctx context.Context, id int64) (c Club, err error) {
	err = h.clubs.FindOne(ctx, bson.D{{Key: "_id", Value: id}}, options.FindOne().SetProjection(clubFields)).Decode(&c)
	return c, err
}

func (h *mongoByHand) update(ctx context.Context, id, version int64, set bson.D) error {
	result, err := h.clubs.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "version", Value: version}},
		bson.D{{Key: "$set", Value: set}})
	if err == nil && result.MatchedCount != 1 {
		err = errStale
	}
	return err
}

func (h *mongoByHand) save(ctx context.Context, c *Club) error {
	err := h.update(ctx, c.ID, c.Version, bson.D{
		{Key: "name", Value: c.Name},
		{Key: "city", Value: c.City},
		{Key: "balance", Value: c.Balance},
		{Key: "rating", Value: c.Rating},
		{Key: "version", Value: c.Version + 1},
	})
	if err == nil {
		c.Version++
	}
	return err
}

func (h *mongoByHand) modify(ctx context.Context, id, amount int64) error {
	c, err := h.read(ctx, id)
	if err != nil {
		return err
	}
	return h.update(ctx, id, c.Version,
		bson.D{{Key: "balance", Value: c.Balance + amount}, {Key: "version", Value: c.Version + 1}})
}

// transfer moves 1 from one club to another in one transaction, as a careful program writes it: both writes name the
// version that was read in it.
func (h *mongoByHand) transfer(ctx context.Context, from, to int64) (err error) {
	session, err := h.client.StartSession()
	if err != nil {
		return err
	}
	defer session.EndSession(ctx)
	o := options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(journaled())
	if err := session.StartTransaction(o); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, session.AbortTransaction(ctx))
		}
	}()
	in := mongodriver.NewSessionContext(ctx, session)
	for id, amount := range map[int64]int64{from: -1, to: 1} {
		if err := h.modify(in, id, amount); err != nil {
			return err
		}
	}
	return session.CommitTransaction(ctx)
}

func (h *mongoByHand) readMany(ctx context.Context, ids []int64) (map[int64]Club, error) {
	found := make(map[int64]Club, len(ids))
	err := h.each(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find(), len(ids),
		func(c Club) { found[c.ID] = c })
	return found, err
}

// readAll reads by the same pages as the library: 100 documents, doubling up to 1,000.
func (h *mongoByHand) readAll(ctx context.Context) (int, error) {
	n, last := 0, int64(0)
	for size := 100; ; size = min(2*size, 1000) {
		filter := bson.D{}
		if n > 0 {
			filter = bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}}}
		}
		got := 0
		if err := h.each(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}), size,
			func(c Club) { got, last = got+1, c.ID }); err != nil {
			return n, err
		}
		n += got
		if got < size {
			return n, nil
		}
	}
}

// each reads documents in one batch, which leaves no cursor open.
func (h *mongoByHand) each(ctx context.Context, filter bson.D, o *options.FindOptionsBuilder, limit int,
	visit func(Club),
) error {
	o.SetProjection(clubFields).SetLimit(int64(limit)).SetBatchSize(int32(limit + 1))
	cursor, err := h.clubs.Find(ctx, filter, o)
	if err != nil {
		return err
	}
	defer func() { _ = cursor.Close(ctx) }()
	for cursor.Next(ctx) {
		var c Club
		if err := cursor.Decode(&c); err != nil {
			return err
		}
		visit(c)
	}
	return cursor.Err()
}

func (h *mongoByHand) pool() *sql.DB { return nil }
