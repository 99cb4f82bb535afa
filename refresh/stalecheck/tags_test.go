package stalecheck

import (
	"go/types"
	"slices"
	"testing"

	"github.com/stillframe/stillframe/refresh/stalecheck/internal/entity"
)

// TestBackendTags shows whose tags count for a package that imports a backend.
func TestBackendTags(t *testing.T) {
	all := []entity.Tags{entity.Either, entity.SQL, entity.BSON}
	for _, test := range []struct {
		imports []string
		want    []entity.Tags
	}{
		{nil, all},
		{[]string{"store"}, all},
		{[]string{"store", "mysql"}, []entity.Tags{entity.SQL}},
		{[]string{"store", "sqlserver"}, []entity.Tags{entity.SQL}},
		{[]string{"mongo"}, []entity.Tags{entity.BSON}},
		{[]string{"mysql", "mongo"}, []entity.Tags{entity.SQL, entity.BSON}},
		{[]string{"mysql", "store/memstore"}, all},
	} {
		pkg := types.NewPackage("p", "p")
		var imports []*types.Package
		for _, path := range test.imports {
			imports = append(imports, types.NewPackage(module+path, "x"))
		}
		pkg.SetImports(imports)
		if got := backendTags(pkg); !slices.Equal(got, test.want) {
			t.Errorf("imports %v: %v, want %v", test.imports, got, test.want)
		}
	}
}
