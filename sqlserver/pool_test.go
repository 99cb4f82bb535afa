package sqlserver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/internal/testbed/tsql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// pretend makes a pool over a server that is not there.
func pretend(t *testing.T) (*pretender, *sql.DB) {
	t.Helper()
	fake := newPretender(t, func(tsql.Statement) {})
	pool := sql.OpenDB(fake)
	t.Cleanup(func() { _ = pool.Close() })
	return fake, pool
}

// TestCompatibilityLevel refuses a database at whose level no page can be read, and says what to run.
func TestCompatibilityLevel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level     any
		babelfish any
		isRefused bool
	}{
		{int64(90), nil, true},
		{int64(100), nil, true},
		{int64(110), nil, false},
		{nil, nil, false},
		{int64(100), "4.3.0", false},
	} {
		fake, pool := pretend(t)
		fake.audit[2], fake.database[2] = c.babelfish, c.level
		_, err := New(t.Context(), pool, nil)
		if !c.isRefused {
			require.NoError(t, err, "%v", c.level)
			continue
		}
		require.ErrorIs(t, err, store.ErrUnsupported, "%v", c.level)
		require.ErrorContains(t, err, "ALTER DATABASE [game] SET COMPATIBILITY_LEVEL = 110")
	}
}

// TestServices takes the services that state an old version, and says which it is.
func TestServices(t *testing.T) {
	t.Parallel()
	for edition, name := range map[int64]string{
		azureDatabase: "Azure SQL Database", managedInstance: "SQL Server", fabricDatabase: "Microsoft Fabric",
	} {
		fake, pool := pretend(t)
		fake.audit[0], fake.audit[1] = "12.0.2000.8", edition
		db, err := New(t.Context(), pool, nil)
		require.NoError(t, err, name)
		assert.Contains(t, db.Info().Server, name)
	}
}

// TestNewRefusesPositionalParameters has the pool of sql.Open("mssql", …), whose client counts @p1 as no parameter.
func TestNewRefusesPositionalParameters(t *testing.T) {
	t.Parallel()
	fake, pool := pretend(t)
	fake.positional = true
	_, err := New(t.Context(), pool, nil)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "mssql")
	require.ErrorContains(t, err, `sql.Open("sqlserver"`)
	assert.Empty(t, fake.sent)
}

// TestRawWorkEndsNoTransaction has raw work begin a transaction that it does not end, and end the one that it is in,
// also by a COMMIT and a BEGIN that leave @@TRANCOUNT as it was.
func TestRawWorkEndsNoTransaction(t *testing.T) {
	t.Parallel()
	const commit = "COMMIT TRANSACTION"
	for _, c := range []struct {
		name string
		now  []int64
		want error
	}{
		{"Nothing", []int64{1, 4711}, nil},
		{"Begin", []int64{2, 4711}, store.ErrInvalid},
		{"Commit", []int64{0, 4713}, store.ErrUnknownOutcome},
		{"CommitAndBegin", []int64{1, 4713}, store.ErrUnknownOutcome},
		{"CommitAndBeginTwice", []int64{2, 4713}, store.ErrUnknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, pool := pretend(t)
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			runs := 0
			err = db.Atomic(t.Context(), nil, func(_ context.Context, tx *store.Tx) error {
				runs++
				fake.tx = []int64{1, 4711}
				_, ok := NativeTx(tx)
				require.True(t, ok)
				fake.tx = c.now
				return nil
			})
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, 1, runs)
			last := fake.sent[len(fake.sent)-1]
			assert.Equal(t, c.want == nil, last == commit, last)
			if c.want != nil {
				assert.Equal(t, (&dialect{}).Facts().Texts.Rollback, last)
			}
		})
	}
}

// TestRawWorkWithoutCount leaves a transaction without raw work its round trips.
func TestRawWorkWithoutCount(t *testing.T) {
	t.Parallel()
	fake, pool := pretend(t)
	db, err := New(t.Context(), pool, nil)
	require.NoError(t, err)
	fake.sent = nil
	require.NoError(t, db.Atomic(t.Context(), nil, func(context.Context, *store.Tx) error { return nil }))
	assert.Len(t, fake.sent, 2)
}

