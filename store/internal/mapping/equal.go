package mapping

import (
	"bytes"
	"math"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// equalFunc reports whether two values of a field are stored alike.
type equalFunc func(a, b reflect.Value) bool

// equalOf makes the comparison by which Modify finds the fields that changed. It compares what
// would be stored, never two encodings: a map has no order, and 1.5 is 1.50.
func equalOf(f *driver.Field, info driver.Info) equalFunc {
	base := baseEqual(f)
	if f.Kind == driver.Nested && !f.Valuer || f.Kind == driver.Opaque && info.NestedForm != nil {
		base = formEqual(f, info, base)
	}
	switch f.Wrap {
	case driver.Pointer:
		return func(a, b reflect.Value) bool {
			if a.IsNil() || b.IsNil() {
				return a.IsNil() == b.IsNil()
			}
			return base(a.Elem(), b.Elem())
		}
	case driver.Null:
		return func(a, b reflect.Value) bool {
			if !a.Field(1).Bool() || !b.Field(1).Bool() {
				return a.Field(1).Bool() == b.Field(1).Bool()
			}
			return base(a.Field(0), b.Field(0))
		}
	}
	return base
}

// baseEqual makes the comparison of a field's base type, for equalOf. A decimal and a type with a Value
// method may hold one number in two forms, so their stored forms are compared.
func baseEqual(f *driver.Field) equalFunc {
	if f.Valuer || f.Kind == driver.Decimal {
		plain := *f
		plain.Wrap = driver.Plain
		return func(a, b reflect.Value) bool { return encodedEqual(&plain, a, b) }
	}
	switch f.Kind {
	case driver.Bool:
		return func(a, b reflect.Value) bool { return a.Bool() == b.Bool() }
	case driver.Int:
		return func(a, b reflect.Value) bool { return a.Int() == b.Int() }
	case driver.Uint:
		return func(a, b reflect.Value) bool { return a.Uint() == b.Uint() }
	case driver.Float:
		return func(a, b reflect.Value) bool { return math.Float64bits(a.Float()) == math.Float64bits(b.Float()) }
	case driver.String:
		return func(a, b reflect.Value) bool { return a.String() == b.String() }
	case driver.Bytes:
		return func(a, b reflect.Value) bool { return a.IsNil() == b.IsNil() && bytes.Equal(a.Bytes(), b.Bytes()) }
	case driver.ByteArray, driver.UUID:
		return reflect.Value.Equal
	case driver.Opaque:
		return func(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }
	}
	return func(a, b reflect.Value) bool { return deepEqual(a, b, 0) }
}

// formEqual makes equalOf's comparison of a nested value: what is not equal may still be stored alike, as two structs
// are that differ in a field which is not stored, and an empty map that is not stored either. The forms are asked for
// only then. What has no form is different, so that the write meets its error.
func formEqual(f *driver.Field, info driver.Info, deep equalFunc) equalFunc {
	plain := *f
	plain.Wrap = driver.Plain
	form := func(v reflect.Value) (any, error) { return plain.Encode(v) }
	if info.NestedForm != nil {
		bytesOf := info.NestedForm(f.Base)
		form = func(v reflect.Value) (any, error) {
			b, err := bytesOf(v)
			return string(b), err
		}
	}
	return func(a, b reflect.Value) bool {
		if deep(a, b) {
			return true
		}
		x, err := form(a)
		if err != nil {
			return false
		}
		y, err := form(b)
		return err == nil && x == y
	}
}

// encodedEqual compares by what would be stored. A value that cannot be stored, such as the "" that a
// NULL leaves in a decimal's string, has no stored form: it is equal to what is deeply equal to it, and
// else different, so that the write meets its error.
func encodedEqual(f *driver.Field, a, b reflect.Value) bool {
	x, errA := f.Encode(a)
	y, errB := f.Encode(b)
	if errA != nil || errB != nil {
		return errA != nil && errB != nil && reflect.DeepEqual(a.Interface(), b.Interface())
	}
	if s, ok := x.([]byte); ok {
		t, ok := y.([]byte)
		return ok && bytes.Equal(s, t)
	}
	if s, ok := x.(time.Time); ok {
		t, ok := y.(time.Time)
		return ok && s.Equal(t)
	}
	return x == y
}

// deepEqual compares nested values. It differs from reflect.DeepEqual in times, which are equal
// when their moment is, and in floats, which are equal when their bits are. Beyond the nesting that
// can be stored, values are different.
func deepEqual(a, b reflect.Value, depth int) bool {
	if depth > deepestNesting {
		return false
	}
	depth++
	t := a.Type()
	if t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) {
		return a.Convert(timeType).Interface().(time.Time).Equal(b.Convert(timeType).Interface().(time.Time))
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return deepEqual(a.Elem(), b.Elem(), depth)
	case reflect.Slice:
		return a.IsNil() == b.IsNil() && a.Len() == b.Len() && elementsEqual(a, b, depth)
	case reflect.Array:
		return elementsEqual(a, b, depth)
	case reflect.Map:
		return a.IsNil() == b.IsNil() && a.Len() == b.Len() && entriesEqual(a, b, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if !t.Field(i).IsExported() {
				// Only a type's own methods know what this means.
				return reflect.DeepEqual(a.Interface(), b.Interface())
			}
		}
		for i := range t.NumField() {
			if !deepEqual(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return reflect.DeepEqual(a.Interface(), b.Interface()) // inside a type with a codec of its own
	}
	return a.Equal(b)
}

func elementsEqual(a, b reflect.Value, depth int) bool {
	for i := range a.Len() {
		if !deepEqual(a.Index(i), b.Index(i), depth) {
			return false
		}
	}
	return true
}

func entriesEqual(a, b reflect.Value, depth int) bool {
	for entries := a.MapRange(); entries.Next(); {
		other := b.MapIndex(entries.Key())
		if !other.IsValid() || !deepEqual(entries.Value(), other, depth) {
			return false
		}
	}
	return true
}
