package sqlserver

import (
	"fmt"
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
	other := sqldb.OfReads(sqldb.Mustf(sqldb.Change{}, "it is %s, and the mapping stores %s in it: map what it holds, "+
		"or a column of its own", c.Definition, f.Type))
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
			change := sqldb.Change{Type: fmt.Sprintf("VARBINARY(%s)", bound(max(f.Size, int(c.Length)), mostBytes))}
			return sqldb.Mustf(change, "it is %s, which fills up with zeros; after the fix other programs may meet "+
				"fewer bytes", c.Definition)
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

// holding is the least integer type of a number of bits, with a sign.
func holding(bits int) string {
	switch {
	case bits <= 16:
		return "SMALLINT"
	case bits <= 32:
		return "INT"
	}
	return "BIGINT"
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
	case c.ForeignKey != "":
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, and the mapping stores %s in it: what is beyond it is "+
			"refused, as by its foreign key %s", c.Definition, f.Type, c.ForeignKey)
	case have == 0:
		return sqldb.Mustf(sqldb.Change{Type: holding(need)}, "it is TINYINT, which refuses numbers below 0 and above "+
			"255; after the fix other programs may meet them")
	}
	return sqldb.Mustf(sqldb.Change{Type: holding(need)}, "it is %s, and the mapping stores %s in it: what is beyond "+
		"it is refused; after the fix other programs may meet larger numbers", c.Definition, f.Type)
}

// floatMisfit says for typeMisfit whether a column holds every float.
func floatMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	switch {
	case c.Type == "float", c.Type == "real" && f.Base.Size() == 4:
		return nil
	case c.Type == "real":
		return sqldb.Mustf(sqldb.Change{Type: "FLOAT"}, "it is REAL, which rounds float64 to about 7 digits without "+
			"an error; after the fix other programs meet all digits, and what is stored stays as it was rounded")
	case integers[c.Type] > 0, c.Type == "decimal", c.Type == "numeric", strings.HasSuffix(c.Type, "money"):
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds the mapping's %s without an error: map a decimal "+
			"or an integer, as it holds, or a column of its own", c.Definition, f.Type)
	}
	return other
}

// decimalMisfit says for typeMisfit whether a column holds every decimal of the mapping. DECIMAL rounds what has more
// digits after the point without an error, and a float what has more than 15 digits.
func decimalMisfit(f *driver.Field, c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	whole, scale := int64(f.Precision-f.Scale), int64(f.Scale)
	switch {
	case c.Type == "float" && f.Precision <= 15, c.Type == "real" && f.Precision <= 6:
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which stores the nearest binary number: each decimal comes "+
			"back as it was, but what the server adds up or compares may not; a DECIMAL column beside it is exact",
			c.Definition)
	case c.Type == "float", c.Type == "real":
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds decimals of %d digits without an error: add a "+
			"DECIMAL column, or map a float", c.Definition, f.Precision)
	case integers[c.Type] > 0 && scale > 0:
		return sqldb.Mustf(sqldb.Change{}, "it is %s, which rounds to whole numbers without an error: map an integer, "+
			"or a column of its own", c.Definition)
	case c.Type != "decimal" && c.Type != "numeric":
		return other
	}
	var found []sqldb.Misfit
	if whole > c.Precision-c.Scale || scale > c.Scale {
		const problem = "it is %s, and the mapping has %d digits before the point and %d behind it: more before it " +
			"are refused, and more behind it rounded without an error"
		widest := max(scale, c.Scale)
		digits := max(whole, c.Precision-c.Scale) + widest
		if digits <= mostDigits {
			change := sqldb.Change{Type: fmt.Sprintf("%s(%d, %d)", strings.ToUpper(c.Type), digits, widest)}
			found = sqldb.Mustf(change, problem+"; after the fix other programs meet more digits",
				c.Definition, whole, scale)
		} else {
			found = sqldb.Mustf(sqldb.Change{}, problem+", and no type holds both: map a column of its own",
				c.Definition, whole, scale)
		}
	}
	if c.Scale > scale {
		found = append(found, sqldb.OfReads(sqldb.Weakerf(sqldb.Change{}, "it is %s: a row with more digits after the "+
			"point than the mapping has cannot be read; map them", c.Definition))...)
	}
	return found
}

// timeMisfit says for typeMisfit whether a column holds times to the microsecond.
func timeMisfit(c *sqldb.LiveColumn, other []sqldb.Misfit) []sqldb.Misfit {
	const change = "DATETIME2(7)"
	switch {
	case c.Type == "datetime", c.Type == "smalldatetime":
		return sqldb.Mustf(sqldb.Change{Type: change}, "it is %s, which rounds times without an error; after the fix "+
			"other programs meet more digits, and cannot add numbers to it (… + 1), which DATEADD can", c.Definition)
	case c.Type == "date":
		return sqldb.Mustf(sqldb.Change{}, "it is DATE, which cuts the time of day off without an error: map a column "+
			"of its own")
	case c.Type != "datetime2":
		return other
	case c.Scale < 6:
		return sqldb.Mustf(sqldb.Change{Type: change}, "it is %s, which rounds times to %d digits of a second without "+
			"an error; after the fix other programs meet more", c.Definition, c.Scale)
	}
	return nil
}

// tooShort says whether a column that holds some bytes or characters is shorter than the mapping needs it, and what
// type is wide enough. 0 is no bound, on either side.
func tooShort(need int64, c *sqldb.LiveColumn, unit, wide string) []sqldb.Misfit {
	have := c.Length
	switch {
	case have == 0 || need != 0 && need <= have:
		return nil
	case need == 0:
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses more than %d %s, and the mapping has no bound: "+
			"tag the field size=%[2]d, which says so before anything is sent", c.Definition, have, unit)
	case c.ForeignKey != "":
		return sqldb.Weakerf(sqldb.Change{}, "it is %s, which refuses more than %d %s, as its foreign key %s does, "+
			"and the mapping allows %d", c.Definition, have, unit, c.ForeignKey, need)
	}
	return sqldb.Mustf(sqldb.Change{Type: wide}, "it is %s, which refuses more than %d %s, and the mapping allows %d; "+
		"after the fix other programs may meet more", c.Definition, have, unit, need)
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
