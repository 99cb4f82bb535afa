package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// order is how MySQL and MariaDB sort.
type order struct{ *dialect }

var _ sqldb.Order = order{}

// SortsAsText implements [sqldb.Order]. An ENUM and a SET are sorted by the position of their values and compared
// by their text. A JSON value of MySQL is sorted as JSON, and compared with a text as a JSON string.
func (o order) SortsAsText(typ string) bool { return typ == "ENUM" || typ == "SET" || typ == "JSON" }

// AsText implements [sqldb.Order].
func (o order) AsText(column string) string {
	return "CONVERT(" + column + " USING utf8mb4) COLLATE " + o.server.collation()
}

// Zeros implements [sqldb.Order].
func (o order) Zeros(column string) string {
	trimmed := "TRIM(TRAILING CHAR(0 USING utf8mb4) FROM " + column + ")"
	return "IF(" + column + " = " + trimmed + ", 0, LENGTH(" + column + ") - LENGTH(" + trimmed + "))"
}

// TimeText implements [sqldb.Order]. The client gives 0000-00-00 as the zero time, and 2020-00-00 as the last day of
// November.
func (o order) TimeText(column string) string { return "CAST(" + column + " AS CHAR)" }

// Stored implements [sqldb.Order]. Most types of values come as bytes.
func (o order) Stored(f *driver.Field, typ string, value any) any {
	switch x := value.(type) {
	case float32:
		return float64(x)
	case string: // a number above int64
		if n, err := strconv.ParseUint(x, 10, 64); err == nil && typ == "UNSIGNED BIGINT" {
			return n
		}
	case []byte:
		switch {
		case typ == "DECIMAL" || typ == "" && f.Kind == driver.Decimal:
			return driver.Number(x)
		case typ == "UNSIGNED BIGINT":
			if n, err := strconv.ParseUint(string(x), 10, 64); err == nil {
				return n
			}
		case typ == "BIT" && len(x) <= 8:
			var number [8]byte
			copy(number[8-len(x):], x)
			return binary.BigEndian.Uint64(number[:])
		case strings.HasSuffix(typ, "BLOB") || strings.HasSuffix(typ, "BINARY"):
			return append([]byte{}, x...)
		}
		return string(x)
	}
	return value
}

// Operand implements [sqldb.Order]. A text would be compared with a DECIMAL as two floats. What is no time of the
// calendar is compared as text, in which times are in their own order.
func (o order) Operand(_ int, f *driver.Field, column string, value any) (left, param string, arg any, err error) {
	switch x := value.(type) {
	case driver.Number:
		whole, _, _ := strings.Cut(strings.TrimPrefix(string(x), "-"), ".")
		scale := min(mostScale, mostDigits-len(whole))
		return column, fmt.Sprintf("CAST(? AS DECIMAL(%d, %d))", mostDigits, max(0, scale)), string(x), nil
	case string:
		if f.Kind == driver.Time {
			column = o.TimeText(column)
		}
	}
	arg, err = o.Arg(f, value)
	return column, "?", arg, err
}

// IsMix implements [sqldb.Order].
func (o order) IsMix(err error) bool {
	e, ok := errors.AsType[*mysqldriver.MySQLError](err)
	return ok && (e.Number >= 1267 && e.Number <= 1271 || e.Number == 3988)
}
