package sqlserver

import (
	"fmt"
	"strconv"
	"strings"
)

// Condition implements [sqldb.Dialect]. The condition counts its parameters from 1, wherever it
// stands.
func (d *dialect) Condition(sql string, first, args int) (text, problem string) {
	var b strings.Builder
	used := make([]bool, args)
	depth := 0
	for i := 0; i < len(sql); {
		if n := skip(sql[i:]); n > 0 {
			if problem := unended(sql[i : i+n]); problem != "" {
				return "", problem
			}
			b.WriteString(sql[i : i+n])
			i += n
			continue
		}
		switch sql[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return "", "the native condition closes a parenthesis that it has not opened"
			}
		}
		number := paramAt(sql[i:])
		if number == "" || i > 0 && isWord(sql[i-1]) {
			b.WriteByte(sql[i])
			i++
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > args {
			return "", fmt.Sprintf("the native condition names a parameter that is not among its %d arguments", args)
		}
		used[n-1] = true
		b.WriteString("@p" + strconv.Itoa(first+n-1))
		i += len("@p") + len(number)
	}
	if depth > 0 {
		return "", "the native condition opens a parenthesis that it does not close"
	}
	for i, u := range used {
		if !u {
			return "", fmt.Sprintf("the native condition does not name @p%d, the place of its argument %d", i+1, i+1)
		}
	}
	return b.String(), ""
}

// unended says, for Condition, why a string, quoted name or comment cannot be told from what follows it, empty where it
// can. A condition must not leave the parentheses that it is put in: it would select rows that the conditions beside it
// exclude.
func unended(part string) string {
	end := part[:1]
	switch {
	case strings.HasPrefix(part, "--"):
		return ""
	case strings.HasPrefix(part, "/*"):
		if strings.Contains(part[2:], "/*") { // the server counts them
			return "the native condition has a comment in a comment"
		}
		end = "*/"
	case part[0] == '[':
		end = "]"
	}
	if len(part) < 2*len(end) || !strings.HasSuffix(part, end) {
		return "the native condition has a quote or comment that does not end"
	}
	return ""
}

// oneExpression is a text of the catalogue, the default of a column or the filter of an index, as a statement that
// makes it again may hold it: in parentheses that nothing in it leaves. Whoever may alter one table of a database
// could otherwise have a fix run what he likes. It reports false where it cannot be told where the text ends.
func oneExpression(text string) (enclosed string, ok bool) {
	depth, isEnclosed := 0, strings.HasPrefix(text, "(")
	for i := 0; i < len(text); {
		n := skip(text[i:])
		if n > 0 && (strings.HasPrefix(text[i:], "--") || unended(text[i:i+n]) != "") {
			return "", false
		}
		isEnclosed = isEnclosed && (i == 0 || depth > 0)
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return "", false
			}
		}
		i += max(n, 1)
	}
	if depth > 0 || text == "" {
		return "", false
	}
	if !isEnclosed {
		text = "(" + text + ")"
	}
	return text, true
}

// skip is, for Condition, the length of the string, quoted name or comment at the start of sql, 0 for anything else.
func skip(sql string) int {
	switch {
	case sql[0] == '\'' || sql[0] == '"':
		return until(sql, 1, sql[:1])
	case sql[0] == '[':
		n := until(sql, 1, "]")
		for n < len(sql) && sql[n] == ']' { // which stands for one inside the name
			n = until(sql, n+1, "]")
		}
		return n
	case strings.HasPrefix(sql, "--"):
		return until(sql, 2, "\n")
	case strings.HasPrefix(sql, "/*"):
		return until(sql, 2, "*/")
	}
	return 0
}

// until is the length of sql through the first end behind a place. A doubled quote, which stands for one inside
// a string, is read as the end of one string and the start of another: between them there is no parameter.
func until(sql string, from int, end string) int {
	at := strings.Index(sql[from:], end)
	if at < 0 {
		return len(sql)
	}
	return from + at + len(end)
}

// paramAt is the number of the parameter @p1 at the start of sql, empty where there is none.
func paramAt(sql string) string {
	if len(sql) < 3 || sql[0] != '@' || sql[1] != 'p' && sql[1] != 'P' {
		return ""
	}
	end := 2
	for end < len(sql) && sql[end] >= '0' && sql[end] <= '9' {
		end++
	}
	if end < len(sql) && isWord(sql[end]) {
		return ""
	}
	return sql[2:end]
}

// isWord reports whether a name can have the byte.
func isWord(c byte) bool {
	return c == '_' || c == '@' || c == '#' || c == '$' || c >= 0x80 ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
