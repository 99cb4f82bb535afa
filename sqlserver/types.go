package sqlserver

import (
	"fmt"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

const (
	mostUnits  = 4000 // of NVARCHAR(n), in UTF-16 units
	mostBytes  = 8000 // of VARCHAR(n), VARBINARY(n) and BINARY(n)
	mostDigits = 38   // of DECIMAL
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
