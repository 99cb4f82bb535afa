package mysql

import (
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
)

var _ sqldb.Joiner = (*dialect)(nil)

// collationQuery has no row for a column that compares bytes, numbers or JSON.
const collationQuery = "SELECT COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS " +
	"WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND COLLATION_NAME IS NOT NULL " +
	"AND DATA_TYPE <> 'json'"

// Collations implements [sqldb.Joiner].
func (d *dialect) Collations(table string) (text string, args []any) {
	var database any
	if i := strings.LastIndexByte(table, '.'); i >= 0 {
		database, table = table[:i], table[i+1:]
	}
	return collationQuery, []any{database, table}
}

// Join implements [sqldb.Joiner]. The rows come first in the join, whatever the optimizer thinks, so that each finds
// its row of the table by the key.
//
// Texts are LONGTEXT and not of their column's type: MariaDB cuts what is too long for a VARCHAR of JSON_TABLE, and
// MySQL makes it NULL, where the assignment to the column is an error. An integer that is none is an error of
// JSON_TABLE itself.
func (d *dialect) Join(p sqldb.JoinParts) string {
	var columns, on, set []string
	n := 0
	next := func(as sqldb.JoinForm) string {
		name := "c" + strconv.Itoa(n)
		kind := "LONGTEXT CHARACTER SET utf8mb4"
		if as == sqldb.JoinInteger {
			kind = "BIGINT"
		}
		columns = append(columns, name+" "+kind+" PATH '$["+strconv.Itoa(n)+"]' ERROR ON ERROR")
		n++
		if as == sqldb.JoinHex {
			return "UNHEX(j." + name + ")"
		}
		return "j." + name
	}
	for _, key := range p.Keys {
		value := next(key.As)
		if key.As != sqldb.JoinText {
			on = append(on, "t."+key.Name+" = "+value)
			continue
		}
		// The column's own comparison finds the row by its index, the exact one then looks at that alone: see Exact.
		exact := " COLLATE " + d.server.collation()
		on = append(on, "t."+key.Name+" = CONVERT("+value+" USING "+key.Charset+") COLLATE "+key.Collation,
			"CONVERT(t."+key.Name+" USING utf8mb4)"+exact+" = "+value+exact)
	}
	version := next(sqldb.JoinInteger)
	on = append(on, "COALESCE(t."+p.Version+", 0) = "+version)
	for _, column := range p.Set {
		set = append(set, "t."+column.Name+" = "+next(column.As))
	}
	set = append(set, "t."+p.Version+" = "+version+" + 1")
	from := "JSON_TABLE(?, '$[*]' COLUMNS (" + strings.Join(columns, ", ") + ")) AS j STRAIGHT_JOIN " + p.Table +
		" AS t ON " + strings.Join(on, " AND ")
	if p.IsDelete {
		return "DELETE t FROM " + from
	}
	return "UPDATE " + from + " SET " + strings.Join(set, ", ")
}
