package mongo

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	objectIDType = reflect.TypeFor[bson.ObjectID]()
	byteType     = reflect.TypeFor[byte]()

	valueWriterType = reflect.TypeFor[bson.ValueMarshaler]()
	valueReaderType = reflect.TypeFor[bson.ValueUnmarshaler]()
	docWriterType   = reflect.TypeFor[bson.Marshaler]()
	docReaderType   = reflect.TypeFor[bson.Unmarshaler]()
	valuerType      = reflect.TypeFor[sqldriver.Valuer]()
	scannerType     = reflect.TypeFor[sql.Scanner]()
	textWriterType  = reflect.TypeFor[encoding.TextMarshaler]()
	textReaderType  = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonWriterType  = reflect.TypeFor[json.Marshaler]()
	jsonReaderType  = reflect.TypeFor[json.Unmarshaler]()
)

// standard is the driver's registry as it comes.
var standard = bson.NewRegistry()

// registry is the one set of codecs by which an entity type is stored, at every depth: a codec of
// the caller's registry, else the type's own for BSON, else Value and Scan, else the kind.
type registry struct {
	own    *bson.Registry
	caller *bson.Registry // may be nil
	seen   map[reflect.Type]bool
	faults []string

	// layouts are those of the structs that have no codec of their own.
	layouts map[reflect.Type]*layout
}

func newRegistry(caller *bson.Registry) *registry {
	return &registry{
		own: bson.NewRegistry(), caller: caller,
		seen: map[reflect.Type]bool{}, layouts: map[reflect.Type]*layout{},
	}
}

// learn registers a codec for t, and for everything inside it, where the driver's standard one would not give back
// what was stored. newPlan calls it for each nested or opaque field; seen ends the walk of a recursive type.
func (r *registry) learn(t reflect.Type) {
	if r.seen[t] {
		return
	}
	r.seen[t] = true
	if isCustom(t, r.caller) {
		// A type that the caller's registry has no codec for keeps the standard one.
		if e, err := r.caller.LookupEncoder(t); err == nil {
			r.own.RegisterTypeEncoder(t, e)
		}
		if d, err := r.caller.LookupDecoder(t); err == nil {
			r.own.RegisterTypeDecoder(t, d)
		}
		return
	}
	if t.Kind() == reflect.Pointer {
		r.register(t, pointerCodec{})
		r.learn(t.Elem())
		return
	}
	if c := r.codecFor(t); c != nil {
		r.register(t, c)
		return
	}
	if hasBSONCodec(t) || isDriverType(t) || hasStandardCodec(t) {
		return
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		r.learn(t.Elem())
	case reflect.Map:
		r.learnMap(t)
		r.register(t, mapCodec{})
	case reflect.Struct:
		l := newLayout(t, r.fault)
		r.layouts[t] = l
		r.register(t, structCodec{l})
		for _, m := range l.members {
			r.learn(m.typ)
		}
		if l.rest != nil {
			r.learnMap(t.FieldByIndex(l.rest).Type)
		}
	}
}

func (r *registry) register(t reflect.Type, c valueCodec) {
	r.own.RegisterTypeEncoder(t, c)
	r.own.RegisterTypeDecoder(t, c)
}

func (r *registry) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// learnMap learns what the values of a map are.
func (r *registry) learnMap(t reflect.Type) {
	if k := t.Key().Kind(); k == reflect.Pointer || k == reflect.Interface {
		r.fault("holds a map whose keys have type %s, of which none is equal to another", t.Key())
	}
	r.learn(t.Elem())
}

// valueCodec is both halves of a codec.
type valueCodec interface {
	bson.ValueEncoder
	bson.ValueDecoder
}

// codecFor returns this package's codec of a type, nil where the standard one is right, for learn.
func (r *registry) codecFor(t reflect.Type) valueCodec {
	switch {
	case hasBSONCodec(t) || isDriverType(t) || t == timeType:
		return nil
	case t == jsonNumberType:
		return numberCodec{}
	case driver.IsSQLNull(t):
		r.learn(t.Field(0).Type)
		return nullCodec{}
	case t.Kind() == reflect.Array && t.Elem() == byteType:
		return arrayCodec{}
	case isValuer(t):
		return scanCodec{}
	case isTime(t):
		return momentCodec{}
	case t.Kind() == reflect.Struct && !hasExported(t) && t.NumField() > 0:
		switch {
		case implements(t, textWriterType, textReaderType):
			return textCodec{}
		case implements(t, jsonWriterType, jsonReaderType):
			return jsonCodec{}
		}
	}
	return nil
}

