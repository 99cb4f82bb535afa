package mongo

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// layout says how a struct inside an entity is stored: as a document with these fields. It is made once
// for a type and never changes.
type layout struct {
	typ     reflect.Type
	members []*member
	byName  map[string]*member
	rest    []int // the index of the inline map, which holds what has no field; nil where there is none
}

// member is one field of a layout.
type member struct {
	tag
	index  []int // from the struct; there may be pointers to inline structs on the way
	typ    reflect.Type
	behind bool // an inline pointer is on the way
	lookup func(r *bson.Registry) (bson.ValueEncoder, bson.ValueDecoder, error)
}

// newLayout describes a struct. What cannot be stored so that it comes back is told to fault, as the
// predicate of a sentence about the field that holds the struct.
func newLayout(t reflect.Type, fault func(format string, args ...any)) *layout {
	l := &layout{typ: t, byName: map[string]*member{}}
	l.add(t, nil, false, map[reflect.Type]bool{t: true}, fault)
	return l
}

// add takes the fields of t, which is the layout's own type or lies inline in it, into the layout.
func (l *layout) add(
	t reflect.Type, at []int, behind bool, within map[reflect.Type]bool, fault func(string, ...any),
) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, at...), i)
		if !f.IsExported() {
			if f.Anonymous && holdsFields(f.Type) {
				fault("holds a %s, whose embedded %s is not exported, so that BSON passes over it", t, f.Type)
			}
			continue
		}
		parsed := parseTag(f)
		switch {
		case parsed.skip:
		case parsed.inline:
			l.addInline(f, index, behind, within, fault)
		default:
			l.addMember(&member{tag: parsed, index: index, typ: f.Type, behind: behind, lookup: once(f.Type)}, fault)
		}
	}
}

// addInline takes in what an inline field holds. Without a check of within, a struct that is inline in itself
// would be walked for ever.
func (l *layout) addInline(
	f reflect.StructField, index []int, behind bool, within map[reflect.Type]bool, fault func(string, ...any),
) {
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner, behind = inner.Elem(), true
	}
	switch {
	case f.Type.Kind() == reflect.Map && f.Type.Key().Kind() == reflect.String && !behind:
		if l.rest != nil {
			fault("holds a %s with two inline maps", l.typ)
		}
		l.rest = index
	case inner.Kind() != reflect.Struct:
		fault("holds a %s, whose field %s is inline and no struct, nor a map with strings as keys", l.typ, f.Name)
	case within[inner]:
		fault("holds a %s that is inline in itself", inner)
	default:
		within[inner] = true
		before := len(l.members)
		l.add(inner, index, behind, within, fault)
		if behind && len(l.members) == before {
			fault("holds a %s, whose inline %s stores nothing and would not come back", l.typ, f.Type)
		}
		delete(within, inner)
	}
}

func (l *layout) addMember(m *member, fault func(string, ...any)) {
	switch {
	case l.byName[m.name] != nil:
		fault("holds a %s with two fields that are stored as %q", l.typ, m.name)
		return
	case !isFieldName(m.name):
		fault("holds a %s with a field that is stored as %q: %s", l.typ, m.name, fieldNameRule)
	}
	l.members = append(l.members, m)
	l.byName[m.name] = m
}

// isFieldName reports whether a name means nothing but itself in an update or a query.
func isFieldName(name string) bool {
	return name != "" && !strings.HasPrefix(name, "$") && !strings.ContainsAny(name, ".\x00") && utf8.ValidString(name)
}

const fieldNameRule = "a name is not empty, has no dot and does not begin with a dollar"

// holdsFields reports whether an embedded type is a struct with fields, or a pointer to one.
func holdsFields(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t.NumField() > 0
}

// once finds the codecs of a type at their first use, when all types have been learned, and keeps them.
func once(t reflect.Type) func(*bson.Registry) (bson.ValueEncoder, bson.ValueDecoder, error) {
	var (
		guard   sync.Once
		encoder bson.ValueEncoder
		decoder bson.ValueDecoder
		err     error
	)
	return func(r *bson.Registry) (bson.ValueEncoder, bson.ValueDecoder, error) {
		guard.Do(func() {
			if encoder, err = r.LookupEncoder(t); err == nil {
				decoder, err = r.LookupDecoder(t)
			}
		})
		return encoder, decoder, err
	}
}

