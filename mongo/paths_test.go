package mongo_test

import (
	"context"
	"strings"
	"sync"
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

type resident struct {
	store.Snapshot `bson:",inline"`
	ID             int64    `bson:"_id" store:"key"`
	Name           string   `bson:"name"`
	Address        address  `bson:"address"`
	Second         *address `bson:"second,omitempty"`
}

type address struct {
	Lines    `bson:",inline"`
	City     string             `bson:"city"`
	Note     *string            `bson:"note,omitempty"`
	Geo      *geo               `bson:"geo"`
	Tags     []string           `bson:"tags"`
	Levels   map[string]float64 `bson:"levels"`
	Moved    time.Time          `bson:"moved"`
	Plan     floor              `bson:"plan"`
	Internal string             `bson:"-"`
}

type Lines struct {
	Street string `bson:"street"`
}

type geo struct {
	Lat, Lon float64
	Source   struct{ Name string }
}

// floor holds what has no field of its own.
type floor struct {
	Rooms int64            `bson:"rooms"`
	Rest  map[string]int64 `bson:",inline"`
}

// watched opens a database whose update commands are kept.
func watched(t *testing.T) (*store.DB, *mongodriver.Database, func() []bson.Raw) {
	set := testbed.Mongo(t)
	var guard sync.Mutex
	var updates []bson.Raw
	client, err := mongodriver.Connect(options.Client().ApplyURI(set.URI()).SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "update" {
				guard.Lock()
				defer guard.Unlock()
				updates = append(updates, append(bson.Raw{}, e.Command...))
			}
		},
	}))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) })
	database := set.Database(t)
	db, err := mongo.New(t.Context(), client, database, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db, direct(t, set.URI()).Database(database), func() []bson.Raw {
		guard.Lock()
		defer guard.Unlock()
		taken := updates
		updates = nil
		return taken
	}
}

// changeIn is the update of the one statement of one command.
func changeIn(t *testing.T, updates []bson.Raw) bson.RawValue {
	t.Helper()
	require.Len(t, updates, 1)
	return updates[0].Lookup("updates", "0", "u")
}

func TestNestedStructsAreWrittenByTheirPaths(t *testing.T) {
	t.Parallel()
	db, native, updates := watched(t)
	r, err := store.NewRepository[resident, int64](db, "residents", nil)
	require.NoError(t, err)
	c := native.Collection("residents")
	note := "$balance"
	full := func(id int64) resident {
		return resident{ID: id, Name: "Ann", Address: address{
			Lines: Lines{"Low Lane"}, City: "Leeds", Note: &note, Geo: &geo{Lat: 1, Lon: 2}, Tags: []string{"a"},
			Levels: map[string]float64{"x": 1, "a.b": 2, "$z": 3},
			Plan:   floor{Rooms: 2, Rest: map[string]int64{"attic": 1}},
		}, Second: &address{City: "Hull"}}
	}
	extra := bson.D{{Key: "$set", Value: bson.D{
		{Key: "address._cls", Value: "Flat"},
		{Key: "address.geo.zone", Value: "N"},
		{Key: "address.geo.source._cls", Value: "S"},
		{Key: "address.plan.cellar", Value: int64(1)},
		{Key: "second._cls", Value: "House"},
		{Key: "address.City", Value: "other"},
	}}}
	requireExtra := func(op string) {
		t.Helper()
		doc, err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: int64(1)}}).Raw()
		require.NoError(t, err)
		for path, want := range map[string]string{
			"address._cls": "Flat", "address.geo.zone": "N", "address.geo.source._cls": "S",
			"second._cls": "House", "address.City": "other",
		} {
			have, _ := doc.Lookup(strings.Split(path, ".")...).StringValueOK()
			assert.Equal(t, want, have, "%s: %s", op, path)
		}
		cellar, _ := doc.Lookup("address", "plan", "cellar").AsInt64OK()
		assert.EqualValues(t, 1, cellar, op)
	}
	one := full(1)
	require.NoError(t, r.Insert(t.Context(), &one))
	_, err = c.UpdateOne(t.Context(), bson.D{}, extra)
	require.NoError(t, err)

	one, err = r.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, "Leeds", one.Address.City, "a name in another case is another program's")
	require.NoError(t, r.Save(t.Context(), &one))
	requireExtra("Save")
	again, err := r.Get(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, one.Address, again.Address)
	assert.Equal(t, one.Second, again.Second)
	updates()

	for name, test := range map[string]struct {
		change     func(*address)
		set, unset []string
	}{
		"Leaf":    {func(a *address) { a.City = "York" }, []string{"city"}, nil},
		"Inline":  {func(a *address) { a.Street = "High Lane" }, []string{"street"}, nil},
		"Omitted": {func(a *address) { a.Note = nil }, nil, []string{"note"}},
		"Deep":    {func(a *address) { a.Geo.Source.Name = "gps" }, []string{"geo.source.name"}, nil},
		"Map":     {func(a *address) { a.Levels["x"]++ }, []string{"levels"}, nil},
		"Slice":   {func(a *address) { a.Tags = append(a.Tags, "b") }, []string{"tags"}, nil},
		"Rest":    {func(a *address) { a.Plan.Rest["attic"]++ }, []string{"plan"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := r.Modify(t.Context(), 1, func(r *resident) error { test.change(&r.Address); return nil })
			require.NoError(t, err)
			change := changeIn(t, updates())
			if name != "Deep" { // below a struct that was read as zero it is not known that there is a document
				var doc map[string]map[string]bson.RawValue
				require.NoError(t, change.Unmarshal(&doc))
				delete(doc["$set"], "version")
				assert.Len(t, doc["$set"], len(test.set))
				for _, path := range test.set {
					assert.Contains(t, doc["$set"], "address."+path)
				}
				assert.Len(t, doc["$unset"], len(test.unset))
				for _, path := range test.unset {
					assert.Contains(t, doc["$unset"], "address."+path)
				}
			}
			have, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
			assert.Equal(t, want.Address, have.Address)
			requireExtra(name)
		})
	}
	t.Run("Nothing", func(t *testing.T) {
		before, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		have, err := r.Modify(t.Context(), 1, func(*resident) error { return nil })
		require.NoError(t, err)
		assert.Equal(t, before.Version, have.Version)
		assert.Empty(t, updates())
	})
	t.Run("Nil", func(t *testing.T) {
		_, err := r.Modify(t.Context(), 1, func(r *resident) error { r.Address.Geo, r.Second = nil, nil; return nil })
		require.NoError(t, err)
		doc, err := c.FindOne(t.Context(), bson.D{}).Raw()
		require.NoError(t, err)
		assert.Equal(t, bson.TypeNull, doc.Lookup("address", "geo").Type)
		assert.Zero(t, doc.Lookup("second"))
	})
}

