package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// marker is the key of a document that marks write without a version: whatever they are told before it, is all.
const marker = 999

// monitored is a collection whose unversioned writes are told.
type monitored struct {
	clubs  *clubs
	native *mongodriver.Collection // of another program
	told   chan mongo.UnversionedWrite[int64]
	end    func() error // ends the call and returns its error
}

// monitor starts a call on a collection, and returns when its stream stands.
func monitor(t *testing.T, db *store.DB, native *mongodriver.Database) *monitored {
	t.Helper()
	m := &monitored{
		clubs: newClubs(t, db), native: native.Collection("clubs"),
		told: make(chan mongo.UnversionedWrite[int64], 1000),
	}
	require.NoError(t, m.clubs.Insert(t.Context(), &club{ID: marker}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- mongo.UnversionedWrites(ctx, m.clubs, func(w mongo.UnversionedWrite[int64]) { m.told <- w })
	}()
	m.end = func() error { cancel(); return <-ended }
	t.Cleanup(cancel)
	require.Equal(t, mongo.UnversionedWrite[int64]{Gap: true}, m.next(t))
	return m
}

// next is what is told next.
func (m *monitored) next(t testing.TB) mongo.UnversionedWrite[int64] {
	t.Helper()
	select {
	case w := <-m.told:
		return w
	case <-time.After(testbed.Patience):
		require.Fail(t, "nothing is told")
		return mongo.UnversionedWrite[int64]{}
	}
}

// tells is what is told of what do writes: all that comes before the marker.
func (m *monitored) tells(t testing.TB, do func()) (told []mongo.UnversionedWrite[int64]) {
	t.Helper()
	before := time.Now().Add(-time.Minute)
	do()
	_, err := m.native.UpdateByID(t.Context(), marker, doc("$inc", doc("balance", 1)))
	require.NoError(t, err)
	for {
		w := m.next(t)
		assert.WithinRange(t, w.Time, before, time.Now().Add(time.Minute))
		if w.Key == marker {
			return told
		}
		w.Time = time.Time{}
		told = append(told, w)
	}
}

// TestUnversionedWrites has another program write in each way that there is, without and with images from before.
func TestUnversionedWrites(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	database := set.Database(t)
	native := direct(t, set.URI()).Database(database)
	m := monitor(t, open(t, set.URI(), database, nil), native)
	update := func(of bson.D) func(id int64) error {
		return func(id int64) error { _, err := m.native.UpdateByID(t.Context(), id, of); return err }
	}
	pipeline := func(stages ...bson.D) func(id int64) error {
		return func(id int64) error { _, err := m.native.UpdateByID(t.Context(), id, stages); return err }
	}
	replace := func(version int) func(id int64) error {
		return func(id int64) error {
			_, err := m.native.ReplaceOne(t.Context(), doc("_id", id), doc("name", "new", "version", version))
			return err
		}
	}
	ours := func(write func(c *club) error) func(id int64) error {
		return func(id int64) error {
			c, err := m.clubs.Get(t.Context(), id)
			require.NoError(t, err)
			return write(&c)
		}
	}
	keepImages := func(isOn bool) {
		images := bson.E{Key: "changeStreamPreAndPostImages", Value: doc("enabled", isOn)}
		require.NoError(t, native.RunCommand(t.Context(), append(doc("collMod", "clubs"), images)).Err())
	}
	type write = mongo.UnversionedWrite[int64]
	updated := func(fields ...string) []write { return []write{{Op: "update", Fields: fields, Known: true}} }
	for i, tt := range []struct {
		name                 string
		do                   func(id int64) error
		without, withEarlier []write // told where there are no images, and where there are
	}{
		{"Set", update(doc("$set", doc("name", "x"))), updated("name"), updated("name")},
		{"SetUnmapped", update(doc("$set", doc("_cls", "x", "a.b", 1))), updated("_cls", "a"), updated("_cls", "a")},
		{"SetInside", update(doc("$set", doc("wages.ann", 2))), updated("wages.ann"), updated("wages.ann")},
		{"Unset", update(doc("$unset", doc("name", 1))), updated("name"), updated("name")},
		{"Push", update(doc("$push", doc("tags", "c"))), updated("tags.2"), updated("tags.2")},
		{
			"Truncate", pipeline(doc("$set", doc("tags", doc("$slice", bson.A{"$tags", 1})))),
			updated("tags"), updated("tags"),
		},
		{"TakeVersionAway", update(doc("$unset", doc("version", 1))), updated("version"), updated("version")},
		{"SetVersionBack", update(doc("$set", doc("name", "x", "version", 2))), nil, updated("name", "version")},
		{"SetVersionToText", update(doc("$set", doc("version", "x"))), updated("version"), updated("version")},
		{"Replace", replace(3), []write{{Op: "replace"}}, []write{{Op: "replace", Known: true}}},
		{"ReplaceAndMove", replace(4), []write{{Op: "replace"}}, nil},

		{"IncVersion", update(doc("$set", doc("name", "x"), "$inc", doc("version", 1))), nil, nil},
		{"SetVersion", update(doc("$set", doc("name", "x", "version", 9))), nil, nil},
		{"SetVersionToDouble", update(doc("$set", doc("name", "x", "version", 9.0))), nil, nil},
		{"SetToTheSame", update(doc("$set", doc("name", "old"))), nil, nil},
		{"Delete", func(id int64) error {
			_, err := m.native.DeleteOne(t.Context(), doc("_id", id))
			return err
		}, nil, nil},
		{"Insert", func(id int64) error {
			_, err := m.native.InsertOne(t.Context(), doc("_id", 100_000+id, "name", "x"))
			return err
		}, nil, nil},
		{"Save", ours(func(c *club) error { c.Name = "x"; return m.clubs.Save(t.Context(), c) }), nil, nil},
		{"Touch", ours(func(c *club) error { return m.clubs.Touch(t.Context(), c) }), nil, nil},
		{"Modify", ours(func(c *club) error {
			_, err := m.clubs.Modify(t.Context(), c.ID, func(c *club) error {
				c.Wages, c.Tags = nil, nil
				return nil
			})
			return err
		}), nil, nil},
	} {
		for j, want := range [][]write{tt.without, tt.withEarlier} {
			keepImages(j == 1)
			id := int64(2*i + j)
			m.tells(t, func() {
				_, err := m.native.InsertOne(t.Context(), doc("_id", id, "name", "old", "balance", 1, "version", 3,
					"tags", bson.A{"a", "b"}, "wages", doc("ann", 1)))
				require.NoError(t, err)
			})
			told := m.tells(t, func() { require.NoError(t, tt.do(id), tt.name) })
			for i := range want {
				want[i].Key = id
			}
			assert.Equal(t, want, told, "%s, with images %v", tt.name, j == 1)
		}
	}

	// Each write of a transaction counts by itself, also where another one of it moves the version.
	told := m.tells(t, func() {
		session, err := m.native.Database().Client().StartSession()
		require.NoError(t, err)
		defer session.EndSession(t.Context())
		_, err = session.WithTransaction(t.Context(), func(ctx context.Context) (any, error) {
			_, err := m.native.UpdateByID(ctx, 1, doc("$set", doc("name", "y")))
			_, err2 := m.native.UpdateByID(ctx, 1, doc("$inc", doc("version", 1)))
			return nil, errors.Join(err, err2)
		})
		require.NoError(t, err)
	})
	assert.Equal(t, []write{{Key: 1, Op: "update", Fields: []string{"name"}, Known: true}}, told)

	// A collection that is dropped is another one afterwards.
	require.NoError(t, m.native.Drop(t.Context()))
	assert.Equal(t, write{Gap: true}, m.next(t))
	require.ErrorIs(t, m.end(), context.Canceled)
	requireIdle(t, native.Client(), database)
}

// TestUnversionedWritesThroughFaults cuts the stream's connections while another program writes, and those by which the
// driver would have it go on: each write is told once.
func TestUnversionedWritesThroughFaults(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	if len(set.Nodes()) != 1 {
		t.Skip("the proxy stands before a single node")
	}
	p := testbed.NewProxy(t, set.Nodes()[0].Addr())
	database := set.Database(t)
	m := monitor(t, open(t, p.URI(), database, nil), direct(t, set.URI()).Database(database))
	var cuts atomic.Int64
	p.OnClient(func(data []byte) testbed.Action {
		if bytes.Contains(data, []byte("$changeStream\x00")) && cuts.Add(-1) >= 0 {
			return testbed.Cut
		}
		return testbed.Pass
	})
	const writes = 30
	told := m.tells(t, func() {
		for i := range writes {
			_, err := m.native.UpdateOne(t.Context(), doc("_id", i), doc("$set", doc("name", "x")),
				options.UpdateOne().SetUpsert(true))
			require.NoError(t, err)
			_, err = m.native.UpdateByID(t.Context(), i, doc("$set", doc("name", "y")))
			require.NoError(t, err)
			if i%10 == 3 {
				cuts.Store(3)
				p.CutAll()
			}
		}
	})
	var want []string
	for i := range writes {
		want = append(want, fmt.Sprint(i, " update [name]"))
	}
	assert.Negative(t, cuts.Load(), "the stream was begun again after the cuts")
	var have []string
	for _, w := range told {
		have = append(have, fmt.Sprint(w.Key, " ", w.Op, " ", w.Fields))
	}
	assert.Equal(t, want, have)
	require.ErrorIs(t, m.end(), context.Canceled)
}

// TestUnversionedWritesRefused has what cannot be watched be refused before anything is sent.
func TestUnversionedWritesRefused(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	database := set.Database(t)
	db := open(t, set.URI(), database, nil)
	r := newClubs(t, db)
	ignore := func(mongo.UnversionedWrite[int64]) {}
	refused := func(r *clubs, fn func(mongo.UnversionedWrite[int64]), want error) {
		t.Helper()
		err := mongo.UnversionedWrites(t.Context(), r, fn)
		require.ErrorIs(t, err, want)
		told, ok := errors.AsType[*store.Error](err)
		require.True(t, ok)
		assert.Equal(t, "unversioned writes", told.Op)
		assert.Equal(t, "clubs", told.Entity)
	}
	refused(r, nil, store.ErrInvalid)
	require.NoError(t, db.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error {
		refused(r.In(tx), ignore, store.ErrInvalid)
		return nil
	}))
	callers, err := mongo.New(t.Context(), direct(t, set.URI()), database, nil)
	require.NoError(t, err)
	require.False(t, callers.Info().Changes)
	refused(newClubs(t, callers), ignore, store.ErrUnsupported)
	refused(store.MustRepository[club, int64](memstore.Open(&memstore.Options{Tag: "bson"}), "clubs", nil), ignore,
		store.ErrUnsupported)
	alone := testbed.MongoStandalone(t)
	refused(newClubs(t, open(t, alone.URI(), alone.Database(t), nil)), ignore, store.ErrUnsupported)
	require.NoError(t, db.Close())
	refused(r, ignore, store.ErrClosed)
}

