package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// told collects what OnWrite tells.
type told struct {
	mu  sync.Mutex
	all []store.Written
}

func (t *told) add(w store.Written) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, w)
}

// take returns what was told since the last time.
func (t *told) take() []store.Written {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.all
	t.all = nil
	return all
}

func TestOnWrite(t *testing.T) {
	ctx := t.Context()
	a := newAuction(t, store.RepositoryOptions{})
	var told told
	stop := a.db.OnWrite(told.add)
	wrote := func(version int64) store.Written {
		return store.Written{Table: "bids", Key: int64(1), Version: version}
	}

	b := bid{ID: 1}
	require.NoError(t, a.Insert(ctx, &b))
	assert.Equal(t, []store.Written{wrote(1)}, told.take())
	require.NoError(t, a.Save(ctx, &b))
	assert.Equal(t, []store.Written{wrote(2)}, told.take())
	require.NoError(t, a.Touch(ctx, &b))
	assert.Equal(t, []store.Written{wrote(3)}, told.take())
	_, err := a.Modify(ctx, 1, add(1))
	require.NoError(t, err)
	assert.Equal(t, []store.Written{wrote(4)}, told.take())
	_, err = a.Upsert(ctx, 1, func(b *bid, _ bool) error { b.Amount++; return nil })
	require.NoError(t, err)
	assert.Equal(t, []store.Written{wrote(5)}, told.take())
	_, err = a.ModifyMany(ctx, []int64{1}, add(1), nil)
	require.NoError(t, err)
	assert.Equal(t, []store.Written{wrote(6)}, told.take())

	// What has not happened is not told.
	_, err = a.Modify(ctx, 1, func(*bid) error { return nil })
	require.NoError(t, err)
	require.ErrorIs(t, a.Save(ctx, &b), store.ErrConflict)
	require.NoError(t, a.Reload(ctx, &b))
	errBack := errors.New("back")
	require.Equal(t, errBack, a.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(t, a.In(tx).Save(ctx, &b))
		return errBack
	}))
	assert.Empty(t, told.take())

	// A Tx tells when it is committed.
	require.NoError(t, a.db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		require.NoError(t, a.In(tx).Save(ctx, &b))
		require.NoError(t, a.In(tx).Insert(ctx, &bid{ID: 2}))
		assert.Empty(t, told.take(), "nothing is committed")
		return nil
	}))
	assert.Equal(t, []store.Written{wrote(7), {Table: "bids", Key: int64(2), Version: 1}}, told.take())

	require.NoError(t, a.Delete(ctx, b))
	assert.Equal(t, []store.Written{{Table: "bids", Key: int64(1), Deleted: true}}, told.take())
	require.NoError(t, a.DeleteKey(ctx, 2))
	assert.Equal(t, []store.Written{{Table: "bids", Key: int64(2), Deleted: true}}, told.take())

	stop()
	stop()
	require.NoError(t, a.Insert(ctx, &bid{ID: 3}))
	assert.Empty(t, told.take())
	a.db.OnWrite(nil)()
}

// TestOnWriteUnknown loses the answers of writes and of a commit.
func TestOnWriteUnknown(t *testing.T) {
	ctx := t.Context()
	lost := map[string]bool{}
	db := memstore.Open(&memstore.Options{Fault: func(_ context.Context, c memstore.Call) error {
		if lost[c.Op] {
			return memstore.ErrLostAfter
		}
		return nil
	}})
	bids := store.MustRepository[bid, int64](db, "bids", nil)
	require.NoError(t, bids.InsertMany(ctx, []*bid{{ID: 1}, {ID: 2}}))
	var told told
	defer db.OnWrite(told.add)()
	unknown := func(keys ...int64) (all []store.Written) {
		for _, key := range keys {
			all = append(all, store.Written{Table: "bids", Key: key, Unknown: true})
		}
		return all
	}
	lost["update"], lost["insert"] = true, true
	_, err := bids.Modify(ctx, 1, add(1))
	require.ErrorIs(t, err, store.ErrUnknownOutcome)
	assert.Equal(t, unknown(1), told.take())
	require.ErrorIs(t, bids.Insert(ctx, &bid{ID: 3}), store.ErrUnknownOutcome)
	assert.Equal(t, unknown(3), told.take())
	require.ErrorIs(t, bids.InsertMany(ctx, []*bid{{ID: 4}, {ID: 5}}), store.ErrUnknownOutcome)
	assert.Equal(t, unknown(4, 5), told.take())

	clear(lost)
	lost["commit"] = true
	one, err := bids.Get(ctx, 1)
	require.NoError(t, err)
	two, err := bids.Get(ctx, 2)
	require.NoError(t, err)
	require.ErrorIs(t, bids.SaveMany(ctx, []*bid{&one, &two}), store.ErrUnknownOutcome)
	assert.Equal(t, unknown(1, 2), told.take())
}

// TestOnWriteCombined has calls share a write: each tells its own version.
func TestOnWriteCombined(t *testing.T) {
	a := newAuction(t, combined, 1)
	var told told
	defer a.db.OnWrite(told.add)()
	for _, done := range a.together(1, nil, a.adding(t.Context(), 1, 1), a.adding(t.Context(), 1, 1)) {
		require.NoError(t, (<-done).err)
	}
	var versions []int64
	for _, w := range told.take() {
		versions = append(versions, w.Version)
	}
	assert.ElementsMatch(t, []int64{2, 3}, versions)
}
