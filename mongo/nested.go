package mongo

import (
	"bytes"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The codecs of this file store what lies inside nested values, where the driver's standard codecs
// do not give back what was stored. They decode into cleared targets.

// addressed returns v as a value whose pointer methods can be called.
func addressed(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

var rawValueType = reflect.TypeFor[bson.RawValue]()

// encodeValue is what a registry's codecs make of a value.
func encodeValue(r *bson.Registry, minSize bool, v reflect.Value) (bson.RawValue, error) {
	var buffer bytes.Buffer
	encoder := bson.NewEncoder(bson.NewDocumentWriter(&buffer))
	encoder.SetRegistry(r)
	if minSize {
		encoder.IntMinSize()
	}
	// By pointer, so that methods of pointers are found at every depth.
	if err := encoder.Encode(bson.D{{Key: "v", Value: addressed(v).Addr().Interface()}}); err != nil {
		return bson.RawValue{}, err
	}
	doc := buffer.Bytes()
	return bson.RawValue{Type: bson.Type(doc[4]), Value: doc[7 : len(doc)-1]}, nil
}

// formOf is driver.Info.NestedForm: the bytes as which the codecs of a type store a value, its BSON type first.
func formOf(t reflect.Type, caller *bson.Registry) func(v reflect.Value) ([]byte, error) {
	r := newRegistry(caller)
	r.learn(t)
	return func(v reflect.Value) ([]byte, error) {
		raw, err := encodeValue(r.own, false, v)
		return append([]byte{byte(raw.Type)}, raw.Value...), err
	}
}

// decodeTruncated reads a value into v by a registry's codecs, and cuts the fractions of doubles.
func decodeTruncated(r *bson.Registry, raw bson.RawValue, v reflect.Value) error {
	at, doc := beginDocument(nil)
	doc = endDocument(append(appendHeader(doc, raw.Type, "v"), raw.Value...), at)
	decoder := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(doc)))
	decoder.SetRegistry(r)
	decoder.AllowTruncatingDoubles()
	holder := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: v.Type(), Tag: `bson:"v"`}}))
	if err := decoder.Decode(holder.Interface()); err != nil {
		return err
	}
	v.Set(holder.Elem().Field(0))
	return nil
}

// readNull reads a null and reports whether there was one.
func readNull(vr bson.ValueReader) (bool, error) {
	switch vr.Type() {
	case bson.TypeNull:
		return true, vr.ReadNull()
	case bson.TypeUndefined:
		return true, vr.ReadUndefined()
	}
	return false, nil
}

// nullCodec stores sql.Null as its value or null.
type nullCodec struct{}

func (nullCodec) EncodeValue(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	if !v.Field(1).Bool() {
		return vw.WriteNull()
	}
	inner := addressed(v).Field(0)
	if isNil(inner) {
		return errNilWithin
	}
	encoder, err := ec.LookupEncoder(inner.Type())
	if err != nil {
		return err
	}
	return encoder.EncodeValue(ec, vw, inner)
}

func (nullCodec) DecodeValue(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	decoder, err := dc.LookupDecoder(v.Field(0).Type())
	if err != nil {
		return err
	}
	if err := decoder.DecodeValue(dc, vr, v.Field(0)); err != nil {
		return err
	}
	v.Field(1).SetBool(true)
	return nil
}

// problem is an error of a codec whose text may be shown: it holds no value.
type problem string

func (p problem) Error() string { return string(p) }

// errNilWithin refuses what would be stored as null, and be read as a nil pointer or an invalid sql.Null.
const errNilWithin problem = "a pointer or an sql.Null holds a nil slice, map or pointer, which would not come back"

// isNil reports whether a value is one that is stored as null, by its kind and not by a codec of its own.
func isNil(v reflect.Value) bool {
	if hasBSONCodec(v.Type()) {
		return false
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return v.IsNil()
	}
	return false
}

// pointerCodec stores a pointer as what it points at, or null. The driver's own calls the methods of a nil pointer.
type pointerCodec struct{}

func (pointerCodec) EncodeValue(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	if v.IsNil() {
		return vw.WriteNull()
	}
	if isNil(v.Elem()) {
		return errNilWithin
	}
	encoder, err := ec.LookupEncoder(v.Type().Elem())
	if err != nil {
		return err
	}
	return encoder.EncodeValue(ec, vw, v.Elem())
}

func (pointerCodec) DecodeValue(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	decoder, err := dc.LookupDecoder(v.Type().Elem())
	if err != nil {
		return err
	}
	p := reflect.New(v.Type().Elem())
	if err := decoder.DecodeValue(dc, vr, p.Elem()); err != nil {
		return err
	}
	v.Set(p)
	return nil
}

// arrayCodec stores byte arrays: a [16]byte as a UUID, others as plain binary.
type arrayCodec struct{}