// TestVarcharGuard has a database of each code page take a parameter of VARCHAR for what it is, or for text of another
// code page. The characters beyond ASCII are refused by the field where they would not arrive.
func TestVarcharGuard(t *testing.T) {
	t.Parallel()
	type coded struct {
		store.Snapshot
		ID   int64  `db:"id" store:"key"`
		Code string `db:"code" store:"size=9,varchar"`
	}
	samples := map[int]string{1252: "ð", 1250: "ł", 1251: "ж", 65001: "ł"}
	for _, page := range []int{1252, 1250, 1251, 65001, 932, 936, 949, 950, 850, 437} {
		for _, isWrong := range []bool{false, true} {
			fake, pool := pretend(t)
			fake.audit, fake.isGarbled = auditRow(page), isWrong
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			r := store.MustRepository[coded, int64](db, "coded", nil)
			require.NoError(t, r.Insert(t.Context(), &coded{ID: 1, Code: "ascii"}))
			err = r.Insert(t.Context(), &coded{ID: 1, Code: samples[page] + "é"})
			if samples[page] != "" && !isWrong && page != 1251 {
				require.NoError(t, err, "%d", page)
				continue
			}
			require.ErrorIs(t, err, store.ErrInvalid, "%d", page)
			require.ErrorContains(t, err, "Code")
		}
	}
}

// TestCreatedVarcharIsRight compares the column that EnsureSchema makes in a database of each code page with the
// mapping. The collation of the column is that of the CREATE TABLE.
func TestCreatedVarcharIsRight(t *testing.T) {
	t.Parallel()
	f := &driver.Field{Name: "Code", Path: "code", Kind: driver.String, Size: 9, Varchar: true}
	for _, page := range []int{874, 1250, 1252, 1258, 65001, 932, 936, 949, 950, 850, 437, 0} {
		d := &dialect{page: codepageOf(page)}
		made := &sqldb.LiveColumn{
			Type: "varchar", Length: 40, Collation: d.page.collation, Precision: int64(page),
		}
		if d.page.collation == binaryCollation {
			made.Precision = 1252
		}
		assert.Empty(t, d.Misfit(f, made), "%d", page)
	}
	d := &dialect{page: codepageOf(1250)}
	other := &sqldb.LiveColumn{Type: "varchar", Length: 9, Collation: binaryCollation, Precision: 1252}
	assert.NotEmpty(t, d.Misfit(f, other), "of another code page than the parameters")
}

// within is the repository in a Tx, or outside where tx is nil.
func within[T any, K comparable](r *store.Repository[T, K], tx *store.Tx) *store.Repository[T, K] {
	if tx == nil {
		return r
	}
	return r.In(tx)
}

// TestErrorAfterTheAnswer has a trigger say no by RAISERROR alone: the error comes behind the row that says what was
// written, and nobody undoes that. Where the row comes with no error, or the error with no row, all is as it was.
func TestErrorAfterTheAnswer(t *testing.T) {
	t.Parallel()
	no := mssql.Error{Number: 50000, Class: 16, Message: "the trigger says no"}
	type plain struct {
		store.Snapshot
		ID   int64  `db:"id" store:"key"`
		Name string `db:"name" store:"size=9"`
	}
	fake, pool := pretend(t)
	fake.version, fake.row = "[version]", []sqldriver.Value{int64(1), int64(3), "a"}
	db, err := New(t.Context(), pool, nil)
	require.NoError(t, err)
	plains := store.MustRepository[plain, int64](db, "plains", nil)
	stamps := store.MustRepository[stamp, int64](db, "stamps", nil)
	held := plain{Snapshot: store.SnapshotAt(3), ID: 1}
	rowversion := stamp{ID: 1, Rev: 2001, Read: time.Now()}
	calls := map[string]func(ctx context.Context, tx *store.Tx) error{
		"Insert": func(ctx context.Context, tx *store.Tx) error {
			return within(plains, tx).Insert(ctx, &plain{ID: 1})
		},
		"Save":   func(ctx context.Context, tx *store.Tx) error { h := held; return within(plains, tx).Save(ctx, &h) },
		"Delete": func(ctx context.Context, tx *store.Tx) error { return within(plains, tx).Delete(ctx, held) },
		"InsertStamp": func(ctx context.Context, tx *store.Tx) error {
			fake.columns = 1
			defer func() { fake.columns = 0 }()
			return within(stamps, tx).Insert(ctx, &stamp{Seat: "1"})
		},
		"SaveStamp": func(ctx context.Context, tx *store.Tx) error {
			s := rowversion
			return within(stamps, tx).Save(ctx, &s)
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				after   error
				matched int64
				isIn    bool
				want    error
			}{
				{nil, 1, false, nil},
				{no, 1, false, store.ErrUnknownOutcome},
				{no, 1, true, store.ErrInvalid},
			} {
				fake.after, fake.matched = c.after, c.matched
				var err error
				if c.isIn {
					err = db.Atomic(t.Context(), nil, call)
				} else {
					err = call(t.Context(), nil)
				}
				require.ErrorIs(t, err, c.want)
				if c.isIn {
					assert.NotErrorIs(t, err, store.ErrUnknownOutcome)
					assert.Contains(t, fake.sent[len(fake.sent)-1], "ROLLBACK")
				}
			}
		})
	}
}

