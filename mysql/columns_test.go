package mysql

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/columns"
	"github.com/stillframe/stillframe/store"
)

// TestDocumentedColumns compares what EnsureSchema makes with docs/TYPES.md.
func TestDocumentedColumns(t *testing.T) {
	t.Parallel()
	var made []map[string]string
	for _, s := range []server{{version: [3]int{9, 7, 0}}, {isMariaDB: true, version: [3]int{10, 11, 0}}} {
		db, err := newDB(nil, &dialect{server: s, packet: 1 << 24, storesZeroKey: true}, Options{}, false)
		require.NoError(t, err)
		samples, err := store.NewRepository[columns.Sample, int64](db, "samples", nil)
		require.NoError(t, err)
		found := map[string]string{}
		for line := range strings.SplitSeq(samples.DDL()[0], "\n") {
			if m := column.FindStringSubmatch(line); m != nil {
				found[m[1]] = "`" + strings.TrimSuffix(collated.ReplaceAllString(m[2], ""), " NOT NULL") + "`"
			}
		}
		made = append(made, found)
	}
	assert.Equal(t, made[0], made[1], "MySQL and MariaDB share a column of the page")
	columns.Check(t, "MySQL, MariaDB", made[0], *update)
}

var (
	column   = regexp.MustCompile("^  `([^`]+)` (.*),$")
	collated = regexp.MustCompile(` CHARACTER SET utf8mb4 COLLATE \w+`)
)

// TestDocumentedVersions holds docs/VERSIONS.md to the oldest servers that Open and New take.
func TestDocumentedVersions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "VERSIONS.md"))
	require.NoError(t, err)
	for row, version := range map[string]string{
		"| MySQL | 8.0.17 and later": "8.0.17", "| MariaDB | 10.6 and later": "10.6.0-MariaDB",
	} {
		assert.Contains(t, string(page), row)
		s := parseServer(version)
		assert.Empty(t, s.tooOld(), version)
		if s.version[2]--; s.version[2] < 0 {
			s.version = [3]int{s.version[0], s.version[1] - 1, 99}
		}
		assert.NotEmpty(t, s.tooOld(), "%s", s)
	}
}
