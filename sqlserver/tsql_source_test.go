package sqlserver

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryStatementIsCollected finds the parts of statements in the source of this package and of sqldb: strings
// with a word in capitals. Each must stand in a statement that was collected, with the others that it is joined to,
// in their order; so a statement that nobody collects is noticed when it is written.
func TestEveryStatementIsCollected(t *testing.T) {
	t.Parallel()
	c := collect(t)
	found, unused := 0, slices.Clone(noStatements)
	for _, pattern := range []string{"*.go", filepath.Join("..", "internal", "sqldb", "*.go")} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, s := range sourceOf(t, files).statements() {
			if i := slices.Index(unused, strings.Join(s.parts, "")); i >= 0 {
				unused = slices.Delete(unused, i, i+1)
				continue
			}
			found++
			assert.True(t, c.has(s.parts), "%s: no statement that collect has the backend send holds %q: "+
				"have it sent, or name it in noStatements", s.at, s.parts)
		}
	}
	assert.Empty(t, unused, "the source has no such string any more")
	assert.Greater(t, found, 100, "the source has more statements than that")
	for _, parts := range [][]string{{"SELECT x"}, {"DELETE FROM ", " UNIQUE"}, {"SELECT ", " SELECT COUNT("}} {
		assert.False(t, c.has(parts), "%q was never sent", parts)
	}
}

// has reports whether a statement holds the parts, in their order and with no semicolon between them.
func (c *collector) has(parts []string) bool {
	whole := strings.Contains(strings.Join(parts, ""), ";")
	for _, s := range c.all {
		texts := []string{s.Text}
		if !whole {
			texts = strings.Split(s.Text, ";")
		}
		if slices.ContainsFunc(texts, func(text string) bool { return inOrder(text, parts) }) {
			return true
		}
	}
	return false
}

func inOrder(text string, parts []string) bool {
	for _, part := range parts {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}

// source is a package as it is written.
type source struct {
	set    *token.FileSet
	files  []*ast.File
	consts map[string]string
}

// sourceOf reads the files that are no tests, and the strings that have names in them.
func sourceOf(t *testing.T, files []string) *source {
	s := &source{set: token.NewFileSet(), consts: map[string]string{}}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(s.set, file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		s.files = append(s.files, f)
	}
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == len(v.Values) {
				for i, name := range v.Names {
					if lit, ok := v.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						s.consts[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
			return true
		})
	}
	return s
}

// written is a statement, or a part of one, as the source joins it.
type written struct {
	at    token.Position
	parts []string // with something that is not known here between each and the next
}

var (
	capitals = regexp.MustCompile(`\b[A-Z]{2,}\b`)
	prose    = regexp.MustCompile(`\b[a-z]{2,} [a-z]{2,}\b`)
	verb     = regexp.MustCompile(`%[a-z]`)
)

// statements are all joined strings that have a word in capitals and are no sentence.
func (s *source) statements() []written {
	var all []written
	for _, f := range s.files {
		all = append(all, s.statementsIn(f)...)
	}
	return all
}

// statementsIn are those below a node.
func (s *source) statementsIn(root ast.Node) []written {
	var all []written
	ast.Inspect(root, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.ImportSpec, *ast.Field: // a field may have a tag
			return false
		}
		expr, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		parts, inner := s.join(expr)
		if parts == nil {
			return true
		}
		parts[0] = strings.TrimPrefix(parts[0], "run ") // what a caller is told to run is judged too
		text := strings.Join(parts, "")
		if capitals.MatchString(text) && !prose.MatchString(text) {
			known := slices.DeleteFunc(parts, func(p string) bool { return p == "" })
			all = append(all, written{s.set.Position(n.Pos()), known})
		}
		for _, e := range inner { // arguments of calls in between
			all = append(all, s.statementsIn(e)...)
		}
		return false
	})
	return all
}

// join returns the known parts of a string, empty ones where something unknown stands, and the expressions of which
// the unknown is made. Parts is nil where the expression joins no strings.
func (s *source) join(e ast.Expr) (parts []string, inner []ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return []string{text}, nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return s.joinAll(e.X, e.Y)
		}
	case *ast.CallExpr:
		name := ""
		if f, ok := e.Fun.(*ast.SelectorExpr); ok {
			name = f.Sel.Name
		}
		if name == "Sprintf" || name == "add" && len(e.Args) > 1 {
			parts, inner = s.joinAll(e.Args...)
		}
		if name == "Sprintf" && len(parts) > 0 {
			return verb.Split(parts[0], -1), append(inner, e.Args[1:]...)
		}
		return parts, inner
	}
	return nil, nil
}

// joinAll is join for expressions that are joined to each other. A name that is known counts as its string, but makes
// no statement alone.
func (s *source) joinAll(all ...ast.Expr) (parts []string, inner []ast.Expr) {
	known := false
	for _, e := range all {
		if id, ok := e.(*ast.Ident); ok && s.consts[id.Name] != "" {
			parts = append(parts, s.consts[id.Name])
			continue
		}
		p, more := s.join(e)
		if p == nil {
			p, more = []string{""}, []ast.Expr{e}
		} else {
			known = true
		}
		parts, inner = append(parts, p...), append(inner, more...)
	}
	if !known {
		return nil, nil
	}
	return merge(parts), inner
}

// merge puts neighbours together between which nothing unknown stands.
func merge(parts []string) []string {
	var merged []string
	for _, p := range parts {
		if n := len(merged); n > 0 && p != "" && merged[n-1] != "" {
			merged[n-1] += p
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// noStatements are strings with a word in capitals that are not sent to SQL Server. Some are sent to MySQL.
var noStatements = []string{
	"Azure SQL Database ", "SQL Server ", "UTC", "the DSN: %s", "SELECT @p1", "RAISERROR", "THROW",
	"FG", "PAGE", "AFTER ", "INSTEAD OF ",
	"ON DELETE ", "ON UPDATE ", "CASCADE", "CASCADE", "CASCADE", "SET NULL", "SET NULL", "SET DEFAULT", "SET DEFAULT",
	" OR  BETWEEN ", "CONCAT()",
}
