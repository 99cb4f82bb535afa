package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// largestKnot is how many files of a package may all need each other, directly or through others. Such files are one
// file in disguise: none of them can be understood, or moved to another package, without all the others.
const largestKnot = 9

// largestKnots says it for the packages where it is less.
var largestKnots = map[string]int{"store": 7}

// TestKnots computes for each package which of its files, tests left out, need each other. A file needs another one
// when it names something that is declared there: a function, a type, a method, a field, a variable or a constant.
func TestKnots(t *testing.T) {
	for _, c := range checkedPackages(t) {
		needs := fileNeeds(c)
		found := knots(needs)
		largest := 0
		for _, knot := range found {
			largest = max(largest, len(knot))
		}
		t.Logf("%-40s %2d files, largest knot %2d", c.path, len(c.files), largest)
		limit, ok := largestKnots[c.path]
		if !ok {
			limit = largestKnot
		}
		for _, knot := range found {
			assert.LessOrEqual(t, len(knot), limit,
				"%s: these files all need each other:\n%s", c.path, explain(knot, needs))
		}
	}
}

// need is what one file names of another: the names, sorted.
type need map[string]map[string][]string

// fileNeeds returns for each file of a package what it names of the others.
func fileNeeds(c checked) need {
	needs := need{}
	for _, file := range c.files {
		needs[c.fileOf(file.Pos())] = map[string][]string{}
	}
	for ident, object := range c.info.Uses {
		if object.Pkg() != c.pkg || !object.Pos().IsValid() {
			continue // of another package, or predeclared
		}
		from, to := c.fileOf(ident.Pos()), c.fileOf(object.Pos())
		if from != to && !slices.Contains(needs[from][to], object.Name()) {
			needs[from][to] = append(needs[from][to], object.Name())
		}
	}
	for _, others := range needs {
		for _, names := range others {
			slices.Sort(names)
		}
	}
	return needs
}

// knots returns the groups of files of which each needs each other one, directly or through others: the strongly
// connected components of the graph, those of one file left out.
func knots(needs need) (found [][]string) {
	reached := map[string]map[string]bool{}
	for file := range needs {
		reached[file] = map[string]bool{}
		for todo := []string{file}; len(todo) > 0; {
			next := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for other := range needs[next] {
				if !reached[file][other] {
					reached[file][other] = true
					todo = append(todo, other)
				}
			}
		}
	}
	files := slices.Sorted(maps.Keys(needs))
	for _, file := range files {
		var knot []string
		for _, other := range files {
			if other == file || reached[file][other] && reached[other][file] {
				knot = append(knot, other)
			}
		}
		if len(knot) > 1 && knot[0] == file {
			found = append(found, knot)
		}
	}
	return found
}

// explain says for each file of a knot what it names of the other ones, for whoever is to untangle it.
func explain(knot []string, needs need) string {
	var text strings.Builder
	for _, file := range knot {
		for _, other := range knot {
			if names := needs[file][other]; len(names) > 0 {
				fmt.Fprintf(&text, "%s needs %s for %s\n", file, other, strings.Join(names, ", "))
			}
		}
	}
	return text.String()
}

// TestKnotsAreFound lets the rule see a package with a knot of four files, one of two, and a file that only uses them.
func TestKnotsAreFound(t *testing.T) {
	t.Parallel()
	needs := fileNeeds(checkTexts(t, map[string]string{
		"a.go": "package p; type A struct{ field int }; func (a A) method() { b() }",
		"b.go": "package p; func b() { _ = c }",
		"c.go": "package p; var c = d(func(a A) { a.field++ })",
		"d.go": "package p; func d(f func(A)) int { return e }",
		"e.go": "package p; const e = 1; type E interface{ f() F }",
		"f.go": "package p; type F interface{ E }",
		"g.go": "package p; func g() { var a A; a.method() }",
	}))
	assert.Equal(t, [][]string{{"a.go", "b.go", "c.go", "d.go"}, {"e.go", "f.go"}}, knots(needs))
	assert.Equal(t, "e.go needs f.go for F\nf.go needs e.go for E\n", explain([]string{"e.go", "f.go"}, needs))
}
