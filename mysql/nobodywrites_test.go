package mysql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/store"
)

type unwrittenRow struct {
	store.Snapshot
	ID       int64     `store:"key"`
	Idle     *string   `store:"generated,size=60"`
	Default  string    `store:"generated,size=60"`
	Computed string    `store:"generated,size=60"`
	Changed  time.Time `store:"generated"`
	Filled   *string   `store:"generated,size=60"`
	Late     *string   `store:"generated,size=60"`
	Strict   string    `store:"generated,size=60"`
	Number   int64     `store:"generated"`
}

// TestGeneratedColumnThatNobodyWrites has CheckSchema name the columns whose fields are tagged generated and that no
// default, expression or trigger writes, and nothing of those that one does, whose sizes are not the library's to fill.
func TestGeneratedColumnThatNobodyWrites(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		bin := "utf8mb4_0900_bin"
		if db.Info().System == "mariadb" {
			bin = "utf8mb4_nopad_bin"
		}
		sqltest.Do(t, behind, `CREATE TABLE unwritten (id BIGINT PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0,
 idle VARCHAR(60) NULL, `+"`default`"+` VARCHAR(9) NULL DEFAULT 'x', computed VARCHAR(9) AS (CONCAT(id)) STORED,
 changed TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP, filled VARCHAR(9) NULL, late CHAR(9) NULL,
 strict VARCHAR(9) NOT NULL, number VARCHAR(9) NULL DEFAULT '1')
 CHARACTER SET utf8mb4 COLLATE `+bin)
		for _, text := range []string{
			"CREATE TRIGGER unwritten_i BEFORE INSERT ON unwritten FOR EACH ROW SET NEW.filled = CONCAT('made', 1)",
			"CREATE TRIGGER unwritten_u BEFORE UPDATE ON unwritten FOR EACH ROW SET NEW.`late` = 'now'",
		} {
			sqltest.Do(t, behind, text)
		}
		r := store.MustRepository[unwrittenRow, int64](db, "unwritten", nil)
		said := func() map[string]string {
			found, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			said := map[string]string{}
			for _, d := range found {
				if !strings.HasPrefix(d.Name, "unwritten_") { // the triggers
					said[d.Name] += d.String() + "\n"
				}
			}
			return said
		}
		have := said()
		assert.Len(t, have, 3, have)
		assert.Contains(t, have["idle"], "weaker: ")
		assert.Contains(t, have["idle"], "nothing there does")
		assert.Contains(t, have["strict"], "must: ")
		assert.Contains(t, have["strict"], "no row can be inserted; the fix has rows that do not name it get '', from "+
			"other programs too: or take the tag away")
		assert.Contains(t, have["number"], "must: unwritten.number: it is VARCHAR(9), and the mapping stores int64")
		require.ErrorIs(t, r.Insert(t.Context(), &unwrittenRow{ID: 1}), store.ErrInvalid)
		found, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		sqltest.Mend(t, r, behind, found)
		require.NotContains(t, said(), "strict")
		one := unwrittenRow{ID: 1}
		require.NoError(t, r.Insert(t.Context(), &one))
		require.Equal(t, "made1", *one.Filled)
		require.Nil(t, one.Idle)
	})
}
