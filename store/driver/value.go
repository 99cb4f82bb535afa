package driver

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// ValueError says that a value does not fit a field. Its text names the field and the problem and
// never holds the value, so package store shows it. Classify answers Refused for it.
type ValueError struct {
	Field   string // the Go name
	Problem string
	Err     error // optional; reachable, but not in the text
}

func (e *ValueError) Error() string { return e.Field + ": " + e.Problem }

// Unwrap returns the error of the user's own codec, where that is the cause.
func (e *ValueError) Unwrap() error { return e.Err }

func (f *Field) errorf(cause error, format string, args ...any) error {
	return &ValueError{Field: f.Name, Problem: fmt.Sprintf(format, args...), Err: cause}
}

// Encode returns the stored form of v, a value of f.Type: nil for NULL, and else by f.Kind
//
//	Bool                    bool
//	Int, Uint               int64
//	Float                   float64
//	String                  string
//	Bytes, ByteArray, UUID  []byte
//	Time                    time.Time in UTC
//	Decimal                 string, with exactly f.Scale digits after the point
//	Nested                  string, its JSON text
//
// The result may share memory with v. An Opaque or Composite field has no such form and is an
// error. The only other errors are a [ValueError] for a number beyond int64, a decimal that does
// not fit, or a codec that failed.
func (f *Field) Encode(v reflect.Value) (any, error) {
	switch f.Wrap {
	case Pointer:
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	case Null:
		if !v.Field(1).Bool() {
			return nil, nil
		}
		v = v.Field(0)
	}
	return f.encodeBase(v)
}

// EncodeBase is [Field.Encode] for a value of f.Base, as a Filter holds it.
func (f *Field) EncodeBase(value any) (any, error) {
	return f.encodeBase(reflect.ValueOf(value))
}

// encodeBase is Encode for a value that is not NULL, and EncodeBase. Every value that goes to a
// database goes through it, so that all backends store the same.
func (f *Field) encodeBase(v reflect.Value) (any, error) {
	if f.Valuer {
		return f.encodeValuer(v)
	}
	switch f.Kind {
	case Bool:
		return v.Bool(), nil
	case Int:
		return v.Int(), nil
	case Uint:
		u := v.Uint()
		if u > math.MaxInt64 {
			return nil, f.errorf(nil, "number is above the largest int64")
		}
		return int64(u), nil
	case Float:
		return v.Float(), nil
	case String:
		return v.String(), nil
	case Decimal:
		s, err := CanonicalDecimal(v.String(), f.Precision, f.Scale)
		if err != nil {
			return nil, f.errorf(nil, "%v", err)
		}
		return s, nil
	case Bytes:
		if v.IsNil() {
			return nil, nil
		}
		return v.Bytes(), nil
	case ByteArray, UUID:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b, nil
	case Time:
		return v.Convert(timeType).Interface().(time.Time).UTC(), nil
	case Nested:
		return f.encodeJSON(v)
	}
	return nil, f.errorf(nil, "type %s has no stored form of its own", f.Base)
}

// encodeJSON writes a nested value as its JSON text. It encodes the address of a copy: methods with
// pointer receivers are passed over in a value that has no address, and big.Int would become {}.
func (f *Field) encodeJSON(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		if v.IsNil() {
			return nil, nil
		}
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	text, err := json.Marshal(p.Interface())
	if err != nil {
		return nil, f.errorf(err, "cannot be encoded as JSON")
	}
	return string(text), nil
}

// encodeValuer brings what Value returns into the form of f.Kind, so that a type that gives its
// text as []byte and one that gives it as string are stored alike.
func (f *Field) encodeValuer(v reflect.Value) (any, error) {
	value, err := valuerOf(v).Value()
	if err != nil {
		return nil, f.errorf(err, "Value failed")
	}
	if value == nil {
		return nil, nil
	}
	switch f.Kind {
	case Decimal:
		var text string
		switch x := value.(type) {
		case string:
			text = x
		case []byte:
			text = string(x)
		case int64:
			text = strconv.FormatInt(x, 10)
		case float64:
			text = strconv.FormatFloat(x, 'g', -1, 64)
		default:
			return nil, f.errorf(nil, "Value gave %T, not a decimal number", value)
		}
		text, err = CanonicalDecimal(text, f.Precision, f.Scale)
		if err != nil {
			return nil, f.errorf(nil, "%v", err)
		}
		return text, nil
	case String:
		switch x := value.(type) {
		case string:
			return x, nil
		case []byte:
			return string(x), nil
		}
	case Bytes:
		switch x := value.(type) {
		case []byte:
			return x, nil
		case string:
			return []byte(x), nil
		}
	case Int:
		if x, ok := value.(int64); ok {
			return x, nil
		}
	case Float:
		if x, ok := value.(float64); ok {
			return x, nil
		}
	case Bool:
		if x, ok := value.(bool); ok {
			return x, nil
		}
	case Time:
		if x, ok := value.(time.Time); ok {
			return x.UTC(), nil
		}
	}
	return nil, f.errorf(nil, "Value gave %T, which is not the kind that its zero value gives", value)
}

