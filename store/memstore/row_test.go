package memstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// versions returns the number of committed versions that are kept of an account.
func (f *fixture) versions(id int64) int {
	f.engine.mu.RLock()
	defer f.engine.mu.RUnlock()
	n := 0
	r := f.engine.tables["accounts"].rows[string(appendInt(nil, id))]
	if r == nil {
		return 0
	}
	for v := r.newest; v != nil; v = v.older {
		n++
	}
	return n
}

func TestViewIsOneMoment(t *testing.T) {
	f := setup(t, settings{})
	view := f.view()
	f.mustUpdate(nil, 1, 1, 10)
	assert.EqualValues(t, 10, f.balance(view, 1), "the moment is that of the first read")
	f.mustUpdate(nil, 2, 1, 20)
	_, err := f.delete(nil, 3)
	require.NoError(t, err)
	require.NoError(t, f.insert(nil, account{ID: 4}))
	assert.Zero(t, f.balance(view, 2))
	_, found := f.get(view, 3)
	assert.True(t, found)
	n, err := f.accounts.Count(t.Context(), &driver.CountParams{Tx: view})
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	_, found = f.get(view, 4)
	assert.False(t, found)
	_, err = f.update(view, 1, 2, 0)
	assert.Equal(t, driver.Unsupported, f.class(err))
	f.commit(view)
}

func TestPruning(t *testing.T) {
	f := setup(t, settings{})
	for v := int64(1); v <= 5; v++ {
		f.mustUpdate(nil, 1, v, v)
	}
	assert.Equal(t, 1, f.versions(1), "nobody sees an old version")

	early := f.view()
	f.balance(early, 2)
	for v := int64(6); v <= 9; v++ {
		f.mustUpdate(nil, 1, v, v)
	}
	assert.Equal(t, 2, f.versions(1), "what no snapshot sees is not kept")
	late := f.view()
	f.balance(late, 2)
	f.mustUpdate(nil, 1, 10, 10)
	_, err := f.delete(nil, 2)
	require.NoError(t, err)
	require.NoError(t, f.insert(nil, account{ID: 7}))
	_, err = f.delete(nil, 7)
	require.NoError(t, err)
	assert.Equal(t, 3, f.versions(1))
	assert.Equal(t, 2, f.versions(2))
	assert.EqualValues(t, 5, f.balance(early, 1))
	assert.EqualValues(t, 9, f.balance(late, 1))

	f.rollback(early)
	assert.Equal(t, 2, f.versions(1))
	assert.EqualValues(t, 9, f.balance(late, 1))
	_, found := f.get(late, 2)
	assert.True(t, found)
	f.commit(late)
	assert.Equal(t, 1, f.versions(1))
	assert.Zero(t, f.versions(2))
	assert.Len(t, f.engine.tables["accounts"].rows, 2, "deleted rows are gone")
}

func TestRollbackLeavesNothing(t *testing.T) {
	f := setup(t, settings{})
	tx := f.begin()
	f.mustUpdate(tx, 1, 1, 10)
	_, err := f.delete(tx, 2)
	require.NoError(t, err)
	require.NoError(t, f.insert(tx, account{ID: 4}, account{ID: 5}))
	_, err = f.delete(tx, 5)
	require.NoError(t, err)
	require.NoError(t, f.insert(tx, account{ID: 2, Balance: 2}))
	assert.EqualValues(t, 2, f.balance(tx, 2))
	_, found := f.get(tx, 5)
	assert.False(t, found)
	f.rollback(tx)
	assert.Zero(t, f.balance(nil, 1))
	assert.Zero(t, f.balance(nil, 2))
	assert.Len(t, f.engine.tables["accounts"].rows, 3)
	assert.Equal(t, driver.Other, f.class(tx.Commit(t.Context())))
	require.NoError(t, tx.Rollback(t.Context()))
}

func TestSnapshotTransaction(t *testing.T) {
	f := setup(t, settings{snapshotReads: true})
	t.Run("WrittenSince", func(*testing.T) {
		tx := f.begin()
		f.balance(tx, 2)
		f.mustUpdate(nil, 1, 1, 10)
		assert.Zero(t, f.balance(tx, 1))
		_, err := f.update(tx, 1, 1, 20)
		assert.Equal(t, driver.Conflict, f.class(err))
		require.ErrorIs(t, err, ErrWriteConflict)
		assert.Equal(t, driver.Other, f.class(tx.Commit(t.Context())))
	})
	t.Run("WrittenByOpenTransaction", func(*testing.T) {
		a, b := f.begin(), f.begin()
		f.mustUpdate(a, 1, 2, 30)
		_, err := f.update(b, 1, 2, 40)
		assert.Equal(t, driver.Conflict, f.class(err), "at once, without a wait")
		f.commit(a)
	})
	t.Run("StaleInSnapshotIsNoConflict", func(*testing.T) {
		tx := f.begin()
		f.balance(tx, 1)
		f.mustUpdate(nil, 1, 3, 50)
		result, err := f.update(tx, 1, 2, 0)
		require.NoError(t, err)
		assert.Equal(t, driver.WriteResult{Outcome: driver.Stale, Stored: 3}, result)
		f.commit(tx)
	})
	t.Run("DeletedAndInsertedSince", func(*testing.T) {
		tx := f.begin()
		f.balance(tx, 1)
		require.NoError(t, f.insert(nil, account{ID: 8}))
		_, err := f.delete(nil, 8)
		require.NoError(t, err)
		assert.Equal(t, driver.Conflict, f.class(f.insert(tx, account{ID: 8})))
	})
	t.Run("UniqueValueTakenSince", func(*testing.T) {
		tx := f.begin()
		f.balance(tx, 1)
		require.NoError(t, f.insert(nil, account{ID: 9, Email: text("e")}))
		assert.Equal(t, driver.Conflict, f.class(f.insert(tx, account{ID: 10, Email: text("e")})))
		tx = f.begin()
		assert.Equal(t, driver.Duplicate, f.class(f.insert(tx, account{ID: 10, Email: text("e")})))
		f.rollback(tx)
	})
}

// What is stored, read and given out shares no memory.
func TestStoredValuesAreCopies(t *testing.T) {
	f := setup(t, settings{})
	a := account{ID: 4, Note: []byte("inserted")}
	require.NoError(t, f.insert(nil, a))
	clear(a.Note)
	b, _ := f.get(nil, 4)
	assert.Equal(t, "inserted", string(b.Note))

	b.Note = []byte("updated")
	_, err := f.accounts.Update(t.Context(), &driver.UpdateParams{
		Key: int64(4), Record: driver.RecordOf(&b), Expect: 1, Next: 2,
	})
	require.NoError(t, err)
	clear(b.Note)
	c, _ := f.get(nil, 4)
	assert.Equal(t, "updated", string(c.Note))
	clear(c.Note)

	spec := accountSpec()
	var d account
	found, err := f.accounts.Find(t.Context(), &driver.FindParams{
		Order: []driver.Order{{Field: &spec.Fields[noteField], Desc: true}}, Limit: 1,
		Into: func() driver.Record { return driver.RecordOf(&d) },
	})
	require.NoError(t, err)
	clear(found.Last[0].([]byte))
	clear(d.Note)
	e, _ := f.get(nil, 4)
	assert.Equal(t, "updated", string(e.Note))
}
