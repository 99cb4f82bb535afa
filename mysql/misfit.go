package mysql

import (
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// Misfit implements [sqldb.Schema]. A type is only ever widened: another kind of type would change what the programs
// that use the table read and write. A rule of the table, such as the values of an ENUM or UNSIGNED, stays: they may
// count on it.
func (d *dialect) Misfit(f *driver.Field, c *sqldb.LiveColumn) []sqldb.Misfit {
	other := sqldb.OfReads(sqldb.Mustf(sqldb.Change{}, "it is %s, and the mapping stores %s in it: map what it holds, "+
		"or a column of its own", c.Definition, f.Type))
	switch f.Kind {
	case driver.Bool:
		if integers[c.Type] == 0 && (c.Type != "bit" || c.Precision != 1) {
			return other
		}
	case driver.Int, driver.Uint:
		return integerMisfit(f, c, other)
	case driver.Float:
		return floatMisfit(f, c, other)
	case driver.Decimal:
		return decimalMisfit(f, c, other)
	case driver.Time:
		return timeMisfit(c, other)
	case driver.ByteArray, driver.UUID:
		n := int64(f.Base.Len())
		isFit := c.Type == "binary" && c.Length == n || c.Type == "varbinary" && c.Length >= n
		if !isFit && !strings.HasSuffix(c.Type, "blob") {
			return other
		}
	case driver.Bytes:
		return bytesMisfit(f, c, other)
	case driver.Nested:
		switch {
		case c.Type == "json" && f.Text: // such a field is written without a look at what JSON does to numbers
			return sqldb.Mustf(sqldb.Change{Type: "LONGTEXT"}, "it is %s, which stores numbers in another form than "+
				"they are written, and the mapping says text", c.Definition)
		case c.Type == "json":
		case c.Type == "varchar":
			return tooShort(0, c.Length, "characters", c, "")
		case !strings.HasSuffix(c.Type, "text"):
			return other
		default:
			return tooShort(0, blobs[c.Type], "bytes", c, "LONGTEXT")
		}
	case driver.String:
		return d.stringMisfit(f, c, other)
	}
	return nil
}

// holding is the least integer type of a number of bits.
func holding(bits int) string {
	switch {
	case bits <= 8:
		return "TINYINT"
	case bits <= 16:
		return "SMALLINT"
	case bits <= 24:
		return "MEDIUMINT"
	case bits <= 32:
		return "INT"
	}
	return "BIGINT"
}

// integerMisfit says for Misfit whether a column holds every number of an integer field. The values of an unsigned
// field are within int64.
func integerMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	have, need := integers[c.Type], sqldb.Bits(f)
	if have == 0 {
		return other
	}
	if f.Kind == driver.Uint && !c.Unsigned && need < 64 {
		need++
	}
	var found []sqldb.Misfit
	switch {
	case have < need && c.ForeignKey != "":
		found = sqldb.Weakerf(sqldb.Change{}, "it is %s, and the mapping stores %s in it: what is beyond it is "+
			"refused, as by its foreign key %s", c.Definition, f.Type, c.ForeignKey)
	case have < need:
		found = sqldb.Mustf(sqldb.Change{Type: holding(need)}, "it is %s, and the mapping stores %s in it: what is "+
			"beyond it is refused; after the fix other programs may meet larger numbers", c.Definition, f.Type)
	}
	if c.Unsigned && f.Kind == driver.Int {
		found = append(found, sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses numbers below 0: a rule of the "+
			"table, which stays; map an unsigned type, or alter it where no program counts on that", c.Definition)...)
	}
	if c.Unsigned && have == 64 {
		found = append(found, sqldb.OfReads(sqldb.Weakerf(sqldb.Change{}, "it is %s: a row in which another program "+
			"stores more than 9223372036854775807 cannot be read", c.Definition))...)
	}
	if c.Zerofill {
		found = append(found, sqldb.Notef("it is ZEROFILL: its numbers are read without the zeros")...)
	}
	return found
}

