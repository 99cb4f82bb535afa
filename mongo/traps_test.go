package mongo_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// trapped is a repository beside the driver's own handle on its collection.
func trapped(t *testing.T) (*store.DB, *clubs, *mongodriver.Collection) {
	t.Helper()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	return db, newClubs(t, db), native.Collection("clubs")
}

func stored(t *testing.T, c *mongodriver.Collection, id any) bson.M {
	t.Helper()
	var doc bson.M
	require.NoError(t, c.FindOne(t.Context(), bson.D{{Key: "_id", Value: id}}).Decode(&doc))
	return doc
}

func put(t *testing.T, c *mongodriver.Collection, doc bson.D) {
	t.Helper()
	_, err := c.InsertOne(t.Context(), doc)
	require.NoError(t, err)
}

// A replacement would delete the fields that the struct does not know.
func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	_, r, c := trapped(t)
	put(t, c, doc("_id", int64(1), "_cls", "Club", "name", "a", "extra", doc("x", 1)))
	check := func(version int64) {
		doc := stored(t, c, 1)
		assert.Equal(t, "Club", doc["_cls"])
		assert.Equal(t, bson.D{{Key: "x", Value: int32(1)}}, doc["extra"])
		assert.Equal(t, version, doc["version"])
	}
	saved, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, saved.Version, "a document without a version")
	require.NoError(t, r.Save(t.Context(), &saved))
	check(1)
	_, err = r.Modify(t.Context(), 1, func(c *club) error { c.Balance++; return nil })
	require.NoError(t, err)
	check(2)
	_, err = r.Upsert(t.Context(), 1, func(c *club, found bool) error { c.Balance++; return nil })
	require.NoError(t, err)
	check(3)
}

// In a pipeline update "$balance" would be an expression.
func TestDollarsInValuesAreText(t *testing.T) {
	t.Parallel()
	_, r, _ := trapped(t)
	odd := club{ID: 1, Name: "$balance", Balance: 5, Wages: map[string]int64{"$gt": 1, "a.b": 2}}
	require.NoError(t, r.Insert(t.Context(), &odd))
	c, err := r.Modify(t.Context(), 1, func(c *club) error { c.Name += "$$ROOT"; c.Wages["$set"] = 3; return nil })
	require.NoError(t, err)
	back, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, "$balance$$ROOT", back.Name)
	assert.Equal(t, c.Wages, back.Wages)
}

// omitempty is absent on insert, and unset by an update.
func TestOmitEmpty(t *testing.T) {
	t.Parallel()
	_, r, c := trapped(t)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	assert.NotContains(t, stored(t, c, 1), "tags")
	assert.Contains(t, stored(t, c, 1), "nick")
	_, err := r.Modify(t.Context(), 1, func(c *club) error { c.Tags = []string{"x"}; return nil })
	require.NoError(t, err)
	assert.Equal(t, bson.A{"x"}, stored(t, c, 1)["tags"])
	m, err := r.Modify(t.Context(), 1, func(c *club) error { c.Tags = nil; return nil })
	require.NoError(t, err)
	assert.NotContains(t, stored(t, c, 1), "tags")
	m.Tags = []string{"y"}
	require.NoError(t, r.Save(t.Context(), &m))
	m.Tags = []string{}
	require.NoError(t, r.Save(t.Context(), &m))
	assert.NotContains(t, stored(t, c, 1), "tags")
}

// A document without a version must not conflict for ever.
func TestVersionIsMissingOrNull(t *testing.T) {
	t.Parallel()
	_, r, c := trapped(t)
	for i, doc := range []bson.D{
		{{Key: "_id", Value: int64(0)}},
		{{Key: "_id", Value: int64(1)}, {Key: "version", Value: nil}},
		{{Key: "_id", Value: int64(2)}, {Key: "version", Value: int32(0)}},
		{{Key: "_id", Value: int64(3)}, {Key: "version", Value: 0.0}},
	} {
		put(t, c, doc)
		m, err := r.Modify(t.Context(), int64(i), func(c *club) error { c.Balance = 1; return nil })
		require.NoError(t, err)
		assert.EqualValues(t, 1, m.Version)
		assert.Equal(t, int64(1), stored(t, c, i)["version"])
	}
}

