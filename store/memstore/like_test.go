package memstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
)

// likePlayer can be stored everywhere.
type likePlayer struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"name" store:"unique,size=20"`
}

// likeNewer is the same table with a field more.
type likeNewer struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"name" store:"unique,size=20"`
	City           string `db:"city" bson:"city"`
}

type likeAuto struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `db:"id" bson:"_id" store:"key,auto"`
}

type likeRowVersion struct {
	ID  int64     `db:"id" bson:"_id" store:"key"`
	Row int64     `db:"row" bson:"row" store:"version,auto"`
	At  time.Time `db:"-" bson:"-" store:"readat"`
	N   int
}

type likeScale struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Price          string `db:"price" bson:"price" store:"decimal=34.32"`
}

type likeLongKey struct {
	store.Snapshot `bson:",inline"`
	ID             string `db:"id" bson:"_id" store:"key,size=1000"`
}

type likeFolded struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"name"`
	Other          string `db:"NAME" bson:"NAME"`
}

type likeBSONOnly struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `bson:"id" store:"key"`
	Name           string `bson:"n"`
}

func mapped[T any, K comparable](db *store.DB) error {
	_, err := store.NewRepository[T, K](db, "things", nil)
	return err
}

// TestLikeMappings maps types that some server does not take. Each is a fault where the database is like that server,
// and nowhere else.
func TestLikeMappings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mapped func(*store.DB) error
		faults string // the servers that refuse it
		text   string
	}{
		{"plain", mapped[likePlayer, int64], "", ""},
		{"auto key", mapped[likeAuto, int64], "mongo", "makes no integer keys"},
		{"auto version", mapped[likeRowVersion, int64], "mysql mongo", "no versions that it moves itself"},
		{"scale", mapped[likeScale, int64], "mysql", "32 digits after the point"},
		{"long key", mapped[likeLongKey, string], "mysql sqlserver", "an index can have"},
		{"folded names", mapped[likeFolded, int64], "mysql sqlserver", "the same column"},
		{"key not _id", mapped[likeBSONOnly, int64], "mongo", "_id"},
	} {
		for _, like := range []string{"", "mysql", "sqlserver", "mongo"} {
			err := c.mapped(memstore.Open(&memstore.Options{Like: like}))
			if like == "" || !strings.Contains(c.faults, like) {
				assert.NoError(t, err, "%s like %q", c.name, like)
				continue
			}
			assert.ErrorIs(t, err, store.ErrInvalid, "%s like %q", c.name, like)
			assert.ErrorContains(t, err, c.text, "%s like %q", c.name, like)
		}
	}
	err := mapped[likePlayer, int64](memstore.Open(&memstore.Options{Like: "oracle"}))
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, `Options.Like is "oracle"`)
	err = mapped[likePlayer, int64](memstore.Open(&memstore.Options{Like: "mysql", Tag: "bson"}))
	require.ErrorContains(t, err, `Options.Tag is "bson"`)
}

// TestLikeTables calls every verb on a table that nobody has made, and on one that lacks a column. Nothing is
// stored, and the error says what to do.
func TestLikeTables(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, like := range []string{"mysql", "sqlserver"} {
		db := memstore.Open(&memstore.Options{Like: like})
		raw, _ := memstore.Native(db)
		older := store.MustRepository[likePlayer, int64](db, "players", nil)
		newer := store.MustRepository[likeNewer, int64](db, "players", nil)
		verbs := func() []error {
			copied := likeNewer{ID: 1, Snapshot: store.Snapshot{Version: 1}}
			var errs []error
			note := func(_ any, err error) { errs = append(errs, err) }
			note(newer.Get(ctx, 1))
			note(nil, newer.Insert(ctx, &likeNewer{ID: 2}))
			note(nil, newer.Save(ctx, &copied))
			note(newer.Modify(ctx, 1, func(*likeNewer) error { return nil }))
			note(nil, newer.Delete(ctx, copied))
			note(store.Collect(newer.Find(ctx, store.Query{})))
			note(newer.Count(ctx, store.Query{}))
			note(nil, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
				return newer.In(tx).Insert(ctx, &likeNewer{ID: 3})
			}))
			return errs
		}
		for _, err := range verbs() {
			require.ErrorIs(t, err, store.ErrInvalid)
			require.ErrorContains(t, err, "EnsureSchema makes it")
		}
		require.ErrorContains(t, raw.AddColumns("players"), "there is no table")
		require.NoError(t, older.EnsureSchema(ctx))
		require.NoError(t, older.Insert(ctx, &likePlayer{ID: 1, Name: "ann"}))
		require.NoError(t, newer.EnsureSchema(ctx), "it never alters a table")
		for _, err := range verbs() {
			require.ErrorIs(t, err, store.ErrInvalid)
			require.ErrorContains(t, err, "players.city")
		}
		found, err := newer.CheckSchema(ctx)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, "city", found[0].Name)
		n, err := older.Count(ctx, store.Query{})
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "the older program goes on, and nothing was stored")
		require.NoError(t, raw.AddColumns("players"))
		require.NoError(t, newer.Insert(ctx, &likeNewer{ID: 2, Name: "bob", City: "Leicester"}))
	}
	db := memstore.Open(&memstore.Options{Like: "mongo"})
	require.NoError(t, store.MustRepository[likePlayer, int64](db, "players", nil).Insert(ctx, &likePlayer{ID: 1}))
}

// TestLikeSizes stores texts that are as large as a packet or a document, and larger.
func TestLikeSizes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for like, most := range map[string]int{"mysql": 16<<20 - 1024, "mongo": 16<<20 - 200} {
		db := memstore.Open(&memstore.Options{Like: like})
		r := store.MustRepository[likeNewer, int64](db, "players", nil)
		require.NoError(t, r.EnsureSchema(ctx))
		p := likeNewer{ID: 1, Name: "ann", City: strings.Repeat("x", most)}
		require.NoError(t, r.Insert(ctx, &p))
		p.City = strings.Repeat("x", most+1024)
		err := r.Save(ctx, &p)
		require.ErrorIs(t, err, store.ErrInvalid, like)
		_, isValue := errors.AsType[*driver.ValueError](err)
		require.True(t, isValue)
		_, err = r.Modify(ctx, 1, func(p *likeNewer) error { p.City += strings.Repeat("y", 1024); return nil })
		require.ErrorIs(t, err, store.ErrInvalid, like)
		require.ErrorIs(t, r.Insert(ctx, &likeNewer{ID: 2, City: p.City}), store.ErrInvalid, like)
		n, err := r.Count(ctx, store.Query{})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		read, err := r.Get(ctx, 1)
		require.NoError(t, err)
		require.Len(t, read.City, most)
	}
}

// TestLikeInfo compares what the three say of themselves with what the backends do.
func TestLikeInfo(t *testing.T) {
	t.Parallel()
	mysql := memstore.Open(&memstore.Options{Like: "mysql"}).Info()
	assert.Equal(t, time.Microsecond, mysql.TimePrecision)
	assert.True(t, mysql.AutoKeys)
	assert.False(t, mysql.AutoVersion)
	mongo := memstore.Open(&memstore.Options{Like: "mongo"}).Info()
	assert.Equal(t, time.Millisecond, mongo.TimePrecision)
	assert.True(t, mongo.SnapshotTx)
	assert.False(t, mongo.AutoKeys)
	assert.True(t, memstore.Open(&memstore.Options{Like: "sqlserver"}).Info().AutoVersion)
}
