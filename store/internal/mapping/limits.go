package mapping

import (
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// The years that every backend can hold.
const (
	firstYear = 1
	lastYear  = 9999
)

// checkFunc checks an addressable value. What it changes it notes in u, which may be nil. Its
// error names the field and never holds the value.
type checkFunc func(u *Undo, v reflect.Value) error

// problemFunc makes the error of a field.
type problemFunc func(format string, args ...any) error

func uintProblem(n uint64, problem problemFunc) error {
	if n > math.MaxInt64 {
		return problem("number is above the largest int64")
	}
	return nil
}

func floatProblem(x float64, problem problemFunc) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return problem("number is not finite")
	}
	return nil
}

func stringProblem(s string, size int, problem problemFunc) error {
	if !utf8.ValidString(s) {
		return problem("text is not valid UTF-8")
	}
	if size > 0 && len(s) > size && utf8.RuneCountInString(s) > size {
		return problem("text is longer than %d characters", size)
	}
	return nil
}

func bytesProblem(n, size int, problem problemFunc) error {
	if size > 0 && n > size {
		return problem("value is longer than %d bytes", size)
	}
	return nil
}

func timeProblem(t time.Time, problem problemFunc) error {
	if y := t.UTC().Year(); y < firstYear || y > lastYear {
		return problem("time is outside the years %d to %d", firstYear, lastYear)
	}
	return nil
}

// stored is a time as the database holds it: in UTC, cut to its precision.
func storedTime(t time.Time, precision time.Duration) time.Time {
	return t.UTC().Truncate(precision)
}

func cutTime(u *Undo, v reflect.Value, precision time.Duration, problem problemFunc) error {
	t := v.Convert(timeType).Interface().(time.Time)
	if err := timeProblem(t, problem); err != nil {
		return err
	}
	if cut := storedTime(t, precision); cut != t {
		u.set(v, reflect.ValueOf(cut).Convert(v.Type()))
	}
	return nil
}
