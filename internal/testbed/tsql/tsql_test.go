package tsql_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/internal/testbed/tsql"
)

// TestJudgeSaysNo has one statement that is right and others that are wrong in one way each. Each is found, and none
// is found for what is wrong with another.
func TestJudgeSaysNo(t *testing.T) {
	t.Parallel()
	params := []string{"BIGINT", "NVARCHAR(60)"}
	const made = "DECLARE @made TABLE (v BINARY(8)); "
	const find = "SELECT [id] FROM [clubs] WHERE [id] = @p1 OR [name] = @p2"
	const put = "INSERT INTO [clubs] ([id], [name]) "
	const update = made + "UPDATE [clubs] SET [name] = @p2 OUTPUT inserted."
	tests := []struct {
		name, text           string
		refused, misfit, not bool // by the parser, by its variables and counts, by the model
	}{
		{name: "Right", text: update + "[rev] INTO @made (v) WHERE [id] = @p1; SELECT v FROM @made"},
		{name: "Keyword", text: find[:5] + find[6:], refused: true, not: true},
		{name: "Parenthesis", text: find + " OR ([id] = @p1", refused: true, not: true},
		{name: "Quote", text: find + " OR [id = @p1", refused: true, not: true},
		{name: "Undeclared", text: find + " OR [id] = @p3", misfit: true, not: true},
		{name: "Idle", text: "SELECT [id] FROM [clubs] WHERE [id] = @p1", misfit: true},
		{name: "Column", text: find + " OR [nam] = @p2", not: true},
		{name: "Table", text: "SELECT [id] FROM [club] WHERE [id] = @p1 OR [name] = @p2", not: true},
		{name: "Output", text: update + "[re] INTO @made (v) WHERE [id] = @p1", not: true},
		{name: "Values", text: put + "VALUES (@p1, @p2, 1)", misfit: true},
		{name: "Row", text: put + "VALUES (@p1, @p2), (1)", misfit: true},
		{name: "Select", text: put + "SELECT c1 FROM (VALUES (0, @p1, @p2)) AS r (n, c1, c2)", misfit: true},
		{name: "Sorted", text: put + "SELECT c1, c2 FROM (VALUES (@p1, @p2), (1)) AS r (c1, c2)", misfit: true},
	}
	const table = "CREATE TABLE [clubs] ([id] BIGINT NOT NULL PRIMARY KEY, [rev] ROWVERSION, [name] NVARCHAR(60))"
	request := tsql.Request{Schema: []string{table}}
	for _, test := range tests {
		request.Statements = append(request.Statements, tsql.Statement{Text: test.text, Params: params})
	}
	report, err := testbed.TSQL(t).Run(t.Context(), request)
	require.NoError(t, err)
	found := func(all []tsql.Finding, index int) bool {
		for _, f := range all {
			if f.Index == index {
				return true
			}
		}
		return false
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.refused, found(report.Levels[tsql.Level], i), "the parser")
			assert.Equal(t, test.misfit, found(report.Misfits, i), "its variables")
			assert.Equal(t, test.not, found(report.Unresolved, i), "the model")
		})
	}
}
