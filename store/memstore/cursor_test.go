package memstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// A cursor belongs to its native condition, with the arguments that it was given, and to its database.
func TestCursorBelongsToItsCondition(t *testing.T) {
	t.Parallel()
	l := newLeague(t, nil, 30)
	inCity := func(name string) store.Query {
		return Where(func(row map[string]any) bool { return row["city"] != name }, name)
	}
	_, next, err := l.Page(t.Context(), inCity("c01").Limit(2))
	require.NoError(t, err)
	require.NotEmpty(t, next)
	_, _, err = l.Page(t.Context(), inCity("c01").From(next))
	require.NoError(t, err)
	_, _, err = l.Page(t.Context(), inCity("c02").From(next))
	require.ErrorIs(t, err, store.ErrInvalid, "another argument")
	other := Where(func(row map[string]any) bool { return row["city"] == "c01" }, "c01")
	_, _, err = l.Page(t.Context(), other.From(next))
	require.ErrorIs(t, err, store.ErrInvalid, "another function")

	_, next, err = l.Page(t.Context(), store.Query{}.Limit(2))
	require.NoError(t, err)
	_, _, err = newLeague(t, nil, 30).Page(t.Context(), store.Query{}.From(next))
	require.ErrorIs(t, err, store.ErrInvalid, "another database")
	key := make([]byte, 32)
	o := &Options{Store: store.Options{CursorKey: key}}
	one, another := Open(o), Open(o)
	players := func(db *store.DB) *store.Repository[player, int64] {
		r := store.MustRepository[player, int64](db, "players", nil)
		require.NoError(t, r.InsertMany(t.Context(), []*player{{ID: 1}, {ID: 2}, {ID: 3}}))
		return r
	}
	_, next, err = players(one).Page(t.Context(), store.Query{}.Limit(2))
	require.NoError(t, err)
	_, _, err = players(another).Page(t.Context(), store.Query{}.From(next))
	require.ErrorIs(t, err, store.ErrInvalid, "another database under the same key")
	short := Open(&Options{Store: store.Options{CursorKey: key[:3]}})
	_, err = store.NewRepository[player, int64](short, "players", nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "Options.CursorKey")
}
