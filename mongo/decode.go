package mongo

import (
	"math"
	"reflect"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// decode stores a value of a document into dst, which is of the field's type and zero, for plan.decode. Nothing of
// the document's bytes is kept, since the driver uses them again. A plain int64 or string, which most fields are,
// goes in at once: through stored it would be boxed, an allocation for each.
func (c *codec) decode(dst reflect.Value, e element) error {
	f := c.field
	if e.kind == bson.TypeNull || e.kind == bson.TypeUndefined {
		return f.Decode(dst, nil)
	}
	if f.Wrap == driver.Plain && !f.Valuer && !c.isCoded {
		switch {
		case f.Kind == driver.Int && e.kind == bson.TypeInt64:
			n := e.raw().Int64()
			if dst.OverflowInt(n) {
				return c.errorf(nil, "stored number does not fit %s", f.Base)
			}
			dst.SetInt(n)
			return nil
		case f.Kind == driver.String && e.kind == bson.TypeString:
			text, ok := e.raw().StringValueOK()
			if !ok {
				return errMalformed
			}
			dst.SetString(text)
			return nil
		}
	}
	if c.isCoded || f.Kind == driver.Nested || f.Kind == driver.Opaque {
		return c.decodeEncoded(dst, e)
	}
	src, err := c.stored(e)
	if err != nil {
		return err
	}
	return f.Decode(dst, src)
}

// copyOf makes the copy of a field that the registry's codecs encode, for the driver.Copier, nil for any other.
func (p *plan) copyOf(f *driver.Field) func(dst, src reflect.Value) error {
	c := p.byName[f.Name]
	if !c.isCoded && f.Kind != driver.Nested && f.Kind != driver.Opaque {
		return nil
	}
	return func(dst, src reflect.Value) error {
		if c.isOmitted(src) {
			return nil
		}
		at, b := beginDocument(make([]byte, 0, 128))
		b, err := c.appendElement(b, c.path, src)
		if err != nil {
			return err
		}
		e, err := find(endDocument(b, at), c.path)
		if err != nil {
			return err
		}
		return c.decode(dst, e)
	}
}

// Copy implements [driver.Collection].
func (p *plan) Copy(dst, src driver.Record) error { return p.copier.Copy(dst, src) }

// decodeEncoded has the registry's codec decode a nested or opaque value, for decode.
func (c *codec) decodeEncoded(dst reflect.Value, e element) error {
	f := c.field
	if err := checkDepth(e); err != nil {
		return err
	}
	target := reflect.New(f.Base)
	if err := e.raw().UnmarshalWithRegistry(c.registry, target.Interface()); err != nil {
		return c.errorf(err, "stored value of BSON type %v does not fit %s", e.kind, f.Base)
	}
	switch f.Wrap {
	case driver.Pointer:
		dst.Set(target)
	case driver.Null:
		dst.Field(0).Set(target.Elem())
		dst.Field(1).SetBool(true)
	default:
		dst.Set(target.Elem())
	}
	return nil
}

// stored brings a value to the form that [driver.Field.Encode] gives, for decode and last. A value of a type that
// the field's kind cannot be is an error: it is never turned into another one, which the next Save would write.
func (c *codec) stored(e element) (any, error) {
	if c.isCoded {
		v := reflect.New(c.field.Base).Elem()
		if err := c.decodeEncoded(v, e); err != nil {
			return nil, err
		}
		return c.field.Encode(v)
	}
	v := e.raw()
	switch c.field.Kind {
	case driver.Bool:
		if b, ok := v.BooleanOK(); ok {
			return b, nil
		}
	case driver.Int, driver.Uint:
		if n, ok := c.integer(v); ok {
			return n, nil
		}
	case driver.Float:
		if x, ok := c.float(v); ok {
			return x, nil
		}
	case driver.String:
		if s, ok := text(v); ok {
			return s, nil
		}
	case driver.Decimal:
		if s, ok := decimal(v); ok {
			s, err := driver.CanonicalDecimal(s, c.field.Precision, c.field.Scale)
			if err != nil {
				return nil, c.errorf(nil, "stored value: %v", err)
			}
			return s, nil
		}
	case driver.Bytes:
		if subtype, data, ok := v.BinaryOK(); ok && (subtype == genericSubtype || subtype == oldSubtype) {
			return data, nil
		}
	case driver.ByteArray, driver.UUID:
		if c.field.Base == objectIDType {
			if id, ok := v.ObjectIDOK(); ok {
				return id[:], nil
			}
		} else if subtype, data, ok := v.BinaryOK(); ok && fitsArray(c.field.Base, subtype) {
			return data, nil
		}
	case driver.Time:
		if n, ok := v.DateTimeOK(); ok {
			return time.UnixMilli(n).UTC(), nil
		}
	}
	return nil, c.errorf(nil, "stored value of BSON type %v does not fit %s", e.kind, c.field.Base)
}

func text(v bson.RawValue) (string, bool) {
	if s, ok := v.SymbolOK(); ok {
		return s, true
	}
	return v.StringValueOK()
}

// integer reads a number of any type that is a whole one, since other programs and mongosh store doubles. With the
// tag truncate a fraction is cut.
func (c *codec) integer(v bson.RawValue) (int64, bool) {
	switch v.Type {
	case bson.TypeInt32:
		return int64(v.Int32()), true
	case bson.TypeInt64:
		return v.Int64(), true
	case bson.TypeDouble:
		x := v.Double()
		if c.truncate {
			x = math.Trunc(x)
		}
		// 2^63 itself is no int64, and every whole float64 below it is one.
		return int64(x), x == math.Trunc(x) && x >= math.MinInt64 && x < math.MaxInt64
	case bson.TypeDecimal128:
		s, err := driver.CanonicalDecimal(v.Decimal128().String(), 19, 0)
		if err != nil {
			return 0, false
		}
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// float reads a number of any type as float64, for stored. One that a float32 cannot hold exactly is an error
// without the tag truncate, as it is to the driver's struct codec.
func (c *codec) float(v bson.RawValue) (float64, bool) {
	var x float64
	switch v.Type {
	case bson.TypeDouble:
		x = v.Double()
	case bson.TypeInt32:
		x = float64(v.Int32())
	case bson.TypeInt64:
		x = float64(v.Int64())
		if !c.truncate && (x >= math.MaxInt64 || int64(x) != v.Int64()) {
			return 0, false
		}
	default:
		return 0, false
	}
	if c.field.Base.Kind() == reflect.Float32 && !c.truncate && float64(float32(x)) != x {
		return 0, false
	}
	return x, true
}

// decimal reads a number of any type, or a text, as the text of a decimal number, for stored.
func decimal(v bson.RawValue) (string, bool) {
	switch v.Type {
	case bson.TypeDecimal128:
		return v.Decimal128().String(), true
	case bson.TypeString:
		return v.StringValueOK()
	case bson.TypeInt32:
		return strconv.FormatInt(int64(v.Int32()), 10), true
	case bson.TypeInt64:
		return strconv.FormatInt(v.Int64(), 10), true
	case bson.TypeDouble:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64), true
	}
	return "", false
}
