package sqlserver_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/golang-sql/civil"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
)

// TestOwnRowCount has a trigger that writes a log row even when nothing was updated, and NOCOUNT.
// The client adds up the trigger's rows, and sees none under NOCOUNT.
func TestOwnRowCount(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		db := open(t, dsn, nil)
		r := sqltest.Clubs(t, db, 100)
		sqltest.Do(t, behind, "CREATE TABLE log (id BIGINT IDENTITY PRIMARY KEY, what NVARCHAR(9))")
		sqltest.Do(
			t, behind,
			"CREATE TRIGGER clubs_log ON clubs AFTER INSERT, UPDATE, DELETE AS INSERT INTO log (what) VALUES "+
				"(N'a'), (N'b')",
		)
		check := func(about string, r *store.Repository[sqltest.Club, int64]) {
			c, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
			stale := c
			require.NoError(t, r.Save(t.Context(), &c), about)
			require.ErrorIs(t, r.Save(t.Context(), &stale), store.ErrConflict, about)
			require.ErrorIs(t, r.Delete(t.Context(), stale), store.ErrConflict, about)
			require.ErrorIs(t, r.DeleteKey(t.Context(), 99), store.ErrNotFound, about)
			require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 7}), about)
			require.NoError(t, r.DeleteKey(t.Context(), 7), about)
			require.EqualValues(t, c.Version, sqltest.Version(t, behind, 1))
		}
		check("a trigger", r)
		require.Positive(t, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM log"))

		connector, err := mssql.NewConnector(dsn)
		require.NoError(t, err)
		connector.SessionInitSQL = "SET NOCOUNT ON"
		pool := sql.OpenDB(connector)
		t.Cleanup(func() { _ = pool.Close() })
		quiet, err := sqlserver.New(t.Context(), pool, nil)
		require.NoError(t, err)
		check("NOCOUNT", store.MustRepository[sqltest.Club, int64](quiet, "clubs", nil))
	})
}

// ticket has a key and a version that the database makes.
type ticket struct {
	ID   int64     `store:"key,auto"`
	Rev  int64     `store:"version,auto"`
	Seat string    `store:"size=9"`
	Read time.Time `db:"-" store:"readat"`
}

// TestMadeKeysUnderATrigger has OUTPUT on a table with a trigger, which takes it with INTO alone.
// The keys come in the order of the entities.
func TestMadeKeysUnderATrigger(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		r := store.MustRepository[ticket, int64](open(t, dsn, nil), "tickets", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		sqltest.Do(t, behind, "CREATE TABLE log (id BIGINT IDENTITY(1000, 1) PRIMARY KEY, what NVARCHAR(9))")
		sqltest.Do(
			t, behind,
			"CREATE TRIGGER tickets_log ON tickets AFTER INSERT, UPDATE AS INSERT INTO log (what) VALUES (N'a')",
		)
		var all []*ticket
		for i := range 200 {
			all = append(all, &ticket{Seat: strings.Repeat("x", i%9) + string(rune('a'+i%26))})
		}
		require.NoError(t, r.InsertMany(t.Context(), all))
		for _, want := range all {
			got, err := r.Get(t.Context(), want.ID)
			require.NoError(t, err)
			require.Equal(t, want.Seat, got.Seat)
			require.Equal(t, want.Rev, got.Rev)
		}
		old := *all[0]
		require.NoError(t, r.Touch(t.Context(), all[0]))
		require.NotEqual(t, old.Rev, all[0].Rev)
		require.ErrorIs(t, r.Save(t.Context(), &old), store.ErrConflict)
		sqltest.Do(t, behind, "UPDATE tickets SET seat = N'raw' WHERE id = @p1", all[1].ID)
		require.ErrorIs(t, r.Save(t.Context(), all[1]), store.ErrConflict, "another program has written it")
	})
}

// coded has a varchar key.
type coded struct {
	store.Snapshot
	Code  string `store:"key,size=20,varchar"`
	Place string `store:"size=40,varchar,index"`
}

