package recipes

import (
	"database/sql"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestAdopt takes over a table that other programs have made, and goes on writing to it as they do.
func TestAdopt(t *testing.T) {
	t.Parallel()
	dsn := testbed.MariaDB(t).Database(t)
	old, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = old.Close() })
	exec := func(text string) {
		_, err := old.ExecContext(t.Context(), text)
		require.NoError(t, err, text)
	}
	exec(`CREATE TABLE clubs
		(id BIGINT PRIMARY KEY, name VARCHAR(60) NOT NULL, balance BIGINT NOT NULL, town VARCHAR(60))`)
	exec("INSERT INTO clubs VALUES (7, 'Leicester City', 500, 'Leicester')")

	db, err := mysql.Open(t.Context(), dsn, &mysql.Options{VersionTriggers: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	clubs := Clubs{store.MustRepository[Club, int64](db, "clubs", nil)}
	require.NoError(t, Adopt(t.Context(), clubs))

	differences, err := clubs.CheckSchema(t.Context())
	require.NoError(t, err)
	for _, d := range differences {
		t.Log(d)
		if d.Severity == store.SeverityMust {
			for _, text := range d.Statements {
				exec(text)
			}
		}
	}
	club, err := clubs.Get(t.Context(), 7)
	require.NoError(t, err)
	assert.Zero(t, club.Version, "a row that is older than its version column")
	exec("UPDATE clubs SET balance = 400, town = 'Leeds' WHERE id = 7") // a program that knows no versions
	require.ErrorIs(t, clubs.Save(t.Context(), &club), store.ErrConflict)
	require.NoError(t, clubs.Reload(t.Context(), &club))
	club.Balance = 300
	require.NoError(t, clubs.Save(t.Context(), &club))
	var town string
	require.NoError(t, old.QueryRowContext(t.Context(), "SELECT town FROM clubs").Scan(&town))
	assert.Equal(t, "Leeds", town, "a column that the struct does not map stays")
}
