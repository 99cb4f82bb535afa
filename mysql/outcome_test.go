package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// named has a unique index whose name has all that can lead a reader of messages astray.
type named struct {
	store.Snapshot
	ID   int64  `db:"id" store:"key"`
	Name string `db:"name" store:"size=60"`
}

const oddIndex = "it's a.b for key 'c"

// TestExistsIsOfTheTable has ErrExists said of the entity's own table and index alone, by the index's whole
// name, in any language. A trigger that meets a duplicate elsewhere, with the same key, is none.
func TestExistsIsOfTheTable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(t, behind, "CREATE TABLE `na.med` (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL,"+
			" name VARCHAR(60) CHARACTER SET utf8mb4 NOT NULL, UNIQUE `"+oddIndex+"` (name))")
		sqltest.Do(t, behind, "CREATE TABLE log (id BIGINT NOT NULL PRIMARY KEY)")
		for _, language := range []string{"en_US", "de_DE", "hu_HU", "ja_JP", "ko_KR", "zh_CN", "ru_RU"} {
			callers := pool(t, dsn, nil, map[string]string{"lc_messages": language})
			db, err := mysql.New(t.Context(), callers, nil)
			require.NoError(t, err)
			r := store.MustRepository[named, int64](db, "clubs", nil)
			sqltest.Do(t, behind, "DROP TABLE IF EXISTS clubs")
			sqltest.Do(t, behind, "CREATE TABLE clubs LIKE `na.med`")
			sqltest.Do(t, behind, "DELETE FROM log")
			require.NoError(t, r.Insert(t.Context(), &named{ID: 1, Name: "it's' for key 'x"}))
			exists := func(about string, err error, constraint string) {
				require.ErrorIs(t, err, store.ErrExists, about)
				e, _ := err.(*store.Error)
				assert.Equal(t, constraint, e.Constraint, "%s, %s", language, about)
			}
			exists("key", r.Insert(t.Context(), &named{ID: 1, Name: "b"}), "PRIMARY")
			exists("name", r.Insert(t.Context(), &named{ID: 2, Name: "it's' for key 'x"}), oddIndex)
			require.NoError(t, r.Insert(t.Context(), &named{ID: 2, Name: "b"}))
			_, err = r.Modify(t.Context(), 2, func(n *named) error { n.Name = "it's' for key 'x"; return nil })
			exists("modify", err, oddIndex)

			sqltest.Do(t, behind, "INSERT INTO log VALUES (7), (2)")
			for _, event := range []string{"BEFORE INSERT", "AFTER UPDATE"} {
				sqltest.Do(t, behind, "CREATE TRIGGER `"+event+"` "+event+" ON clubs FOR EACH ROW"+
					" INSERT INTO log VALUES (NEW.id)")
			}
			elsewhere := func(err error) {
				require.ErrorIs(t, err, store.ErrInvalid, language)
				require.NotErrorIs(t, err, store.ErrExists)
				assert.ErrorContains(t, err, "clubs: a trigger or a foreign key of it has met a key")
			}
			elsewhere(r.Insert(t.Context(), &named{ID: 7, Name: "c"}))
			_, err = r.Modify(t.Context(), 2, func(n *named) error { n.Name = "d"; return nil })
			elsewhere(err)
			_, err = r.Get(t.Context(), 7)
			require.ErrorIs(t, err, store.ErrNotFound)
		}
	})
}

// TestMadeKeysEnd has a table at the end of its AUTO_INCREMENT refuse, and not say that something exists.
func TestMadeKeysEnd(t *testing.T) {
	t.Parallel()
	type made struct {
		store.Snapshot
		ID   int64  `db:"id" store:"key,auto"`
		Name string `db:"name" store:"size=60"`
	}
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		for kind, last := range map[string]string{"TINYINT": "127", "BIGINT": "9223372036854775807"} {
			sqltest.Do(t, behind, "DROP TABLE IF EXISTS made")
			sqltest.Do(t, behind, "CREATE TABLE made (id "+kind+" NOT NULL AUTO_INCREMENT PRIMARY KEY,"+
				" version BIGINT NOT NULL, name VARCHAR(60) NOT NULL)")
			sqltest.Do(t, behind, "INSERT INTO made VALUES ("+last+", 1, 'last')")
			r := store.MustRepository[made, int64](open(t, dsn, nil), "made", nil)
			err := r.Insert(t.Context(), &made{Name: "one too many"})
			require.ErrorIs(t, err, store.ErrInvalid, kind)
			require.NotErrorIs(t, err, store.ErrExists, kind)
			assert.ErrorContains(t, err, "larger type", kind)
		}
	})
}

// TestViewMeetsDDL has a View that reads a table which was altered since its beginning run again.
func TestViewMeetsDDL(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		r := sqltest.Clubs(t, db, 100)
		sqltest.Do(t, behind, "CREATE TABLE other (id INT PRIMARY KEY)")
		runs := 0
		require.NoError(t, db.View(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			native, _ := mysql.NativeTx(tx)
			if _, err := native.ExecContext(ctx, "SELECT * FROM other"); err != nil {
				return err
			}
			if runs++; runs == 1 {
				sqltest.Do(t, behind, "ALTER TABLE clubs ADD COLUMN city VARCHAR(60), ALGORITHM=COPY")
			}
			_, err := r.In(tx).Get(ctx, 1)
			return err
		}))
		assert.Equal(t, 2, runs)
	})
}

// TestKilledQueryRunsAgain has somebody kill a statement of an Atomic, which runs again, and a caller cancel
// one, which does not.
func TestKilledQueryRunsAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		r := sqltest.Clubs(t, db, 100)
		runs := 0
		require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
			if runs++; runs == 1 {
				native, _ := mysql.NativeTx(tx)
				var id int64
				require.NoError(t, native.QueryRowxContext(ctx, "SELECT CONNECTION_ID()").Scan(&id))
				held := sqltest.Hold(t, behind, 1)
				defer func() { _ = held.Rollback() }()
				go killWaiting(behind, id)
			}
			_, err := r.In(tx).Modify(ctx, 1, sqltest.Credit(1))
			return err
		}))
		assert.Equal(t, 2, runs)
		assert.EqualValues(t, 101, sqltest.Balance(t, behind, 1))

		runs = 0
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			runs++
			cancel()
			_, err := r.In(tx).Modify(ctx, 1, sqltest.Credit(1))
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, runs)
	})
}

// killWaiting kills the statement that a connection has on its way, once it has one.
func killWaiting(behind *sql.DB, id int64) {
	for {
		var n int
		err := behind.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ?"+
			" AND COMMAND IN ('Execute', 'Query') AND INFO LIKE '%FOR UPDATE%'", id).Scan(&n)
		if err != nil {
			return
		}
		if n > 0 {
			_, _ = behind.Exec(fmt.Sprintf("KILL QUERY %d", id))
			return
		}
	}
}