// TestVarchar sends varchar to varchar columns, and refuses what they cannot hold.
func TestVarchar(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		r := store.MustRepository[coded, string](db, "coded", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		differences, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		require.Empty(t, differences)
		behind := direct(t, dsn)
		require.Equal(
			t,
			"varchar",
			sqltest.Value[string](
				t, behind,
				"SELECT TYPE_NAME(system_type_id) FROM sys.columns WHERE object_id = OBJECT_ID('coded') AND name "+
					"= 'code'",
			),
		)
		require.NoError(t, r.Insert(t.Context(), &coded{Code: "LEI", Place: "Málaga"}))
		got, err := r.Get(t.Context(), "LEI")
		require.NoError(t, err)
		require.Equal(t, "Málaga", got.Place)
		require.Equal(t, "Málaga", sqltest.Value[string](t, behind, "SELECT place FROM coded WHERE code = 'LEI'"))
		// The type of the parameter as the server sees it.
		n, err := r.Count(t.Context(), store.AllOf(store.Where("Code", store.Eq, "LEI"), sqlserver.Where(
			"CONVERT(NVARCHAR(20), SQL_VARIANT_PROPERTY(CONVERT(SQL_VARIANT, @p1), 'BaseType')) = N'varchar'",
			mssql.VarChar("LEI"),
		)))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		for about, call := range map[string]func() error{
			"Insert": func() error { return r.Insert(t.Context(), &coded{Code: "x", Place: "Łukasz"}) },
			"Key":    func() error { return r.Insert(t.Context(), &coded{Code: "Łukasz"}) },
			"Get":    func() error { _, err := r.Get(t.Context(), "Łukasz"); return err },
			"Modify": func() error {
				_, err := r.Modify(t.Context(), "LEI", func(c *coded) error { c.Place = "😀"; return nil })
				return err
			},
			"Query": func() error {
				_, err := r.Count(t.Context(), store.Where("Place", store.Eq, "Łukasz"))
				return err
			},
		} {
			err := call()
			require.ErrorIs(t, err, store.ErrInvalid, about)
			require.ErrorContains(
				t, err, map[bool]string{true: "Code", false: "Place"}[about == "Key" || about == "Get"],
			)
		}
		n, err = r.Count(t.Context(), store.Query{})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// TestAnotherSchema has a table that is not in dbo.
func TestAnotherSchema(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		sqltest.Do(t, direct(t, dsn), "CREATE SCHEMA league")
		db := open(t, dsn, nil)
		r := store.MustRepository[sqltest.Club, int64](db, "league.clubs", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		differences, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		require.Empty(t, differences)
		require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 1, Name: "Leicester"}))
		got, err := r.Modify(t.Context(), 1, sqltest.Credit(5))
		require.NoError(t, err)
		require.EqualValues(t, 2, got.Version)
		require.EqualValues(
			t, 5, sqltest.Value[int64](t, direct(t, dsn), "SELECT balance FROM league.clubs WHERE id = 1"),
		)
	})
}

// page has a text without a bound.
type page struct {
	store.Snapshot
	ID   int64 `store:"key"`
	Text string
}

// TestLargeText stores 200 kB of NVARCHAR(MAX), with characters of two UTF-16 units.
func TestLargeText(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		r := store.MustRepository[page, int64](open(t, dsn, nil), "pages", nil)
		require.NoError(t, r.EnsureSchema(t.Context()))
		want := strings.Repeat("Leicester 😀 ", 200_000/len("Leicester 😀 "))
		require.NoError(t, r.Insert(t.Context(), &page{ID: 1, Text: want}))
		got, err := r.Modify(t.Context(), 1, func(p *page) error {
			require.True(t, p.Text == want)
			p.Text += "👩‍👩‍👧"
			return nil
		})
		require.NoError(t, err)
		again, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		require.True(t, again.Text == got.Text)
	})
}

// TestTimesAreDatetime2 compares a parameter with what the server has, to the last digit.
func TestTimesAreDatetime2(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		r := sqltest.Clubs(t, open(t, dsn, nil))
		at := time.Date(2016, 5, 2, 20, 46, 59, 123456000, time.FixedZone("", 3600))
		require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 1, Founded: at}))
		require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 2}))
		for id, want := range map[int64]time.Time{1: at.UTC(), 2: {}} {
			got, err := r.Get(t.Context(), id)
			require.NoError(t, err)
			require.True(t, want.Equal(got.Founded), got.Founded)
			n, err := r.Count(t.Context(), store.Where("Founded", store.Eq, want))
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
		require.EqualValues(
			t,
			1,
			sqltest.Value[int](
				t, direct(t, dsn), "SELECT COUNT(*) FROM clubs WHERE founded = @p1", civil.DateTimeOf(at.UTC()),
			),
		)
	})
}

// TestIsolation has Atomic see what others commit meanwhile, and a View not. The level of a View
// does not stay with its connection.
func TestIsolation(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) { sqltest.Isolation(t, open(t, dsn, nil)) })
}

