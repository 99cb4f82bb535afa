package sqltest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// strange has columns that only quotes make identifiers.
type strange struct {
	store.Snapshot
	ID    int64  `db:"primary key"  store:"key"`
	Order string `db:"(order); by"`
	Text  string `db:"Stärke in %"`
}

// Names makes tables of names that are not those of most tables, long characters among them, and holds
// two apart that differ in the last one: those taken, and what every server takes. It expects that names
// which the server would refuse, cut or take for another are refused with the mapping: those refused, and
// what no server takes.
func Names(t *testing.T, db *store.DB, long int, taken, refused []string) {
	longest := strings.Repeat("é", long)
	taken = append(
		taken,
		longest,
		longest[:len(longest)-len("é")]+"x",
		"drop table x",
		`quote " and '`,
		" a space first",
		"表",
	)
	for i, name := range taken {
		r, err := store.NewRepository[strange, int64](db, name, nil)
		require.NoError(t, err, name)
		require.NoError(t, r.EnsureSchema(t.Context()), name)
		e := strange{ID: 1, Order: name, Text: strings.Repeat("y", i)}
		require.NoError(t, r.Insert(t.Context(), &e), name)
		read, err := r.Get(t.Context(), 1)
		require.NoError(t, err, name)
		assert.Equal(t, name, read.Order)
		differences, err := r.CheckSchema(t.Context())
		require.NoError(t, err, name)
		assert.Empty(t, differences, name)
	}
	for _, name := range append(refused, "", "a..b", "a space last ", "a\x00b", "a\xffb") {
		_, err := store.NewRepository[strange, int64](db, name, nil)
		require.ErrorIs(t, err, store.ErrInvalid, "%q", name)
	}
}
