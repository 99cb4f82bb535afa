package sqlserver

import (
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

const (
	mostUnits = 4000 // of NVARCHAR(n), in UTF-16 units
	mostBytes = 8000 // of VARCHAR(n), VARBINARY(n) and BINARY(n)
)

// CheckField implements [sqldb.Schema].
func (d *dialect) CheckField(*driver.Field) string { return "" }

// columnType is the type of the column that EnsureSchema makes for a field, for Column. It holds each value of
// the field's kind exactly and tells each two apart: another type or collation would round, cut or fold. An
// NVARCHAR has room for as many characters as the mapping says, of two UTF-16 units each.
func (d *dialect) columnType(f *driver.Field) string {
	switch f.Kind {
	case driver.Bool:
		return "BIT"
	case driver.Int, driver.Uint:
		return "BIGINT"
	case driver.Float:
		return "FLOAT"
	case driver.Bytes:
		return "VARBINARY(" + bound(f.Size, mostBytes) + ")"
	case driver.ByteArray:
		if n := f.Base.Len(); n <= mostBytes && n > 0 {
			return fmt.Sprintf("BINARY(%d)", n)
		}
		return "VARBINARY(MAX)"
	case driver.UUID:
		return "UNIQUEIDENTIFIER"
	case driver.Time:
		return "DATETIME2(7)"
	case driver.Decimal:
		return fmt.Sprintf("DECIMAL(%d, %d)", f.Precision, f.Scale)
	}
	size := f.Size
	if f.Text || f.Kind == driver.Nested {
		size = 0
	}
	switch {
	case !f.Varchar:
		return "NVARCHAR(" + bound(2*size, mostUnits) + ") COLLATE " + binaryCollation
	case d.page.number == utf8Page:
		return "VARCHAR(" + bound(4*size, mostBytes) + ") COLLATE " + d.page.collation
	}
	return "VARCHAR(" + bound(size, mostBytes) + ") COLLATE " + d.page.collation
}

// bound is the length in a declaration, MAX where there is none or where the type cannot have it.
func bound(n, most int) string {
	if n <= 0 || n > most {
		return "MAX"
	}
	return fmt.Sprint(n)
}

// Column implements [sqldb.Schema].
func (d *dialect) Column(spec *driver.Spec, f *driver.Field) string {
	switch {
	case f.Path == spec.Version.Path && spec.VersionAuto:
		return d.Quote(f.Path) + " ROWVERSION NOT NULL"
	case f.Path == spec.Version.Path:
		return d.Quote(f.Path) + " BIGINT NOT NULL DEFAULT 0"
	case f.Path == spec.Key.Path && spec.KeyAuto:
		return d.Quote(f.Path) + " BIGINT IDENTITY(1, 1) NOT NULL"
	}
	return d.definition(spec, f)
}

// definition is that of a column whose values the database does not make.
func (d *dialect) definition(spec *driver.Spec, f *driver.Field) string {
	null := " NULL"
	if f.Path == spec.Version.Path || sqldb.IsKey(spec, f) || !f.Nullable() && !f.Generated {
		null = " NOT NULL"
	}
	return d.Quote(f.Path) + " " + d.columnType(f) + null
}

// Zero implements [sqldb.Schema].
func (d *dialect) Zero(f *driver.Field) string {
	switch f.Kind {
	case driver.Bool, driver.Int, driver.Uint, driver.Float, driver.Decimal:
		return "0"
	case driver.Time:
		return "'0001-01-01T00:00:00'"
	case driver.UUID:
		return "'00000000-0000-0000-0000-000000000000'"
	case driver.ByteArray:
		return "0x" + strings.Repeat("00", f.Base.Len())
	case driver.Bytes:
		return "0x"
	case driver.Nested:
		return "N'null'"
	}
	return "N''"
}

// integers are the bits of the integer types. A tinyint has no sign.
var integers = map[string]int{"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}

// Misfit implements [sqldb.Schema].
func (d *dialect) Misfit(f *driver.Field, c *sqldb.LiveColumn) []sqldb.Misfit {
	wrong := sqldb.Mustf("it is %s, and the mapping stores %s in it", c.Definition, f.Type)
	switch f.Kind {
	case driver.Bool:
		if c.Type != "bit" {
			return wrong
		}
	case driver.Int, driver.Uint:
		return integerMisfit(f, c, wrong)
	case driver.Float:
		if c.Type != "float" && (c.Type != "real" || f.Base.Size() > 4) {
			return wrong
		}
	case driver.Decimal:
		isDecimal := c.Type == "decimal" || c.Type == "numeric"
		if !isDecimal || c.Scale < int64(f.Scale) || c.Precision-c.Scale < int64(f.Precision-f.Scale) {
			return wrong
		}
		if c.Scale > int64(f.Scale) {
			return sqldb.Weakerf(
				"it is %s: a row with more digits after the point than the mapping has cannot be read", c.Definition,
			)
		}
	case driver.Time:
		return timeMisfit(c, wrong)
	case driver.UUID:
		if c.Type != "uniqueidentifier" {
			return wrong
		}
	case driver.ByteArray:
		n := int64(f.Base.Len())
		if (c.Type != "binary" || c.Length != n) && (c.Type != "varbinary" || c.Length != 0 && c.Length < n) {
			return wrong
		}
	case driver.Bytes:
		if c.Type != "varbinary" {
			return wrong
		}
		return tooShort(int64(f.Size), c.Length, "bytes", c)
	case driver.Nested:
		if c.Type != "nvarchar" {
			return wrong
		}
		return tooShort(0, c.Length, "characters", c)
	case driver.String:
		return d.stringMisfit(f, c, wrong)
	}
	return nil
}

// integerMisfit says for Misfit whether a column holds every number of an integer field.
func integerMisfit(f *driver.Field, c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	bits, need := integers[c.Type], int(f.Base.Size())*8
	switch {
	case bits == 0:
		return wrong
	case c.Type == "tinyint" && f.Kind == driver.Int:
		return sqldb.Mustf("it is TINYINT, which refuses numbers below 0")
	case c.Type != "tinyint" && f.Kind == driver.Uint && need < 64:
		need++
	}
	if bits < need {
		return wrong
	}
	return nil
}

// timeMisfit says for Misfit whether a column holds times to the microsecond.
func timeMisfit(c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	switch {
	case c.Type == "datetime", c.Type == "smalldatetime":
		return sqldb.Mustf("it is %s, which rounds times", c.Definition)
	case c.Type != "datetime2":
		return wrong
	case c.Scale < 6:
		return sqldb.Mustf("it is %s, which rounds times to %d digits of a second", c.Definition, c.Scale)
	}
	return nil
}

// tooShort says whether a column that holds some bytes or characters is shorter than the mapping needs it. 0 is
// no bound, on either side.
func tooShort(need, have int64, unit string, c *sqldb.LiveColumn) []sqldb.Misfit {
	switch {
	case have == 0:
	case need == 0:
		return sqldb.Weakerf("it is %s, which refuses more than %d %s, and the mapping has no bound",
			c.Definition, have, unit)
	case need > have:
		return sqldb.Mustf("it is %s, which refuses more than %d %s, and the mapping allows %d",
			c.Definition, have, unit, need)
	}
	return nil
}

// stringMisfit says for Misfit whether a column holds text of the mapping's size, in characters that it has,
// and compares it as the mapping does. Any other column would put ? for what it does not have, or take two
// keys for one.
func (d *dialect) stringMisfit(f *driver.Field, c *sqldb.LiveColumn, wrong []sqldb.Misfit) []sqldb.Misfit {
	var problems []sqldb.Misfit
	switch {
	case c.Type == "char" || c.Type == "nchar":
		return sqldb.Mustf("it is %s, which fills up with spaces", c.Definition)
	case c.Type != "varchar" && c.Type != "nvarchar":
		return wrong
	case c.Type == "varchar" && !f.Varchar:
		problems = sqldb.Mustf("it is %s, which cannot hold every character, and its index is not used for the "+
			"nvarchar that the mapping sends: tag the field varchar, or change the column", c.Definition)
	case c.Type == "varchar" && !d.page.isASCII() && c.Precision != int64(d.page.number):
		problems = sqldb.Mustf("its collation %s has another code page than the database", c.Collation)
	}
	problems = append(problems, tooShort(int64(f.Size), c.Length, "characters", c)...)
	if name := strings.ToLower(c.Collation); !strings.Contains(name, "_bin") {
		problems = append(problems, sqldb.Weakerf("its collation %s decides which strings are equal and how they "+
			"sort, not their code points", c.Collation)...)
	}
	return problems
}
