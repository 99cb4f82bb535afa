package stalecheck_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/stillframe/stillframe/refresh/stalecheck"
)

// TestFindings runs each check over its folder in testdata, which says what is found, and compares the fixes. testdata
// is a module of its own, so that what is checked there calls the library itself.
func TestFindings(t *testing.T) {
	for _, a := range stalecheck.Analyzers() {
		t.Run(a.Name, func(t *testing.T) {
			analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), a, "./"+a.Name)
		})
	}
}

// TestMappingSaysWhatNewRepositorySays makes the repositories of testdata/mapping, and compares what their errors say
// with what is found without running: the two are one list.
func TestMappingSaysWhatNewRepositorySays(t *testing.T) {
	run := exec.CommandContext(t.Context(), "go", "run", "./mapping/run")
	run.Dir = analysistest.TestData()
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for line := range strings.Lines(string(out)) {
		_, problem, _ := strings.Cut(strings.TrimSpace(line), "invalid: ")
		said = append(said, problem)
	}
	for _, result := range analysistest.Run(t, analysistest.TestData(), stalecheck.Mapping, "./mapping") {
		for _, d := range result.Diagnostics {
			// What the text says of the backend, and of the type of a Validate, comes last and is not known here.
			i := slices.IndexFunc(said, func(s string) bool { return strings.HasPrefix(s, d.Message) })
			if i < 0 {
				t.Errorf("NewRepository does not say: %s", d.Message)
				continue
			}
			said = slices.Delete(said, i, i+1)
		}
	}
	for _, problem := range said {
		t.Errorf("found by NewRepository alone: %s", problem)
	}
	if len(out) == 0 {
		t.Error("NewRepository finds nothing")
	}
}
