package mysql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

type filled struct {
	store.Snapshot
	ID int64     `store:"key"`
	At time.Time `db:"at"`
}

// TestFillsThatTheTableRefuses has columns for which the value that a fix would make up is none: no statement makes it
// up, and after all fixes rows can be inserted.
func TestFillsThatTheTableRefuses(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(t, behind, `CREATE TABLE filled (id BIGINT PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0,
 at TIMESTAMP(6) NULL DEFAULT NULL, doc JSON NOT NULL, year_v YEAR NOT NULL, bits BIT(3) NOT NULL, place POINT NOT NULL,
 sort_v ENUM('x', 'y') NOT NULL, many SET('x') NOT NULL, code CHAR(3) NOT NULL, day_v DATE NOT NULL,
 UNIQUE KEY (code))`)
		sqltest.Do(t, behind, "INSERT INTO filled VALUES (1, 0, NULL, '{}', 2000, 1, POINT(1, 1), 'x', '', 'a', "+
			"'2000-01-01')")
		r := store.MustRepository[filled, int64](open(t, dsn, nil), "filled", nil)
		found, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		for _, d := range found {
			require.False(t, d.Name == "at" && len(d.Statements) > 0, d)
		}
		require.True(t, sqltest.Mend(t, r, behind, found))
		at := time.Date(2016, 5, 2, 20, 46, 0, 0, time.UTC)
		require.NoError(t, r.Insert(t.Context(), &filled{ID: 2, At: at}))
		require.NoError(t, r.Insert(t.Context(), &filled{ID: 3, At: at}))
		require.Zero(t, sqltest.Value[int](t, behind, "SELECT COUNT(at) FROM filled WHERE id = 1"))
	})
}
