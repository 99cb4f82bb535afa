package store_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// pupil has a Snapshot and a name.
type pupil struct {
	store.Snapshot
	ID   int64 `store:"key"`
	Name string
}

// TestMarkAsOthersSeeIt compares, copies and encodes entities that carry a Mark, as programs and their tests do.
func TestMarkAsOthersSeeIt(t *testing.T) {
	t.Parallel()
	db := memstore.Open(nil)
	pupils := store.MustRepository[pupil, int64](db, "pupils", &store.RepositoryOptions{SkipUnchanged: true})
	others := store.MustRepository[pupil, int64](db, "pupils", &store.RepositoryOptions{SkipUnchanged: true})
	plain := store.MustRepository[pupil, int64](db, "pupils", nil)
	inserted := pupil{ID: 1, Name: "Ann"}
	require.NoError(t, pupils.Insert(t.Context(), &inserted))
	read, err := pupils.Get(t.Context(), 1)
	require.NoError(t, err)
	byOthers, err := others.Get(t.Context(), 1)
	require.NoError(t, err)
	unmarked, err := plain.Get(t.Context(), 1)
	require.NoError(t, err)

	require.NotZero(t, read.Mark)
	require.Zero(t, unmarked.Mark)
	require.Equal(t, read.Mark, inserted.Mark, "one repository has one mark for what is the same")
	require.NotEqual(t, read.Mark, byOthers.Mark, "another repository has another")
	assert.True(t, read.Mark.Equal(byOthers.Mark), "go-cmp sees no difference")
	for _, other := range []pupil{inserted, byOthers, unmarked} {
		assert.Empty(t, pupils.Different(read, other), "the way to compare what is stored")
		other.Snapshot = read.Snapshot
		assert.Equal(t, read, other)
		assert.True(t, reflect.DeepEqual(read, other) && read == other)
	}

	// A copy of the struct is a copy of the mark, and a change of it is one.
	copied := read
	require.NoError(t, pupils.Save(t.Context(), &copied))
	require.EqualValues(t, 1, copied.Version)
	copied.Name = "Bob"
	require.NoError(t, pupils.Save(t.Context(), &copied))
	require.EqualValues(t, 2, copied.Version)

	// JSON leaves it out, so that what comes back is written; gob keeps it, and it is good in this process alone.
	b, err := json.Marshal(copied)
	require.NoError(t, err)
	assert.NotContains(t, string(b), "Mark")
	var back pupil
	require.NoError(t, json.Unmarshal(b, &back))
	require.Zero(t, back.Mark)
	require.NoError(t, pupils.Save(t.Context(), &back))
	require.EqualValues(t, 3, back.Version)
	var wire bytes.Buffer
	require.NoError(t, gob.NewEncoder(&wire).Encode(back))
	var gobbed pupil
	require.NoError(t, gob.NewDecoder(&wire).Decode(&gobbed))
	require.Equal(t, back.Mark, gobbed.Mark)
	require.NoError(t, others.Save(t.Context(), &gobbed), "a mark of another repository never matches")
	require.EqualValues(t, 4, gobbed.Version)
}
