package mapping

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// Operand is the value of a query, brought to the base type of its field and normalized like a value
// that is written, so that what was stored is found.
type Operand struct {
	Base   any  // of the field's base type, unset where IsNull
	IsNull bool // the value is NULL, or its Value method gives NULL
	// IsCut says that a time was cut: Base is a little earlier than the value.
	IsCut bool
}

// Convert makes the operand of a value that a query compares with the field.
func (m *Mapping) Convert(f *driver.Field, value any) (Operand, error) {
	v := reflect.ValueOf(value)
	for v.IsValid() && v.Type() != f.Base {
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
			return Operand{IsNull: true}, nil
		case v.Kind() == reflect.Pointer:
			v = v.Elem()
			continue
		case driver.IsSQLNull(v.Type()) && !v.Field(1).Bool():
			return Operand{IsNull: true}, nil
		case driver.IsSQLNull(v.Type()):
			v = v.Field(0)
			continue
		}
		break
	}
	if !v.IsValid() || f.Kind == driver.Bytes && v.Kind() == reflect.Slice && v.IsNil() {
		return Operand{IsNull: true}, nil
	}
	dst := reflect.New(f.Base).Elem()
	if !convertInto(f, dst, v) {
		return Operand{}, fmt.Errorf("%s: a value of type %T does not convert to %s%s",
			f.Name, value, f.Base, rangeOf(f, v))
	}
	return m.normalized(f, dst)
}

// normalized makes the operand of v, of the field's base type.
func (m *Mapping) normalized(f *driver.Field, v reflect.Value) (Operand, error) {
	plain := *f
	plain.Wrap, plain.Size = driver.Plain, 0
	var before any
	if f.Valuer || f.Kind == driver.Time {
		var err error
		if before, err = plain.Encode(v); err != nil {
			return Operand{}, err
		}
		if before == nil {
			return Operand{IsNull: true}, nil
		}
	}
	if check := baseCheck(&plain, m.info); check != nil {
		if err := check(nil, v); err != nil {
			return Operand{}, err
		}
	}
	at, isTime := before.(time.Time)
	return Operand{Base: v.Interface(), IsCut: isTime && !storedTime(at, m.info.TimePrecision).Equal(at)}, nil
}

// rangeOf says which numbers a field can hold, for a number that it cannot.
func rangeOf(f *driver.Field, v reflect.Value) string {
	if f.Valuer || !v.CanInt() && !v.CanUint() {
		return ""
	}
	bits := f.Base.Bits
	switch f.Kind {
	case driver.Int:
		return fmt.Sprintf(", which holds %d to %d", int64(-1)<<(bits()-1), int64(1)<<(bits()-1)-1)
	case driver.Uint:
		return fmt.Sprintf(", which holds 0 to %d", min(uint64(math.MaxInt64), uint64(math.MaxUint64)>>(64-bits())))
	case driver.Float:
		return fmt.Sprintf(", which holds every integer from %d to %d", int64(-exactFloat), int64(exactFloat))
	}
	return ""
}

// convertInto assigns v to dst, of f.Base, and reports whether it could without loss.
func convertInto(f *driver.Field, dst, v reflect.Value) bool {
	if v.Type() == f.Base {
		dst.Set(v)
		return true
	}
	if f.Valuer {
		return convertByScan(f, dst, v)
	}
	switch f.Kind {
	case driver.Bool:
		if v.Kind() == reflect.Bool {
			dst.SetBool(v.Bool())
			return true
		}
	case driver.Int:
		n, ok := integer(v)
		if ok && !dst.OverflowInt(n) {
			dst.SetInt(n)
			return true
		}
	case driver.Uint:
		n, ok := integer(v)
		if ok && n >= 0 && !dst.OverflowUint(uint64(n)) {
			dst.SetUint(uint64(n))
			return true
		}
	case driver.Float:
		x, ok := float(v)
		if ok && !dst.OverflowFloat(x) {
			dst.SetFloat(x)
			return true
		}
	case driver.String:
		if v.Kind() == reflect.String {
			dst.SetString(v.String())
			return true
		}
	case driver.Decimal:
		if v.Kind() == reflect.String {
			dst.SetString(v.String())
			return true
		}
		if n, ok := integer(v); ok {
			dst.SetString(strconv.FormatInt(n, 10))
			return true
		}
	case driver.Bytes, driver.ByteArray, driver.UUID:
		if v.Kind() == f.Base.Kind() && v.Type().ConvertibleTo(f.Base) {
			dst.Set(v.Convert(f.Base))
			return true
		}
	case driver.Time:
		if v.Kind() == reflect.Struct && v.Type().ConvertibleTo(f.Base) {
			dst.Set(v.Convert(f.Base))
			return true
		}
	}
	return false
}

// convertByScan lets a type with Scan read a plain value. A decimal is always given its text.
func convertByScan(f *driver.Field, dst, v reflect.Value) bool {
	var src any
	switch {
	case v.Kind() == reflect.String:
		src = v.String()
	case v.Kind() == reflect.Bool:
		src = v.Bool()
	case v.CanFloat():
		src = v.Float()
	case v.Type() == timeType:
		src = v.Interface().(time.Time)
	default:
		n, ok := integer(v)
		if !ok {
			return false
		}
		src = n
		if f.Kind == driver.Decimal {
			src = strconv.FormatInt(n, 10)
		}
	}
	plain := *f
	plain.Wrap = driver.Plain
	return plain.Decode(dst, src) == nil
}

func integer(v reflect.Value) (int64, bool) {
	switch {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), v.Uint() <= math.MaxInt64
	}
	return 0, false
}

// exactFloat is the largest integer up to which every integer is a float64.
const exactFloat = 1 << 53

func float(v reflect.Value) (float64, bool) {
	if v.CanFloat() {
		return v.Float(), true
	}
	n, ok := integer(v)
	return float64(n), ok && n >= -exactFloat && n <= exactFloat
}
