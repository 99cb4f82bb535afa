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
	mostDigits    = 65
)

// CheckField implements [sqldb.Schema].
func (d *dialect) CheckField(f *driver.Field) string {
	if f.Kind == driver.Decimal && f.Scale > mostScale {
		return fmt.Sprintf("has %d digits after the point, and mysql holds at most %d", f.Scale, mostScale)
	}
	return ""
}

// CheckIndex implements [sqldb.Schema]: an index that is too long is refused by the server alone.
func (d *dialect) CheckIndex([]*driver.Field, *sqldb.LiveTable, bool) (field, problem string) {
	return "", ""
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
