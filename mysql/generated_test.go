package mysql_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// legacy is a table in which the server writes much itself.
const legacy = `CREATE TABLE legacy (
 id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0, name VARCHAR(60) NOT NULL,
 shout VARCHAR(60) AS (UPPER(name)) VIRTUAL, length INT AS (CHAR_LENGTH(name)) STORED,
 changed TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
 kind VARCHAR(10) NOT NULL DEFAULT 'new', writes BIGINT NOT NULL DEFAULT 0)`

var legacyTriggers = []string{
	"CREATE TRIGGER legacy_i BEFORE INSERT ON legacy FOR EACH ROW SET NEW.writes = 1",
	"CREATE TRIGGER legacy_u BEFORE UPDATE ON legacy FOR EACH ROW SET NEW.writes = OLD.writes + 1",
}

type legacyRow struct {
	store.Snapshot
	ID      int64     `store:"key,auto"`
	Shout   *string   `store:"generated"`
	Name    string    `store:"size=60"`
	Length  int64     `store:"generated"`
	Changed time.Time `store:"generated"`
	Kind    string    `store:"generated,size=10"`
	Writes  int64     `store:"generated"`
}

// legacyTable makes the table anew.
func legacyTable(t *testing.T, dsn string) {
	t.Helper()
	behind := direct(t, dsn)
	sqltest.Do(t, behind, "DROP TABLE IF EXISTS legacy")
	sqltest.Do(t, behind, legacy)
	for _, text := range legacyTriggers {
		sqltest.Do(t, behind, text)
	}
}

// TestGenerated writes by every verb into a table with generated columns, defaults, ON UPDATE and triggers: what is
// in memory is what is stored.
func TestGenerated(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		legacyTable(t, dsn)
		db := open(t, dsn, nil)
		r := store.MustRepository[legacyRow, int64](db, "legacy", nil)
		ctx := t.Context()
		alike := func(verb string, have legacyRow, writes int64) {
			t.Helper()
			want, err := r.Get(ctx, have.ID)
			require.NoError(t, err)
			require.Equal(t, writes, want.Writes, verb)
			require.Equal(t, writes, want.Version, verb)
			want.ReadAt, have.ReadAt = time.Time{}, time.Time{}
			require.Equal(t, want, have, verb)
		}
		a := legacyRow{Name: "Łódź", Writes: 70, Kind: "mine"}
		require.NoError(t, r.Insert(ctx, &a))
		require.Equal(t, "ŁÓDŹ", *a.Shout)
		require.Equal(t, "new", a.Kind)
		require.NotZero(t, a.Changed)
		alike("Insert", a, 1)
		a.Name, a.Length = "b", 9
		require.NoError(t, r.Save(ctx, &a))
		alike("Save", a, 2)
		require.NoError(t, r.Touch(ctx, &a))
		alike("Touch", a, 3)
		m, err := r.Modify(ctx, a.ID, func(l *legacyRow) error { l.Name = "modified"; return nil })
		require.NoError(t, err)
		alike("Modify", m, 4)
		before := m
		err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			m.Name = "in a Tx"
			if err := r.In(tx).Save(ctx, &m); err != nil {
				return err
			}
			require.EqualValues(t, 5, m.Writes)
			return context.Canceled
		})
		require.ErrorIs(t, err, context.Canceled)
		m.Name = before.Name
		require.Equal(t, before, m)
		many := make([]*legacyRow, 100)
		for i := range many {
			many[i] = &legacyRow{Name: string(rune('a' + i))}
		}
		require.NoError(t, r.InsertMany(ctx, many))
		for _, l := range many {
			alike("InsertMany", *l, 1)
		}
		require.NoError(t, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			a = legacyRow{Name: "tx"}
			if err := r.In(tx).Insert(ctx, &a); err != nil {
				return err
			}
			a.Name = "tx again"
			return r.In(tx).Save(ctx, &a)
		}))
		alike("Atomic", a, 2)
	})
}

type narrowLegacy struct {
	store.Snapshot
	ID     int64  `store:"key,auto"`
	Name   string `store:"size=60"`
	Writes int8   `store:"generated"`
}

// TestGeneratedThatDoesNotFit has the server write what the field cannot hold: nothing of the write stays.
func TestGeneratedThatDoesNotFit(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		legacyTable(t, dsn)
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		r := store.MustRepository[narrowLegacy, int64](db, "legacy", nil)
		ctx := t.Context()
		n := narrowLegacy{Name: "fits"}
		require.NoError(t, r.Insert(ctx, &n))
		for _, text := range []string{
			"DROP TRIGGER legacy_i",
			"DROP TRIGGER legacy_u",
			"CREATE TRIGGER legacy_i BEFORE INSERT ON legacy FOR EACH ROW SET NEW.writes = 128",
			"CREATE TRIGGER legacy_u BEFORE UPDATE ON legacy FOR EACH ROW SET NEW.writes = 128",
		} {
			sqltest.Do(t, behind, text)
		}
		before := n
		err := r.Save(ctx, &n)
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.Contains(t, err.Error(), "Writes: stored number does not fit int8 (-128 to 127)")
		assert.Equal(t, before, n)
		for _, err := range []error{
			r.Insert(ctx, &narrowLegacy{Name: "x"}),
			r.InsertMany(ctx, []*narrowLegacy{{Name: "x"}, {Name: "y"}}),
		} {
			require.ErrorIs(t, err, store.ErrInvalid)
			assert.False(t, store.MayHaveHappened(err))
		}
		assert.Equal(t, 1, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM legacy"))
		assert.Equal(t, 1, sqltest.Value[int](t, behind, "SELECT version FROM legacy"))
	})
}

