package sqlserver

import (
	"strings"

	mssql "github.com/microsoft/go-mssqldb"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// What a message of the server names is read here. It is in the language of the login: where the words are
// others, nothing is read, since no name is better than a wrong one.

// constraint finds the name of the constraint that was broken, for classify. The message is the only place
// where the server gives it. Names may hold quotes; what follows the name tells where it ends.
func constraint(e mssql.Error) string {
	switch e.Number {
	case 2627:
		if name := between(e.Message, " constraint '", "'. Cannot insert duplicate key in object '"); name != "" {
			return name
		}
		return lastDoubleQuoted(e.Message) // Babelfish keeps PostgreSQL's text
	case 2601:
		return between(e.Message, " with unique index '", "'. The duplicate key value is (")
	case 547:
		if name := between(e.Message, " constraint \"", "\". The conflict occurred in database \""); name != "" {
			return name
		}
		return lastDoubleQuoted(e.Message)
	case babelfishError:
		return lastDoubleQuoted(e.Message)
	}
	return ""
}

// between is the text between two others, empty where one of them is missing.
func between(text, before, after string) string {
	_, text, ok := strings.Cut(text, before)
	if !ok {
		return ""
	}
	name, _, ok := strings.Cut(text, after)
	if !ok {
		return ""
	}
	return name
}

// lastDoubleQuoted is the name at the end of a message of PostgreSQL, which stands in quotes as it is: "… violates
// unique constraint "name"". What PostgreSQL says of it, with values, is no part of the message.
func lastDoubleQuoted(text string) string {
	_, name, ok := strings.Cut(text, " constraint \"")
	end := strings.LastIndexByte(name, '"')
	if !ok || end < 0 {
		return ""
	}
	return name[:end]
}

// Subject implements [sqldb.Dialect].
func (d *dialect) Subject(err error, spec *driver.Spec, columns []string) sqldb.Subject {
	all := serverErrors(err)
	if len(all) == 0 {
		return sqldb.Subject{}
	}
	e, class := meaning(all)
	s := sqldb.Subject{About: codes[int(e.Number)].About}
	table := strings.ToLower(spec.Table[strings.LastIndexByte(spec.Table, '.')+1:])
	message := strings.ToLower(e.Message)
	switch {
	case class == driver.Duplicate:
		// "… in object 'dbo.clubs'", before the values. Babelfish does not say it.
		for _, before := range []string{"duplicate key in object '", "duplicate key row in object '"} {
			if _, object, ok := strings.Cut(message, before); ok {
				object, _, _ = strings.Cut(object, "'. the duplicate key")
				object, _, _ = strings.Cut(object, "' with unique index")
				s.IsOther = object != table && !strings.HasSuffix(object, "."+table)
			}
		}
	case s.About == sqldb.AboutTable:
		s.IsOther = !strings.Contains(message, table)
	case s.About == sqldb.AboutColumn || s.About == sqldb.AboutValue:
		// The column stands before the value, where there is one: "… column 'name'. Truncated value: '…'".
		s.Column = columnIn(e.Message, columns)
		if s.Column == "" && e.Number == 515 { // whose point is that the mapping does not have it
			s.Column = unmappedIn(e.Message)
		}
	}
	return s
}

// columnIn is the one of the columns that a message names first.
func columnIn(message string, columns []string) string {
	found, at := "", len(message)
	for _, column := range columns {
		for _, form := range []string{"'" + column + "'", "\"" + column + "\""} {
			if i := strings.Index(message, form); i >= 0 && i < at {
				found, at = column, i
			}
		}
	}
	return found
}

// unmappedIn is the name that stands in quotes behind the word column.
func unmappedIn(message string) string {
	for _, quote := range []string{"'", "\""} {
		if name := between(message, "olumn "+quote, quote); name != "" && len(name) <= 128 {
			return name
		}
	}
	return ""
}
