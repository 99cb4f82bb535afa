package driver

import "time"

// Number is a decimal number as its text, among the stored values of a [FindResult]: what a column of decimals
// holds, whatever the field's type.
type Number string

// IsStored reports whether a value has one of the types that a value of FindResult.Last has: nil, bool, int64,
// uint64, float64, string, []byte, time.Time or [Number].
func IsStored(value any) bool {
	switch value.(type) {
	case nil, bool, int64, uint64, float64, string, []byte, time.Time, Number:
		return true
	}
	return false
}