// floatMisfit says for Misfit whether a column holds every float. One with digits after the point rounds to them,
// without an error in the strictest mode.
func floatMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	isFloat := c.Type == "float" || c.Type == "double"
	isRounding := isFloat && strings.Contains(c.Definition, "(")
	change := sqldb.Change{Type: "DOUBLE"}
	if c.Type == "float" && f.Base.Size() == 4 {
		change.Type = "FLOAT"
	}
	switch {
	case c.Type == "decimal" || integers[c.Type] > 0:
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds the mapping's %s without an error: map a decimal "+
			"or an integer, as it holds, or a column of its own", c.Definition, f.Type)
	case !isFloat:
		return other
	case isRounding:
		return sqldb.Mustf(change, "it is %s, which rounds what is stored without an error; after the fix other "+
			"programs meet all digits", c.Definition)
	case c.Type == "float" && f.Base.Size() == 8:
		return sqldb.Mustf(change, "it is %s, which rounds float64 to about 7 digits without an error; after the fix "+
			"other programs meet all digits, and what is stored stays as it was rounded", c.Definition)
	}
	return sign(c)
}

// sign names for Misfit a column without a sign.
func sign(c *sqldb.LiveColumn) []sqldb.Misfit {
	if !c.Unsigned {
		return nil
	}
	return sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses numbers below 0: a rule of the table, which stays",
		c.Definition)
}

// decimalMisfit says for Misfit whether a column holds every decimal of the mapping. DECIMAL rounds what has more
// digits after the point without an error, and a double what has more digits than 15.
func decimalMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	whole, scale := int64(f.Precision-f.Scale), int64(f.Scale)
	switch {
	case (c.Type == "double" || c.Type == "float") && strings.Contains(c.Definition, "("):
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds decimals without an error: add a DECIMAL column, "+
			"or map a float", c.Definition)
	case c.Type == "double" && f.Precision <= 15, c.Type == "float" && f.Precision <= 6:
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which stores the nearest binary number: each decimal comes "+
			"back as it was, but what the server adds up or compares may not; a DECIMAL column beside it is exact",
			c.Definition)
	case c.Type == "double", c.Type == "float":
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds decimals of %d digits without an error: add a "+
			"DECIMAL column, or map a float", c.Definition, f.Precision)
	case integers[c.Type] > 0 && scale > 0:
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds to whole numbers without an error: map an integer, "+
			"or a column of its own", c.Definition)
	case c.Type != "decimal":
		return other
	}
	var found []sqldb.Misfit
	if whole > c.Precision-c.Scale || scale > c.Scale {
		widest := max(scale, c.Scale)
		change := sqldb.Change{Type: fmt.Sprintf("DECIMAL(%d, %d)", max(whole, c.Precision-c.Scale)+widest, widest)}
		found = sqldb.Mustf(change, "it is %s, and the mapping has %d digits before the point and %d behind it: more "+
			"before it are refused, and more behind it rounded without an error; after the fix other programs meet "+
			"more digits",
			c.Definition, whole, scale)
	}
	if c.Scale > scale {
		found = append(found, sqldb.OfReads(sqldb.Weakerf(sqldb.Change{}, "it is %s: a row with more digits after the "+
			"point than the mapping has cannot be read; map them", c.Definition))...)
	}
	return append(found, sign(c)...)
}

// timeMisfit says for Misfit whether a column holds times to the microsecond. A TIMESTAMP is shown to each program in
// its own zone, which a DATETIME is not, so that it stays one.
func timeMisfit(c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	if c.Type != "datetime" && c.Type != "timestamp" {
		if c.Type == "date" {
			return sqldb.Mustf(sqldb.Change{}, "it is DATE, which cuts the time of day off without an error: map a "+
				"column of its own")
		}
		return other
	}
	var found []sqldb.Misfit
	if c.Precision < 6 {
		change := sqldb.Change{Type: strings.ToUpper(c.Type) + "(6)"}
		found = sqldb.Mustf(change, "it is %s, which rounds times to %d digits of a second without an error; after "+
			"the fix other programs meet the digits", c.Definition, c.Precision)
	}
	if c.Type == "timestamp" {
		found = append(found, sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses times before 1970 and after the "+
			"server's last one (2038, or 2106), the zero time among them; it stays, since programs of other time "+
			"zones read it in theirs", c.Definition)...)
	}
	return found
}

// bytesMisfit says for Misfit whether a column holds as many bytes as the mapping allows.
func bytesMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	size, isBlob := blobs[c.Type]
	wide := "LONGBLOB"
	switch {
	case c.Type == "binary":
		change := sqldb.Change{Type: fmt.Sprintf("VARBINARY(%d)", max(c.Length, min(int64(f.Size), mostVarbinary)))}
		return sqldb.Mustf(change, "it is %s, which fills up with zeros; after the fix other programs may meet fewer "+
			"bytes",
			c.Definition)
	case c.Type == "varbinary":
		size, wide = c.Length, ""
		if f.Size > 0 && f.Size <= mostVarbinary {
			wide = fmt.Sprintf("VARBINARY(%d)", f.Size)
		}
	case !isBlob || !strings.HasSuffix(c.Type, "blob"):
		return other
	}
	return tooShort(int64(f.Size), size, "bytes", c, wide)
}

