package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
	GoFiles    []string // the files that are no tests
	Export     string   // the file with the export data, with -export
	Module     *struct{ Path string }
}

// list runs go list at the root of the module and returns what it says, by import path.
func list(t *testing.T, args ...string) map[string]listed {
	t.Helper()
	args = append([]string{"list", "-json=ImportPath,Dir,Standard,Imports,Deps,GoFiles,Export,Module"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
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
	{path: "store/internal/turns", own: []string{"store/driver", "store/internal/mapping"}},
	{path: "store", own: []string{"store/driver", "store/internal/mapping", "store/internal/turns"}},
	{path: "store/memstore", own: []string{"store", "store/driver"}},
	{path: "internal/backend", own: []string{"store", "store/driver"}},
	{
		path: "internal/sqldb", own: []string{"internal/backend", "store", "store/driver"},
		modules: []string{"github.com/jmoiron/sqlx"},
	},
	{
		path: "mysql", own: []string{"internal/backend", "internal/sqldb", "store", "store/driver"},
		modules: []string{"github.com/go-sql-driver/mysql", "github.com/jmoiron/sqlx", "filippo.io/edwards25519"},
	},
	{
		path: "sqlserver", own: []string{"internal/backend", "internal/sqldb", "store", "store/driver"},
		modules: []string{
			"github.com/microsoft/go-mssqldb", "github.com/jmoiron/sqlx", "github.com/golang-sql/civil",
			"github.com/golang-sql/sqlexp", "github.com/google/uuid", "github.com/shopspring/decimal",
			"golang.org/x/crypto", "golang.org/x/text",
		},
	},
	{
		path: "mongo", own: []string{"internal/backend", "store", "store/driver"},
		modules: []string{
			"go.mongodb.org/mongo-driver/v2", "github.com/klauspost/compress", "github.com/xdg-go/scram",
			"github.com/xdg-go/pbkdf2", "github.com/xdg-go/stringprep", "github.com/youmark/pkcs8",
			"golang.org/x/crypto", "golang.org/x/sync", "golang.org/x/text",
		},
	},
}

// within reports whether a package belongs to a path of this module.
func within(pkg, path string) bool {
	return pkg == module+"/"+path || strings.HasPrefix(pkg, module+"/"+path+"/")
}

// TestImportRules checks what each package depends on, directly or through others.
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
}

// backends are the packages that never import each other.
var backends = []string{"mysql", "sqlserver", "mongo"}

// forTests are what only tests import, with the packages that are for tests themselves and may too.
var forTests = []struct {
	path string
	may  []string
	why  string
}{
	{module + "/examples", []string{"examples"}, "examples are imported by nobody"},
	{module + "/store/storetest", []string{"store/storetest"}, "the suite is for tests"},
	{module + "/internal/testbed", []string{"internal/testbed"}, "servers are for tests"},
	{module + "/internal/sqldb/sqltest", nil, "scripts are for tests"},
	{module + "/internal/oncekill", nil, "processes that are killed are for tests"},
	{"github.com/anishathalye/porcupine", []string{"store/storetest"}, "histories are checked by the suite only"},
	{
		"github.com/stretchr/testify",
		[]string{"store/storetest", "internal/testbed", "internal/sqldb/sqltest", "internal/oncekill"},
		"asserting is for tests",
	},
}

// TestImports checks each import that is no test's.
func TestImports(t *testing.T) {
	for path, p := range list(t, "./...") {
		for _, imported := range p.Imports {
			for _, rule := range forTests {
				if imported != rule.path && !strings.HasPrefix(imported, rule.path+"/") {
					continue
				}
				may := slices.ContainsFunc(rule.may, func(folder string) bool { return within(path, folder) })
				assert.True(t, may, "%s imports %s: %s", path, imported, rule.why)
			}
			core := path == module+"/store" || within(path, "store/internal")
			assert.False(t, within(imported, "store/internal") && !core,
				"%s imports %s: what the core is made of is for package store alone", path, imported)
			from := slices.IndexFunc(backends, func(folder string) bool { return within(path, folder) })
			to := slices.IndexFunc(backends, func(folder string) bool { return within(imported, folder) })
			assert.False(t, from >= 0 && to >= 0 && from != to,
				"%s imports %s: backends never import each other", path, imported)
		}
	}
}
