package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stillframe/stillframe/store"
)

// Test is one test of the suite.
type Test struct {
	// Guarantee is the promise that the test holds a backend to, named as in the documentation
	// of package store: "FreshReads".
	Guarantee string
	// Name says what is asserted.
	Name string

	needs  needs
	serial bool
	run    func(e *env)
}

// registry holds all tests. Each file adds those of its guarantee.
var registry []Test

// register adds the tests of one guarantee. The files that are named after it call it as the package is
// initialised.
func register(guarantee string, tests ...Test) struct{} {
	for _, t := range tests {
		t.Guarantee = guarantee
		registry = append(registry, t)
	}
	return struct{}{}
}

// Tests returns all tests of the suite, those of one guarantee together, for tools that print which
// of them a backend has passed. The path of a test below that of the caller of Run is
// Guarantee/Name.
func Tests() []Test {
	tests := slices.Clone(registry)
	slices.SortStableFunc(tests, func(a, b Test) int { return strings.Compare(a.Guarantee, b.Guarantee) })
	return tests
}

// Run holds a backend to every guarantee of package store. Each test owns its tables. What the
// backend's Info says it can do is asserted, and what it cannot do must be refused.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Open == nil || h.Raw == nil {
		t.Fatal("storetest: the harness needs Open and Raw")
	}
	if h.Table == nil {
		h.Table = func(_ testing.TB, name string) string { return name }
	}
	if h.OpenSingle == nil {
		h.OpenSingle = h.Open
	}
	db := h.Open(t, store.Options{})
	t.Attr("server", db.Info().Server) // for tools that read go test -json
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for group := range slices.Values(guarantees()) {
		t.Run(group, func(t *testing.T) {
			for _, test := range registry {
				if test.Guarantee == group {
					t.Run(test.Name, func(t *testing.T) { runOne(t, h, test) })
				}
			}
		})
	}
}

func guarantees() []string {
	var names []string
	for _, t := range Tests() {
		if !slices.Contains(names, t.Guarantee) {
			names = append(names, t.Guarantee)
		}
	}
	return names
}

func runOne(t *testing.T, h Harness, test Test) {
	if !test.serial {
		t.Parallel()
	}
	defer named(t)
	e := newEnv(t, h)
	defer e.end()
	if test.needs != nil {
		if reason := test.needs(e.info, h); reason != "" {
			t.Skip(reason)
		}
	}
	test.run(e)
}
