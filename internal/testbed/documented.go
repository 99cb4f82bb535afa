package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Documented holds a part of a file in docs to text that a test has made from the code: what stands between
// <!-- made: name --> and <!-- end -->. With update it writes the part anew. A table that nobody compares is
// wrong after the second change.
func Documented(t testing.TB, file, name, text string, update bool) {
	t.Helper()
	path := filepath.Join(root(t), "docs", file)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	begin, end := "<!-- made: "+name+" -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(string(whole), begin)
	require.True(t, ok, "%s has no part %s", file, name)
	part, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the part %s of %s does not end", name, file)
	text = "\n" + strings.Trim(text, "\n") + "\n\n"
	if update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+text+end+after), 0o644))
		return
	}
	assert.Equal(t, text, part, "run the test with -update, and read the difference")
}

// root is the directory of the module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for !exists(filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod above the test")
		dir = parent
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
