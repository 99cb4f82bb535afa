package mysql_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestGuards has the server's init_connect set what makes an acknowledged write vanish or change. Open sets it
// back on each connection, and New refuses the pool, naming it.
func TestGuards(t *testing.T) {
	t.Parallel()
	onOwnServers(t, func(t *testing.T, dsn string, behind *sql.DB) {
		settings := []string{"sql_mode = 'STRICT_TRANS_TABLES,PAD_CHAR_TO_FULL_LENGTH'"}
		if strings.HasSuffix(t.Name(), "MariaDB") {
			settings = append(settings, "check_constraint_checks = 0", "system_versioning_asof = '2001-01-01'",
				"sql_notes = 0", "insert_id = 7", "max_error_count = 0")
		} else {
			settings = append(settings, "use_secondary_engine = FORCED")
		}
		sqltest.Do(t, behind, "CREATE TABLE log (id BIGINT PRIMARY KEY)")
		sqltest.Do(t, behind, "INSERT INTO log VALUES (2)")
		for _, setting := range settings {
			name, _, _ := strings.Cut(setting, " ")
			sqltest.Do(t, behind, `SET GLOBAL init_connect="SET `+setting+`"`)
			callers := plainPool(t, dsn, behind)
			if name != "sql_mode" { // which its DSN sets
				_, err := mysql.New(t.Context(), callers, nil)
				require.ErrorIs(t, err, store.ErrInvalid, setting)
				assert.ErrorContains(t, err, name)
			}

			sqltest.Do(t, behind, "DROP TABLE IF EXISTS clubs")
			db := open(t, plainDSN(t, dsn), nil)
			r := sqltest.Clubs(t, db, 100)
			if strings.HasSuffix(t.Name(), "MariaDB") {
				sqltest.Do(t, behind, "ALTER TABLE clubs ADD SYSTEM VERSIONING")
			}
			sqltest.Do(t, behind, "ALTER TABLE clubs ADD CONSTRAINT positive CHECK (balance >= 0)")
			sqltest.Do(t, behind, "CREATE TRIGGER logged AFTER INSERT ON clubs FOR EACH ROW"+
				" INSERT INTO log VALUES (NEW.id)")
			_, err := r.Modify(t.Context(), 1, sqltest.Credit(1))
			require.NoError(t, err, setting)
			c, err := r.Get(t.Context(), 1)
			require.NoError(t, err, setting)
			assert.EqualValues(t, 101, c.Balance, setting)
			_, err = r.Modify(t.Context(), 1, sqltest.Credit(-1000))
			require.ErrorIs(t, err, store.ErrInvalid, setting)
			err = r.Insert(t.Context(), &sqltest.Club{ID: 2, Founded: c.Founded})
			require.ErrorIs(t, err, store.ErrInvalid, setting)
			require.NotErrorIs(t, err, store.ErrExists, setting)
		}
		for _, name := range []string{
			"sql_log_bin", "Insert_ID", "wsrep_on", "max_error_count", "CHECK_CONSTRAINT_CHECKS",
		} {
			_, err := mysql.Open(t.Context(), dsn+"&"+name+"=0", nil)
			if !strings.Contains(dsn, "?") {
				_, err = mysql.Open(t.Context(), dsn+"?"+name+"=0", nil)
			}
			require.ErrorIs(t, err, store.ErrInvalid, name)
			assert.ErrorContains(t, err, "take "+name+" out of it")
		}
	})
}