// in returns the member's value in a struct. There is none behind an inline pointer that is nil.
func (m *member) in(v reflect.Value) (reflect.Value, bool) {
	for _, i := range m.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// into returns the member's place in a struct that is being read, and makes the inline structs on the way.
func (m *member) into(v reflect.Value) reflect.Value {
	for _, i := range m.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// isOmitted reports whether omitempty leaves a value out. Behind an inline pointer nothing is left out:
// what is stored there is all that tells the pointer from nil.
func (m *member) isOmitted(v reflect.Value) bool { return m.omitEmpty && !m.behind && isEmpty(v) }

var zeroerType = reflect.TypeFor[bson.Zeroer]()

// isEmpty reports whether omitempty leaves a value out. The rules are those of the driver's struct codec
// but for two, since what is left out reads as zero: a pointer is empty when it is nil, whatever it
// points at, and a value that says of itself that it is zero (IsZero) must be so in all of its fields.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	}
	if v.Type().Implements(zeroerType) {
		return v.Interface().(bson.Zeroer).IsZero() && (v.IsZero() || isTime(v.Type()))
	}
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// structCodec stores a struct by its layout. The driver's own finds a field by its name in any case too,
// so that another program's City is read as our city; it goes by other rules for what is empty; and of
// two fields with one name it drops one.
type structCodec struct{ *layout }

func (c structCodec) EncodeValue(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	v = addressed(v)
	dw, err := vw.WriteDocument()
	if err != nil {
		return err
	}
	for _, m := range c.members {
		f, found := m.in(v)
		if !found || m.isOmitted(f) {
			continue
		}
		ew, err := dw.WriteDocumentElement(m.name)
		if err != nil {
			return err
		}
		if err := m.encode(ec, ew, f); err != nil {
			return err
		}
	}
	if c.rest != nil {
		if err := encodeEntries(ec, dw, v.FieldByIndex(c.rest), c.byName); err != nil {
			return err
		}
	}
	return dw.WriteDocumentEnd()
}

// encode writes the member's value, for structCodec.
func (m *member) encode(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	encoder, _, err := m.lookup(ec.Registry)
	if err != nil {
		return err
	}
	if !m.minSize {
		return encoder.EncodeValue(ec, vw, v)
	}
	// A context does not let others say that integers are small: an encoder of its own does.
	raw, err := encodeValue(ec.Registry, true, v)
	if err != nil {
		return err
	}
	if encoder, err = ec.LookupEncoder(rawValueType); err != nil {
		return err
	}
	return encoder.EncodeValue(ec, vw, reflect.ValueOf(raw))
}

func (c structCodec) DecodeValue(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	if t := vr.Type(); t != 0 && t != bson.TypeEmbeddedDocument {
		return fmt.Errorf("a %v does not fit %s", t, c.typ)
	}
	dr, err := vr.ReadDocument()
	if err != nil {
		return err
	}
	for {
		name, er, err := dr.ReadElement()
		if err == bson.ErrEOD {
			return nil
		}
		if err != nil {
			return err
		}
		switch m := c.byName[name]; {
		case m != nil:
			err = m.decode(dc, er, m.into(v))
		case c.rest != nil:
			err = decodeEntry(dc, er, v.FieldByIndex(c.rest), name)
		default:
			err = er.Skip()
		}
		if err != nil {
			return err
		}
	}
}

// decode reads the member's value, for structCodec. What truncate cuts is read by a decoder of its own: a context
// does not let others say so.
func (m *member) decode(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	_, decoder, err := m.lookup(dc.Registry)
	if err != nil {
		return err
	}
	if !m.truncate {
		return decoder.DecodeValue(dc, vr, v)
	}
	var raw bson.RawValue
	if decoder, err = dc.LookupDecoder(rawValueType); err != nil {
		return err
	}
	if err := decoder.DecodeValue(dc, vr, reflect.ValueOf(&raw).Elem()); err != nil {
		return err
	}
	return decodeTruncated(dc.Registry, raw, v)
}
