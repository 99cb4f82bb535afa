package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longFunction is from how many lines on an unexported function has a comment too.
const longFunction = 15

// TestLongFunctionsHaveComments wants a comment over each function that takes a while to read: who calls it, why it is
// as it is, and what breaks without it. Tests are left out, whose names say what they show, and main, of which the
// package's comment tells; the helpers of tests are not.
func TestLongFunctionsHaveComments(t *testing.T) {
	found := map[string][]string{}
	for _, f := range goFiles(t) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, name := range uncommented(set, file) {
			found[f.folder] = append(found[f.folder], f.path+": "+name)
		}
	}
	checkFindings(t, found,
		"a function of %d lines or more has a comment, also an unexported one", longFunction)
}

// uncommented returns where a file has functions of longFunction lines or more without a comment.
func uncommented(set *token.FileSet, file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Doc != nil || f.Name.IsExported() || f.Name.Name == "main" {
			continue
		}
		if first, last := set.Position(f.Pos()).Line, set.Position(f.End()).Line; last-first+1 >= longFunction {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

func TestUncommentedFunctionsAreFound(t *testing.T) {
	t.Parallel()
	lines := func(n int) string {
		text := "{\n"
		for range n - 2 {
			text += "_ = 1\n"
		}
		return text + "}\n"
	}
	text := "package p\nfunc short() " + lines(14) + "func long() " + lines(15) +
		"// said says.\nfunc said() " + lines(15) +
		"func (t T) method() " + lines(16) + "func Exported() " + lines(20)
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	assert.Equal(t, []string{"long", "method"}, uncommented(set, file))
}
