package sqlserver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestConditionStaysInItsParentheses looks past what is quoted or said beside it.
func TestConditionStaysInItsParentheses(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"1=1", "(a = 1) OR (b = 2)", "a = ')'", "a = 'it''s)'", "[)] = 1", "[a]])] = 1", `a = "("`, "a = 1 -- )",
		"a /* ) */ = 1", "-- (\na = 1", "a = ''",
	} {
		_, problem := (&dialect{}).Condition(sql, 1, 0)
		assert.Empty(t, problem, sql)
	}
	for _, sql := range []string{
		"1=1) OR (1=1", ")", "(", "a = 'b' ) OR ( 'c'", "1 /* ( */ ) OR (1", "a = 'b", "a /* b", "a = '", "[a", "/*/",
		"1 /* /* */ */ ) OR (1", "1 /* /* ( */ ) */ ) OR (1", "-- (\n1) OR (1", "[a]) OR ([b]",
	} {
		_, problem := (&dialect{}).Condition(sql, 1, 0)
		assert.NotEmpty(t, problem, sql)
	}
}

// TestCatalogueTextIsOneExpression has a default, or the filter of an index, in a fix as one expression or not at all.
func TestCatalogueTextIsOneExpression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"((0))": "((0))", "('a)(')": "('a)(')", "([a]>(0) AND [b]]) ; --]=(1))": "([a]>(0) AND [b]]) ; --]=(1))",
		"getdate()": "(getdate())", "(1)+(2)": "((1)+(2))", "0 DROP TABLE x": "(0 DROP TABLE x)", "0; x": "(0; x)",
		"(N'it''s /* no comment')": "(N'it''s /* no comment')", "[a] IS NOT NULL": "([a] IS NOT NULL)",
	} {
		got, ok := oneExpression(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{
		"", "(0)) DROP TABLE x --", "(0", "0 --", "('a)", "([a)", "(0 /* )", "1) OR (1", "((0)); DROP TABLE (x", `("a)`,
		"(0)-- \n) DROP TABLE x (", ")",
	} {
		_, ok := oneExpression(text)
		assert.False(t, ok, text)
	}
}
