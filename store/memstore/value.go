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

// keyBuffer is the size up to which a key is encoded without an allocation.
const keyBuffer = 64

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
			return cmp.Or(cmp.Compare(x.Unix(), y.Unix()), cmp.Compare(x.Nanosecond(), y.Nanosecond()))
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

// The forms that a stored value can have, in their order. None is 0 or 255, which stand below and above
// every encoding, also where its bits are turned over for a descending order.
const (
	formNull byte = iota + 1
	formBool
	formInt
	formFloat
	formText
	formBytes
	formTime
)

// form is the form of a canonical value, NULL among them.
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

// compareUnsigned is compareDecimals for two that are not negative.
func compareUnsigned(a, b string) int {
	wholeA, fractionA, _ := strings.Cut(a, ".")
	wholeB, fractionB, _ := strings.Cut(b, ".")
	return cmp.Or(
		cmp.Compare(len(wholeA), len(wholeB)),
		strings.Compare(wholeA, wholeB),
		strings.Compare(strings.TrimRight(fractionA, "0"), strings.TrimRight(fractionB, "0")),
	)
}

// appendValue appends an encoding of a canonical value. Encodings are ordered, by their bytes, as
// compare orders the values, so that equal values and no others have one encoding; and none is the start
// of another, so that encodings can follow each other.
func appendValue(to []byte, kind driver.Kind, v any) []byte {
	switch x := v.(type) {
	case bool:
		return append(to, formBool, byte(number(x)))
	case int64:
		return appendInt(to, x)
	case float64:
		bits := math.Float64bits(x)
		switch {
		case x == 0:
			bits = 1 << 63 // the negative zero too
		case x < 0:
			bits = ^bits
		default:
			bits |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(append(to, formFloat), bits)
	case string:
		if kind == driver.Decimal {
			return appendDecimal(append(to, formText), x)
		}
		return appendText(to, x)
	case []byte:
		return appendEnded(append(to, formBytes), x)
	case time.Time:
		to = appendOrdered(append(to, formTime), x.Unix())
		return binary.BigEndian.AppendUint32(to, uint32(x.Nanosecond()))
	}
	return append(to, formNull)
}

func appendInt(to []byte, n int64) []byte { return appendOrdered(append(to, formInt), n) }

func appendText(to []byte, text string) []byte { return appendEnded(append(to, formText), text) }

func appendOrdered(to []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(to, uint64(n)^1<<63)
}

// textEnd ends a text in an encoding. It is below what a longer text has there, whose zeros are followed
// by 255.
const textEnd = "\x00\x01"

// appendEnded appends text and its end.
func appendEnded[T string | []byte](to []byte, text T) []byte {
	for i := range len(text) {
		to = append(to, text[i])
		if text[i] == 0 {
			to = append(to, 255)
		}
	}
	return append(to, textEnd...)
}

// appendDecimal appends the number of the whole digits, these and the fraction without the zeros at its
// end, all bits turned over where the number is negative.
func appendDecimal(to []byte, text string) []byte {
	digits, isNegative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	to = append(to, byte(number(!isNegative)))
	start := len(to)
	to = binary.BigEndian.AppendUint32(to, uint32(len(whole)))
	to = append(to, whole...)
	to = appendEnded(to, strings.TrimRight(fraction, "0"))
	if isNegative {
		turnOver(to[start:])
	}
	return to
}

// turnOver turns all bits over, which turns the order of encodings round.
func turnOver(encoded []byte) {
	for i := range encoded {
		encoded[i] = ^encoded[i]
	}
}
