package mysql

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A native condition stays in its parentheses, whatever is quoted or said beside it.
func TestConditionStaysInItsParentheses(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"1=1", "(a = 1) OR (b = 2)", "a = ')'", "a = 'it''s)'", "`)` = 1", `a = "("`, "a = 1 -- )", "a = 1 # )",
		"a /* ) */ = 1", "-- (\na = 1", `a = 'b\\'`, `a LIKE '\%'`, "1--1 = 2", "a->>'$.b' = ?",
	} {
		assert.Empty(t, unenclosed(sql), sql)
	}
	for _, sql := range []string{
		"1=1) OR (1=1", ")", "(", "a = 'b' ) OR ( 'c'", "1--1) OR (1=1", "1 /* ( */ ) OR (1", "a = 'b", "a /* b",
		`a = '\') OR (1=1 -- '`, "1 /*!) OR (*/ 1", "1 /*M!) OR (*/ 1", "# (\n1) OR (1", "`a) OR (1",
	} {
		assert.NotEmpty(t, unenclosed(sql), sql)
	}
}
