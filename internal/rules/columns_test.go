package rules

import (
	"fmt"
	"go/scanner"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

const (
	// columns is how wide a line may be, of code and of text, counted in characters.
	columns = 120

	// tabWidth is what a tab counts.
	tabWidth = 4
)

// TestColumns holds the one width of all lines: of Go, where only the inside of a raw string is left out, which cannot
// be broken; and of Markdown, where tables, headings and code are, and the targets of links are not counted.
func TestColumns(t *testing.T) {
	found := map[string][]string{}
	check := func(f file, wide []int) {
		for _, line := range wide {
			found[f.folder] = append(found[f.folder], fmt.Sprintf("%s:%d", f.path, line))
		}
	}
	for _, f := range goFiles(t) {
		check(f, wideGo(f.text))
	}
	for _, f := range files(t, ".md") {
		check(f, wideMarkdown(string(f.text)))
	}
	checkFindings(t, found, "a line has %d columns at most, a tab counting as %d", columns, tabWidth)
}

func width(line string) int {
	return utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
}

// wideGo returns the numbers of the lines of a Go file that are too wide.
func wideGo(text []byte) []int {
	wide := map[int]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		if width(line) > columns {
			wide[i+1] = true
		}
	}
	if len(wide) == 0 {
		return nil
	}
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			break
		}
		if kind == token.STRING && literal[0] == '`' {
			first := file.Line(pos)
			for line := range strings.Count(literal, "\n") + 1 {
				delete(wide, first+line)
			}
		}
	}
	return slices.Sorted(maps.Keys(wide))
}

// linkTarget is what a reader does not see of a link or an image.
var linkTarget = regexp.MustCompile(`\]\([^)]*\)`)

// wideMarkdown returns the numbers of the lines of a Markdown file that are too wide. A line of one word is as short
// as it can be.
func wideMarkdown(text string) (wide []int) {
	code := false
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			code = !code
			continue
		}
		if code || strings.HasPrefix(trimmed, "|") || strings.HasPrefix(trimmed, "#") {
			continue
		}
		seen := linkTarget.ReplaceAllString(line, "]")
		if width(seen) > columns && strings.Contains(strings.TrimLeft(trimmed, "-*> "), " ") {
			wide = append(wide, i+1)
		}
	}
	return wide
}

func TestWideLinesAreFound(t *testing.T) {
	t.Parallel()
	fits, long := strings.Repeat("x", columns-10), strings.Repeat("x", columns)
	assert.Equal(t, []int{3, 5}, wideGo([]byte(
		"package p\n"+
			"// "+fits+"\n"+
			"// "+long+"\n"+
			"\t\tvar "+fits[:columns-16]+" = 1\n"+ // 8 + 4 + 104 + 4
			"\t\tvar x = \""+long+"\"\n"+
			"type a struct{ b int `"+long+"` }\n"+
			"const c = `\n"+
			long+long+"\n"+
			"`\n")))
	assert.Equal(t, []int{2, 13}, wideMarkdown(strings.Join([]string{
		fits,
		"some words " + long,
		"| " + long + " |",
		"# " + long,
		"- " + long,
		"see [this](https://" + long + ")",
		"```",
		"some words " + long,
		"```",
		"é " + strings.Repeat("é", columns-2),
		"",
		"> " + long,
		"> two " + long,
	}, "\n")))
}
