package sqlserver

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store/driver"
)

// order is how SQL Server sorts: each type as it compares it, text to its end.
type order struct{ *dialect }

var _ sqldb.Order = order{}

// SortsAsText implements [sqldb.Order].
func (o order) SortsAsText(string) bool { return false }

// AsText implements [sqldb.Order].
func (o order) AsText(column string) string { return column }

// Zeros implements [sqldb.Order].
func (o order) Zeros(string) string { return "0" }

// TimeText implements [sqldb.Order].
func (o order) TimeText(string) string { return "" }

// Stored implements [sqldb.Order]. The client gives decimals as their text in bytes.
func (o order) Stored(f *driver.Field, typ string, value any) any {
	switch x := value.(type) {
	case float32:
		return float64(x)
	case []byte:
		isDecimal := typ == "DECIMAL" || typ == "NUMERIC" || strings.HasSuffix(typ, "MONEY")
		if isDecimal || typ == "" && f.Kind == driver.Decimal {
			return driver.Number(x)
		}
		return append([]byte{}, x...)
	}
	return value
}

// Operand implements [sqldb.Order].
func (o order) Operand(n int, f *driver.Field, column string, value any) (left, param string, arg any, err error) {
	param = "@p" + strconv.Itoa(n)
	if x, ok := value.(driver.Number); ok {
		if f.Kind == driver.Decimal {
			return column, o.Param(n, f), string(x), nil
		}
		_, fraction, _ := strings.Cut(string(x), ".")
		const mostDigits = 38
		return column, fmt.Sprintf("CAST(%s AS DECIMAL(%d, %d))", param, mostDigits, len(fraction)), string(x), nil
	}
	if f.Kind != driver.Decimal { // one that is stored as something else is compared as that
		param = o.Compared(n, f, value)
	}
	arg, err = o.Arg(f, value)
	return column, param, arg, err
}

// IsMix implements [sqldb.Order].
func (o order) IsMix(error) bool { return false }
