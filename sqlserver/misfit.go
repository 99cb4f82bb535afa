package sqlserver

import (
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// Misfit implements [sqldb.Schema]. A type is only ever widened: another kind of type would change what the programs
// that use the table read and write.
func (d *dialect) Misfit(f *driver.Field, c *sqldb.LiveColumn) []sqldb.Misfit {
	found := d.typeMisfit(f, c)
	if c.IsTrimmed {
		found = append(found, sqldb.Mustf(sqldb.Change{}, "it was made with ANSI_PADDING OFF: the database cuts "+
			"spaces and zeros off the ends of its values without an error; map a column of its own")...)
	}
	return found
}

// typeMisfit is Misfit for the type of a column.
func (d *dialect) typeMisfit(f *driver.Field, c *sqldb.LiveColumn) []sqldb.Misfit {
	other := sqldb.OtherKind(f, c)
	switch f.Kind {
	case driver.Bool:
		if c.Type != "bit" {
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
	case driver.UUID:
		if c.Type != "uniqueidentifier" {
			return other
		}
	case driver.ByteArray:
		n := int64(f.Base.Len())
		if (c.Type != "binary" || c.Length != n) && (c.Type != "varbinary" || c.Length != 0 && c.Length < n) {
			return other
		}
	case driver.Bytes:
		switch c.Type {
		case "binary":
			return sqldb.FillsWithZeros(c, "VARBINARY("+bound(max(f.Size, int(c.Length)), mostBytes)+")")
		case "varbinary":
			return tooShort(int64(f.Size), c, "bytes", "VARBINARY("+bound(f.Size, mostBytes)+")")
		}
		return other
	case driver.Nested:
		if c.Type != "nvarchar" {
			return other
		}
		return tooShort(0, c, "characters", "")
	case driver.String:
		return d.stringMisfit(f, c, other)
	}
	return nil
}

// integerTypes are the integer types with a sign.
var integerTypes = []sqldb.IntegerType{
	{Bits: 16, Name: "SMALLINT"}, {Bits: 32, Name: "INT"}, {Bits: 64, Name: "BIGINT"},
}

// integerMisfit says for typeMisfit whether a column holds every number of an integer field.
func integerMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	have, need := integers[c.Type], sqldb.Bits(f)
	switch {
	case have == 0:
		return other
	case c.Type == "tinyint" && f.Kind == driver.Int:
		have = 0 // it has no sign
	case c.Type != "tinyint" && f.Kind == driver.Uint && need < 64:
		need++
	}
	switch {
	case have >= need:
		return nil
	case have == 0 && c.ForeignKey == "":
		wide := sqldb.NarrowInteger(f, c, need, integerTypes)[0].Change
		return sqldb.Mustf(wide, "it is TINYINT, which refuses numbers below 0 and above 255; after the fix other "+
			"programs may meet them")
	}
	return sqldb.NarrowInteger(f, c, need, integerTypes)
}

// floatMisfit says for typeMisfit whether a column holds every float.
func floatMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	switch {
	case c.Type == "float", c.Type == "real" && f.Base.Size() == 4:
		return nil
	case c.Type == "real":
		return sqldb.SingleFloat(c, "FLOAT")
	case integers[c.Type] > 0, c.Type == "decimal", c.Type == "numeric", strings.HasSuffix(c.Type, "money"):
		return sqldb.RoundsFloats(f, c)
	}
	return other
}

// decimalMisfit says for typeMisfit whether a column holds every decimal of the mapping. DECIMAL rounds what has more
// digits after the point without an error, and a float what has more than 15 digits.
func decimalMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	switch {
	case c.Type == "float":
		return sqldb.FloatOfDecimals(f, c, 15)
	case c.Type == "real":
		return sqldb.FloatOfDecimals(f, c, 6)
	case integers[c.Type] > 0 && f.Scale > 0:
		return sqldb.WholeDecimals(c)
	case c.Type != "decimal" && c.Type != "numeric":
		return other
	}
	return sqldb.DecimalDigits(f, c, strings.ToUpper(c.Type), mostDigits)
}

// timeMisfit says for typeMisfit whether a column holds times to the microsecond.
func timeMisfit(c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	const change = "DATETIME2(7)"
	switch {
	case c.Type == "datetime", c.Type == "smalldatetime":
		return sqldb.Mustf(sqldb.Change{Type: change}, "it is %s, which rounds times without an error; after the fix "+
			"other programs meet more digits, and cannot add numbers to it (… + 1), which DATEADD can", c.Definition)
	case c.Type == "date":
		return sqldb.CutsTimeOfDay()
	case c.Type != "datetime2":
		return other
	case c.Scale < 6:
		return sqldb.RoundsTimes(c, c.Scale, change)
	}
	return nil
}

// tooShort is sqldb.TooShort where 0 is no bound of the column either, and where no type without one is proposed.
func tooShort(need int64, c *sqldb.LiveColumn, unit, wide string) []sqldb.Misfit {
	if c.Length == 0 {
		return nil
	}
	if need == 0 {
		wide = ""
	}
	return sqldb.TooShort(need, c.Length, unit, c, wide)
}

// stringMisfit says for typeMisfit whether a column holds text of the mapping's size, in characters that it has,
// and compares it as the mapping does. Into a varchar that the mapping does not know as one the server would put ?
// for what it does not have.
func (d *dialect) stringMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	var found []sqldb.Misfit
	family, units := "NVARCHAR", 2
	if strings.HasPrefix(c.Type, "var") || c.Type == "char" {
		family, units = "VARCHAR", 1
		if c.Precision == utf8Page {
			units = 4
		}
	}
	most := mostBytes
	if family == "NVARCHAR" {
		most = mostUnits
	}
	switch {
	case c.Type == "char" || c.Type == "nchar":
		change := sqldb.Change{Type: family + "(" + bound(max(units*f.Size, int(c.Length)), most) + ")"}
		found = sqldb.Mustf(change, "it is %s, which fills up with spaces; after the fix other programs may meet "+
			"fewer, and rows that are there keep theirs", c.Definition)
	case c.Type != "varchar" && c.Type != "nvarchar":
		return other
	default:
		found = tooShort(int64(f.Size), c, "characters", family+"("+bound(units*f.Size, most)+")")
	}
	switch {
	case family == "VARCHAR" && !f.Varchar:
		found = append(found, sqldb.Mustf(sqldb.Change{}, "it is %s, which cannot hold every character, and its index "+
			"is not used for the nvarchar that the mapping sends: tag the field varchar", c.Definition)...)
	case family == "VARCHAR" && !d.page.isASCII() && c.Precision != int64(d.page.number):
		found = append(found, sqldb.Mustf(sqldb.Change{}, "its collation %s has another code page than the database: "+
			"map a column of its own", c.Collation)...)
	}
	if name := strings.ToLower(c.Collation); !strings.Contains(name, "_bin") {
		change := sqldb.Change{Collation: binaryCollation}
		if family == "VARCHAR" {
			change.Collation = d.page.collation
		}
		found = append(found, sqldb.OfReads(sqldb.Weakerf(change, "its collation %s decides which strings are equal "+
			"and how they sort, not their code points; after the fix all programs compare, join and sort it by them",
			c.Collation))...)
	}
	return found
}
