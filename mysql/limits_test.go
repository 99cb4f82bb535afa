package mysql_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

// TestInsertManyInChunks inserts more than one statement can carry: all rows, or none.
func TestInsertManyInChunks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		r := store.MustRepository[fields20, int64](open(t, dsn, nil), "fields", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		const rows = 4000 // of 22 columns: more than 65,535 parameters
		all := make([]*fields20, rows)
		for i := range all {
			all[i] = &fields20{ID: int64(i)}
		}
		all[rows-1].ID = 0
		require.ErrorIs(t, r.InsertMany(t.Context(), all), store.ErrExists)
		n, err := r.Count(t.Context(), store.Query{})
		require.NoError(t, err)
		require.Zero(t, n)
		require.Zero(t, all[0].Version)
		all[rows-1].ID = rows
		require.NoError(t, r.InsertMany(t.Context(), all))
		n, err = r.Count(t.Context(), store.Query{})
		require.NoError(t, err)
		require.EqualValues(t, rows, n)
	})
}

// TestPacketTooLarge stores a value that the server does not take. It is refused before it is sent,
// since the server would break the connection.
func TestPacketTooLarge(t *testing.T) {
	t.Parallel()
	type page struct {
		store.Snapshot
		ID   int64 `store:"key"`
		Text string
	}
	onEach(t, func(t *testing.T, dsn string) {
		r := store.MustRepository[page, int64](open(t, dsn, nil), "pages", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		limit := sqltest.Value[int](t, direct(t, dsn), "SELECT @@max_allowed_packet")
		err := r.Insert(t.Context(), &page{ID: 1, Text: strings.Repeat("x", limit+1)})
		require.ErrorIs(t, err, store.ErrInvalid)
		require.NoError(t, r.Insert(t.Context(), &page{ID: 2, Text: strings.Repeat("x", limit/2)}))
	})
}
