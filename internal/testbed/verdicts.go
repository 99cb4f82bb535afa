package testbed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Verdict is a line of the table of SECURITY.md: what Open makes of a parameter, for a server away from this machine
// and for one here.
type Verdict struct {
	Said, Away, Here string
}

// Verdicts reads the lines of one backend, for its test that the table is true.
func Verdicts(t testing.TB, backend string) (found []Verdict) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if len(cells) != 6 || strings.TrimSpace(cells[1]) != backend {
			continue
		}
		said := strings.TrimSpace(cells[2])
		if said == "nothing" {
			said = ""
		}
		found = append(found, Verdict{said, strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])})
	}
	return found
}
