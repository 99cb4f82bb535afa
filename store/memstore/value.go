package memstore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// owned returns a canonical value that shares no memory with v.
func owned(v any) any {
	if b, ok := v.([]byte); ok {
		return append(make([]byte, 0, len(b)), b...)
	}
	return v
}

// compare orders two canonical values of one column. NULL comes first. Values of different forms,
// which only the raw store can bring into one column, are ordered by their form.
func compare(kind driver.Kind, a, b any) int {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			if kind == driver.Decimal {
				return compareDecimals(x, y)
			}
			return strings.Compare(x, y)
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	case []byte:
		if y, ok := b.([]byte); ok {
			return bytes.Compare(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(number(x), number(y))
		}
	}
	return cmp.Compare(form(a), form(b))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The forms that a stored value can have, in their order.
const (
	formNull byte = iota
	formBool
	formInt
	formFloat
	formText
	formBytes
	formTime
)

func form(v any) byte {
	switch v.(type) {
	case nil:
		return formNull
	case bool:
		return formBool
	case int64:
		return formInt
	case float64:
		return formFloat
	case string:
		return formText
	case []byte:
		return formBytes
	}
	return formTime
}

// compareDecimals compares two canonical decimals, which may differ in the number of their digits
// after the point.
func compareDecimals(a, b string) int {
	minusA, minusB := strings.HasPrefix(a, "-"), strings.HasPrefix(b, "-")
	switch {
	case minusA && minusB:
		return compareUnsigned(b[1:], a[1:])
	case minusA:
		return -1
	case minusB:
		return 1
	}
	return compareUnsigned(a, b)
}

func compareUnsigned(a, b string) int {
	wholeA, fractionA, _ := strings.Cut(a, ".")
	wholeB, fractionB, _ := strings.Cut(b, ".")
	return cmp.Or(
		cmp.Compare(len(wholeA), len(wholeB)),
		strings.Compare(wholeA, wholeB),
		strings.Compare(strings.TrimRight(fractionA, "0"), strings.TrimRight(fractionB, "0")),
	)
}

// appendValue appends an encoding of a canonical value in which equal values, and no others, are
// equal, and which tells where it ends, so that encodings can follow each other.
func appendValue(to []byte, kind driver.Kind, v any) []byte {
	switch x := v.(type) {
	case bool:
		return append(to, formBool, byte(number(x)))
	case int64:
		return appendInt(to, x)
	case float64:
		if x == 0 {
			x = 0 // not the negative zero
		}
		return binary.BigEndian.AppendUint64(append(to, formFloat), math.Float64bits(x))
	case string:
		if kind == driver.Decimal {
			x = shortDecimal(x)
		}
		return appendText(to, x)
	case []byte:
		return append(binary.AppendUvarint(append(to, formBytes), uint64(len(x))), x...)
	case time.Time:
		to = binary.BigEndian.AppendUint64(append(to, formTime), uint64(x.Unix()))
		return binary.BigEndian.AppendUint32(to, uint32(x.Nanosecond()))
	}
	return append(to, formNull)
}

func appendInt(to []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(to, formInt), uint64(n))
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(append(to, formText), uint64(len(text))), text...)
}

// shortDecimal takes the zeros at the end of a canonical decimal's fraction away.
func shortDecimal(text string) string {
	whole, fraction, _ := strings.Cut(text, ".")
	if fraction = strings.TrimRight(fraction, "0"); fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
