package store_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// TestLargestLimit asks for as many as there can be: all that there are come, and no cursor.
func TestLargestLimit(t *testing.T) {
	a := newAuction(t, store.RepositoryOptions{}, 1, 2, 3)
	for _, limit := range []int{math.MaxInt32, math.MaxInt} {
		items, next, err := a.Page(t.Context(), store.Query{}.Limit(limit))
		require.NoError(t, err)
		assert.Len(t, items, 3)
		assert.Empty(t, next)
		found, err := store.Collect(a.Find(t.Context(), store.Query{}.Limit(limit)))
		require.NoError(t, err)
		assert.Len(t, found, 3)
	}
	_, err := store.New(memstore.Open(nil).Driver(), &store.Options{MostRows: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "Options.MostRows")
}