var (
	standardStruct = codecType(reflect.TypeFor[struct{ X int }]())
	standardMap    = codecType(reflect.TypeFor[map[string]int]())
)

// codecType is the type of the driver's standard codec of t.
func codecType(t reflect.Type) reflect.Type {
	e, err := standard.LookupEncoder(t)
	if err != nil {
		return nil
	}
	return reflect.TypeOf(e)
}

// hasStandardCodec reports whether the driver has a codec for this very struct or map, as it has for
// time.Time and url.URL.
func hasStandardCodec(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		return codecType(t) != standardStruct
	case reflect.Map:
		return codecType(t) != standardMap
	}
	return false
}

// isOpaque reports whether only a BSON codec understands a field's type.
func isOpaque(t reflect.Type, caller *bson.Registry) bool {
	return isCustom(t, caller) || hasBSONCodec(t) || isDriverType(t) && t != objectIDType
}

// isNestedCodec reports whether a type inside a nested value is stored by a codec, and not by its
// kind. The driver's own types are, but for those that hold values of any type, such as bson.D,
// which do not come back as they were: an int becomes an int32.
func isNestedCodec(t reflect.Type, caller *bson.Registry) bool {
	switch {
	case isCustom(t, caller), hasBSONCodec(t):
		return true
	case driver.IsSQLNull(t), t == timeType:
		return false
	}
	isClosed := t.Kind() == reflect.Struct && !hasExported(t) && t.NumField() > 0
	return isValuer(t) || isClosed && (isDriverType(t) || hasTextForm(t))
}

// hasTextForm reports whether a type makes a text or JSON of itself, and reads it again.
func hasTextForm(t reflect.Type) bool {
	return implements(t, textWriterType, textReaderType) || implements(t, jsonWriterType, jsonReaderType)
}

// isDriverType reports whether t is one of the driver's own types, such as bson.Timestamp.
func isDriverType(t reflect.Type) bool { return t.PkgPath() == objectIDType.PkgPath() }

// implements reports whether t or *t has both interfaces.
func implements(t, writer, reader reflect.Type) bool {
	p := reflect.PointerTo(t)
	return (t.Implements(writer) || p.Implements(writer)) && p.Implements(reader)
}

func hasBSONCodec(t reflect.Type) bool {
	return implements(t, valueWriterType, valueReaderType) || implements(t, docWriterType, docReaderType)
}

func isValuer(t reflect.Type) bool { return implements(t, valuerType, scannerType) }

// isTime reports whether t is time.Time under a name of its own.
func isTime(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) &&
		!hasTextForm(t) || t == timeType
}

func hasExported(t reflect.Type) bool {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous {
			return true
		}
	}
	return false
}

// isCustom reports whether the caller's registry has another codec for t than the standard one.
func isCustom(t reflect.Type, caller *bson.Registry) bool {
	if caller == nil {
		return false
	}
	e, err1 := caller.LookupEncoder(t)
	standardEncoder, err2 := standard.LookupEncoder(t)
	if (err1 == nil) != (err2 == nil) || !isSameCodec(e, standardEncoder) {
		return true
	}
	d, err1 := caller.LookupDecoder(t)
	standardDecoder, err2 := standard.LookupDecoder(t)
	return (err1 == nil) != (err2 == nil) || !isSameCodec(d, standardDecoder)
}

func isSameCodec(one, other any) bool {
	return fingerprint(reflect.ValueOf(one), 0) == fingerprint(reflect.ValueOf(other), 0)
}

// fingerprint tells codecs apart, for isCustom: every registry has instances of its own of the standard ones,
// which are functions, or structs of settings and of other codecs.
func fingerprint(v reflect.Value, depth int) string {
	if !v.IsValid() || depth > 4 {
		return ""
	}
	text := v.Type().String()
	switch v.Kind() {
	case reflect.Func:
		return fmt.Sprint(text, v.Pointer())
	case reflect.Pointer, reflect.Interface:
		return text + fingerprint(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			text += fingerprint(v.Field(i), depth+1)
		}
	case reflect.Bool:
		return fmt.Sprint(text, v.Bool())
	}
	return text
}