// Decode stores src into dst, an addressable value of f.Type. src is nil for NULL, or what
// [Field.Encode] gives, or another form in which a client hands out such a value: text for a
// number, a number for a bool, []byte for a string. dst keeps no reference to src. A value that
// does not fit is a [ValueError]. The JSON value null, which other programs store for nothing, is
// NULL to a pointer and to an sql.Null of what has no UnmarshalJSON, which may read something else from it.
func (f *Field) Decode(dst reflect.Value, src any) error {
	if f.Wrap != Plain && f.Kind == Nested && !f.Valuer && isJSONNull(src) && !readsJSON(f.Base) {
		src = nil
	}
	switch f.Wrap {
	case Pointer:
		if src == nil {
			dst.SetZero()
			return nil
		}
		p := reflect.New(f.Base)
		if err := f.decodeBase(p.Elem(), src); err != nil {
			return err
		}
		dst.Set(p)
		return nil
	case Null:
		dst.SetZero()
		if src == nil {
			return nil
		}
		if err := f.decodeBase(dst.Field(0), src); err != nil {
			return err
		}
		dst.Field(1).SetBool(true)
		return nil
	}
	return f.decodeBase(dst, src)
}

func isJSONNull(src any) bool {
	switch x := src.(type) {
	case []byte:
		return string(bytes.TrimSpace(x)) == "null"
	case string:
		return strings.TrimSpace(x) == "null"
	}
	return false
}

