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
	other := sqldb.OtherKind(f, c)
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
			return sqldb.TooShort(0, c.Length, "characters", c, "")
		case !strings.HasSuffix(c.Type, "text"):
			return other
		default:
			return sqldb.TooShort(0, blobs[c.Type], "bytes", c, "LONGTEXT")
		}
	case driver.String:
		return d.stringMisfit(f, c, other)
	}
	return nil
}

// integerTypes are the integer types, with a sign.
var integerTypes = []sqldb.IntegerType{
	{Bits: 8, Name: "TINYINT"},
	{Bits: 16, Name: "SMALLINT"},
	{Bits: 24, Name: "MEDIUMINT"},
	{Bits: 32, Name: "INT"},
	{Bits: 64, Name: "BIGINT"},
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
	if have < need {
		found = sqldb.NarrowInteger(f, c, need, integerTypes)
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
		return sqldb.RoundsFloats(f, c)
	case !isFloat:
		return other
	case isRounding:
		return sqldb.Mustf(change, "it is %s, which rounds what is stored without an error; after the fix other "+
			"programs meet all digits", c.Definition)
	case c.Type == "float" && f.Base.Size() == 8:
		return sqldb.SingleFloat(c, "DOUBLE")
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
	switch {
	case (c.Type == "double" || c.Type == "float") && strings.Contains(c.Definition, "("):
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds decimals without an error: add a DECIMAL column, "+
			"or map a float", c.Definition)
	case c.Type == "double":
		return sqldb.FloatOfDecimals(f, c, 15)
	case c.Type == "float":
		return sqldb.FloatOfDecimals(f, c, 6)
	case integers[c.Type] > 0 && f.Scale > 0:
		return sqldb.WholeDecimals(c)
	case c.Type != "decimal":
		return other
	}
	return append(sqldb.DecimalDigits(f, c, "DECIMAL", mostDigits), sign(c)...)
}

// timeMisfit says for Misfit whether a column holds times to the microsecond. A TIMESTAMP is shown to each program in
// its own zone, which a DATETIME is not, so that it stays one.
func timeMisfit(c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	if c.Type != "datetime" && c.Type != "timestamp" {
		if c.Type == "date" {
			return sqldb.CutsTimeOfDay()
		}
		return other
	}
	var found []sqldb.Misfit
	if c.Precision < 6 {
		found = sqldb.RoundsTimes(c, c.Precision, strings.ToUpper(c.Type)+"(6)")
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
		return sqldb.FillsWithZeros(c, fmt.Sprintf("VARBINARY(%d)", max(c.Length, min(int64(f.Size), mostVarbinary))))
	case c.Type == "varbinary":
		size, wide = c.Length, ""
		if f.Size > 0 && f.Size <= mostVarbinary {
			wide = fmt.Sprintf("VARBINARY(%d)", f.Size)
		}
	case !isBlob || !strings.HasSuffix(c.Type, "blob"):
		return other
	}
	return sqldb.TooShort(int64(f.Size), size, "bytes", c, wide)
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
	return append(sqldb.TooShort(int64(f.Size), size, "characters", c, wide), d.collationMisfit(c)...)
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
