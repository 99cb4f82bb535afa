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
