package sqltest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Named has a string for its key.
type Named struct {
	store.Snapshot
	Name  string `store:"key,size=40"`
	Count int64
}

// FoldedKey makes calls with a key that only a folding collation takes for that of a row. No call
// reaches the row.
func FoldedKey(t *testing.T, r *store.Repository[Named, string], held Named) {
	t.Helper()
	_, err := r.Get(t.Context(), held.Name)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = r.IsStale(t.Context(), held)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, r.Save(t.Context(), &held), store.ErrNotFound)
	require.ErrorIs(t, r.Delete(t.Context(), held), store.ErrNotFound)
	require.ErrorIs(t, r.DeleteKey(t.Context(), held.Name), store.ErrNotFound)
}
