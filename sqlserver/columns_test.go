package sqlserver

import (
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
