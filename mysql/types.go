package mysql

import (
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

const (
	mostVarchar   = 16383 // characters of up to four bytes in a row of 65,535
	mostVarbinary = 65000
	mostBinary    = 255
	mostScale     = 30
)

// CheckField implements [sqldb.Schema].
func (d *dialect) CheckField(f *driver.Field) string {
	if f.Kind == driver.Decimal && f.Scale > mostScale {
		return fmt.Sprintf("has %d digits after the point, and mysql holds at most %d", f.Scale, mostScale)
	}
	return ""
}

// columnType is the type of the column that EnsureSchema makes for a field, for Column. It holds each value of
// the field's kind exactly and tells each two apart: another type or collation would round, cut or fold.
func (d *dialect) columnType(f *driver.Field) string {
	switch f.Kind {
	case driver.Bool:
		return "TINYINT(1)"
	case driver.Int, driver.Uint:
		return "BIGINT"
	case driver.Float:
		return "DOUBLE"
	case driver.Bytes:
		if f.Size > 0 && f.Size <= mostVarbinary {
			return fmt.Sprintf("VARBINARY(%d)", f.Size)
		}
		return "LONGBLOB"
	case driver.ByteArray, driver.UUID:
		if n := f.Base.Len(); n > mostBinary {
			return fmt.Sprintf("VARBINARY(%d)", n)
		}
		return fmt.Sprintf("BINARY(%d)", f.Base.Len())
	case driver.Time:
		return "DATETIME(6)"
	case driver.Decimal:
		return fmt.Sprintf("DECIMAL(%d, %d)", f.Precision, f.Scale)
	case driver.Nested:
		if !f.Text {
			return "JSON"
		}
	}
	kind := "LONGTEXT"
	if f.Size > 0 && f.Size <= mostVarchar && !f.Text {
		kind = fmt.Sprintf("VARCHAR(%d)", f.Size)
	}
	return kind + " CHARACTER SET utf8mb4 COLLATE " + d.server.collation()
}

// Column implements [sqldb.Schema].
func (d *dialect) Column(spec *driver.Spec, f *driver.Field) string {
	text := d.Quote(f.Path) + " " + d.columnType(f)
	switch {
	case f.Path == spec.Version.Path:
		return text + " NOT NULL DEFAULT 0"
	case spec.KeyAuto && f.Path == spec.Key.Path:
		return text + " NOT NULL AUTO_INCREMENT"
	case sqldb.IsKey(spec, f) || !f.Nullable() && !f.Generated:
		return text + " NOT NULL"
	}
	return text + " NULL"
}

// Zero implements [sqldb.Schema].
func (d *dialect) Zero(f *driver.Field) string {
	switch f.Kind {
	case driver.Bool, driver.Int, driver.Uint, driver.Float, driver.Decimal:
		return "0"
	case driver.Time:
		return "'0001-01-01 00:00:00'"
	case driver.ByteArray, driver.UUID:
		return "X'" + strings.Repeat("00", f.Base.Len()) + "'"
	case driver.Nested:
		return "'null'"
	}
	return "''"
}

// integers are the bits of the integer types.
var integers = map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

// blobs are the sizes of the types for bytes and text that have no bound in their declaration.
var blobs = map[string]int64{
	"tinytext": 255, "text": 65535, "mediumtext": 1<<24 - 1, "longtext": 1<<32 - 1,
	"tinyblob": 255, "blob": 65535, "mediumblob": 1<<24 - 1, "longblob": 1<<32 - 1,
}

// Misfit implements [sqldb.Schema].
func (d *dialect) Misfit(f *driver.Field, c *sqldb.LiveColumn) []sqldb.Misfit {
	wrong := sqldb.Mustf("it is %s, and the mapping stores %s in it", c.Definition, f.Type)
	switch f.Kind {
	case driver.Bool:
		if integers[c.Type] == 0 && (c.Type != "bit" || c.Precision != 1) {
			return wrong
		}
	case driver.Int, driver.Uint:
		return integerMisfit(f, c, wrong)
	case driver.Float:
		if c.Type == "float" && f.Base.Size() == 4 || c.Type == "double" {
			return nil
		}
		return wrong
	case driver.Decimal:
		if c.Type != "decimal" || c.Scale < int64(f.Scale) || c.Precision-c.Scale < int64(f.Precision-f.Scale) {
			return wrong
		}
		if c.Scale > int64(f.Scale) {
			return sqldb.Weakerf(
				"it is %s: a row with more digits after the point than the mapping has cannot be read", c.Definition,
			)
		}
	case driver.Time:
		switch {
		case c.Type != "datetime":
			return wrong
		case c.Precision < 6:
			return sqldb.Mustf("it is %s, which rounds times to %d digits of a second", c.Definition, c.Precision)
		}
	case driver.ByteArray, driver.UUID:
		n := int64(f.Base.Len())
		isFit := c.Type == "binary" && c.Length == n || c.Type == "varbinary" && c.Length >= n
		if !isFit && !strings.HasSuffix(c.Type, "blob") {
			return wrong
		}
	case driver.Bytes:
		return bytesMisfit(f, c, wrong)
	case driver.Nested:
		if c.Type != "json" && !strings.HasSuffix(c.Type, "text") {
			return wrong
		}
	case driver.String:
		return d.stringMisfit(f, c, wrong)
	}
	return nil
}

// integerMisfit says for Misfit whether a column holds every number of an integer field.
func integerMisfit(f *driver.Field, c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	bits, need := integers[c.Type], int(f.Base.Size())*8
	if bits == 0 {
		return wrong
	}
	// The values of an unsigned field are within int64.
	have := bits
	switch {
	case f.Kind == driver.Uint && !c.Unsigned && need < 64:
		need++
	case f.Kind == driver.Int && c.Unsigned:
		return sqldb.Mustf("it is %s, which refuses numbers below 0", c.Definition)
	}
	if have < need {
		return wrong
	}
	return nil
}

// bytesMisfit says for Misfit whether a column holds as many bytes as the mapping allows.
func bytesMisfit(f *driver.Field, c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	size, isBlob := blobs[c.Type]
	switch {
	case c.Type == "varbinary":
		size = c.Length
	case !isBlob || !strings.HasSuffix(c.Type, "blob"):
		return wrong
	}
	return tooShort(int64(f.Size), size, "bytes", c)
}

// tooShort says whether a column that holds some bytes or characters is shorter than the mapping needs it. A
// mapping without a bound, 0, is content with 16 MB.
func tooShort(need, have int64, unit string, c *sqldb.LiveColumn) []sqldb.Misfit {
	switch {
	case need == 0 && have < 1<<24-1:
		return sqldb.Weakerf("it is %s, which refuses more than %d %s, and the mapping has no bound",
			c.Definition, have, unit)
	case need > have:
		return sqldb.Mustf("it is %s, which refuses more than %d %s, and the mapping allows %d",
			c.Definition, have, unit, need)
	}
	return nil
}

// stringMisfit says for Misfit whether a column holds text of the mapping's size, and compares it as the
// mapping does. The size of a TEXT is in bytes, of which a character takes up to four.
func (d *dialect) stringMisfit(f *driver.Field, c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	size, isText := blobs[c.Type]
	switch {
	case c.Type == "char":
		return sqldb.Mustf("it is %s, which loses trailing spaces", c.Definition)
	case c.Type == "varchar":
		size = c.Length
	case isText && strings.HasSuffix(c.Type, "text"):
		size /= 4
		if f.Size == 0 && c.Type == "mediumtext" {
			size = blobs[c.Type]
		}
	default:
		return wrong
	}
	problems := tooShort(int64(f.Size), size, "characters", c)
	return append(problems, d.collationMisfit(c)...)
}

// collationMisfit says for stringMisfit in which ways a collation takes different strings for equal. To such a
// column two keys of the program can be one row.
func (d *dialect) collationMisfit(c *sqldb.LiveColumn) []sqldb.Misfit {
	name := c.Collation
	charset, _, _ := strings.Cut(name, "_")
	var problems []sqldb.Misfit
	if charset != "utf8mb4" {
		problems = sqldb.Weakerf("its collation is %s, and %s refuses the characters that it does not have",
			name, charset)
	}
	switch {
	case !strings.HasSuffix(name, "_bin"):
		problems = append(problems, sqldb.Weakerf("its collation %s takes different strings, such as upper and "+
			"lower case, for equal", name)...)
	case !strings.Contains(name, "nopad") && !strings.Contains(name, "0900"):
		problems = append(problems, sqldb.Weakerf("its collation %s takes strings that differ in trailing spaces "+
			"for equal", name)...)
	}
	return problems
}
