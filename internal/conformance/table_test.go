package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const printed = `{"Action":"run","Test":"TestConformance"}
{"Action":"run","Test":"TestConformance/A"}
{"Action":"attr","Test":"TestConformance/A","Key":"server","Value":"ADB 1.2"}
{"Action":"run","Test":"TestConformance/A/Copies/One"}
{"Action":"pass","Test":"TestConformance/A/Copies/One"}
{"Action":"run","Test":"TestConformance/A/Copies/Two"}
{"Action":"skip","Test":"TestConformance/A/Copies/Two"}
{"Action":"run","Test":"TestConformance/A/Copies/Two/Part"}
{"Action":"fail","Test":"TestConformance/A/Copies/Two/Part"}
{"Action":"pass","Test":"TestConformance/A/View/One"}
{"Action":"fail","Test":"TestConformance/A/View/Two"}
{"Action":"run","Test":"TestConformance/A/View/Three"}
{"Action":"attr","Test":"TestConformance/E","Key":"server","Value":"EDB 5"}
{"Action":"run","Test":"TestConformance/E/Copies/One"}
{"Action":"pass","Test":"TestConformance/E/Copies/One"}
{"Action":"run","Test":"TestConformance/B"}
{"Action":"output","Test":"TestConformance/B","Output":"    b_test.go:7: there is no B here\n"}
{"Action":"output","Test":"TestConformance/B","Output":"--- SKIP: TestConformance/B (0.00s)\n"}
{"Action":"skip","Test":"TestConformance/B"}
{"Action":"attr","Test":"TestWalk","Key":"server","Value":"DDB 7"}
{"Action":"pass","Test":"TestWalk"}
{"Action":"attr","Test":"TestBroken/tears_a_View","Key":"caught-by","Value":"View/One, View/Two, View/Three, View/Four"}
{"Action":"pass","Test":"TestBroken/tears_a_View"}
{"Action":"fail","Test":"TestBroken/upserts_on_Save"}
{"Action":"fail"}
`

func read(t *testing.T) results {
	r := results{}
	n, err := r.read(strings.NewReader(printed), "./x")
	require.NoError(t, err)
	require.Equal(t, 8, n)
	return r
}

func TestTable(t *testing.T) {
	text, failed := read(t).table([]column{
		{title: "A", pkg: "./x", test: "TestConformance/A"},
		{title: "B", pkg: "./x", test: "TestConformance/B"},
		{title: "C", pkg: "./y", test: "TestC"},
		{title: "D", pkg: "./x", test: "TestD", recording: "TestWalk"},
		{title: "E", pkg: "./x", test: "TestConformance/E"},
	})
	assert.Equal(t, `| guarantee | A | D | E |
| --- | --- | --- | --- |
| server | ADB 1.2 | a recording of DDB 7 | EDB 5 |
| Copies | ✓ 1, 1 n/a | recorded | ✓ 1 |
| View | **2 of 3 failed** | recorded | **not run** |

Not run: B (there is no B here).

Not run: C (there is no such test, or it was cut short).
`, text)
	assert.Equal(t, 4, failed, "a test that never ended has failed, and so have tests that never began")
}

func TestBrokenTable(t *testing.T) {
	text, missed := read(t).broken(column{pkg: "./x", test: "TestBroken"})
	assert.Contains(t, text, "Of 2 backends that are broken in one way each, the suite caught 1.\n\n| broken backend |")
	assert.Contains(t, text, "| tears a View | View/One, View/Two, View/Three and 1 more |\n"+
		"| upserts on Save | **not caught** |\n")
	assert.Equal(t, 1, missed)
}

func TestRead(t *testing.T) {
	_, err := results{}.read(strings.NewReader(`{"Action":"run","Test":"T"} FAIL`), "./x")
	require.ErrorContains(t, err, "./x")
}

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "CONFORMANCE.md")
	require.NoError(t, os.WriteFile(file, []byte("before\n"+startMark+"old\n"+endMark+"after\n"), 0o600))
	require.NoError(t, replace(file, "new\n"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "before\n"+startMark+"\nnew\n\n"+endMark+"after\n", string(text))
	require.NoError(t, os.WriteFile(file, []byte("before\n"), 0o600))
	require.ErrorContains(t, replace(file, "new\n"), "no marks")
}
