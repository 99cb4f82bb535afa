package mysql

import (
	"errors"
	"strings"
	"unicode"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// What a message of the server names is read here. It is in the language of the session's lc_messages; the
// order of its parts is the same in all of them, and a value may hold anything.

// betweenValueAndKey are the words between the value and the key of error 1062, in all languages of both
// servers. What follows the key has no quote in any of them.
var betweenValueAndKey = []string{
	" for key ", " für Schlüssel ", " pour la clef ", " per la chiave ", " para la clave ", " duplicada para a chave ",
	" e duplicat pentru cheia ", " voor zoeksleutel ", " for indeks ", " for nøkkel ", " for nykkel ", " för nyckel ",
	" võtmele ", " dla klucza ", " (číslo klíče ", " (číslo kľúča ", " a ", " za ključ ", " για το κλειδί ",
	" для ключа ", " по ключу ", " გასაღებისთვის ", " は索引 ", ": key ", "键",
}

// duplicateKey is the key that a message of error 1062 names, with its table where the server gives one. It is
// read from the end, since the value before it may hold anything, the words that are looked for among them. It
// is empty where the message is another than expected: no name is better than a wrong one.
func duplicateKey(message string) string {
	end := max(strings.LastIndexByte(message, '\''), 0)
	start := 0
	for _, words := range betweenValueAndKey {
		between := "'" + words + "'"
		if i := strings.LastIndex(message[:end], between); i >= 0 {
			start = max(start, i+len(between))
		}
	}
	if start == 0 {
		return ""
	}
	return message[start:end]
}

// constraint finds the name of the constraint that was broken, for classify. The message is the only place
// where the server gives it. Where it names the table as well, that is taken off by what stands before the
// first dot, which [dialect.Subject] does better where it knows the table.
func constraint(e *mysqldriver.MySQLError) string {
	switch e.Number {
	case 1062, 1586, 1859:
		_, key := cutTable(duplicateKey(e.Message))
		return key
	case 1761:
		return lastQuoted(e.Message, '\'')
	case 1451, 1452:
		// "(`db`.`table`, CONSTRAINT `name` FOREIGN KEY (`column`) …)": names may hold anything, too.
		_, after, _ := strings.Cut(e.Message, ", CONSTRAINT `")
		name, _, ok := strings.Cut(after, "` FOREIGN KEY (")
		if !ok {
			return ""
		}
		return strings.ReplaceAll(name, "``", "`")
	case 4025:
		return firstQuoted(e.Message, '`')
	case 3819:
		i, j := strings.IndexByte(e.Message, '\''), strings.LastIndexByte(e.Message, '\'')
		if i < j {
			return e.Message[i+1 : j]
		}
	}
	return ""
}

// cutTable splits the name of a key from that of its table: "clubs.PRIMARY".
func cutTable(key string) (table, name string) {
	if table, name, ok := strings.Cut(key, "."); ok && table != "" && name != "" {
		return table, name
	}
	return "", key
}

// firstQuoted is the first name in quotes, in which a quote is doubled.
func firstQuoted(text string, quote byte) string {
	_, text, _ = strings.Cut(text, string(quote))
	for i := 0; i < len(text); i++ {
		if text[i] != quote {
			continue
		}
		if i+1 < len(text) && text[i+1] == quote {
			i++
			continue
		}
		return strings.ReplaceAll(text[:i], string([]byte{quote, quote}), string(quote))
	}
	return ""
}

// lastQuoted is the last name in quotes.
func lastQuoted(text string, quote byte) string {
	end := strings.LastIndexByte(text, quote)
	if end < 0 {
		return ""
	}
	return text[strings.LastIndexByte(text[:end], quote)+1 : end]
}

// Subject implements [sqldb.Dialect].
func (d *dialect) Subject(err error, spec *driver.Spec, columns []string) sqldb.Subject {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	if !ok {
		return sqldb.Subject{}
	}
	s := sqldb.Subject{About: codeOf(e).About}
	switch {
	case e.Number == 1062 || e.Number == 1586 || e.Number == 1859:
		d.duplicate(&s, duplicateKey(e.Message), spec)
	case e.Number == 1761 || e.Number == 1762:
		s.IsOther = true
	case s.About == sqldb.AboutTable:
		// The message holds names alone, of accounts and tables: in quotes of both kinds, or in none.
		table := spec.Table[strings.LastIndexByte(spec.Table, '.')+1:]
		s.IsOther = !strings.Contains(strings.ToLower(e.Message), strings.ToLower(table))
	case s.About == sqldb.AboutColumn:
		s.Column = columnIn(e.Message, columns, false)
		if s.Column == "" && e.Number == 1364 { // whose point is that the mapping does not have it
			s.Column = plainName(firstQuoted(e.Message, '\''))
		}
	case s.About == sqldb.AboutValue:
		s.Column = columnIn(e.Message, columns, true)
	}
	return s
}

// duplicate reads the key of error 1062. MySQL names its table since 8.0.19, whatever dots are in either name;
// MariaDB does not, and is asked for a trace.
func (d *dialect) duplicate(s *sqldb.Subject, key string, spec *driver.Spec) {
	table := spec.Table[strings.LastIndexByte(spec.Table, '.')+1:]
	switch {
	case d.server.isMariaDB || !d.server.atLeast(8, 0, 19):
		s.Constraint = key
	case len(key) > len(table) && strings.EqualFold(key[:len(table)+1], table+"."):
		s.Table, s.Constraint = spec.Table, key[len(table)+1:]
	case key != "":
		s.IsOther = true
		_, s.Constraint = cutTable(key)
	}
	s.IsMadeKey = strings.EqualFold(s.Constraint, "PRIMARY")
}

// columnIn is the one of the columns that a message names last, in quotes. Behind a value it must be followed
// by the number of the row, or be the last but for a full stop, and have words before it: a value that is the
// name of a column must not be taken for one.
func columnIn(message string, columns []string, isBehindValue bool) string {
	found, at := "", -1
	for _, column := range columns {
		for _, form := range []string{"'" + column + "'", "." + column + "'", "`" + column + "`"} {
			i := strings.LastIndex(message, form)
			after := message[max(i, 0):]
			if i < 0 || i+len(form) <= at {
				continue
			}
			after = after[len(form):]
			if isBehindValue && (strings.ContainsAny(after, "'`") ||
				!strings.ContainsFunc(after, unicode.IsDigit) && after != ".") {
				continue
			}
			found, at = column, i+len(form)
		}
	}
	return found
}

// plainName is a name that can stand in a text without quotes, else empty.
func plainName(name string) string {
	if name == "" || len(name) > longestName ||
		strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == '\'' }) {
		return ""
	}
	return name
}
