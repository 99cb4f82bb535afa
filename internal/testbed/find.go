package testbed

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// requireVariable names the servers that must be there, with commas between them: mariadb, mysql, mongo, sqlserver,
// tsql, interop. Where it names one, a test that misses it fails instead of being skipped.
const requireVariable = "STILLFRAME_REQUIRE"

// missing is the error for a server that cannot be had here. It is told apart from a server that is there and
// does not work, which always fails the test.
type missing struct{ reason string }

func (m *missing) Error() string { return m.reason }

// required reports whether STILLFRAME_REQUIRE names the server.
func required(name string) bool {
	names := strings.FieldsFunc(os.Getenv(requireVariable), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// settle ends the test when err says so: it skips it for want of a server, with the reason on one line, unless
// the server is required.
func settle(t testing.TB, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var m *missing
	switch {
	case !errors.As(err, &m):
		t.Fatalf("testbed: %s: %v", name, err)
	case required(name):
		t.Fatalf("testbed: no %s: %v (and %s names it)", name, err, requireVariable)
	default:
		t.Skipf("no %s: %v", name, err)
	}
}

// retry calls start until it succeeds, finds the server missing, or has failed as often as it may.
func retry(start func() (*Server, error)) (*Server, error) {
	var failures []error
	for range attempts {
		s, err := start()
		if err == nil {
			return s, nil
		}
		var m *missing
		if errors.As(err, &m) {
			return nil, err
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("%d starts failed: %w", attempts, errors.Join(failures...))
}
