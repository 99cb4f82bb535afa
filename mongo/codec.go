package mongo

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// codec stores the values of one field. It never changes.
type codec struct {
	field     *driver.Field
	path      string         // from the document's root, "_id.season"
	registry  *bson.Registry // for what lies inside nested and opaque values
	omitEmpty bool
	minSize   bool
	truncate  bool
	isExact   bool    // of a query that sorts by it: a decimal is compared as it is, without its double
	isCoded   bool    // a key, or a part of one, that only its BSON codec can write and read
	layout    *layout // of a nested struct that is written by its paths, nil for what is one value
	layouts   map[reflect.Type]*layout
}

func newCodec(f *driver.Field, path string, r *bson.Registry) *codec {
	// The tag of an embedded field's parts is the field's own.
	t := parseTag(reflect.StructField{Name: f.Name, Tag: f.Tag})
	return &codec{
		field: f, path: path, registry: r,
		omitEmpty: t.omitEmpty, minSize: t.minSize, truncate: t.truncate,
	}
}

func (c *codec) errorf(cause error, format string, args ...any) error {
	return &driver.ValueError{Field: c.field.Name, Problem: fmt.Sprintf(format, args...), Err: cause}
}

// isOmitted reports whether the tag omitempty leaves the value out. document asks it, and patchOf, which then
// takes the field away, or a Save would leave its old value in the document.
func (c *codec) isOmitted(v reflect.Value) bool { return c.omitEmpty && isEmpty(v) }

// appendElement appends a value of the field's type as an element under a key.
func (c *codec) appendElement(b []byte, key string, v reflect.Value) ([]byte, error) {
	at, b := beginElement(b, key)
	t, b, err := c.appendValue(b, v)
	if err != nil {
		return nil, err
	}
	b[at] = byte(t)
	return b, nil
}

// appendKeyElement does the same for a key or a part of one. Its codec may give what no key can be.
func (c *codec) appendKeyElement(b []byte, key string, v reflect.Value) ([]byte, error) {
	at := len(b)
	b, err := c.appendElement(b, key, v)
	if err != nil || !c.isCoded {
		return b, err
	}
	switch bson.Type(b[at]) {
	case bson.TypeNull, bson.TypeUndefined, bson.TypeArray, bson.TypeRegex:
		return nil, c.errorf(nil, "its codec stores the BSON type %v, which cannot be a key", bson.Type(b[at]))
	}
	return b, nil
}

// appendBaseElement does the same for a value of the field's base type, as a filter holds it.
func (c *codec) appendBaseElement(b []byte, key string, value any) ([]byte, error) {
	at, b := beginElement(b, key)
	t, b, err := c.appendBase(b, reflect.ValueOf(value))
	if err != nil {
		return nil, err
	}
	b[at] = byte(t)
	return b, nil
}

// appendValue appends a value of the field's type and returns the BSON type that it has got, for appendElement,
// which has left room for it in front.
func (c *codec) appendValue(b []byte, v reflect.Value) (bson.Type, []byte, error) {
	switch c.field.Wrap {
	case driver.Pointer:
		if v.IsNil() {
			return bson.TypeNull, b, nil
		}
		v = v.Elem()
	case driver.Null:
		if !v.Field(1).Bool() {
			return bson.TypeNull, b, nil
		}
		v = v.Field(0)
	}
	if c.field.Wrap != driver.Plain && c.field.Kind != driver.Opaque && !c.field.Valuer && isNil(v) {
		return 0, nil, c.errorf(errNilWithin, "%s", errNilWithin)
	}
	return c.appendBase(b, v)
}

// appendBase appends a value of the field's base type, without what is around it, for appendValue and for the
// values of a filter. A field has one BSON type whatever its value, else queries for it would miss some.
func (c *codec) appendBase(b []byte, v reflect.Value) (bson.Type, []byte, error) {
	f := c.field
	switch {
	case c.isCoded || f.Kind == driver.Nested || f.Kind == driver.Opaque:
		return c.appendEncoded(b, v)
	case f.Valuer || f.Kind == driver.Decimal:
		stored, err := f.EncodeBase(v.Interface())
		if err != nil {
			return 0, nil, err
		}
		return c.appendStored(b, stored)
	}
	switch f.Kind {
	case driver.Bool:
		return bson.TypeBoolean, append(b, truth(v.Bool())), nil
	case driver.Int:
		return c.appendInteger(b, v.Int())
	case driver.Uint:
		if v.Uint() > math.MaxInt64 {
			return 0, nil, c.errorf(nil, "number is above the largest int64")
		}
		return c.appendInteger(b, int64(v.Uint()))
	case driver.Float:
		return bson.TypeDouble, appendDouble(b, v.Float()), nil
	case driver.String:
		return bson.TypeString, appendString(b, v.String()), nil
	case driver.Bytes:
		if v.IsNil() {
			return bson.TypeNull, b, nil
		}
		return bson.TypeBinary, appendBinary(b, genericSubtype, v.Bytes()), nil
	case driver.ByteArray, driver.UUID:
		data := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(data), v)
		return c.appendBytes(b, data)
	case driver.Time:
		return bson.TypeDateTime, appendInt64(b, v.Convert(timeType).Interface().(time.Time).UnixMilli()), nil
	}
	return 0, nil, c.errorf(nil, "type %s has no stored form", f.Base)
}

