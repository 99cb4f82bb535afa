package storetest_test

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// broken is a backend that is wrong in one way.
type broken struct {
	name string
	// breaks are the guarantees of which at least one test each must fail, or such a test itself,
	// "NothingLeaks/Server", where no other may be run.
	breaks  []string
	options memstore.Options
	// hook is the mistake. It is made once for a database.
	hook func(native *memstore.Database) intercept.Hook
	// perHandle makes the mistake anew for each handle.
	perHandle bool
	// only says that the whole suite is run, and that no test may fail but those of breaks and others
	// that look at histories or transcripts. Those of breaks are run several times over.
	only bool
	// faults runs histories under faults in place of the suite.
	faults bool
	// shows are texts that the output must have.
	shows []string
	// patience is STORETEST_PATIENCE for a backend that nothing else than waiting catches. Defaults to 3s.
	patience string
	// claim is what the backend says of itself, where that is the mistake.
	claim func(driver.Info) driver.Info
}

// allBroken are all broken backends.
func allBroken() []broken {
	return slices.Concat(brokenBackends, valueBackends, orderBackends, subtleBackends)
}

const (
	brokenName = "STORETEST_BROKEN"      // the broken backend that a child process tests
	brokenFull = "STORETEST_BROKEN_FULL" // set: each runs the whole suite, not its guarantees alone
)

