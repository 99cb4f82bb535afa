package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVersionsAreDocumented holds docs/VERSIONS.md to go.mod: the version of Go, and those of the clients.
func TestVersionsAreDocumented(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
		require.NoError(t, err)
		return string(text)
	}
	page, mod := read("docs", "VERSIONS.md"), read("go.mod")
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(mod)
	require.NotNil(t, version)
	assert.Contains(t, page, "Go "+version[1]+" and later")
	for _, client := range []string{
		"github.com/go-sql-driver/mysql", "github.com/microsoft/go-mssqldb", "go.mongodb.org/mongo-driver/v2",
	} {
		_, rest, ok := strings.Cut(mod, client+" ")
		require.True(t, ok, client)
		version, _, _ := strings.Cut(rest, "\n")
		assert.Contains(t, page, "| "+client+" "+version+" |")
	}
}
