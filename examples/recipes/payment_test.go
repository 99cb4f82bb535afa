package recipes

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// newBank opens a bank with the tables it needs and two clubs, of which one has money. It closes db with the test.
func newBank(t *testing.T, db *store.DB) *Bank {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	b := &Bank{
		DB:    db,
		Clubs: Clubs{store.MustRepository[Club, int64](db, "clubs", nil)},
	}
	receipts, err := store.Receipts(db)
	require.NoError(t, err)
	require.NoError(t, b.Clubs.EnsureSchema(t.Context()))
	require.NoError(t, receipts.EnsureSchema(t.Context()))
	require.NoError(t, b.Clubs.InsertMany(t.Context(), []*Club{
		{ID: 7, Name: "Leicester City", Balance: 500}, {ID: 9, Name: "Stoke City"},
	}))
	return b
}

func (b *Bank) balance(t *testing.T, id int64) int64 {
	t.Helper()
	club, err := b.Clubs.Get(t.Context(), id)
	require.NoError(t, err)
	return club.Balance
}

// TestPayOnce loses the answer to each first commit, once before and once after the database has done it.
func TestPayOnce(t *testing.T) {
	t.Parallel()
	for _, lost := range []error{memstore.ErrLostBefore, memstore.ErrLostAfter} {
		t.Run(lost.Error(), func(t *testing.T) {
			var commits atomic.Int64
			b := newBank(t, memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
				if c.Op == "commit" && commits.Add(1) == 1 {
					return lost
				}
				return nil
			}}))
			require.NoError(t, b.Pay(t.Context(), "request 1", 7, 9, 100))
			require.NoError(t, b.Pay(t.Context(), "request 1", 7, 9, 100), "the client asks again")
			require.ErrorIs(t, b.Pay(t.Context(), "request 1", 7, 9, 200), store.ErrOtherRequest)
			require.ErrorIs(t, b.Pay(t.Context(), "request 2", 9, 7, 1000), ErrPoor)
			assert.Equal(t, int64(400), b.balance(t, 7))
			assert.Equal(t, int64(100), b.balance(t, 9))
		})
	}
}

// TestPayUnknown loses the answer to the commit, and then the server, until the caller gives up.
func TestPayUnknown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var paying, down atomic.Bool
	b := newBank(t, memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		switch {
		case down.Load():
			cancel()
			return memstore.ErrUnavailable
		case c.Op == "commit" && paying.Load():
			down.Store(true)
			return memstore.ErrLostAfter
		}
		return nil
	}}))
	paying.Store(true)
	err := b.Pay(ctx, "request 1", 7, 9, 100)
	assert.True(t, store.MayHaveHappened(err), "%v", err)
	paying.Store(false)
	down.Store(false)
	require.NoError(t, b.Pay(t.Context(), "request 1", 7, 9, 100))
	assert.Equal(t, int64(400), b.balance(t, 7))
}

// TestPayOnServers has many clients send one request at once.
func TestPayOnServers(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*store.DB, error){
		"MariaDB": func(t *testing.T) (*store.DB, error) {
			return mysql.Open(t.Context(), testbed.MariaDB(t).Database(t), nil)
		},
		"MongoDB": func(t *testing.T) (*store.DB, error) {
			set := testbed.Mongo(t)
			return mongo.Open(t.Context(), set.URI(), set.Database(t), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := open(t)
			require.NoError(t, err)
			b := newBank(t, db)
			var group sync.WaitGroup
			for range 12 {
				group.Go(func() { assert.NoError(t, b.Pay(t.Context(), "request 1", 7, 9, 100)) })
			}
			group.Wait()
			assert.Equal(t, int64(400), b.balance(t, 7))
			assert.Equal(t, int64(100), b.balance(t, 9))
		})
	}
}