func truth(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// appendInteger appends every integer as an int64, so that one field has one type; the tag minsize
// makes it an int32 where it fits.
func (c *codec) appendInteger(b []byte, n int64) (bson.Type, []byte, error) {
	if c.minSize && n >= math.MinInt32 && n <= math.MaxInt32 {
		return bson.TypeInt32, appendInt32(b, int32(n)), nil
	}
	return bson.TypeInt64, appendInt64(b, n), nil
}

// appendBytes appends the bytes of an array.
func (c *codec) appendBytes(b, data []byte) (bson.Type, []byte, error) {
	if c.field.Base == objectIDType {
		return bson.TypeObjectID, append(b, data...), nil
	}
	return bson.TypeBinary, appendBinary(b, subtypeOf(c.field.Base), data), nil
}

// appendStored appends what [driver.Field.Encode] gives, for appendBase: decimals, and what a Valuer has made.
func (c *codec) appendStored(b []byte, stored any) (bson.Type, []byte, error) {
	switch x := stored.(type) {
	case nil:
		return bson.TypeNull, b, nil
	case bool:
		return bson.TypeBoolean, append(b, truth(x)), nil
	case int64:
		return c.appendInteger(b, x)
	case float64:
		return bson.TypeDouble, appendDouble(b, x), nil
	case string:
		if c.field.Kind != driver.Decimal {
			return bson.TypeString, appendString(b, x), nil
		}
		d, err := bson.ParseDecimal128(x)
		if err != nil {
			return 0, nil, c.errorf(err, "is no decimal number of at most 34 digits")
		}
		return bson.TypeDecimal128, appendDecimal(b, d), nil
	case []byte:
		return bson.TypeBinary, appendBinary(b, genericSubtype, x), nil
	case time.Time:
		return bson.TypeDateTime, appendInt64(b, x.UnixMilli()), nil
	}
	return 0, nil, c.errorf(nil, "cannot be stored as %T", stored)
}

// appendEncoded appends what the registry's codec makes of a nested or opaque value.
func (c *codec) appendEncoded(b []byte, v reflect.Value) (bson.Type, []byte, error) {
	raw, err := encodeValue(c.registry, c.minSize, v)
	if known, ok := errors.AsType[problem](err); ok {
		return 0, nil, c.errorf(err, "%s", known)
	}
	if err != nil {
		return 0, nil, c.errorf(err, "cannot be encoded as BSON")
	}
	if err := c.checkLoose(v, raw); err != nil {
		return 0, nil, err
	}
	return raw.Type, append(b, raw.Value...), nil
}

// checkLoose refuses a bson.M, bson.D or bson.A that would not come back as it is: those hold values of any type, and
// BSON has fewer types than Go, so that an int is read as an int32, and a bson.M inside another as a bson.D.
func (c *codec) checkLoose(v reflect.Value, raw bson.RawValue) error {
	t := v.Type()
	if !isDriverType(t) || t.Kind() != reflect.Map && (t.Kind() != reflect.Slice || t.Elem() == byteType) {
		return nil
	}
	back := reflect.New(t)
	err := raw.UnmarshalWithRegistry(c.registry, back.Interface())
	if err != nil || !reflect.DeepEqual(back.Elem().Interface(), v.Interface()) {
		return c.errorf(err, "holds a value that would be read as another Go type: see package bson")
	}
	if !hasText(raw) {
		return c.errorf(nil, "text is not valid UTF-8")
	}
	return nil
}

// hasText reports whether all text in a value is valid UTF-8.
func hasText(raw bson.RawValue) bool {
	switch raw.Type {
	case bson.TypeString:
		text, ok := raw.StringValueOK()
		return ok && utf8.ValidString(text)
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		rest, err := elementsOf(raw.Value)
		for err == nil && len(rest) > 0 {
			var e element
			if e, rest, err = nextElement(rest); err == nil && (!utf8.Valid(e.key) || !hasText(e.raw())) {
				return false
			}
		}
		return err == nil
	}
	return true
}