// tooShort says whether a column that holds some bytes or characters is shorter than the mapping needs it, and what
// type is wide enough. A mapping without a bound, 0, is content with 16 MB.
func tooShort(need, have int64, unit string, c *sqldb.LiveColumn, wide string) []sqldb.Misfit {
	change := sqldb.Change{Type: wide}
	switch {
	case need == 0 && have < 1<<24-1 && wide == "":
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses more than %d %s, and the mapping has no bound: "+
			"tag the field size=%[2]d, which says so before anything is sent", c.Definition, have, unit)
	case need == 0 && have < 1<<24-1:
		return sqldb.Weakerf(change, "it is %s, which refuses more than %d %s, and the mapping has no bound; after "+
			"the fix other programs may meet more", c.Definition, have, unit)
	case need <= have:
		return nil
	case c.ForeignKey != "":
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses more than %d %s, as its foreign key %s does, "+
			"and the mapping allows %d", c.Definition, have, unit, c.ForeignKey, need)
	}
	return sqldb.Mustf(change, "it is %s, which refuses more than %d %s, and the mapping allows %d; after the fix "+
		"other programs may meet more", c.Definition, have, unit, need)
}

// stringMisfit says for Misfit whether a column holds text of the mapping's size, and compares it as the
// mapping does. The size of a TEXT is in bytes, of which a character takes up to four.
func (d *dialect) stringMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	size, isText := blobs[c.Type]
	wide := "LONGTEXT"
	var found []sqldb.Misfit
	switch {
	case c.Type == "enum":
		return sqldb.OfReads(sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses all but its values, stores one "+
			"that its collation %s takes for equal in its own form, and sorts them by their position there: an order "+
			"over it is not that of the text", c.Definition, c.Collation))
	case c.Type == "set":
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which stores its values in an order of its own, whatever order "+
			"is written, without an error: map a column of its own", c.Definition)
	case c.Type == "char":
		length := max(c.Length, int64(min(f.Size, mostVarchar)))
		change := sqldb.Change{Type: fmt.Sprintf("VARCHAR(%d)", length)}
		found = sqldb.Mustf(change, "it is %s, which loses trailing spaces without an error; after the fix other "+
			"programs may meet them", c.Definition)
		return append(found, d.collationMisfit(c)...)
	case c.Type == "varchar":
		size, wide = c.Length, ""
		if f.Size > 0 && f.Size <= mostVarchar {
			wide = fmt.Sprintf("VARCHAR(%d)", f.Size)
		}
	case isText && strings.HasSuffix(c.Type, "text"):
		size /= 4
		if f.Size == 0 && c.Type == "mediumtext" {
			size = blobs[c.Type]
		}
	default:
		return other
	}
	return append(tooShort(int64(f.Size), size, "characters", c, wide), d.collationMisfit(c)...)
}

// collationMisfit says for stringMisfit in which ways a collation takes different strings for equal, or refuses them.
// The repository looks at the bytes behind it, so that nothing goes wrong; but to a unique index of such a column two
// strings of the program can be one.
func (d *dialect) collationMisfit(c *sqldb.LiveColumn) []sqldb.Misfit {
	name := c.Collation
	charset, _, _ := strings.Cut(name, "_")
	change := sqldb.Change{Collation: d.server.collation()}
	var found []sqldb.Misfit
	if charset != "utf8mb4" {
		found = sqldb.Weakerf(change, "its collation is %s, and %s refuses the characters that it does not have; the "+
			"fix stores the text anew in utf8mb4, which joins with columns of %[2]s notice", name, charset)
	}
	const notice = "; after the fix all programs compare, join and sort it by code point"
	switch {
	case !strings.HasSuffix(name, "_bin"):
		found = append(found, sqldb.Weakerf(change, "its collation %s takes different strings, such as upper and "+
			"lower case, for equal, in conditions, unique indexes and orders"+notice, name)...)
	case !strings.Contains(name, "nopad") && !strings.Contains(name, "0900"):
		found = append(found, sqldb.Weakerf(change, "its collation %s takes strings that differ in trailing spaces "+
			"for equal"+notice, name)...)
	}
	return sqldb.OfReads(found)
}