// Other programs store numbers as int32 or double.
func TestNumbersOfOtherTypes(t *testing.T) {
	t.Parallel()
	_, r, c := trapped(t)
	seven, err := bson.ParseDecimal128("7.0")
	require.NoError(t, err)
	for i, balance := range []any{int32(7), int64(7), 7.0, seven} {
		put(t, c, bson.D{{Key: "_id", Value: int32(i)}, {Key: "version", Value: 3.0}, {Key: "balance", Value: balance}})
		have, err := r.Get(t.Context(), int64(i))
		require.NoError(t, err, "%T", balance)
		assert.EqualValues(t, 7, have.Balance, "%T", balance)
		assert.EqualValues(t, 3, have.Version)
		have.Balance++
		require.NoError(t, r.Save(t.Context(), &have), "the version matches in any type")
	}
	for i, balance := range []any{7.5, "7", true, bson.A{7}, 1e300} {
		put(t, c, bson.D{{Key: "_id", Value: int64(100 + i)}, {Key: "balance", Value: balance}})
		_, err := r.Get(t.Context(), int64(100+i))
		require.Error(t, err, "%T", balance)
		assert.NotErrorIs(t, err, store.ErrNotFound)
		assert.Contains(t, err.Error(), "Balance")
		_, err = store.Collect(r.Find(t.Context(), store.Where("ID", store.Eq, 100+i)))
		require.Error(t, err, "a document that cannot be decoded is not passed over")
	}
}

// Eq of MongoDB matches an element of an array, null matches missing, $ne keeps missing.
func TestConditionsAreTwoValued(t *testing.T) {
	t.Parallel()
	_, r, c := trapped(t)
	put(t, c, bson.D{{Key: "_id", Value: int64(1)}, {Key: "nick", Value: "a"}})
	put(t, c, bson.D{{Key: "_id", Value: int64(2)}, {Key: "nick", Value: nil}})
	put(t, c, bson.D{{Key: "_id", Value: int64(3)}})
	put(t, c, bson.D{{Key: "_id", Value: int64(4)}, {Key: "nick", Value: bson.A{"a", "b"}}})
	put(t, c, bson.D{{Key: "_id", Value: int64(5)}, {Key: "nick", Value: "b"}})
	for _, tt := range []struct {
		q    store.Query
		want int64
	}{
		{store.Where("Nick", store.Eq, "a"), 1},
		{store.Where("Nick", store.Ne, "a"), 1},
		{store.Where("Nick", store.Ge, "a"), 2},
		{store.Where("Nick", store.In, []string{"a", "b"}), 2},
		{store.Where("Nick", store.Prefix, "a"), 1},
		{store.Where("Nick", store.Eq, nil), 2},
		{store.Not(store.Where("Nick", store.Prefix, "a")), 3},
	} {
		n, err := r.Count(t.Context(), tt.q)
		require.NoError(t, err)
		assert.Equal(t, tt.want, n)
	}
}

// mixed has everything that the driver's standard codecs lose.
type mixed struct {
	store.Snapshot `bson:",inline"`

	ID     [16]byte         `bson:"_id" store:"key"`
	Other  *[16]byte        `bson:"other"`
	Inner  inner            `bson:"inner"`
	Native bson.ObjectID    `bson:"native"`
	Stamp  bson.Timestamp   `bson:"stamp"`
	Small  int64            `bson:"small,minsize"`
	Half   float32          `bson:"half,truncate"`
	By     map[string]inner `bson:"by"`
}

type inner struct {
	Money  money            `bson:"money"`
	Null   sql.Null[int64]  `bson:"null"`
	Text   sql.NullString   `bson:"text"`
	UUID   [16]byte         `bson:"uuid"`
	Hash   [4]byte          `bson:"hash"`
	At     time.Time        `bson:"at"`
	Big    *big.Int         `bson:"big"`
	Each   []*money         `bson:"each"`
	Bytes  []byte           `bson:"bytes"`
	Nested map[int64]*inner `bson:"nested"`
}

// money has only unexported fields, and Value and Scan.
type money struct{ cents int64 }

func (m money) Value() (sqldriver.Value, error) { return m.cents, nil }

func (m *money) Scan(src any) error {
	cents, ok := src.(int64)
	if !ok && src != nil {
		return errors.New("no money")
	}
	m.cents = cents
	return nil
}

