package storetest

import (
	"runtime/debug"
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

// needs says why a test does not apply to a backend, empty when it does.
type needs func(info store.Info, h Harness) string

// registry holds the tests by area. Each file adds its own.
var registry []Test

// register adds the tests of one guarantee. It is called from the init functions of the areas.
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
	if test.needs != nil {
		if reason := test.needs(e.info, h); reason != "" {
			t.Skip(reason)
		}
	}
	test.run(e)
}

// named turns a panic into the failure of one test, so that the others still run.
func named(t *testing.T) {
	if v := recover(); v != nil {
		t.Fatalf("panicked: %v\n%s", v, debug.Stack())
	}
}

func transactions(info store.Info, _ Harness) string {
	if !info.Transactions {
		return info.Server + " has no transactions: Atomic/RefusedWithoutTransactions asserts the refusal"
	}
	return ""
}

func noTransactions(info store.Info, _ Harness) string {
	if info.Transactions {
		return info.Server + " has transactions"
	}
	return ""
}

func views(info store.Info, _ Harness) string {
	if !info.Views {
		return info.Server + " has no views: ReadsInTx/ViewRefusedWithoutViews asserts the refusal"
	}
	return ""
}

func transactionsAndViews(info store.Info, h Harness) string {
	if reason := transactions(info, h); reason != "" {
		return reason
	}
	return views(info, h)
}

func noViews(info store.Info, _ Harness) string {
	if info.Views {
		return info.Server + " has views"
	}
	return ""
}

func lockingReads(info store.Info, h Harness) string {
	if !info.LockingReads {
		return info.Server + " has no locking reads"
	}
	return transactions(info, h)
}

func perReadMoments(info store.Info, h Harness) string {
	if info.SnapshotTx {
		return info.Server + " reads one snapshot in a Tx"
	}
	return transactions(info, h)
}

func snapshotTx(info store.Info, h Harness) string {
	if !info.SnapshotTx {
		return info.Server + " has no snapshot in a Tx"
	}
	return transactions(info, h)
}
