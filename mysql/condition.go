package mysql

import "strings"

// unenclosed says why a native condition would not stay in the parentheses that it is put in, empty where it does.
// A text that closes one that it has not opened would select rows that the conditions beside it exclude. Where the
// modes of a session could read the text in two ways, it is refused.
func unenclosed(sql string) string {
	depth := 0
	for i := 0; i < len(sql); i++ {
		rest, end := sql[i:], ""
		switch {
		case rest[0] == '(':
			depth++
		case rest[0] == ')':
			if depth--; depth < 0 {
				return "the native condition closes a parenthesis that it has not opened"
			}
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			end = rest[:1]
		case rest[0] == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			at := strings.IndexByte(rest, '\n')
			if at < 0 {
				i = len(sql)
				continue
			}
			i += at
		case strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!"):
			return "the native condition has a comment that some servers run"
		case strings.HasPrefix(rest, "/*"):
			end = "*/"
			i++
		}
		if end == "" {
			continue
		}
		from := i + 1
		at := strings.Index(sql[from:], end)
		if at < 0 {
			return "the native condition has a quote or comment that does not end"
		}
		if inside := sql[from : from+at]; end == "'" || end == "\"" {
			if (len(inside)-len(strings.TrimRight(inside, "\\")))%2 == 1 {
				return "the native condition has a backslash before a quote: write the quote twice, or bind the text"
			}
		}
		i = from + at + len(end) - 1
	}
	if depth > 0 {
		return "the native condition opens a parenthesis that it does not close"
	}
	return ""
}