func TestNestedValuesComeBack(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[mixed, [16]byte](db, "mixed", nil)
	require.NoError(t, err)
	value := inner{
		Money: money{5}, Null: sql.Null[int64]{V: 7, Valid: true}, UUID: [16]byte{1, 2}, Hash: [4]byte{3},
		At: time.UnixMilli(1).UTC(), Big: big.NewInt(99), Each: []*money{{1}, nil, {2}}, Bytes: []byte{},
		Nested: map[int64]*inner{-1: {Text: sql.NullString{String: "x", Valid: true}}},
	}
	want := mixed{
		ID: [16]byte{9}, Other: &[16]byte{8}, Inner: value, Native: bson.NewObjectID(),
		Stamp: bson.Timestamp{T: 1, I: 2},
		Small: 5, Half: 0.5, By: map[string]inner{"$a.b": value},
	}
	m := want
	require.NoError(t, r.Insert(t.Context(), &m))
	have, err := r.Get(t.Context(), want.ID)
	require.NoError(t, err)
	have.Snapshot = store.Snapshot{}
	require.Equal(t, want, have)
	unchanged, err := r.Modify(t.Context(), want.ID, func(*mixed) error { return nil })
	require.NoError(t, err)
	require.EqualValues(t, 1, unchanged.Version)

	uuid := func(first byte) bson.Binary {
		data := make([]byte, 16)
		data[0] = first
		return bson.Binary{Subtype: 4, Data: data}
	}
	kept := stored(t, native.Collection("mixed"), uuid(9))
	assert.Equal(t, uuid(8), kept["other"])
	assert.Equal(t, want.Native, kept["native"])
	assert.Equal(t, int32(5), kept["small"])
	in := map[string]any{}
	for _, e := range kept["inner"].(bson.D) {
		in[e.Key] = e.Value
	}
	assert.Equal(t, int64(5), in["money"])
	assert.Equal(t, int64(7), in["null"])
	assert.Nil(t, in["text"])
	assert.Equal(t, bson.Binary{Subtype: 4, Data: value.UUID[:]}, in["uuid"])

	// Values are decoded into cleared targets: nothing of the copy's maps and pointers stays.
	change := doc("$set", doc("by", bson.D{}, "other", nil), "$unset", doc("inner", ""))
	_, err = native.Collection("mixed").UpdateOne(t.Context(), bson.D{}, change)
	require.NoError(t, err)
	require.NoError(t, r.Reload(t.Context(), &have))
	assert.Nil(t, have.Other)
	assert.Empty(t, have.By)
	assert.Equal(t, inner{}, have.Inner)
}

type player struct {
	store.Snapshot `bson:",inline"`

	ID   bson.ObjectID `bson:"_id" store:"key,auto"`
	Name string        `bson:"name"`
}

func TestObjectIDKeys(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[player, bson.ObjectID](db, "players", nil)
	require.NoError(t, err)
	a, b := player{Name: "a"}, player{Name: "b"}
	require.NoError(t, r.Insert(t.Context(), &a))
	require.NoError(t, r.InsertMany(t.Context(), []*player{&b}))
	require.False(t, a.ID.IsZero())
	require.NotEqual(t, a.ID, b.ID)
	assert.Equal(t, a.ID, stored(t, native.Collection("players"), a.ID)["_id"])
	many, err := r.GetMany(t.Context(), []bson.ObjectID{a.ID, b.ID})
	require.NoError(t, err)
	require.Len(t, many, 2)
	n, err := r.Count(t.Context(), store.Where("ID", store.Eq, b.ID))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// Two runs of WithTransaction would swallow a duplicate and loop for ever.
func TestSwallowedErrorsEndTheTransaction(t *testing.T) {
	t.Parallel()
	db, r, _ := trapped(t)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	runs := 0
	err := db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		runs++
		require.ErrorIs(t, r.In(tx).Insert(ctx, &club{ID: 1}), store.ErrExists)
		require.ErrorIs(t, r.In(tx).Insert(ctx, &club{ID: 2}), store.ErrTxDone)
		return nil
	})
	require.ErrorIs(t, err, store.ErrExists)
	require.Equal(t, 1, runs)
}

// A write conflict reruns the function, and each run meets what the others have written meanwhile.
func TestTransientErrorsRerun(t *testing.T) {
	t.Parallel()
	db, r, c := trapped(t)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	runs := 0
	err := db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		if runs++; runs == 4 {
			return nil
		}
		if _, err := r.In(tx).Get(ctx, 1); err != nil {
			return err
		}
		_, err := c.UpdateOne(t.Context(), bson.D{}, bson.D{{Key: "$inc", Value: bson.D{{Key: "balance", Value: 1}}}})
		require.NoError(t, err)
		_, err = r.In(tx).Modify(ctx, 1, func(c *club) error { c.Balance = -1; return nil })
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, 4, runs)
}

// A key of several fields is another key in another order.
func TestCompositeKeysKeepTheirOrder(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[ticket, seat](db, "tickets", nil)
	require.NoError(t, err)
	require.NoError(t, r.Insert(t.Context(), &ticket{ID: seat{"A", 1}, Price: "1"}))
	var doc bson.D
	require.NoError(t, native.Collection("tickets").FindOne(t.Context(), bson.D{}).Decode(&doc))
	assert.Equal(t, bson.D{{Key: "row", Value: "A"}, {Key: "number", Value: int64(1)}}, doc[0].Value)
}

