package sqlserver

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/testbed"
)

// TestCodes holds docs/ERRORS.md to the table.
func TestCodes(t *testing.T) {
	t.Parallel()
	testbed.Documented(t, "ERRORS.md", "sqlserver", codes.Markdown(), *update)
	for n, c := range codes {
		assert.NotContains(t, c.Text, "|", n)
		assert.NotEmpty(t, c.Text, n)
	}
}
