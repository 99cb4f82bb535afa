package sqlserver

import (
	sqldriver "database/sql/driver"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/columns"
	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
)

// TestDocumentedColumns compares what EnsureSchema makes with docs/TYPES.md.
func TestDocumentedColumns(t *testing.T) {
	t.Parallel()
	d := testDialect()
	db, err := store.New(sqldb.New(sqldb.Config{Dialect: d, Info: d.info()}), nil)
	require.NoError(t, err)
	samples, err := store.NewRepository[columns.Sample, int64](db, "samples", nil)
	require.NoError(t, err)
	made := map[string]string{}
	for line := range strings.SplitSeq(samples.DDL()[0], "\n") {
		if m := column.FindStringSubmatch(line); m != nil {
			made[m[1]] = "`" + strings.TrimSuffix(collated.ReplaceAllString(m[2], ""), " NOT NULL") + "`"
		}
	}
	columns.Check(t, "SQL Server", made, *update)
}

var (
	column   = regexp.MustCompile(`^  \[([^\]]+)\] (.*),$`)
	collated = regexp.MustCompile(` COLLATE \w+`)
)

// TestDocumentedVersions holds docs/VERSIONS.md to the oldest server that Open and New take.
func TestDocumentedVersions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "VERSIONS.md"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "| SQL Server | 2019 (15.0) and later")
	assert.Empty(t, (&server{version: "15.0.2000.5"}).tooOld())
	assert.NotEmpty(t, (&server{version: "14.0.3456.2"}).tooOld())
	assert.Empty(t, (&server{version: "12.0.2000.8", edition: azureDatabase}).tooOld())
}

// TestAnsiPadding has the columns whose values a database may cut: those that sys.columns says so of, where the setting
// can do it, and none on Babelfish, which says 0 of all.
func TestAnsiPadding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind      string
		length    int64
		nullable  bool
		isPadded  int64
		babelfish string
		want      bool
	}{
		{kind: "varchar", length: 20, want: true},
		{kind: "varbinary", length: 20, want: true},
		{kind: "varchar", length: 20, isPadded: 1},
		{kind: "varchar", length: 20, babelfish: "4.3.0"},
		{kind: "varchar"}, // MAX
		{kind: "varbinary"},
		{kind: "nvarchar", length: 20},
		{kind: "char", length: 20},
		{kind: "char", length: 20, nullable: true, want: true},
		{kind: "binary", length: 16},
		{kind: "binary", length: 16, nullable: true, want: true},
		{kind: "bigint", length: 8, nullable: true},
	} {
		d := testDialect()
		d.server.babelfish = c.babelfish
		live := &sqldb.LiveTable{Columns: []sqldb.LiveColumn{
			{Name: "code", Type: c.kind, Length: c.length, Nullable: c.nullable},
		}}
		d.addDetails(live, []any{"code", int64(0), c.isPadded, int64(0), int64(0), int64(0), int64(0), int64(0), nil})
		assert.Equal(t, c.want, live.Columns[0].IsTrimmed, "%+v", c)
	}
}

// TestUnnamedColumns has what an INSERT may pass over though it is NOT NULL and shows no default: the period columns of
// a temporal table, and a column whose default the login may not see. Each other one is named, as what fails.
func TestUnnamedColumns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		always, hidden int64 // generated_always_type and default_object_id
		fails          bool
	}{
		{name: "RowStart", always: 1},
		{name: "RowEnd", always: 2},
		{name: "HiddenDefault", hidden: 4711},
		{name: "Plain", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake, pool := pretend(t)
			fake.catalogue = catalogue{kind: "U ", columns: [][]sqldriver.Value{
				{
					"since", "datetime2", int64(8), int64(27), int64(7), false, false, false, nil, nil, nil, nil,
					c.hidden,
				},
			}, details: [][]sqldriver.Value{
				{"since", false, false, c.always, false, false, int64(0), int64(0), nil},
			}}
			db, err := New(t.Context(), pool, nil)
			require.NoError(t, err)
			found, err := schemaOf[longIndex, int64](db).CheckSchema(t.Context())
			require.NoError(t, err)
			fails := false
			for _, d := range found {
				fails = fails || strings.Contains(d.Problem, "no row can be inserted")
			}
			assert.Equal(t, c.fails, fails, "%v", found)
		})
	}
}
