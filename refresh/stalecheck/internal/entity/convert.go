package entity

import (
	"fmt"
	"go/constant"
	"go/types"
	"math"
)

// Value is what the source says of the value that a query compares with a field.
type Value struct {
	Type  types.Type
	Const constant.Value // nil where it is no constant
	IsNil bool           // it is the word nil
}

// Mismatch says why a value cannot be compared with the field, empty where it can, or where only a run shows it.
func (f *Field) Mismatch(v Value) string {
	if v.IsNil || v.Type == nil || f.Kind == Unknown || f.Base == nil || hasTypeParams(v.Type) {
		return ""
	}
	t := v.Type
	for !types.Identical(t, f.Base) {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
			continue
		}
		if !IsSQLNull(t) {
			break
		}
		s, _ := structOf(t)
		t = s.Field(0).Type()
	}
	_, isInterface := t.Underlying().(*types.Interface)
	if isInterface || types.Identical(t, f.Base) || f.takes(t, v.Const) {
		return ""
	}
	return fmt.Sprintf("%s: a value of type %s does not convert to %s%s",
		f.Name, Text(v.Type), Text(f.Base), f.rangeOf(v.Const))
}

// takes reports whether a value of another type than the field's base can convert to it without loss.
func (f *Field) takes(t types.Type, v constant.Value) bool {
	var info types.BasicInfo
	if basic, ok := t.Underlying().(*types.Basic); ok {
		info = basic.Info()
	}
	isInteger, isString := info&types.IsInteger != 0, info&types.IsString != 0
	if f.IsValuer {
		return info&(types.IsInteger|types.IsFloat|types.IsString|types.IsBoolean) != 0 || isTime(t)
	}
	switch f.Kind {
	case Bool:
		return info&types.IsBoolean != 0
	case Int, Uint:
		return isInteger && f.holds(v)
	case Float:
		return isInteger && isExact(v) || info&types.IsFloat != 0
	case String:
		return isString
	case Decimal:
		return isString || isInteger
	case Bytes:
		_, ok := t.Underlying().(*types.Slice)
		return ok && types.ConvertibleTo(t, f.Base)
	case ByteArray, UUID:
		_, ok := t.Underlying().(*types.Array)
		return ok && types.ConvertibleTo(t, f.Base)
	case Time:
		_, ok := structOf(t)
		return ok && types.ConvertibleTo(t, f.Base)
	}
	return true
}

// holds reports whether a field of integers can hold a constant. What is no constant shows in a run.
func (f *Field) holds(v constant.Value) bool {
	if v == nil {
		return true
	}
	n, isExact := constant.Int64Val(constant.ToInt(v))
	low, high := f.bounds()
	return isExact && low <= n && n <= high
}

// bounds are the least and the greatest number that a field of integers holds.
func (f *Field) bounds() (low, high int64) {
	bits := 64
	basic, _ := f.Base.Underlying().(*types.Basic)
	switch basic.Kind() {
	case types.Int8, types.Uint8:
		bits = 8
	case types.Int16, types.Uint16:
		bits = 16
	case types.Int32, types.Uint32:
		bits = 32
	}
	if f.Kind == Int {
		return -1 << (bits - 1), 1<<(bits-1) - 1
	}
	if bits == 64 {
		return 0, math.MaxInt64
	}
	return 0, 1<<bits - 1
}

// rangeOf says which numbers a field can hold, for a constant that it cannot.
func (f *Field) rangeOf(v constant.Value) string {
	if v == nil || v.Kind() != constant.Int || f.IsValuer {
		return ""
	}
	switch f.Kind {
	case Int, Uint:
		low, high := f.bounds()
		return fmt.Sprintf(", which holds %d to %d", low, high)
	case Float:
		return fmt.Sprintf(", which holds every integer from %d to %d", -exactFloat, exactFloat)
	}
	return ""
}

// exactFloat is the largest integer up to which every integer is a float64.
const exactFloat = 1 << 53

func isExact(v constant.Value) bool {
	if v == nil {
		return true
	}
	n, ok := constant.Int64Val(constant.ToInt(v))
	return ok && n >= -exactFloat && n <= exactFloat
}
