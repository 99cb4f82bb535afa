package memstore

import (
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

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

// rows returns the number of rows of the accounts' table.
func (f *fixture) rows() int {
	return f.engine.present(nil).rows(f.engine.tables["accounts"].number).size
}

// A snapshot keeps what it sees and nothing else, and is no concern of anybody else.
func TestOldRowsAreForgotten(t *testing.T) {
	f := setup(t, settings{})
	// stored returns what is stored of account 1, in a way that does not keep it.
	stored := func() weak.Pointer[row] {
		return weak.Make(rowAt(f.engine.present(nil), f.engine.tables["accounts"].number, appendInt(nil, 1)))
	}
	isKept := func(w weak.Pointer[row]) bool {
		runtime.GC()
		return w.Value() != nil
	}
	before := stored()
	f.mustUpdate(nil, 1, 1, 1)
	assert.False(t, isKept(before), "nobody sees it")

	seen, view := stored(), f.view()
	f.balance(view, 2)
	f.mustUpdate(nil, 1, 2, 2)
	between := stored()
	f.mustUpdate(nil, 1, 3, 3)
	assert.True(t, isKept(seen))
	assert.False(t, isKept(between), "the view does not see it")
	assert.EqualValues(t, 1, f.balance(view, 1))
	f.commit(view)
	assert.False(t, isKept(seen), "the view is over")
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
	assert.Equal(t, 3, f.rows())
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
	t.Run("DeletedAgainSince", func(*testing.T) {
		early := f.begin()
		f.balance(early, 1)
		comeAndGo := func() {
			require.NoError(t, f.insert(nil, account{ID: 8}))
			_, err := f.delete(nil, 8)
			require.NoError(t, err)
		}
		comeAndGo()
		late := f.begin()
		f.balance(late, 1)
		comeAndGo()
		f.rollback(early)
		assert.Equal(t, driver.Conflict, f.class(f.insert(late, account{ID: 8})))
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
