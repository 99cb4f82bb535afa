package store

import (
	"database/sql"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/stillframe/stillframe/store/driver"
)

// check looks at one field before a write, and normalizes what the database could not keep.
type check struct {
	field *driver.Field
	run   checkFunc
}

// checkFunc checks an addressable value. What it changes it notes in u, which may be nil. Its
// error names the field and never holds the value.
type checkFunc func(u *undoLog, v reflect.Value) error

// undoLog collects what puts values back as they were.
type undoLog struct{ undo []func() }

// set assigns to dst and notes how to take it back.
func (u *undoLog) set(dst, value reflect.Value) {
	if u != nil {
		old := reflect.New(dst.Type()).Elem()
		old.Set(dst)
		u.undo = append(u.undo, func() { dst.Set(old) })
	}
	dst.Set(value)
}

// revert takes everything back, the last first.
func (u *undoLog) revert() {
	for i := len(u.undo) - 1; i >= 0; i-- {
		u.undo[i]()
	}
	u.undo = nil
}

// The years that every backend can hold.
const (
	firstYear = 1
	lastYear  = 9999
)

// checkOf makes the check of a field, nil when every value of its type can be stored as it is.
func checkOf(f *driver.Field, info Info) checkFunc {
	base := baseCheck(f, info)
	if base == nil {
		return nil
	}
	switch f.Wrap {
	case driver.Pointer:
		return func(u *undoLog, v reflect.Value) error {
			if v.IsNil() {
				return nil
			}
			return base(u, v.Elem())
		}
	case driver.Null:
		return func(u *undoLog, v reflect.Value) error {
			if !v.Field(1).Bool() {
				return nil
			}
			return base(u, v.Field(0))
		}
	}
	return base
}

func baseCheck(f *driver.Field, info Info) checkFunc {
	problem := func(format string, args ...any) error {
		return &driver.ValueError{Field: f.Name, Problem: fmt.Sprintf(format, args...)}
	}
	if f.Valuer {
		return valuerCheck(f, info, problem)
	}
	switch f.Kind {
	case driver.Uint:
		if f.Base.Size() < 8 {
			return nil
		}
		return func(_ *undoLog, v reflect.Value) error { return uintProblem(v.Uint(), problem) }
	case driver.Float:
		return func(_ *undoLog, v reflect.Value) error { return floatProblem(v.Float(), problem) }
	case driver.String:
		return func(_ *undoLog, v reflect.Value) error { return stringProblem(v.String(), f.Size, problem) }
	case driver.Bytes:
		if f.Size == 0 {
			return nil
		}
		return func(_ *undoLog, v reflect.Value) error { return bytesProblem(v.Len(), f.Size, problem) }
	case driver.Decimal:
		return func(u *undoLog, v reflect.Value) error {
			text, err := driver.CanonicalDecimal(v.String(), f.Precision, f.Scale)
			if err != nil {
				return problem("%v", err)
			}
			if text != v.String() {
				u.set(v, reflect.ValueOf(text).Convert(v.Type()))
			}
			return nil
		}
	case driver.Time:
		return func(u *undoLog, v reflect.Value) error { return cutTime(u, v, info.TimePrecision, problem) }
	case driver.Nested:
		return nestedCheck(f.Base, info, problem)
	}
	return nil
}

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

func cutTime(u *undoLog, v reflect.Value, precision time.Duration, problem problemFunc) error {
	t := v.Convert(timeType).Interface().(time.Time)
	if err := timeProblem(t, problem); err != nil {
		return err
	}
	if cut := storedTime(t, precision); cut != t {
		u.set(v, reflect.ValueOf(cut).Convert(v.Type()))
	}
	return nil
}

// valuerCheck looks at what Value gives. A time that is cut, and a decimal whose text is not the
// canonical one, go through Scan, so that memory holds what a read would.
func valuerCheck(f *driver.Field, info Info, problem problemFunc) checkFunc {
	plain := *f
	plain.Wrap = driver.Plain
	rescan := func(u *undoLog, v reflect.Value, stored any) error {
		fresh := reflect.New(f.Base)
		if err := fresh.Interface().(sql.Scanner).Scan(stored); err != nil {
			return problem("Scan refused what Value gave")
		}
		if !reflect.DeepEqual(fresh.Elem().Interface(), v.Interface()) {
			u.set(v, fresh.Elem())
		}
		return nil
	}
	return func(u *undoLog, v reflect.Value) error {
		value, err := plain.Encode(v)
		if err != nil {
			return err
		}
		switch x := value.(type) {
		case string:
			if f.Kind == driver.Decimal {
				return rescan(u, v, x)
			}
			return stringProblem(x, f.Size, problem)
		case []byte:
			return bytesProblem(len(x), f.Size, problem)
		case float64:
			return floatProblem(x, problem)
		case time.Time:
			if err := timeProblem(x, problem); err != nil {
				return err
			}
			return rescan(u, v, storedTime(x, info.TimePrecision))
		}
		return nil
	}
}