// TestBrokenBackend runs the suite on the broken backend that the environment names. It is the child
// process of TestBroken and does nothing by itself.
func TestBrokenBackend(t *testing.T) {
	name := os.Getenv(brokenName)
	all := allBroken()
	i := slices.IndexFunc(all, func(b broken) bool { return b.name == name })
	if i < 0 {
		t.Skip("no broken backend is named")
	}
	b := all[i]
	if b.faults {
		t.Run("UnderFaults", func(t *testing.T) { t.Run("Histories", func(t *testing.T) { underFaults(t, b.hook) }) })
		return
	}
	var once sync.Once
	hook := intercept.Hook(intercept.Pass)
	storetest.Run(t, newHarness(b.options, func(d driver.Database, native *memstore.Database) driver.Database {
		once.Do(func() {
			if b.hook != nil && !b.perHandle {
				hook = b.hook(native)
			}
		})
		hook := hook
		if b.perHandle {
			hook = b.hook(native)
		}
		wrong := intercept.New(d, hook)
		wrong.ClaimInfo(b.claim)
		return wrong
	}))
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: TestBrokenBackend/([^/\s]+)/([^/\s]+) \(`)

// progress is what the child process prints of tests that pass.
var progress = regexp.MustCompile(`(?m)^\s*(=== (RUN|PAUSE|CONT|NAME)|--- PASS:).*\n`)

// children is how many broken backends are tested at a time. They wait most of the time.
const children = 6

// TestBroken shows that the suite can fail: each broken backend is caught, by a test of each guarantee
// that it breaks, and the attribute caught-by says by which.
func TestBroken(t *testing.T) {
	if os.Getenv(brokenName) != "" {
		t.Skip("this is the child process")
	}
	executable, err := os.Executable()
	require.NoError(t, err)
	slots := make(chan struct{}, children)
	folder := t.TempDir() // what fails here is no failure
	all := allBroken()
	outputs := make([]chan []byte, len(all))
	for i, b := range all {
		outputs[i] = make(chan []byte, 1)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			run := func(args ...string) ([]byte, bool) { return b.child(t, executable, folder, args...) }
			var output []byte
			if b.only {
				output, _ = run("-test.run=^TestBrokenBackend$")
				for _, test := range unmeant(output) {
					// A busy machine can fail a test of time bounds: only what fails again has found something.
					guarantee, name, _ := strings.Cut(test, "/")
					if _, passed := run("-test.run=^TestBrokenBackend$/^" + guarantee + "$/^" + name + "$"); passed {
						output = bytes.ReplaceAll(
							output, []byte("--- FAIL: TestBrokenBackend/"+test+" "), []byte("--- ONCE: "+test+" "),
						)
					}
				}
			}
			more, passed := run("-test.run="+b.selection(), "-test.count="+b.count())
			output = append(output, more...)
			if passed {
				output = append(output, "the suite passed"...)
			}
			outputs[i] <- output
		}()
	}
	for i, b := range all {
		t.Run(b.name, func(t *testing.T) { b.judge(t, <-outputs[i]) })
	}
}

// child runs tests of this binary on the broken backend, in a process of their own.
func (b broken) child(t *testing.T, executable, folder string, args ...string) (output []byte, passed bool) {
	cmd := exec.CommandContext(t.Context(), executable, append(args, "-test.short", "-test.v", "-test.timeout=5m")...)
	cmd.Env = append(os.Environ(), brokenName+"="+b.name, "STORETEST_FAILURES="+folder)
	if !b.only { // where no other test may fail, a busy machine is given its time
		cmd.Env = append(cmd.Env, "STORETEST_PATIENCE="+cmp.Or(b.patience, "3s"))
	}
	output, err := cmd.CombinedOutput()
	return output, err == nil
}

// caughtBy returns the tests that failed.
func caughtBy(output []byte) []string {
	var caught []string
	for _, match := range failure.FindAllSubmatch(output, -1) {
		caught = append(caught, string(match[1])+"/"+string(match[2]))
	}
	slices.Sort(caught)
	return slices.Compact(caught)
}

// unmeant returns those that failed and look at neither histories nor transcripts.
func unmeant(output []byte) []string {
	return slices.DeleteFunc(caughtBy(output), func(test string) bool {
		return strings.Contains(test, "/History") || strings.Contains(test, "/Transcript")
	})
}

// selection selects the tests of what is broken.
func (b broken) selection() string {
	run := "^TestBrokenBackend$"
	var guarantees, tests []string
	for _, name := range b.breaks {
		guarantee, test, _ := strings.Cut(name, "/")
		guarantees = append(guarantees, guarantee)
		if test != "" {
			tests = append(tests, test)
		}
	}
	switch {
	case len(tests) > 0: // the others would wait for what is broken
		return run + "/^(" + strings.Join(guarantees, "|") + ")$/^(" + strings.Join(tests, "|") + ")$"
	case os.Getenv(brokenFull) != "":
		return run
	}
	return run + "/^(" + strings.Join(guarantees, "|") + ")$"
}

// count is how often the tests are run, which meet some mistakes by chance.
func (b broken) count() string {
	switch {
	case !b.only:
		return "1"
	case strings.Contains(b.breaks[0], "/History"):
		return "8"
	}
	return "20" // a transcript takes milliseconds
}

// judge reads what a child process printed.
func (b broken) judge(t *testing.T, output []byte) {
	caught := caughtBy(output)
	if b.only {
		assert.Empty(t, unmeant(output), "it was meant to be caught by histories and transcripts alone")
	}
	for _, name := range b.breaks {
		assert.True(t, slices.ContainsFunc(caught, func(test string) bool {
			return test == name || strings.HasPrefix(test, name+"/")
		}), "no test of %s failed", name)
	}
	for _, text := range b.shows {
		assert.True(t, bytes.Contains(output, []byte(text)), "the output does not show %q", text)
	}
	assert.False(t, bytes.Contains(output, []byte("the suite passed")), "the suite passed")
	assert.False(t, bytes.Contains(output, []byte("\npanic: ")), "a broken backend must be named, not crash the suite")
	if t.Failed() {
		output = progress.ReplaceAll(output, nil)
		t.Logf("%s", output[max(0, len(output)-20_000):])
	}
	t.Attr("caught-by", strings.Join(caught, ", "))
}

// TestEveryGuaranteeIsBrokenOnce has a broken backend for each guarantee.
func TestEveryGuaranteeIsBrokenOnce(t *testing.T) {
	var broken []string
	for _, b := range allBroken() {
		for _, name := range b.breaks {
			guarantee, _, _ := strings.Cut(name, "/")
			broken = append(broken, guarantee)
		}
	}
	for _, test := range storetest.Tests() {
		assert.Contains(t, broken, test.Guarantee, "no broken backend breaks it")
	}
}