// TestValidatorsSeeNoVersionBefore shows why no validator refuses what UnversionedWrites tells of: its expressions know
// the document as it would be, and no name leads to the one that is there.
func TestValidatorsSeeNoVersionBefore(t *testing.T) {
	t.Parallel()
	set := testbed.Mongo(t)
	native := direct(t, set.URI()).Database(set.Database(t))
	_, err := native.Collection("clubs").InsertOne(t.Context(), doc("_id", 1, "version", 3, "name", "old"))
	require.NoError(t, err)
	validate := func(validator bson.D) error {
		return native.RunCommand(t.Context(), doc("collMod", "clubs", "validator", validator)).Err()
	}
	isMoved := doc("$gte", bson.A{"$$ROOT.version", "$version"})
	require.NoError(t, validate(doc("version", doc("$gte", 1), "$expr", isMoved)))
	_, err = native.Collection("clubs").UpdateByID(t.Context(), 1, doc("$set", doc("name", "x")))
	require.NoError(t, err, "the version of the document as it would be is as good as before")
	_, err = native.Collection("clubs").UpdateByID(t.Context(), 1, doc("$unset", doc("version", 1)))
	require.True(t, isCode(err, 121), "that there is one it can say: %v", err)
	for _, name := range []string{"$$OLD", "$$BEFORE", "$$PREV", "$$this"} {
		err := validate(doc("$expr", doc("$gt", bson.A{"$version", name + ".version"})))
		require.True(t, isCode(err, 17276), "%s is no variable: %v", name, err)
	}
}

// isCode says whether a server's answer has a number.
func isCode(err error, code int) bool {
	e, ok := errors.AsType[mongodriver.ServerError](err)
	return ok && e.HasErrorCode(code)
}