// TestCheckSchemaNamesKinds names triggers whose error leaves the write, and tables that refuse lock hints.
func TestCheckSchemaNamesKinds(t *testing.T) {
	t.Parallel()
	type plain struct {
		store.Snapshot
		ID int64 `db:"id" store:"key"`
	}
	const alone = "CREATE TRIGGER x ON t AFTER UPDATE AS BEGIN /* no ROLLBACK */ RAISERROR('no: THROW', 16, 1) END"
	for _, c := range []struct {
		name     string
		triggers [][]sqldriver.Value
		traits   []sqldriver.Value
		want     string
	}{
		{name: "Raiserror", triggers: [][]sqldriver.Value{
			{"x", false, "INSERT", alone}, {"x", false, "UPDATE", alone},
		}, want: "the trigger x says no by RAISERROR"},
		{name: "Rollback", triggers: [][]sqldriver.Value{
			{"x", false, "UPDATE", "CREATE TRIGGER x ON t AFTER UPDATE AS RAISERROR('no', 16, 1); rollback"},
		}},
		{name: "Hidden", triggers: [][]sqldriver.Value{{"x", false, "UPDATE", nil}}},
		{name: "InMemory", traits: []sqldriver.Value{int64(0), true}, want: "memory-optimized"},
		{name: "OnDisk", traits: []sqldriver.Value{int64(0), false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, pool := pretend(t)
			fake.catalogue = catalogue{kind: "U ", triggers: c.triggers}
			if c.traits != nil {
				fake.catalogue.traits = [][]sqldriver.Value{c.traits}
			}
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			found, err := store.MustRepository[plain, int64](db, "t", nil).CheckSchema(t.Context())
			require.NoError(t, err)
			n := 0
			for _, d := range found {
				if strings.Contains(d.Problem, "RAISERROR") || strings.Contains(d.Problem, "memory-optimized") {
					assert.Contains(t, d.Problem, c.want)
					n++
				}
			}
			assert.Equal(t, c.want != "", n == 1)
		})
	}
}

// TestCombinedSchema names the checks and triggers of a table whose calls may share a write.
func TestCombinedSchema(t *testing.T) {
	t.Parallel()
	type plain struct {
		store.Snapshot
		ID int64 `db:"id" store:"key"`
	}
	fake, pool := pretend(t)
	fake.catalogue = catalogue{
		kind: "U ", checks: [][]sqldriver.Value{{"CK_gold"}},
		triggers: [][]sqldriver.Value{{"x", false, "UPDATE", nil}, {"y", false, "DELETE", nil}},
	}
	db, err := New(t.Context(), pool, nil)
	require.NoError(t, err)
	for _, combine := range []bool{false, true} {
		var named []string
		plains := store.MustRepository[plain, int64](db, "t", &store.RepositoryOptions{Combine: combine})
		found, err := plains.CheckSchema(t.Context())
		require.NoError(t, err)
		for _, d := range found {
			if strings.Contains(d.Problem, "Combine") {
				named = append(named, d.Name)
			}
		}
		if combine {
			assert.Equal(t, []string{"CK_gold", "x"}, named)
		} else {
			assert.Empty(t, named)
		}
	}
}