func readsJSON(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// DecodeBase returns src as a value of f.Base, for a [Filter]. src is not nil.
func (f *Field) DecodeBase(src any) (any, error) {
	v := reflect.New(f.Base).Elem()
	if err := f.decodeBase(v, src); err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

// decodeBase is Decode for a field without a pointer or an sql.Null around it. It takes all forms in
// which a client may hand out a value of the field's kind; what it does not know is an error, since a
// guess would be read back as something that was never written.
func (f *Field) decodeBase(dst reflect.Value, src any) error {
	if f.Valuer {
		return f.decodeScanner(dst, src)
	}
	if src == nil {
		dst.SetZero()
		return nil
	}
	switch f.Kind {
	case Bool:
		return f.decodeBool(dst, src)
	case Int:
		return f.decodeInt(dst, src)
	case Uint:
		return f.decodeUint(dst, src)
	case Float:
		return f.decodeFloat(dst, src)
	case String:
		switch x := src.(type) {
		case string:
			dst.SetString(x)
			return nil
		case []byte:
			dst.SetString(string(x))
			return nil
		}
	case Decimal:
		text, ok := textOf(src)
		if !ok {
			break
		}
		s, err := CanonicalDecimal(text, f.Precision, f.Scale)
		if err != nil {
			return f.errorf(nil, "stored value: %v", err)
		}
		dst.SetString(s)
		return nil
	case Bytes:
		switch x := src.(type) {
		case []byte:
			b := make([]byte, len(x))
			copy(b, x)
			dst.SetBytes(b)
			return nil
		case string:
			dst.SetBytes([]byte(x))
			return nil
		}
	case ByteArray, UUID:
		return f.decodeArray(dst, src)
	case Time:
		if x, ok := src.(time.Time); ok {
			if f.Base == timeType { // the usual case, without an allocation
				*dst.Addr().Interface().(*time.Time) = x.UTC()
				return nil
			}
			dst.Set(reflect.ValueOf(x.UTC()).Convert(f.Base))
			return nil
		}
	case Nested:
		return f.decodeJSON(dst, src)
	}
	return f.misfit(src)
}

func (f *Field) misfit(src any) error {
	return f.errorf(nil, "stored value of type %T does not fit %s", src, f.Base)
}

func (f *Field) decodeScanner(dst reflect.Value, src any) error {
	dst.SetZero()
	if b, ok := src.([]byte); ok {
		src = append([]byte{}, b...)
	}
	if err := dst.Addr().Interface().(sql.Scanner).Scan(src); err != nil {
		return f.errorf(err, "Scan refused the stored value")
	}
	return nil
}

// decodeBool reads a bool, which MySQL gives as a number, or as one byte where the column is a BIT(1) or
// the statement was not prepared.
func (f *Field) decodeBool(dst reflect.Value, src any) error {
	switch x := src.(type) {
	case bool:
		dst.SetBool(x)
		return nil
	case int64:
		dst.SetBool(x != 0)
		return nil
	case []byte: // a BIT(1) column, or a number as text
		if len(x) == 1 {
			dst.SetBool(x[0] != 0 && x[0] != '0')
			return nil
		}
	}
	return f.misfit(src)
}

func (f *Field) decodeInt(dst reflect.Value, src any) error {
	n, ok := integerOf(src)
	if !ok {
		return f.misfit(src)
	}
	if dst.OverflowInt(n) {
		return f.errorf(nil, "stored number does not fit %s", f.Range())
	}
	dst.SetInt(n)
	return nil
}

func (f *Field) decodeUint(dst reflect.Value, src any) error {
	n, ok := integerOf(src)
	if !ok {
		return f.misfit(src)
	}
	if n < 0 || dst.OverflowUint(uint64(n)) {
		return f.errorf(nil, "stored number does not fit %s", f.Range())
	}
	dst.SetUint(uint64(n))
	return nil
}

// integerOf is the int64 in a client's value, for decodeInt and decodeUint: clients hand out integers as
// such, as text, and as floats or bools where the column has another type than the field.
func integerOf(src any) (int64, bool) {
	switch x := src.(type) {
	case int64:
		return x, true
	case int32:
		return int64(x), true
	case uint64:
		return int64(x), x <= math.MaxInt64
	case float64:
		// 2^63 itself is no int64, and every float64 below it converts exactly.
		return int64(x), x == math.Trunc(x) && x >= math.MinInt64 && x < math.MaxInt64
	case bool:
		if x {
			return 1, true
		}
		return 0, true
	}
	if text, ok := textOf(src); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	return 0, false
}

func textOf(src any) (string, bool) {
	switch x := src.(type) {
	case string:
		return x, true
	case []byte:
		return string(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	}
	return "", false
}

// decodeFloat reads a float of any width, an integer, or their text. A float64 that a float32 cannot
// hold is an error and not an infinity.
func (f *Field) decodeFloat(dst reflect.Value, src any) error {
	var x float64
	switch n := src.(type) {
	case float64:
		x = n
	case float32:
		x = float64(n)
	case int64:
		x = float64(n)
	default:
		text, ok := textOf(src)
		if !ok {
			return f.misfit(src)
		}
		var err error
		if x, err = strconv.ParseFloat(text, 64); err != nil {
			return f.misfit(src)
		}
	}
	if dst.OverflowFloat(x) {
		return f.errorf(nil, "stored number does not fit %s", f.Base)
	}
	dst.SetFloat(x)
	return nil
}

// decodeArray copies bytes into an array of exactly their number: a stored value that is shorter or
// longer belongs to another type.
func (f *Field) decodeArray(dst reflect.Value, src any) error {
	var b []byte
	switch x := src.(type) {
	case []byte:
		b = x
	case string:
		b = []byte(x)
	default:
		return f.misfit(src)
	}
	if len(b) != dst.Len() {
		return f.errorf(nil, "stored value has %d bytes, %s has %d", len(b), f.Base, dst.Len())
	}
	reflect.Copy(dst, reflect.ValueOf(b))
	return nil
}

// decodeJSON reads a nested value from its JSON text. dst is zeroed first, because json.Unmarshal merges
// into what it finds, and zeroed again after an error, which may come when half of it is read.
func (f *Field) decodeJSON(dst reflect.Value, src any) error {
	var text []byte
	switch x := src.(type) {
	case []byte:
		text = x
	case string:
		text = []byte(x)
	default:
		return f.misfit(src)
	}
	dst.SetZero()
	if err := json.Unmarshal(text, dst.Addr().Interface()); err != nil {
		dst.SetZero()
		return f.errorf(err, "stored JSON does not fit %s", f.Base)
	}
	return nil
}

// valuerOf finds the Valuer of v, whose method may have a pointer receiver.
func valuerOf(v reflect.Value) sqldriver.Valuer {
	if valuer, ok := v.Interface().(sqldriver.Valuer); ok {
		return valuer
	}
	if !v.CanAddr() {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	return v.Addr().Interface().(sqldriver.Valuer)
}

var timeType = reflect.TypeFor[time.Time]()
