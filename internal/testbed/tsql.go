package testbed

import (
	"errors"
	"testing"

	"github.com/stillframe/stillframe/internal/testbed/tsql"
)

const tsqlName = "tsql"

// TSQL returns Microsoft's T-SQL parser, which make tsql puts into .servers. Without it the test is skipped, or
// fails where STILLFRAME_REQUIRE names tsql.
func TSQL(t testing.TB) *tsql.Judge {
	t.Helper()
	j, err := tsql.Find(t.Context())
	if errors.Is(err, tsql.ErrMissing) {
		err = &missing{err.Error()}
	}
	settle(t, tsqlName, err)
	return j
}
