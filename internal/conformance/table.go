package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// column is one backend: the tests below one path of one package.
type column struct {
	title, pkg, test string
	// recording is the test that stands for them where there is no server: it replays what one has
	// answered once, and so decides no guarantee.
	recording string
}

// event is what go test -json prints.
type event struct {
	Action, Test, Key, Value, Output string
}

// position is what a test prints before its own words.
var position = regexp.MustCompile(`^\w+\.go:\d+: `)

// outcome is what became of one test.
type outcome struct {
	action string // "pass", "fail", "skip"; empty while it runs
	attrs  map[string]string
	reason string // the last line that it printed
}

// results are the outcomes by package and test: "./mysql TestConformance/MariaDB".
type results map[string]*outcome

func (r results) of(pkg, test string) *outcome {
	o := r[pkg+" "+test]
	if o == nil {
		o = &outcome{attrs: map[string]string{}}
		r[pkg+" "+test] = o
	}
	return o
}

// read takes in the events of one package and returns the number of tests that ran.
func (r results) read(events io.Reader, pkg string) (int, error) {
	n := 0
	for decoder := json.NewDecoder(events); ; {
		var e event
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("what go test printed for %s: %w", pkg, err)
		}
		if e.Test == "" {
			continue
		}
		o := r.of(pkg, e.Test)
		switch e.Action {
		case "run":
			n++
		case "attr":
			o.attrs[e.Key] = e.Value
		case "output":
			if line := strings.TrimSpace(e.Output); line != "" && !strings.HasPrefix(line, "---") &&
				!strings.HasPrefix(line, "===") {
				o.reason = position.ReplaceAllString(line, "")
			}
		case "pass", "fail", "skip":
			o.action = e.Action
		}
	}
}

// below are the outcomes of the tests at one depth below a test, by the rest of their names.
func (r results) below(pkg, test string, depth int) map[string]*outcome {
	found := map[string]*outcome{}
	for name, o := range r {
		rest, ok := strings.CutPrefix(name, pkg+" "+test+"/")
		if ok && strings.Count(rest, "/") == depth-1 {
			found[rest] = o
		}
	}
	return found
}

// table is the table of guarantees and backends, in Markdown, and the number of failures in it.
func (r results) table(columns []column) (text string, failed int) {
	guarantees := map[string]bool{}
	var shown []column
	var notes []string
	for _, c := range columns {
		tests := r.below(c.pkg, c.test, 2)
		if len(tests) == 0 && r.replayed(c) {
			shown = append(shown, c)
			continue
		}
		if len(tests) == 0 {
			why := r.why(c)
			if why == noSuchTest {
				failed++
			}
			notes = append(notes, fmt.Sprintf("Not run: %s (%s).", c.title, why))
			continue
		}
		shown = append(shown, c)
		for name := range tests {
			guarantee, _, _ := strings.Cut(name, "/")
			guarantees[guarantee] = true
		}
	}
	var b strings.Builder
	row := func(first string, cell func(c column) string) {
		b.WriteString("| " + first + " |")
		for _, c := range shown {
			b.WriteString(" " + cell(c) + " |")
		}
		b.WriteString("\n")
	}
	row("guarantee", func(c column) string { return c.title })
	row("---", func(column) string { return "---" })
	row("server", func(c column) string {
		if server := r.of(c.pkg, c.test).attrs["server"]; server != "" {
			return server
		}
		return "a recording of " + r.of(c.pkg, c.recording).attrs["server"]
	})
	for _, guarantee := range slices.Sorted(maps.Keys(guarantees)) {
		row(guarantee, func(c column) string {
			tests := r.below(c.pkg, c.test+"/"+guarantee, 1)
			if len(tests) == 0 && r.replayed(c) {
				return "recorded"
			}
			if len(tests) == 0 { // every column has the same suite, so the tests have been cut short
				failed++
				return "**not run**"
			}
			cell, n := count(tests)
			failed += n
			return cell
		})
	}
	for _, note := range notes {
		b.WriteString("\n" + note + "\n")
	}
	return b.String(), failed
}

// replayed reports whether a column has its recording alone.
func (r results) replayed(c column) bool {
	return c.recording != "" && r.of(c.pkg, c.test).attrs["server"] == "" && r.of(c.pkg, c.recording).action == "pass"
}

// why says why nothing ran below a test.
func (r results) why(c column) string {
	for test := c.test; test != ""; {
		if o := r[c.pkg+" "+test]; o != nil && o.reason != "" {
			return o.reason
		}
		i := strings.LastIndexByte(test, '/')
		test = test[:max(0, i)]
	}
	return noSuchTest
}

// noSuchTest is why nothing ran where no test has said so: it is missing, or go test was ended before it.
const noSuchTest = "there is no such test, or it was cut short"

// count is a cell: how many tests of a guarantee passed, how many do not apply, how many failed.
func count(tests map[string]*outcome) (cell string, failed int) {
	passed, skipped := 0, 0
	for _, o := range tests {
		switch o.action {
		case "pass":
			passed++
		case "skip":
			skipped++
		default:
			failed++
		}
	}
	if failed > 0 {
		return fmt.Sprintf("**%d of %d failed**", failed, len(tests)), failed
	}
	if passed == 0 {
		return "n/a", 0
	}
	cell = fmt.Sprint("✓ ", passed)
	if skipped > 0 {
		cell += fmt.Sprintf(", %d n/a", skipped)
	}
	return cell, 0
}

// broken lists the broken backends and what caught each, and counts those that nothing caught.
func (r results) broken(c column) (text string, missed int) {
	tests := r.below(c.pkg, c.test, 1)
	var b strings.Builder
	b.WriteString("| broken backend | caught by |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		caught := few(strings.Split(tests[name].attrs["caught-by"], ", "))
		if tests[name].action != "pass" {
			missed++
			caught = "**not caught**"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(name, "_", " "), caught)
	}
	count := fmt.Sprintf("Of %d backends that are broken in one way each, the suite caught %d.\n\n", len(tests),
		len(tests)-missed)
	return count + b.String(), missed
}

// few names the first three.
func few(names []string) string {
	if n := len(names) - 3; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n)
	}
	return strings.Join(names, ", ")
}
