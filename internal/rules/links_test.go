package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page is one Markdown file of the repository.
type page struct {
	path  string // from the root of the repository, with slashes
	lines []string
	code  []bool // which lines are code, fences among them
}

// pages reads every Markdown file that is not in a hidden folder.
func pages(t *testing.T) map[string]page {
	t.Helper()
	all := map[string]page{}
	for _, f := range files(t, ".md") {
		all[f.path] = newPage(f.path, string(f.text))
	}
	require.Contains(t, all, "README.md")
	return all
}

func newPage(path, text string) page {
	p := page{path: path, lines: strings.Split(text, "\n")}
	inside := false
	for _, line := range p.lines {
		fence := strings.HasPrefix(line, "```")
		p.code = append(p.code, inside || fence)
		if fence {
			inside = !inside
		}
	}
	return p
}

// anchors are the fragments that a page can be linked with: those of its headings, as GitHub makes them.
func (p page) anchors() map[string]bool {
	found := map[string]bool{}
	for i, line := range p.lines {
		text := strings.TrimLeft(line, "#")
		if p.code[i] || text == line || !strings.HasPrefix(text, " ") {
			continue
		}
		slug := slugOf(text)
		name := slug
		for n := 1; found[name]; n++ {
			name = fmt.Sprintf("%s-%d", slug, n)
		}
		found[name] = true
	}
	return found
}

// slugOf keeps letters, digits, hyphens and underscores of a heading, and makes spaces hyphens.
func slugOf(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(heading)) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

var (
	inlineLink = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	namedLink  = regexp.MustCompile(`^\[[^\]]+\]:\s+(\S+)`)
	nameOfLink = regexp.MustCompile(`\]\[([^\]]+)\]`)
	codeSpan   = regexp.MustCompile("`[^`]*`")
)

// links are the targets of a page's links, with the numbers of their lines.
func (p page) links() (targets []string, at []int) {
	for i, line := range p.lines {
		if p.code[i] {
			continue
		}
		line = codeSpan.ReplaceAllString(line, "")
		found := append(inlineLink.FindAllStringSubmatch(line, -1), namedLink.FindAllStringSubmatch(line, -1)...)
		for _, link := range found {
			targets, at = append(targets, link[1]), append(at, i+1)
		}
	}
	return targets, at
}

// undefined are the names of links that the page gives no target.
func (p page) undefined() (names []string) {
	text := strings.Join(p.lines, "\n")
	for i, line := range p.lines {
		if p.code[i] {
			continue
		}
		for _, link := range nameOfLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
			if !strings.Contains(text, "\n["+link[1]+"]: ") {
				names = append(names, link[1])
			}
		}
	}
	return names
}

// brokenLink says what is wrong with a link, empty where nothing is. Links to other hosts are not looked at.
func brokenLink(all map[string]page, from page, target string, exists func(path string) bool) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	path, anchor, hasAnchor := strings.Cut(target, "#")
	if strings.HasPrefix(path, "/") {
		return "is not relative"
	}
	to := from.path
	if path != "" {
		to = filepath.ToSlash(filepath.Join(filepath.Dir(from.path), path))
	}
	if strings.HasPrefix(to, "../") || !exists(to) {
		return "leads to no file"
	}
	if hasAnchor && !all[to].anchors()[anchor] {
		return "leads to no heading"
	}
	return ""
}

// TestLinks finds relative links in Markdown that lead nowhere.
func TestLinks(t *testing.T) {
	all := pages(t)
	exists := func(path string) bool {
		_, err := os.Stat(filepath.Join("..", "..", path))
		return err == nil
	}
	n := 0
	for _, p := range all {
		assert.Empty(t, p.undefined(), "%s: links without a target", p.path)
		targets, at := p.links()
		for i, target := range targets {
			n++
			problem := brokenLink(all, p, target, exists)
			assert.Empty(t, problem, "%s:%d: the link %s %s", p.path, at[i], target, problem)
		}
	}
	assert.Positive(t, n, "there are links to check")
}

func TestBrokenLink(t *testing.T) {
	text := "# One `x`, two\n\n## One x two\n```\n# code\n```\n[b](../b.md)\n[c]: c.md#d\n`[d](e.md)`\n"
	from := newPage("docs/a.md", text)
	all := map[string]page{"docs/a.md": from, "b.md": newPage("b.md", "## B\n## B\n")}
	targets, at := from.links()
	assert.Equal(t, []string{"../b.md", "c.md#d"}, targets)
	assert.Equal(t, []int{7, 8}, at)
	assert.Empty(t, from.undefined())
	assert.Equal(t, []string{"f"}, newPage("x.md", "[e][f] [e][g]\n[g]: h.md").undefined())
	exists := func(path string) bool { return path == "docs/a.md" || path == "b.md" || path == "store" }
	for target, problem := range map[string]string{
		"../b.md":          "",
		"../b.md#b-1":      "",
		"../b.md#b-2":      "leads to no heading",
		"#one-x-two":       "",
		"#one-x-two-1":     "",
		"#code":            "leads to no heading",
		"b.md":             "leads to no file",
		"../../b.md":       "leads to no file",
		"/b.md":            "is not relative",
		"../store":         "",
		"https://x/y#z":    "",
		"mailto:a@b":       "",
		"../store#nothing": "leads to no heading",
	} {
		assert.Equal(t, problem, brokenLink(all, from, target, exists), target)
	}
}

var (
	filePath   = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+\.(go|md|json|sql|yml)$`)
	identifier = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$`)
)

// TestReadingMap finds files that a Markdown page names in code and that are not there, and in the reading map of
// CONTRIBUTING.md names that the file before them does not declare.
func TestReadingMap(t *testing.T) {
	for _, p := range pages(t) {
		section, file, n := "", "", 0
		for i, line := range p.lines {
			switch {
			case strings.HasPrefix(line, "#"):
				section = line
			case strings.HasPrefix(line, "- "), line == "":
				file = ""
			}
			if p.code[i] {
				continue
			}
			for _, span := range codeSpan.FindAllString(line, -1) {
				name := strings.Trim(span, "`")
				switch {
				case filePath.MatchString(name):
					file = name
					_, err := os.Stat(filepath.Join("..", "..", name))
					assert.NoError(t, err, "%s:%d names a file that is not there", p.path, i+1)
				case file != "" && strings.HasSuffix(section, "Reading map") && identifier.MatchString(name):
					n++
					assert.True(t, isDeclared(t, file, name), "%s:%d: %s does not declare %s", p.path, i+1, file, name)
				}
			}
		}
		assert.True(t, p.path != "CONTRIBUTING.md" || n > 0, "the reading map is not there")
	}
}

// isDeclared reports whether a file declares a function, type, variable or method by this name.
func isDeclared(t *testing.T, path, name string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", path), nil, 0)
	if !assert.NoError(t, err) {
		return false
	}
	return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		_, ok := declares(d, name)
		return ok
	})
}
