package mongo

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store/driver"
)

// sentinels are what package store makes of an error of a class.
var sentinels = map[driver.Class]string{
	driver.Other: "no sentinel", driver.Duplicate: "ErrExists", driver.Conflict: "ErrTransient",
	driver.LockFailure: "ErrTransient", driver.Unavailable: "ErrTransient", driver.Refused: "ErrInvalid",
	driver.Unsupported: "ErrUnsupported",
}

// TestCodes holds docs/ERRORS.md to the table, and the table to what classify makes of it: an error of each number,
// as the answer to a command.
func TestCodes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| code | the call returns | run again | what it says |\n|---|---|---|---|\n")
	for _, n := range slices.Sorted(maps.Keys(codes)) {
		c := codes[n]
		assert.NotEmpty(t, c.text, n)
		assert.NotContains(t, c.text, "|", n)
		f := classify(command(int32(n)))
		assert.Equal(t, c.class, f.Class, n)
		assert.Equal(t, c.text, f.Problem, n)
		sentinel, again := sentinels[f.Class], "no"
		if sentinel == "ErrTransient" {
			again = "yes"
		}
		if (&sender{}).mayBeDone(command(int32(n))) {
			sentinel = "ErrUnknownOutcome, or " + sentinel
		}
		name := strings.TrimSpace(fmt.Sprint(n, " ", c.name))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, sentinel, again, c.text)
	}
	testbed.Documented(t, "ERRORS.md", "mongo", b.String(), flag.Lookup("update").Value.String() == "true")
}

// CodeNames are the names of the table, for the test that asks a server for its own.
func CodeNames() map[int]string {
	names := map[int]string{}
	for n, c := range codes {
		names[n] = c.name
	}
	return names
}
