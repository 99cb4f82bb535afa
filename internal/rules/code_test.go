package rules

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the code in the Markdown files anew")

// The comment before a block of Go in a Markdown file says where the code stands that it shows:
//
//	<!-- code: examples/quickstart/main.go: Club Club.Pay main{} -->
//
// are declarations, with their comments, and the body of a function. A block that shows another
// library's code says so; it is not compiled here, and must at least be Go.
const (
	codeMark   = "<!-- code: "
	codeEnd    = " -->"
	theirs     = "theirs"
	openFence  = "```go"
	closeFence = "```"
)

// TestDocumentedCode holds the Go in the Markdown files to code that is compiled and tested. With -update it
// writes the files anew.
func TestDocumentedCode(t *testing.T) {
	for _, p := range pages(t) {
		var text []string
		for i := 0; i < len(p.lines); i++ {
			line := p.lines[i]
			text = append(text, line)
			if !strings.HasPrefix(line, openFence) {
				continue
			}
			end := i + 1
			for end < len(p.lines) && p.lines[end] != closeFence {
				end++
			}
			have := p.lines[i+1 : end]
			want, err := codeFor(p.lines[max(0, i-1)], have)
			if !assert.NoError(t, err, "%s:%d", p.path, i+1) {
				want = have
			}
			if !*update {
				assert.Equal(t, strings.Join(want, "\n"), strings.Join(have, "\n"),
					"%s:%d is not the code it names: run this test with -update", p.path, i+1)
			}
			text = append(text, want...)
			i = end - 1
		}
		if changed := strings.Join(text, "\n"); *update && changed != strings.Join(p.lines, "\n") {
			require.NoError(t, os.WriteFile(filepath.Join("..", "..", p.path), []byte(changed), 0o644))
		}
	}
}

// codeFor returns the lines that the comment before a block asks for.
func codeFor(mark string, have []string) ([]string, error) {
	what, ok := strings.CutPrefix(mark, codeMark)
	if !ok || !strings.HasSuffix(what, codeEnd) {
		return nil, fmt.Errorf("no comment %s…%s says where the code stands", codeMark, codeEnd)
	}
	what = strings.TrimSuffix(what, codeEnd)
	if what == theirs {
		return have, parses(strings.Join(have, "\n"))
	}
	file, names, _ := strings.Cut(what, ": ")
	source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range strings.Fields(names) {
		code, err := cut(string(source), name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, code...)
	}
	return lines, nil
}

// parses says why text is neither declarations nor statements of Go.
func parses(text string) error {
	set := token.NewFileSet()
	if _, err := parser.ParseFile(set, "", "package p\n"+text, 0); err == nil {
		return nil
	}
	_, err := parser.ParseFile(set, "", "package p\nfunc f() {\n"+text+"\n}", 0)
	return err
}

// cut returns the lines of a declaration, "Name" or "Type.Method", or the body of a function, "Name{}".
func cut(source, name string) ([]string, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	declared, body := strings.CutSuffix(name, "{}")
	for _, d := range file.Decls {
		from, ok := declares(d, declared)
		if !ok {
			continue
		}
		first, last := set.Position(from).Line, set.Position(d.End()).Line
		if body {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				return nil, fmt.Errorf("%s is no function", declared)
			}
			first, last = set.Position(f.Body.Lbrace).Line+1, set.Position(f.Body.Rbrace).Line-1
		}
		var lines []string
		for _, line := range strings.Split(source, "\n")[first-1 : last] {
			if body {
				line = strings.TrimPrefix(line, "\t")
			}
			lines = append(lines, line)
		}
		return lines, nil
	}
	return nil, fmt.Errorf("there is no %s", declared)
}

// declares reports whether a declaration is that of a name, and where it begins, its comment included.
func declares(d ast.Decl, name string) (from token.Pos, ok bool) {
	doc := func(c *ast.CommentGroup) token.Pos {
		if c == nil {
			return d.Pos()
		}
		return c.Pos()
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		full := d.Name.Name
		if d.Recv != nil {
			full = receiver(d.Recv.List[0].Type) + "." + full
		}
		return doc(d.Doc), full == name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				ok = ok || spec.Name.Name == name
			case *ast.ValueSpec:
				ok = ok || spec.Names[0].Name == name
			}
		}
		return doc(d.Doc), ok
	}
	return token.NoPos, false
}

// receiver is the name of a method's type, without its pointer and its type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestCut(t *testing.T) {
	source := "package p\n\n// A is one.\ntype A struct{}\n\n" +
		"// Do does.\nfunc (a *A) Do() {\n\tif true {\n\t\treturn\n\t}\n}\n\nvar x, y = 1, 2\n"
	for name, want := range map[string]string{
		"A":      "// A is one.\ntype A struct{}",
		"A.Do":   "// Do does.\nfunc (a *A) Do() {\n\tif true {\n\t\treturn\n\t}\n}",
		"A.Do{}": "if true {\n\treturn\n}",
		"x":      "var x, y = 1, 2",
	} {
		lines, err := cut(source, name)
		require.NoError(t, err, name)
		assert.Equal(t, want, strings.Join(lines, "\n"), name)
	}
	for _, name := range []string{"B", "Do", "A{}"} {
		_, err := cut(source, name)
		require.Error(t, err, name)
	}
	_, err := codeFor("text before the block", nil)
	require.Error(t, err)
	_, err = codeFor(codeMark+theirs+codeEnd, []string{"x := ("})
	require.Error(t, err)
	_, err = codeFor(codeMark+theirs+codeEnd, []string{"x := 1"})
	require.NoError(t, err)
}
