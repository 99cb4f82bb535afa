package mysql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

type prefixed struct {
	store.Snapshot
	ID   int64  `db:"id" store:"key"`
	Name string `db:"name" store:"size=40,index"`
}

// A Prefix finds what starts so, whatever the characters behind it, through an index of any collation: the range
// that the servers themselves make of LIKE passes over characters beyond U+FFFF, or below the space.
func TestPrefixThroughAnIndex(t *testing.T) {
	names := []string{
		"ann", "ann ", "ann😀", "ann😀😀😀", "ann\uffff😀", "ann\U0010FFFF", "annz", "ann\x01", "ann\t1", "an",
		"ano", "anz", "anz😀", "anz\x01", "bob", "ma%", "ma%😀", "max",
	}
	prefixes := []string{"ann", "anz", "an", "a", "ma%", "ann😀", ""}
	onEach(t, func(t *testing.T, dsn string) {
		behind, db := direct(t, dsn), open(t, dsn, nil)
		collations := sqltest.Values[string](t, behind, `SELECT COLLATION_NAME FROM information_schema.COLLATIONS
 WHERE COLLATION_NAME IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin', 'utf8mb4_bin', 'utf8mb4_general_ci',
 'utf8mb4_unicode_ci', 'utf8mb4_unicode_520_ci', 'utf8mb4_0900_ai_ci', 'utf8mb3_general_ci', 'latin1_swedish_ci',
 'latin1_bin')`)
		require.GreaterOrEqual(t, len(collations), 6)
		for i, collation := range collations {
			table := fmt.Sprint("prefixed", i)
			r := store.MustRepository[prefixed, int64](db, table, nil)
			require.NoError(t, r.EnsureSchema(t.Context()))
			sqltest.Do(t, behind, "ALTER TABLE "+table+" MODIFY name VARCHAR(40) COLLATE "+collation+" NOT NULL")
			for id, name := range names {
				_, err := behind.Exec("INSERT INTO "+table+" (id, version, name) VALUES (?, 1, ?)", id, name)
				if err != nil { // a character that the column does not have
					continue
				}
			}
			var others []string
			for i := range 300 {
				others = append(others, fmt.Sprintf("(%d, 1, 'other %d')", 1000+i, i))
			}
			sqltest.Do(t, behind, "INSERT INTO "+table+" (id, version, name) VALUES "+strings.Join(others, ", "))
			sqltest.Do(t, behind, "ANALYZE TABLE "+table)
			for _, prefix := range prefixes {
				if strings.HasSuffix(prefix, "😀") && !strings.HasPrefix(collation, "utf8mb4") {
					continue // the server compares no column with what it cannot hold
				}
				q := store.Where("Name", store.Prefix, prefix)
				found, err := store.Collect(r.Find(t.Context(), q))
				require.NoError(t, err, "%s %q", collation, prefix)
				var have []int64
				for _, n := range found {
					have = append(have, n.ID)
				}
				want := sqltest.Values[int64](t, behind, "SELECT id FROM "+table+
					" WHERE CONCAT(name) LIKE CONCAT(REPLACE('"+prefix+"', '%', '|%'), '%') ESCAPE '|' ORDER BY id")
				assert.Equal(t, want, have, "%s %q", collation, prefix)
				not, err := r.Count(t.Context(), store.Not(q))
				require.NoError(t, err)
				all, err := r.Count(t.Context(), store.Query{})
				require.NoError(t, err)
				assert.Equal(t, all, not+int64(len(have)), "%s %q and its negation", collation, prefix)
			}
			if slices.Contains([]string{"utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin"}, collation) {
				n, err := r.Count(t.Context(), store.Where("Name", store.Prefix, "ann"))
				require.NoError(t, err)
				assert.EqualValues(t, 9, n, collation)
			}
		}
	})
}
