package sqlserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/internal/testbed/tsql"
	"github.com/stillframe/stillframe/store"
)

var (
	collectOnce sync.Once
	collected   *collector
)

// collect has the backend send what it can, over servers that are not there. It does so once.
func collect(t *testing.T) *collector {
	t.Helper()
	collectOnce.Do(func() {
		c := &collector{t: t, known: map[string]bool{}}
		c.sent()
		c.golden()
		c.walked()
		c.advice()
		c.once()
		collected = c
	})
	require.NotNil(t, collected, "another test has failed to collect the statements")
	return collected
}

// sent collects every verb, query and mend: of each mapping, of a few for each name of a table, and the mends for
// each code page that a database may have.
func (c *collector) sent() {
	western := c.open(auditRow(1252), true)
	for _, m := range mappings() {
		r := western.use(m, "dbo."+m.name)
		western.create()
		western.verbs(false)
		western.queries(r)
		western.schemas(false)
	}
	for _, name := range tableNames() {
		western.use(mappingOf[stamp, int64]("stamps"), name)
		western.verbs(true)
		western.use(mappingOf[strange, int64]("strange"), name)
		western.verbs(true)
		western.schemas(true)
	}
	pages := slices.Sorted(maps.Keys(codepages))
	for _, page := range append(pages, 0, 437, 850, 932, 936, 949, 950) {
		d := c.open(auditRow(page), page%2 == 0)
		d.use(mappingOf[byCode, string]("by_code"), fmt.Sprintf("dbo.by_code_%d", page))
		d.create()
		d.schemas(true)
	}
}

// golden adds the statements of testdata/statements.sql, in which a line that starts with -- is no statement's, and a
// statement goes on where a line starts with a space or a parenthesis.
func (c *collector) golden() {
	data, err := os.ReadFile(filepath.Join("testdata", "statements.sql"))
	require.NoError(c.t, err)
	text := ""
	for line := range strings.Lines(string(data) + "--") {
		if text != "" && (line[0] == ' ' || line[0] == ')') {
			text += line
			continue
		}
		if text != "" {
			c.add(tsql.Statement{Text: strings.TrimSuffix(text, "\n")})
		}
		text = ""
		if !strings.HasPrefix(line, "--") && line != "\n" {
			text = line
		}
	}
}

// walked adds the statements of the recording.
func (c *collector) walked() {
	data, err := os.ReadFile(filepath.Join("testdata", "walk.json"))
	require.NoError(c.t, err)
	var r recording
	require.NoError(c.t, json.Unmarshal(data, &r))
	for _, e := range r.Exchanges {
		c.add(tsql.Statement{Text: e.Send})
	}
}

// advice adds what errors tell the caller to run.
func (c *collector) advice() {
	d := &dialect{server: server{database: "it's a]b", version: "15.0"}}
	c.said(strings.TrimPrefix(d.info().NoViews, "run "))
	_, raise, _ := strings.Cut((&server{database: "it's a]b", version: "15.0", level: 100}).tooOld(), "run ")
	raise, _, _ = strings.Cut(raise, ", or ")
	c.said(raise)
	c.said((&dialect{server: server{babelfish: "4"}}).txState())
	for _, problem := range (&server{options: implicitTransactions}).problems() {
		if at := strings.LastIndex(problem, ": SET "); at >= 0 {
			c.said(problem[at+2:])
		}
	}
}

// TestStatementsParse has Microsoft's own parser judge every statement that the backend can send, and its model of a
// database resolve the names in those whose table it can have. One damaged statement of each shape shows that they
// say no.
func TestStatementsParse(t *testing.T) {
	t.Parallel()
	judge := testbed.TSQL(t)
	c := collect(t)
	report, err := judge.Run(t.Context(), tsql.Request{Statements: c.all, Schema: c.schema})
	require.NoError(t, err)
	t.Logf("%d statements of %d shapes, %d resolved by the model", len(c.all), report.Shapes, report.Resolved)
	c.none("the parser refuses", report.Levels[tsql.Level])
	c.none("variables or values are too many or too few", report.Misfits)
	c.none("the model does not resolve", report.Unresolved)
	for _, level := range slices.Sorted(maps.Keys(report.Levels)) {
		t.Logf("compatibility level %s refuses %d", level, len(report.Levels[level]))
		for _, f := range report.Levels[level] {
			paging := level == "100" && strings.Contains(c.all[f.Index].Text, " FETCH NEXT ")
			require.True(t, paging, "level %s: %s\n%s", level, f.Problem, c.all[f.Index].Text)
		}
	}
	made, refused := 0, 0
	for _, kind := range slices.Sorted(maps.Keys(report.Mutants)) {
		n := report.Mutants[kind]
		made, refused = made+n.Made, refused+n.Refused
		t.Logf("mutants, %s: %d of %d refused", kind, n.Refused, n.Made)
	}
	t.Logf("mutants: %d of %d refused", refused, made)
	for _, kind := range []string{"parenthesis", "quote"} {
		n := report.Mutants[kind]
		assert.Equal(t, n.Made, n.Refused, "%s: nothing makes such a statement right", kind)
	}
	taken := strings.Join(report.Survivors, "\n")
	assert.GreaterOrEqual(t, refused*100, made*85, "most damage must be noticed; what was not:\n%s", taken)
}

// none fails for each finding, the first ones with their texts.
func (c *collector) none(what string, found []tsql.Finding) {
	const most = 10
	for _, f := range found[:min(len(found), most)] {
		text := "(the schema)"
		if f.Index >= 0 {
			text = c.all[f.Index].Text
		}
		assert.Fail(c.t, what, "%s\n%s", f.Problem, text)
	}
	if len(found) > most {
		assert.Fail(c.t, what, "and %d more", len(found)-most)
	}
}

// TestLinkedServersAreRefused has a name that the grammar of CREATE TABLE does not take.
func TestLinkedServersAreRefused(t *testing.T) {
	t.Parallel()
	c := &collector{t: t, known: map[string]bool{}}
	_, err := mappingOf[stamp, int64]("stamps").open(c.open(auditRow(1252), true).db, "linked.game.dbo.stamps")
	require.ErrorIs(t, err, store.ErrInvalid)
	require.ErrorContains(t, err, "has 4 parts")
	require.ErrorContains(t, err, "takes 3 at most")
}
