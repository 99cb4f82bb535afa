package stalecheck_test

import (
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
