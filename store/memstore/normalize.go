package memstore

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

var errNullKey = errors.New("is missing or NULL")

// normalize brings a raw value into the canonical form of a column. A scalar that does not fit the
// column keeps the form of its own Go type.
func (e *engine) normalize(value any, typ columnType) (any, error) {
	if valuer, ok := value.(sqldriver.Valuer); ok {
		v := reflect.ValueOf(value)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, nil
		}
		given, err := valuer.Value()
		if err != nil {
			return nil, err
		}
		value = given
	}
	if t, ok := value.(time.Time); ok {
		return t.UTC().Truncate(e.timePrecision), nil
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return nil, nil
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return e.normalize(v.Elem().Interface(), typ)
	case v.Kind() == reflect.Bool:
		return typ.fitBool(v.Bool()), nil
	case v.CanInt():
		return typ.fitInt(v.Int()), nil
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return nil, errors.New("number is above the largest int64")
		}
		return typ.fitInt(int64(v.Uint())), nil
	case v.CanFloat():
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errors.New("number is not finite")
		}
		return typ.fitFloat(v.Float()), nil
	case v.Kind() == reflect.String:
		return typ.fitText(v.String()), nil
	case isBytes(v):
		return typ.fitBytes(v)
	case typ.kind == driver.Nested:
		text, err := json.Marshal(value)
		return string(text), err
	}
	return nil, fmt.Errorf("no column can hold a %T", value)
}

func isBytes(v reflect.Value) bool {
	return (v.Kind() == reflect.Slice || v.Kind() == reflect.Array) && v.Type().Elem().Kind() == reflect.Uint8
}

func (c columnType) fitBool(b bool) any {
	if c.kind == driver.Int || c.kind == driver.Uint {
		return int64(number(b))
	}
	return b
}

func (c columnType) fitInt(n int64) any {
	switch c.kind {
	case driver.Bool:
		return n != 0
	case driver.Float:
		return float64(n)
	case driver.Decimal:
		return c.fitText(strconv.FormatInt(n, 10))
	}
	return n
}

func (c columnType) fitFloat(f float64) any {
	switch c.kind {
	case driver.Int, driver.Uint:
		if f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 {
			return int64(f)
		}
	case driver.Decimal:
		return c.fitText(strconv.FormatFloat(f, 'f', -1, 64))
	}
	return f
}

// fitText brings a text into the form of a column that holds what the text says.
func (c columnType) fitText(text string) any {
	switch c.kind {
	case driver.Decimal:
		if canonical, err := driver.CanonicalDecimal(text, c.precision, c.scale); err == nil {
			return canonical
		}
	case driver.Int, driver.Uint:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case driver.Float:
		if x, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) {
			return x
		}
	case driver.Bytes, driver.ByteArray, driver.UUID:
		return []byte(text)
	}
	return text
}

func (c columnType) fitBytes(v reflect.Value) (any, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return nil, nil
	}
	data := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(data), v)
	switch c.kind {
	case driver.Int, driver.Uint, driver.Float, driver.String, driver.Decimal, driver.Nested:
		return c.fitText(string(data)), nil
	}
	return data, nil
}