// embedded nests its Snapshot, as the driver does without the word inline.
type embedded struct {
	store.Snapshot
	ID int64 `bson:"_id" store:"key"`
}

type keyless struct {
	store.Snapshot `bson:",inline"`
	Key            int64 `bson:"key" store:"key"`
}

type dotted struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `bson:"_id" store:"key"`
	A              string `bson:"a.b"`
	B              string `bson:"$b"`
}

func TestMappingFaults(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), nil)
	_, err := store.NewRepository[embedded, int64](db, "c", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "inline")
	_, err = store.NewRepository[keyless, int64](db, "c", nil)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "_id")
	_, err = store.NewRepository[dotted, int64](db, "c", nil)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "dotted.A")
	assert.Contains(t, err.Error(), "dotted.B")
}

// TestNames has names of collections refused that the server refuses later, or cannot read any more.
func TestNames(t *testing.T) {
	t.Parallel()
	type page struct {
		store.Snapshot `bson:",inline"`
		ID             int64 `bson:"_id" store:"key"`
	}
	set := testbed.Mongo(t)
	name := set.Database(t)
	db := open(t, set.URI(), name, nil)
	longest := strings.Repeat("x", 255-len(name+"."))
	for _, name := range []string{longest, "a b", "a..b", "a.", "system", "😀", "it's \"a\""} {
		r, err := store.NewRepository[page, int64](db, name, nil)
		require.NoError(t, err, name)
		require.NoError(t, r.EnsureSchema(t.Context()), name)
		require.NoError(t, r.Insert(t.Context(), &page{ID: 1}), name)
	}
	for _, name := range []string{longest + "x", "", ".a", "a$b", "a\x00b", "a\xffb", "system.users", "a.system.b"} {
		_, err := store.NewRepository[page, int64](db, name, nil)
		require.ErrorIs(t, err, store.ErrInvalid, "%q", name)
	}
}

// colour is stored by a codec of the caller's registry.
type colour struct{ name string }

type painted struct {
	store.Snapshot `bson:",inline"`
	ID             int64             `bson:"_id" store:"key"`
	Shirt          colour            `bson:"shirt"`
	Away           *colour           `bson:"away"`
	Kits           map[string]colour `bson:"kits"`
}

func TestCallersRegistry(t *testing.T) {
	t.Parallel()
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(typeOf[colour](), bson.ValueEncoderFunc(encodeColour))
	registry.RegisterTypeDecoder(typeOf[colour](), bson.ValueDecoderFunc(decodeColour))
	set := testbed.Mongo(t)
	db := open(t, set.URI(), set.Database(t), &mongo.Options{Registry: registry})
	native, _ := mongo.Native(db)
	r, err := store.NewRepository[painted, int64](db, "painted", nil)
	require.NoError(t, err)
	want := painted{ID: 1, Shirt: colour{"blue"}, Away: &colour{"gold"}, Kits: map[string]colour{"third": {"grey"}}}
	p := want
	require.NoError(t, r.Insert(t.Context(), &p))
	have, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	have.Snapshot = store.Snapshot{}
	require.Equal(t, want, have)
	assert.Equal(t, "colour:blue", stored(t, native.Collection("painted"), 1)["shirt"])
	_, err = r.Count(t.Context(), store.Where("Shirt", store.Eq, colour{"blue"}))
	require.ErrorIs(t, err, store.ErrInvalid, "nobody knows how a codec's values compare")
}

// TestLinearizableReads counts the reads that ask the majority.
func TestLinearizableReads(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	var linearizable atomic.Int64
	client, err := mongodriver.Connect(options.Client().ApplyURI(set.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if level, _ := e.Command.Lookup("readConcern", "level").StringValueOK(); level == "linearizable" {
				linearizable.Add(1)
			}
		},
	}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	db, err := mongo.New(t.Context(), client, set.Database(t), &mongo.Options{LinearizableReads: true})
	require.NoError(t, err)
	r := newClubs(t, db)
	require.NoError(t, r.Insert(t.Context(), &club{ID: 1}))
	c, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, r.Reload(t.Context(), &c))
	stale, err := r.IsStale(t.Context(), c)
	require.NoError(t, err)
	require.False(t, stale)
	require.EqualValues(t, 3, linearizable.Load(), "Get, Reload, IsStale")

	credit := func(c *club) error { c.Balance++; return nil }
	_, err = r.Modify(t.Context(), 1, credit)
	require.NoError(t, err)
	require.EqualValues(t, 3, linearizable.Load(), "the write of Modify protects what it found")
	_, err = r.Modify(t.Context(), 2, credit)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.EqualValues(t, 4, linearizable.Load(), "nothing protects what it did not find")
}
