package mysql

import (
	"regexp"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
)

// definition is what SHOW CREATE TABLE says of a column behind its name, in its words: type, attributes, default,
// comment, and whatever else this server and its next version know. A fix changes some of the words and gives back
// the others as they are, so that it loses nothing.
type definition []string

// definitionsOf reads the columns of a CREATE TABLE, by name. It stops at what it does not know: a column that is
// missing is not altered.
func definitionsOf(create string) map[string]definition {
	columns := map[string]definition{}
	_, rest, found := strings.Cut(create, "(\n")
	if !found {
		return columns
	}
	for {
		rest = strings.TrimLeft(rest, " \n,")
		if !strings.HasPrefix(rest, "`") {
			return columns
		}
		n := quotedEnd(rest)
		if n < 2 {
			return columns
		}
		name := strings.ReplaceAll(rest[1:n-1], "``", "`")
		var words definition
		var ok bool
		if words, rest, ok = wordsOf(rest[n:]); !ok {
			return columns
		}
		columns[name] = words
	}
}

// wordsOf cuts a text into words, up to the comma or parenthesis that ends the definition. What is quoted, in
// parentheses, or a comment of the server's, is one word with what touches it.
func wordsOf(text string) (words definition, rest string, ok bool) {
	start := 0
	flush := func(end int) {
		if end > start {
			words = append(words, text[start:end])
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ',' || c == ')':
			flush(i)
			return words, text[i:], len(words) > 0
		case c == ' ' || c == '\n':
			flush(i)
			i++
			start = i
		case c == '\'' || c == '`' || c == '"':
			i += quotedEnd(text[i:])
		case c == '(':
			n := groupEnd(text[i:])
			if n == 0 {
				return nil, "", false
			}
			i += n
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i:], "*/")
			if n < 0 {
				return nil, "", false
			}
			i += n + len("*/")
		default:
			i++
		}
	}
	return nil, "", false
}

// quotedEnd returns the length of the quoted text that s begins with.
func quotedEnd(s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// groupEnd returns the length of the parentheses that s begins with, 0 where they do not end.
func groupEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '`', '"':
			i += quotedEnd(s[i:]) - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// is reports whether the words at i are those of text, in any case.
func (d definition) is(i int, text string) bool {
	want := strings.Fields(text)
	return i >= 0 && i+len(want) <= len(d) && strings.EqualFold(strings.Join(d[i:i+len(want)], " "), text)
}

// find returns the place of words, -1 where they are not. A NULL or NOT NULL that belongs to a default is not found.
func (d definition) find(text string) int {
	for i := range d {
		if d.is(i, text) && !d.is(i-1, "DEFAULT") && !d.is(i-1, "NOT") {
			return i
		}
	}
	return -1
}

// remove takes words away, and as many behind them as more says.
func (d definition) remove(text string, more int) definition {
	i := d.find(text)
	if i < 0 {
		return d
	}
	return slices.Delete(d, i, min(len(d), i+len(strings.Fields(text))+more))
}

// head is the number of words that are type, sign, character set and collation. What says whether the column can be
// NULL comes behind them.
func (d definition) head() int {
	n := 1
	for n < len(d) {
		switch {
		case d.is(n, "unsigned"), d.is(n, "zerofill"):
			n++
		case d.is(n, "CHARACTER SET"):
			n += 3
		case d.is(n, "COLLATE"):
			n += 2
		default:
			return n
		}
	}
	return n
}

var now = regexp.MustCompile(`(?i)^(current_timestamp|now|localtime|localtimestamp)(\(\d*\))?$`)

// change returns the definition with a change, and all else as it was.
func (d definition) change(c sqldb.Change, isExpression bool) string {
	d = slices.Clone(d)
	if c.Type != "" {
		d[0] = c.Type
		d.setPrecision(c.Type)
	}
	if c.Collation != "" {
		d = d.remove("CHARACTER SET", 1).remove("COLLATE", 1)
		charset, _, _ := strings.Cut(c.Collation, "_")
		d = slices.Insert(d, 1, "CHARACTER", "SET", charset, "COLLATE", c.Collation)
	}
	if c.Null != sqldb.KeepNull {
		d = d.remove("NOT NULL", 0).remove("NULL", 0)
		null := "NULL"
		if c.Null == sqldb.ForbidNull {
			null = "NOT NULL"
			if i := d.find("DEFAULT NULL"); i >= 0 {
				d = slices.Delete(d, i, i+2)
			}
			if d.find("DEFAULT") < 0 && c.Default != "" {
				if isExpression {
					c.Default = "(" + c.Default + ")"
				}
				null += " DEFAULT " + c.Default
			}
		}
		d = slices.Insert(d, d.head(), null)
	}
	if c.Auto {
		d = append(d.remove("DEFAULT", 1), "AUTO_INCREMENT")
	}
	return strings.Join(d, " ")
}

// setPrecision gives a default that is the time, and ON UPDATE, the digits of a type of times: they must have the
// same.
func (d definition) setPrecision(to string) {
	i := strings.IndexByte(to, '(')
	if i < 0 || !strings.HasPrefix(to, "DATETIME") && !strings.HasPrefix(to, "TIMESTAMP") {
		return
	}
	for k, word := range d {
		if now.MatchString(word) && (d.is(k-1, "DEFAULT") || d.is(k-2, "ON UPDATE")) {
			d[k] = "CURRENT_TIMESTAMP" + to[i:]
		}
	}
}