// TestDeadlock locks two rows in opposite order: one side is the victim (1205), and both finish.
func TestDeadlock(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) { sqltest.Deadlock(t, open(t, dsn, nil)) })
}

// TestLockTimeout has a wait for a lock end the transaction, which runs again.
func TestLockTimeout(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		_ = sqltest.LockTimeout(
			t, open(t, dsn, &sqlserver.Options{LockTimeout: 500 * time.Millisecond}), direct(t, dsn),
		)
	})
}

// TestLockingReadsAreHonest looks whether a second transaction waits for a row that a first one has
// read to lock it, and compares that with what Info says.
func TestLockingReadsAreHonest(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, nil)
		sqltest.Clubs(t, db, 100)
		pool := direct(t, dsn)
		first, err := pool.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer first.Rollback()
		second, err := pool.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer second.Rollback()
		var id int64
		const lock = "SELECT id FROM clubs WITH (UPDLOCK, ROWLOCK) WHERE id = 1"
		require.NoError(t, first.QueryRow(lock).Scan(&id))
		_, err = second.Exec("SET LOCK_TIMEOUT 200")
		require.NoError(t, err)
		err = second.QueryRow(lock).Scan(&id)
		assert.Equal(t, db.Info().LockingReads, err != nil, "%v", err)
	})
}

// TestViewsNeedSnapshotIsolation refuses a View where the database has none, and says what to run.
func TestViewsNeedSnapshotIsolation(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		if isBabelfish(t, behind) {
			t.Skip("in Babelfish snapshot isolation is always on")
		}
		sqltest.Do(t, behind, "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION OFF")
		db := open(t, dsn, nil)
		err := db.View(t.Context(), nil, func(context.Context, *store.Tx) error { return nil })
		require.ErrorIs(t, err, store.ErrUnsupported)
		require.ErrorContains(t, err, "SET ALLOW_SNAPSHOT_ISOLATION ON")
	})
}

// TestFoldingKeys has a table whose collation takes "BOB" for "bob", and "bob " too. No call reaches
// another row than the one that it names.
func TestFoldingKeys(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE people (name NVARCHAR(40) COLLATE Latin1_General_CI_AS NOT NULL PRIMARY KEY, version "+
				"BIGINT NOT NULL, count BIGINT NOT NULL)",
		)
		r := store.MustRepository[sqltest.Named, string](open(t, dsn, nil), "people", nil)
		sqltest.Do(t, behind, "INSERT INTO people VALUES (N'eve ', 1, 1)")
		bob := sqltest.Named{Name: "bob", Count: 1}
		require.NoError(t, r.Insert(t.Context(), &bob))
		for _, other := range []string{"BOB", "eve"} {
			held := bob
			held.Name = other
			sqltest.FoldedKey(t, r, held)
		}
		require.ErrorIs(t, r.Insert(t.Context(), &sqltest.Named{Name: "BOB"}), store.ErrExists)
		require.NoError(t, r.Save(t.Context(), &bob))
	})
}

// TestPrefixTakesNoWildcards looks for a prefix of which every character means something to LIKE.
func TestPrefixTakesNoWildcards(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		r := sqltest.Clubs(t, open(t, dsn, nil))
		for i, name := range []string{"[a]%_|x", "a", "[a]", "aZ_|x"} {
			require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: int64(i), Name: name}))
		}
		n, err := r.Count(t.Context(), store.Where("Name", store.Prefix, "[a]%_|"))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// TestNothingIsCut stores what is longer than its column, in UTF-16 units alone too.
func TestNothingIsCut(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		sqltest.Do(
			t, behind,
			"CREATE TABLE clubs (id BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, name NVARCHAR(60) NOT "+
				"NULL, balance BIGINT NOT NULL, founded DATETIME2(7) NOT NULL)",
		)
		r := store.MustRepository[sqltest.Club, int64](open(t, dsn, nil), "clubs", nil)
		require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 1, Name: strings.Repeat("é", 60)}))
		err := r.Insert(t.Context(), &sqltest.Club{ID: 2, Name: strings.Repeat("😀", 31)})
		if err == nil && isBabelfish(t, behind) { // it counts characters
			got, err := r.Get(t.Context(), 2)
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("😀", 31), got.Name)
			return
		}
		require.ErrorIs(t, err, store.ErrInvalid)
		require.NotContains(t, err.Error(), "😀")
	})
}
