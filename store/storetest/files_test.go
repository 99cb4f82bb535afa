package storetest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sources are the files of the suite that are no tests of its own, by name.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
	}
	return files
}

// TestFilesAreNamedAfterGuarantees keeps the tests of a guarantee where they are looked for: those of
// FreshReads are in freshreads.go, or in freshreads_topic.go.
func TestFilesAreNamedAfterGuarantees(t *testing.T) {
	registered := 0
	for name, file := range sources(t) {
		guarantee, _, _ := strings.Cut(strings.TrimSuffix(name, ".go"), "_")
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "register" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if assert.True(t, ok, "%s registers tests under no literal name", name) {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				assert.Equal(t, guarantee, strings.ToLower(text), "%s holds tests of %s", name, text)
				registered++
			}
			return true
		})
	}
	require.Greater(t, registered, 20)
}
