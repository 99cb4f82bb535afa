package rules

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	slash "path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file is a file of this module as it is written.
type file struct {
	path, folder string // relative to the module, with slashes
	text         []byte
}

// files returns the files of this module whose names end in suffix. Folders that start with a dot are left out: they
// hold what is fetched, not what is written here.
func files(t *testing.T, suffix string) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []file
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, suffix) {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		relative = filepath.ToSlash(relative)
		all = append(all, file{path: relative, folder: slash.Dir(relative), text: text})
		return err
	})
	require.NoError(t, err)
	return all
}

func goFiles(t *testing.T) []file {
	t.Helper()
	return files(t, ".go")
}

// checkFindings fails the test for what a rule has found in each folder.
func checkFindings(t *testing.T, found map[string][]string, rule string, args ...any) {
	t.Helper()
	for _, folder := range slices.Sorted(maps.Keys(found)) {
		if len(found[folder]) > 0 {
			assert.Fail(t, folder+": "+fmt.Sprintf(rule, args...), strings.Join(found[folder], "\n"))
		}
	}
}

func TestFileLengths(t *testing.T) {
	for _, f := range goFiles(t) {
		limit := 600
		if strings.HasSuffix(f.path, "_test.go") {
			limit = 800
		}
		assert.LessOrEqual(t, bytes.Count(f.text, []byte("\n")), limit, "%s is too long", f.path)
	}
}
