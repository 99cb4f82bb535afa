package mysql_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

// textJSON keeps its JSON as it is written.
type textJSON struct {
	store.Snapshot
	ID   int64           `store:"key"`
	Note json.RawMessage `store:"json,text"`
	Raw  json.RawMessage `store:"json,text"`
}

// TestTextOverJSONColumn lays a field that is to keep its text over a column of type JSON, which MySQL would change it
// in. CheckSchema says so and has the fix; MariaDB's JSON is text.
func TestTextOverJSONColumn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		behind := direct(t, dsn)
		r := store.MustRepository[textJSON, int64](db, "notes", nil)
		sqltest.Do(t, behind, "CREATE TABLE notes (id BIGINT PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0, "+
			"note JSON NULL, raw LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL)")
		must := func() (fixes []string) {
			found, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			for _, d := range found {
				if d.Severity == store.SeverityMust {
					fixes = append(fixes, d.Statements...)
				}
			}
			return fixes
		}
		if db.Info().System == "mysql" {
			fixes := must()
			require.Len(t, fixes, 1)
			sqltest.Do(t, behind, fixes[0])
		}
		require.Empty(t, must())
		n := textJSON{ID: 1, Note: json.RawMessage(`{"a": 1.10}`), Raw: json.RawMessage(`{"b": 1.10}`)}
		require.NoError(t, r.Insert(t.Context(), &n))
		read, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		require.Contains(t, string(read.Raw), "1.10")
		require.Contains(t, string(read.Note), "1.10")
	})
}
