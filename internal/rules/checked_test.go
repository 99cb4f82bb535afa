package rules

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checked is a package that has been type-checked, without its tests.
type checked struct {
	path  string // relative to the module
	set   *token.FileSet
	files []*ast.File
	pkg   *types.Package
	info  *types.Info
}

// checkedPackages type-checks the packages of this module, in the order of their paths. What they import is read from
// the export data of the build cache.
func checkedPackages(t *testing.T) (all []checked) {
	t.Helper()
	packages := list(t, "-deps", "-export", "./...")
	set := token.NewFileSet()
	imports := importerOf(set, packages)
	for _, path := range slices.Sorted(maps.Keys(packages)) {
		p := packages[path]
		if p.Module == nil || p.Module.Path != module || len(p.GoFiles) == 0 {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
		c, err := check(set, imports, strings.TrimPrefix(path, module+"/"), files)
		require.NoError(t, err)
		all = append(all, c)
	}
	return all
}

// importerOf reads packages from the export data that go list has named.
func importerOf(set *token.FileSet, packages map[string]listed) types.Importer {
	return importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		if p, ok := packages[path]; ok && p.Export != "" {
			return os.Open(p.Export)
		}
		return nil, errors.New("go list has no export data of " + path)
	})
}

// check type-checks one package.
func check(set *token.FileSet, imports types.Importer, path string, files []*ast.File) (checked, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports}
	pkg, err := config.Check(path, set, files, info)
	if err != nil {
		return checked{}, fmt.Errorf("type-checking %s: %w", path, err)
	}
	return checked{path, set, files, pkg, info}, nil
}

// checkTexts type-checks a package that a test of a rule makes up, by the names of its files. What it may
// import is named too.
func checkTexts(t *testing.T, texts map[string]string, imports ...string) checked {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for name, text := range texts {
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	packages := list(t, append([]string{"-deps", "-export", "--", "errors"}, imports...)...)
	c, err := check(set, importerOf(set, packages), "p", files)
	require.NoError(t, err)
	return c
}

// fileOf returns the name of the file that a position is in, without its folder.
func (c checked) fileOf(pos token.Pos) string { return filepath.Base(c.set.Position(pos).Filename) }

// place returns the file and the line of a node.
func (c checked) place(node ast.Node) string {
	return fmt.Sprintf("%s:%d", c.fileOf(node.Pos()), c.set.Position(node.Pos()).Line)
}
