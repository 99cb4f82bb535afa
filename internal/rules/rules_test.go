package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/stillframe/stillframe"

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string // of the files that are no tests
	Deps       []string
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Dir,Standard,Imports,Deps,Module"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	packages := map[string]listed{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages[p.ImportPath] = p
	}
}

// rule says what a package may depend on. A dependency that is allowed may bring its own: modules
// of other people theirs, and a package of this module what it keeps in its internal folder.
type rule struct {
	path    string
	modules []string // of other people, by module path
	own     []string // packages of this module, relative to it
}

// allows reports whether the package may depend on another of this module.
func (r rule) allows(path string) bool {
	return slices.ContainsFunc(r.own, func(own string) bool {
		return path == own || strings.HasPrefix(path, own+"/internal/")
	})
}

var importRules = []rule{
	{path: "store/driver"},
	{path: "store/internal/mapping", own: []string{"store/driver"}},
	{path: "store", own: []string{"store/driver", "store/internal/mapping"}},
	{path: "store/memstore", own: []string{"store", "store/driver"}},
	{path: "internal/sqldb", own: []string{"store", "store/driver"}, modules: []string{"github.com/jmoiron/sqlx"}},
	{
		path: "mysql", own: []string{"internal/sqldb", "store", "store/driver"},
		modules: []string{"github.com/go-sql-driver/mysql", "github.com/jmoiron/sqlx", "filippo.io/edwards25519"},
	},
	{
		path: "sqlserver", own: []string{"internal/sqldb", "store", "store/driver"},
		modules: []string{
			"github.com/microsoft/go-mssqldb", "github.com/jmoiron/sqlx", "github.com/golang-sql/civil", "github.com/golang-sql/sqlexp",
			"github.com/google/uuid", "github.com/shopspring/decimal", "golang.org/x/crypto", "golang.org/x/text",
		},
	},
	{
		path: "mongo", own: []string{"store", "store/driver"},
		modules: []string{
			"go.mongodb.org/mongo-driver/v2", "github.com/klauspost/compress", "github.com/xdg-go/scram", "github.com/xdg-go/pbkdf2",
			"github.com/xdg-go/stringprep", "github.com/youmark/pkcs8", "golang.org/x/crypto", "golang.org/x/sync", "golang.org/x/text",
		},
	},
}

// within reports whether a package belongs to a path of this module.
func within(pkg, path string) bool {
	return pkg == module+"/"+path || strings.HasPrefix(pkg, module+"/"+path+"/")
}

func TestImportRules(t *testing.T) {
	packages := list(t, "-deps", "./...")
	for _, r := range importRules {
		p, ok := packages[module+"/"+r.path]
		if !assert.True(t, ok, "%s is not there", r.path) {
			continue
		}
		for _, dep := range p.Deps {
			d := packages[dep]
			switch {
			case d.Standard:
			case d.Module != nil && d.Module.Path == module:
				assert.True(t, r.allows(strings.TrimPrefix(dep, module+"/")), "%s depends on %s", r.path, dep)
			case d.Module != nil:
				assert.Contains(t, r.modules, d.Module.Path, "%s depends on %s", r.path, dep)
			}
		}
	}
	backends := []string{"mysql", "sqlserver", "mongo"}
	for path, p := range packages {
		if p.Module == nil || p.Module.Path != module {
			continue
		}
		for _, imported := range p.Imports {
			assert.False(t, within(imported, "examples") && !within(path, "examples"), "%s imports %s: examples are imported by nobody", path, imported)
			if path != module+"/store" {
				assert.False(t, within(imported, "store/internal"), "%s imports %s: what the core is made of is for package store alone", path, imported)
			}
			if !within(path, "store/storetest") {
				assert.False(t, within(imported, "store/storetest"), "%s imports %s: the suite is imported by tests only", path, imported)
				assert.NotEqual(t, "github.com/anishathalye/porcupine", imported, "%s imports it: histories are checked by the suite only", path)
			}
			if !within(path, "internal/testbed") {
				assert.False(t, within(imported, "internal/testbed") || within(imported, "internal/load") || within(imported, "internal/sqldb/sqltest"),
					"%s imports %s: servers, loads and scripts are for tests only", path, imported)
			}
			for _, backend := range backends {
				for _, other := range backends {
					assert.False(t, backend != other && within(path, backend) && within(imported, other), "%s imports %s: backends never import each other", path, imported)
				}
			}
		}
	}
}

// source is one package of this module as it is written.
type source struct {
	path string // relative to the module
	doc  *doc.Package
	set  *token.FileSet
}

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
			if f.Doc == "" && !(owner != "" && slices.Contains(standard, f.Name)) {
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
	most := map[string]int{"store": 60, "mysql": 10, "sqlserver": 10, "mongo": 10}
	for _, s := range sources(t) {
		limit, ok := most[s.path]
		if !ok {
			continue
		}
		names := packageNames(s.doc)
		assert.LessOrEqual(t, len(names), limit, "%s has %d names: %v", s.path, len(names), names)
	}
}

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

func TestFileLengths(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		limit := 600
		if strings.HasSuffix(path, "_test.go") {
			limit = 800
		}
		assert.LessOrEqual(t, bytes.Count(data, []byte("\n")), limit, "%s is too long", path)
		return nil
	})
	require.NoError(t, err)
}
