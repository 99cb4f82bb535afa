package driver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxExponent bounds the zeros that the exponent of a decimal can ask for.
const maxExponent = 200

// CanonicalDecimal returns the decimal number in text with exactly scale digits after the point,
// no leading zeros, no plus sign and no negative zero, so that equal numbers are equal texts. An
// exponent is read ("1e3"). Text that is no number, and a number that does not fit precision
// digits in all and scale digits after the point, are errors; digits are never rounded away.
// Neither error holds the text.
func CanonicalDecimal(text string, precision, scale int) (string, error) {
	if text == "" {
		return "", errEmptyDecimal
	}
	negative := false
	switch {
	case strings.HasPrefix(text, "-"):
		negative, text = true, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	exponent := 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			return "", errNotDecimal
		}
		exponent, text = n, text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", errNotDecimal
	}
	point := len(whole) + exponent
	if point < 0 {
		digits, point = strings.Repeat("0", -point)+digits, 0
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole = strings.TrimLeft(digits[:point], "0")
	fraction = strings.TrimRight(digits[point:], "0")
	if len(fraction) > scale {
		return "", fmt.Errorf("has more than %d digits after the point", scale)
	}
	if len(whole) > precision-scale {
		return "", fmt.Errorf("has more than %d digits before the point", precision-scale)
	}
	negative = negative && whole+fraction != ""
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	if whole == "" {
		whole = "0"
	}
	b.WriteString(whole)
	if scale > 0 {
		b.WriteByte('.')
		b.WriteString(fraction)
		b.WriteString(strings.Repeat("0", scale-len(fraction)))
	}
	return b.String(), nil
}

var (
	errNotDecimal   = errors.New("is not a decimal number")
	errEmptyDecimal = errors.New(`is empty and not a decimal number: zero is written "0"`)
)
