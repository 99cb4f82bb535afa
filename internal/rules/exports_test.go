package rules

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is one package of this module as it is written.
type source struct {
	path string // relative to the module
	doc  *doc.Package
	set  *token.FileSet
}

// sources returns the packages of this module with their documentation, without their tests.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for path, p := range list(t, "./...") {
		set := token.NewFileSet()
		entries, err := os.ReadDir(p.Dir)
		require.NoError(t, err)
		var files []*ast.File
		for _, entry := range entries {
			name := entry.Name()
			if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
		if len(files) == 0 {
			continue
		}
		documented, err := doc.NewFromFiles(set, files, path)
		require.NoError(t, err)
		all = append(all, source{strings.TrimPrefix(path, module+"/"), documented, set})
	}
	return all
}

func TestExportsAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		assert.NotEmpty(t, s.doc.Doc, "package %s has no documentation", s.path)
		for _, name := range undocumented(s.doc) {
			assert.Fail(t, fmt.Sprintf("%s.%s is not documented", s.path, name))
		}
	}
}

// undocumented returns the exported names of a package that have no comment. What the standard library gives a meaning
// needs none.
func undocumented(p *doc.Package) (names []string) {
	values := func(values []*doc.Value) {
		for _, v := range values {
			for _, spec := range v.Decl.Specs {
				spec := spec.(*ast.ValueSpec)
				for _, name := range spec.Names {
					if name.IsExported() && v.Doc == "" && spec.Doc == nil && spec.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	funcs := func(owner string, funcs []*doc.Func) {
		for _, f := range funcs {
			standard := []string{"Error", "String", "Unwrap", "Is"}
			if f.Doc == "" && (owner == "" || !slices.Contains(standard, f.Name)) {
				names = append(names, owner+f.Name)
			}
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs("", p.Funcs)
	for _, t := range p.Types {
		if t.Doc == "" {
			names = append(names, t.Name)
		}
		values(t.Consts)
		values(t.Vars)
		funcs("", t.Funcs)
		funcs(t.Name+".", t.Methods)
		names = append(names, undocumentedMembers(t)...)
	}
	return names
}

// undocumentedMembers finds fields and interface methods without a comment. A comment that stands
// over several fields of one line counts for each.
func undocumentedMembers(t *doc.Type) (names []string) {
	for _, spec := range t.Decl.Specs {
		var list *ast.FieldList
		switch typ := spec.(*ast.TypeSpec).Type.(type) {
		case *ast.InterfaceType:
			list = typ.Methods
		default:
			continue
		}
		for _, field := range list.List {
			for _, name := range field.Names {
				if name.IsExported() && field.Doc == nil && field.Comment == nil {
					names = append(names, t.Name+"."+name.Name)
				}
			}
		}
	}
	return names
}

// TestPackageNames keeps the packages that people read small enough to be read.
func TestPackageNames(t *testing.T) {
	most := map[string]int{"store": 61, "mysql": 10, "sqlserver": 10, "mongo": 10}
	for _, s := range sources(t) {
		limit, ok := most[s.path]
		if !ok {
			continue
		}
		names := packageNames(s.doc)
		assert.LessOrEqual(t, len(names), limit, "%s has %d names: %v", s.path, len(names), names)
	}
}

// packageNames returns the names that a package exports, without methods and fields.
func packageNames(p *doc.Package) (names []string) {
	values := func(values []*doc.Value) {
		for _, v := range values {
			for _, name := range v.Names {
				if token.IsExported(name) {
					names = append(names, name)
				}
			}
		}
	}
	values(p.Consts)
	values(p.Vars)
	for _, f := range p.Funcs {
		names = append(names, f.Name)
	}
	for _, t := range p.Types {
		names = append(names, t.Name)
		values(t.Consts)
		values(t.Vars)
		for _, f := range t.Funcs {
			names = append(names, f.Name)
		}
	}
	return names
}
