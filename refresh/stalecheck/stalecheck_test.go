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
			results := analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), a, "./"+a.Name)
			if a == stalecheck.Mapping || a == stalecheck.Fields {
				compare(t, results, saidOf(t, a.Name))
			}
		})
	}
}

// compare compares what is found in a folder of testdata with what the library says of it in a run: the two are one
// list.
func compare(t *testing.T, results []*analysistest.Result, said []string) {
	if len(said) == 0 {
		t.Error("the library finds nothing")
	}
	for _, result := range results {
		for _, d := range result.Diagnostics {
			if strings.HasSuffix(result.Pass.Fset.Position(d.Pos).Filename, "right.go") {
				continue // it is not run
			}
			// What the library says of the backend, of the type of a Validate, or of all fields, comes last.
			message, _, _ := strings.Cut(d.Message, ": is it ")
			i := slices.IndexFunc(said, func(s string) bool { return strings.HasPrefix(s, message) })
			if i < 0 {
				t.Errorf("the library does not say: %s", d.Message)
				continue
			}
			said = slices.Delete(said, i, i+1)
		}
	}
	for _, problem := range said {
		t.Errorf("found by the library alone: %s", problem)
	}
}

// saidOf runs what is in a folder of testdata and returns the problems that the library has with it.
func saidOf(t *testing.T, folder string) (said []string) {
	run := exec.CommandContext(t.Context(), "go", "run", "./"+folder+"/run")
	run.Dir = analysistest.TestData()
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		_, problem, isInvalid := strings.Cut(strings.TrimSpace(line), "invalid: ")
		if !isInvalid {
			t.Errorf("another error than ErrInvalid: %s", line)
		}
		said = append(said, problem)
	}
	return said
}
