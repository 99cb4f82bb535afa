package storetest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
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

// runsBeside are the functions of the suite that run what they are given on other goroutines.
var runsBeside = []string{"async", "parallel", "meanwhile", "race"}

// TestGoroutinesFailNoTest keeps the assertions on the goroutine of their test. One that is made on another
// may come when the test has ended, and then ends all of them.
func TestGoroutinesFailNoTest(t *testing.T) {
	files := sources(t)
	failing := failingFunctions(files)
	require.Subset(t, failing, []string{"get", "modify", "number", "inserted", "conflict", "amounts", "clash"})
	bodies := 0
	for name, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				assert.Fail(t, name+" starts a goroutine by itself: async does, and waits for it")
			}
			f, ok := n.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				return true
			}
			for _, body := range besideBodies(f.Body) {
				bodies++
				for _, what := range mentioned(body) {
					assert.False(t, slices.Contains(failing, what) || slices.Contains(assertions, what),
						"%s: %s fails its test by %s on another goroutine", name, f.Name.Name, what)
				}
			}
			return true
		})
	}
	require.Greater(t, bodies, 20)
}

// assertions are the names by which a test is failed.
var assertions = []string{
	"require", "assert", "Fatal", "Fatalf", "Error", "Errorf", "FailNow", "Fail", "Skip", "SkipNow",
}

// failingFunctions returns the names of the suite's functions and methods that may fail a test, themselves or
// by others.
func failingFunctions(files map[string]*ast.File) (failing []string) {
	mentions := map[string][]string{}
	for _, file := range files {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil && !f.Name.IsExported() {
				mentions[f.Name.Name] = append(mentions[f.Name.Name], mentioned(f.Body)...)
			}
		}
	}
	for before := -1; before < len(failing); {
		before = len(failing)
		for name, words := range mentions {
			fails := func(word string) bool {
				return slices.Contains(assertions, word) || slices.Contains(failing, word)
			}
			if !slices.Contains(failing, name) && slices.ContainsFunc(words, fails) {
				failing = append(failing, name)
			}
		}
	}
	return failing
}

// mentioned returns what a body calls, by its last name, and the packages that it names.
func mentioned(body ast.Node) (names []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			names = append(names, f.Name)
		case *ast.SelectorExpr:
			base, _ := f.X.(*ast.Ident)
			switch {
			case base != nil && (base.Name == "require" || base.Name == "assert"):
				names = append(names, base.Name)
			case base != nil && base.Name == "fmt": // Errorf fails nothing
			case f.Sel.Name == "Error" && len(call.Args) == 0: // the text of an error
			default:
				names = append(names, f.Sel.Name)
			}
		}
		return true
	})
	return names
}

// besideBodies returns the functions that a body has run on other goroutines, written in place or under a
// name of its own.
func besideBodies(body ast.Node) (bodies []ast.Node) {
	named := map[string]ast.Node{}
	ast.Inspect(body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 {
			name, isName := a.Lhs[0].(*ast.Ident)
			if literal, ok := a.Rhs[0].(*ast.FuncLit); ok && isName {
				named[name.Name] = literal.Body
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		called := ""
		switch f := call.Fun.(type) {
		case *ast.Ident:
			called = f.Name
		case *ast.SelectorExpr:
			called = f.Sel.Name
		}
		if !slices.Contains(runsBeside, called) {
			return true
		}
		args := call.Args
		if called == "meanwhile" {
			args = args[:len(args)-1] // the last runs on the goroutine of the test
		}
		for _, arg := range args {
			switch arg := arg.(type) {
			case *ast.FuncLit:
				bodies = append(bodies, arg.Body)
			case *ast.Ident:
				if named[arg.Name] != nil {
					bodies = append(bodies, named[arg.Name])
				}
			}
		}
		return true
	})
	return bodies
}
