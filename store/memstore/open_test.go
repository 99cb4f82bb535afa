package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

type club struct {
	store.Snapshot `bson:",inline"`
	ID             int64  `db:"id" bson:"_id" store:"key"`
	Name           string `db:"name" bson:"title" store:"size=60,unique"`
	Balance        int64  `db:"balance" bson:"balance"`
}

func TestOpen(t *testing.T) {
	for _, o := range []*memstore.Options{nil, {}, {SnapshotReads: true}, {Tag: "db"}, {Tag: "bson"}} {
		db := memstore.Open(o)
		clubs, err := store.NewRepository[club, int64](db, "clubs", nil)
		require.NoError(t, err)
		ctx := t.Context()
		require.NoError(t, clubs.Insert(ctx, &club{ID: 7, Name: "Foxes", Balance: 100}))
		_, err = clubs.Modify(ctx, 7, func(c *club) error { c.Balance -= 30; return nil })
		require.NoError(t, err)

		raw, ok := memstore.Native(db)
		require.True(t, ok)
		row, found := raw.Row("clubs", 7)
		require.True(t, found)
		assert.EqualValues(t, 70, row["balance"])
		assert.EqualValues(t, 2, row["version"])
		name := "name"
		if o != nil && o.Tag == "bson" {
			name = "title"
		}
		assert.Equal(t, "Foxes", row[name])

		rich := memstore.Where(func(row map[string]any) bool { return row["balance"].(int64) > 50 })
		found7, err := clubs.First(ctx, rich)
		require.NoError(t, err)
		assert.EqualValues(t, 7, found7.ID)
		_, err = clubs.First(ctx, memstore.Where(nil))
		require.ErrorIs(t, err, store.ErrUnsupported)

		require.NoError(t, db.Close())
		_, err = clubs.Get(ctx, 7)
		require.ErrorIs(t, err, store.ErrClosed)
	}
}

func TestNativeOfNothing(t *testing.T) {
	_, ok := memstore.Native(nil)
	assert.False(t, ok)
}

// A commit whose answer is lost has happened, and the program is told that it cannot know.
func TestOpenLostCommit(t *testing.T) {
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if c.Op == "commit" {
			return memstore.ErrLostAfter
		}
		return nil
	}})
	clubs, err := store.NewRepository[club, int64](db, "clubs", nil)
	require.NoError(t, err)
	err = db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		return clubs.In(tx).Insert(ctx, &club{ID: 1, Name: "A"})
	})
	require.ErrorIs(t, err, store.ErrUnknownOutcome)
	_, err = clubs.Get(t.Context(), 1)
	require.NoError(t, err)
}

func ExampleOpen() {
	ctx := context.Background()
	db := memstore.Open(nil)
	defer db.Close()
	clubs, err := store.NewRepository[club, int64](db, "clubs", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := club{ID: 7, Name: "Foxes"}
	if err := clubs.Insert(ctx, &c); err != nil {
		fmt.Println(err)
		return
	}
	// A second client changes the row and its version.
	raw, _ := memstore.Native(db)
	if err := raw.Put(ctx, "clubs", 7, map[string]any{"balance": 9, "version": 2}); err != nil {
		fmt.Println(err)
		return
	}
	c.Balance = 5
	fmt.Println(errors.Is(clubs.Save(ctx, &c), store.ErrConflict))
	// Output: true
}