// TestGeneratedTrips counts what reading back costs. A mapping that reads nothing back pays nothing: TestRoundTrips.
func TestGeneratedTrips(t *testing.T) {
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		legacyTable(t, dsn)
		db := open(t, p.DSN(dsn), &mysql.Options{Connections: 1})
		r := store.MustRepository[legacyRow, int64](db, "legacy", nil)
		insert := 4 // BEGIN, INSERT, SELECT, COMMIT
		if strings.HasPrefix(db.Info().Server, "MariaDB") {
			insert = 1 // INSERT … RETURNING
		}
		l := legacyRow{Name: "x"}
		for range 2 {
			p.Reset()
			l = legacyRow{Name: "x"}
			require.NoError(t, r.Insert(t.Context(), &l))
		}
		assert.Equal(t, insert, p.Count(), "Insert")
		for range 2 {
			p.Reset()
			require.NoError(t, r.Save(t.Context(), &l))
		}
		assert.Equal(t, 4, p.Count(), "Save")
	})
}

type movedRow struct {
	store.Snapshot
	ID   int64  `store:"key"`
	Name string `store:"size=60"`
}

type movedReadBack struct {
	store.Snapshot
	ID   int64  `store:"key"`
	Name string `store:"size=60"`
	Note string `store:"generated"`
}

// TestVersionThatATriggerMoves has a trigger move the version beside the library: no change is lost. Where nothing
// is read back the next Save of the copy is a conflict, and else the copy has the version that is stored.
func TestVersionThatATriggerMoves(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		r := store.MustRepository[movedRow, int64](db, "moved", nil)
		ctx := t.Context()
		sqltest.Do(t, behind, `CREATE TABLE moved (id BIGINT PRIMARY KEY, version BIGINT NOT NULL,
 name VARCHAR(60) NOT NULL, note VARCHAR(60) NOT NULL DEFAULT 'note')`)
		sqltest.Do(t, behind, "CREATE TRIGGER u BEFORE UPDATE ON moved FOR EACH ROW SET NEW.version = NEW.version + 1")
		sqltest.Do(t, behind, "CREATE TRIGGER i BEFORE INSERT ON moved FOR EACH ROW SET NEW.version = NEW.version + 1")
		row := movedRow{ID: 1, Name: "a"}
		require.NoError(t, r.Insert(ctx, &row))
		require.ErrorIs(t, r.Save(ctx, &row), store.ErrConflict, "Insert left another version in memory")
		row, err := r.Get(ctx, 1)
		require.NoError(t, err)
		row.Name = "b"
		require.NoError(t, r.Save(ctx, &row))
		_, err = r.Modify(ctx, 1, func(m *movedRow) error { m.Name += " and another's"; return nil })
		require.NoError(t, err)
		row.Name = "c"
		err = r.Save(ctx, &row)
		require.ErrorIs(t, err, store.ErrConflict)
		assert.Equal(t, "b and another's", sqltest.Value[string](t, behind, "SELECT name FROM moved"))
		stale, err := r.IsStale(ctx, row)
		require.NoError(t, err)
		assert.True(t, stale)

		back := store.MustRepository[movedReadBack, int64](db, "moved", nil)
		other := movedReadBack{ID: 2, Name: "a"}
		require.NoError(t, back.Insert(ctx, &other))
		assert.EqualValues(t, 2, other.Version)
		for i, name := range []string{"b", "c"} {
			other.Name = name
			require.NoError(t, back.Save(ctx, &other))
			assert.EqualValues(t, 4+2*i, other.Version)
		}
		changed, err := back.Modify(ctx, 2, func(m *movedReadBack) error { m.Name = "d"; return nil })
		require.NoError(t, err)
		require.ErrorIs(t, back.Save(ctx, &other), store.ErrConflict)
		require.NoError(t, back.Save(ctx, &changed))
	})
}

// TestCombinedSchema has the server look at each row that is written: where calls share a write, it does not see the
// states between.
func TestCombinedSchema(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(t, behind, `CREATE TABLE purses (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL,
 gold BIGINT NOT NULL, CONSTRAINT purse_not_below_zero CHECK (gold >= 0))`)
		sqltest.Do(t, behind, "CREATE TRIGGER purse_u AFTER UPDATE ON purses FOR EACH ROW SET @last = NEW.gold")
		type purse struct {
			store.Snapshot
			ID   int64 `store:"key"`
			Gold int64
		}
		db := open(t, dsn, nil)
		names := func(combine bool) (names []string) {
			r := store.MustRepository[purse, int64](db, "purses", &store.RepositoryOptions{Combine: combine})
			differences, err := r.CheckSchema(t.Context())
			require.NoError(t, err)
			for _, d := range differences {
				assert.Equal(t, store.SeverityNote, d.Severity, d)
				assert.Contains(t, d.Problem, "Combine")
				names = append(names, d.Name)
			}
			return names
		}
		assert.Empty(t, names(false))
		assert.ElementsMatch(t, []string{"purse_not_below_zero", "purse_u"}, names(true))

		// Two calls may cross what no call alone may: the first is refused by its own, in Validate or by the check.
		r := store.MustRepository[purse, int64](db, "purses", &store.RepositoryOptions{Combine: true})
		require.NoError(t, r.Insert(t.Context(), &purse{ID: 1, Gold: 5}))
		_, err := r.Modify(t.Context(), 1, func(p *purse) error { p.Gold -= 6; return nil })
		require.ErrorIs(t, err, store.ErrInvalid)
	})
}