// What is stored in a struct's place may be no document at all. A write puts the struct there, alone and in
// a Tx, which an error of the server would end.
func TestNestedStructsReplaceWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	db, native, _ := watched(t)
	r, err := store.NewRepository[resident, int64](db, "residents", nil)
	require.NoError(t, err)
	c := native.Collection("residents")
	id := int64(0)
	write := map[string]func(t *testing.T, r *store.Repository[resident, int64], one resident){
		"Save": func(t *testing.T, r *store.Repository[resident, int64], one resident) {
			require.NoError(t, r.Save(t.Context(), &one))
		},
		"Modify": func(t *testing.T, r *store.Repository[resident, int64], one resident) {
			_, err := r.Modify(t.Context(), one.ID, func(r *resident) error {
				r.Address, r.Second = one.Address, one.Second
				return nil
			})
			require.NoError(t, err)
		},
	}
	for name, change := range map[string]bson.D{
		"Null":    {{Key: "$set", Value: bson.D{{Key: "address", Value: nil}, {Key: "second", Value: nil}}}},
		"Missing": {{Key: "$unset", Value: bson.D{{Key: "address", Value: ""}, {Key: "second", Value: ""}}}},
		"Empty": {{Key: "$set", Value: bson.D{
			{Key: "address", Value: bson.D{}}, {Key: "second", Value: bson.D{}},
		}}},
		"NullInside": {{Key: "$set", Value: bson.D{
			{Key: "address.geo", Value: nil}, {Key: "second.geo", Value: nil},
		}}},
		"OnlyUnknown": {{Key: "$set", Value: bson.D{{Key: "address", Value: bson.D{{Key: "_cls", Value: "x"}}}}}},
	} {
		for op, write := range write {
			for _, inTx := range []bool{false, true} {
				id++
				one := resident{ID: id}
				require.NoError(t, r.Insert(t.Context(), &one))
				_, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}}, change)
				require.NoError(t, err)
				one, err = r.Get(t.Context(), id)
				require.NoError(t, err)
				want := address{City: "Leeds", Geo: &geo{Lat: 1}, Levels: map[string]float64{}}
				other := want
				one.Address, one.Second = want, &other
				if inTx {
					err := db.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error {
						write(t, r.In(tx), one)
						return nil
					})
					require.NoError(t, err)
				} else {
					write(t, r, one)
				}
				have, err := r.Get(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, want, have.Address, "%s %s", name, op)
				assert.Equal(t, &want, have.Second, "%s %s", name, op)
				if name == "OnlyUnknown" {
					doc, err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: id}}).Raw()
					require.NoError(t, err)
					cls, _ := doc.Lookup("address", "_cls").StringValueOK()
					assert.Equal(t, "x", cls, op)
				}
			}
		}
	}

	// A copy that was read before another program put something else there.
	for _, other := range []any{"text", int64(1), bson.A{bson.D{{Key: "city", Value: "x"}}}} {
		id++
		one := resident{ID: id, Address: address{City: "Leeds"}}
		require.NoError(t, r.Insert(t.Context(), &one))
		change := bson.D{{Key: "$set", Value: bson.D{{Key: "address", Value: other}}}}
		_, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}}, change)
		require.NoError(t, err)
		require.NoError(t, r.Save(t.Context(), &one))
		have, err := r.Get(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, one.Address, have.Address, "%T", other)
	}
}

type chain struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `bson:"_id" store:"key"`
	Head           link  `bson:"head"`
}

type link struct {
	N    int64 `bson:"n"`
	Next *link `bson:"next,omitempty"`
}

// A struct may hold itself, deeper than the server takes an update by paths.
func TestNestedStructsThatHoldThemselves(t *testing.T) {
	t.Parallel()
	db, _, _ := watched(t)
	r, err := store.NewRepository[chain, int64](db, "chains", nil)
	require.NoError(t, err)
	for i, depth := range []int{1, 2, 30, 38, 39, 40, 41, 42, 100, 170} {
		one := chain{ID: int64(i)}
		for n := range depth {
			next := one.Head
			one.Head = link{N: int64(n), Next: &next}
		}
		require.NoError(t, r.Insert(t.Context(), &one), depth)
		require.NoError(t, r.Save(t.Context(), &one), depth)
		want, err := r.Modify(t.Context(), one.ID, func(c *chain) error {
			last := &c.Head
			for last.Next != nil {
				last = last.Next
			}
			last.N = 99
			return nil
		})
		require.NoError(t, err, depth)
		have, err := r.Get(t.Context(), one.ID)
		require.NoError(t, err)
		assert.Equal(t, want.Head, have.Head)
	}
}