func subtypeOf(t reflect.Type) byte {
	if t.Len() == 16 {
		return uuidSubtype
	}
	return genericSubtype
}

func (arrayCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	data := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(data), v)
	return vw.WriteBinaryWithSubtype(data, subtypeOf(v.Type()))
}

func (arrayCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	if vr.Type() != bson.TypeBinary {
		return fmt.Errorf("a %v does not fit %s", vr.Type(), v.Type())
	}
	data, subtype, err := vr.ReadBinary()
	if err != nil {
		return err
	}
	if len(data) != v.Len() || !fitsArray(v.Type(), subtype) {
		return fmt.Errorf("%d bytes of binary subtype %d do not fit %s", len(data), subtype, v.Type())
	}
	reflect.Copy(v, reflect.ValueOf(data))
	return nil
}

// fitsArray reports whether binary data of a subtype can be a byte array. The old UUID subtype 3
// cannot, since drivers differ in the order of its bytes.
func fitsArray(t reflect.Type, subtype byte) bool {
	return subtype == subtypeOf(t) || subtype == genericSubtype || subtype == oldSubtype
}

// momentCodec stores a type that is time.Time under another name.
type momentCodec struct{}

func (momentCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	return vw.WriteDateTime(v.Convert(timeType).Interface().(time.Time).UnixMilli())
}

func (momentCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	if vr.Type() != bson.TypeDateTime {
		return fmt.Errorf("a %v does not fit %s", vr.Type(), v.Type())
	}
	n, err := vr.ReadDateTime()
	if err != nil {
		return err
	}
	v.Set(reflect.ValueOf(time.UnixMilli(n).UTC()).Convert(v.Type()))
	return nil
}

// scanCodec stores a type through its Value and Scan.
type scanCodec struct{}

func (scanCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	value, err := addressed(v).Addr().Interface().(sqldriver.Valuer).Value()
	if err != nil {
		return err
	}
	switch x := value.(type) {
	case nil:
		return vw.WriteNull()
	case bool:
		return vw.WriteBoolean(x)
	case int64:
		return vw.WriteInt64(x)
	case float64:
		return vw.WriteDouble(x)
	case string:
		return vw.WriteString(x)
	case []byte:
		return vw.WriteBinary(x)
	case time.Time:
		return vw.WriteDateTime(x.UnixMilli())
	}
	return fmt.Errorf("the method Value of %s gave %T", v.Type(), value)
}

func (scanCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	src, err := readScalar(vr)
	if err != nil {
		return err
	}
	v.SetZero()
	return v.Addr().Interface().(sql.Scanner).Scan(src)
}

// readScalar reads a value in one of the forms that Scan takes, for scanCodec.
func readScalar(vr bson.ValueReader) (any, error) {
	switch t := vr.Type(); t {
	case bson.TypeNull, bson.TypeUndefined:
		_, err := readNull(vr)
		return nil, err
	case bson.TypeBoolean:
		return vr.ReadBoolean()
	case bson.TypeInt32:
		n, err := vr.ReadInt32()
		return int64(n), err
	case bson.TypeInt64:
		return vr.ReadInt64()
	case bson.TypeDouble:
		return vr.ReadDouble()
	case bson.TypeString:
		return vr.ReadString()
	case bson.TypeBinary:
		data, _, err := vr.ReadBinary()
		return data, err
	case bson.TypeDateTime:
		n, err := vr.ReadDateTime()
		return time.UnixMilli(n).UTC(), err
	case bson.TypeDecimal128:
		d, err := vr.ReadDecimal128()
		return d.String(), err
	default:
		return nil, fmt.Errorf("a %v cannot be scanned", t)
	}
}

// textCodec stores a struct without exported fields as the text that it makes of itself.
type textCodec struct{}

func (textCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	text, err := addressed(v).Addr().Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return err
	}
	return vw.WriteString(string(text))
}

func (textCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	text, null, err := readText(vr)
	v.SetZero()
	if null || err != nil {
		return err
	}
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
}

// jsonCodec stores a struct without exported fields as the JSON text that it makes of itself.
type jsonCodec struct{}

func (jsonCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	text, err := json.Marshal(addressed(v).Addr().Interface())
	if err != nil {
		return err
	}
	return vw.WriteString(string(text))
}

func (jsonCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	text, null, err := readText(vr)
	v.SetZero()
	if null || err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), v.Addr().Interface())
}

func readText(vr bson.ValueReader) (text string, null bool, err error) {
	if null, err = readNull(vr); null || err != nil {
		return "", null, err
	}
	if vr.Type() != bson.TypeString {
		return "", false, errNoText
	}
	text, err = vr.ReadString()
	return text, false, err
}

var errNoText = errors.New("the stored value is no string")
