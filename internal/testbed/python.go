package testbed

import (
	"errors"
	"testing"

	"github.com/stillframe/stillframe/internal/testbed/python"
)

const pythonName = "interop"

// Python returns the interpreter of an environment that has SQLAlchemy and mongoengine, which make servers puts into
// .servers. Without it the test is skipped, or fails where STILLFRAME_REQUIRE names interop.
func Python(t testing.TB) string {
	t.Helper()
	interpreter, err := python.Find(t.Context())
	if errors.Is(err, python.ErrMissing) {
		err = &missing{err.Error()}
	}
	settle(t, pythonName, err)
	return interpreter
}
