package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

type seat struct {
	Row, Number int64
}

type guest struct {
	store.Snapshot

	Seat seat   `store:"key"`
	Name string `db:"name" store:"size=20"`
}

// TestWhereKeys selects by struct keys and by plain ones, and beside another condition.
func TestWhereKeys(t *testing.T) {
	db := memstore.Open(nil)
	guests := store.MustRepository[guest, seat](db, "guests", nil)
	for row := range int64(4) {
		for number := range int64(4) {
			require.NoError(t, guests.Insert(t.Context(), &guest{Seat: seat{row, number}, Name: "x"}))
		}
	}
	q := guests.WhereKeys([]seat{{1, 2}, {3, 3}, {9, 9}})
	n, err := guests.Count(t.Context(), q)
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	n, err = guests.Count(t.Context(), store.AllOf(q, store.Where("Seat.Row", store.Eq, 1)))
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	n, err = guests.Count(t.Context(), guests.WhereKeys(nil))
	require.NoError(t, err)
	assert.Zero(t, n)
	spec := guests.Spec()
	assert.Equal(t, "Seat.Number", spec.KeyFields()[1].Name)
	assert.Equal(t, []string{"Name"}, guests.Different(guest{Name: "a"}, guest{Name: "b"}))
	assert.Empty(t, guests.Different(guest{Seat: seat{1, 1}}, guest{Seat: seat{2, 1}}))
}
