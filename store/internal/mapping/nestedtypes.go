package mapping

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// nestedProblem says why a value of t cannot be stored inside another, empty when it can. What would be
// dropped in silence, or could not be read back, is a problem: it is found when the program starts, and
// not in the data a year later.
func nestedProblem(t reflect.Type, info driver.Info, seen map[reflect.Type]bool) string {
	if seen[t] || t == timeType {
		return ""
	}
	if hasNestedCodec(t, info) {
		return promotedCodecProblem(t)
	}
	if seen == nil {
		seen = map[reflect.Type]bool{}
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Uintptr,
		reflect.Complex64, reflect.Complex128:
		return fmt.Sprintf("holds a value of type %s, which cannot be stored", t)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return nestedProblem(t.Elem(), info, seen)
	case reflect.Map:
		if p := mapProblem(t, info); p != "" {
			return p
		}
		return nestedProblem(t.Elem(), info, seen)
	case reflect.Struct:
		return nestedStructProblem(t, info, seen)
	}
	return ""
}

// mapProblem says what is wrong with a map's keys, and with values that its backend could not reach.
func mapProblem(t reflect.Type, info driver.Info) string {
	key := t.Key()
	isText := implements(key, textWriterType) && implements(key, textReaderType)
	isPlain := key.Kind() == reflect.String || key.Kind() >= reflect.Int && key.Kind() <= reflect.Uint64
	if !isPlain && !isText {
		return fmt.Sprintf("holds a map whose keys have type %s: they must be strings or integers", key)
	}
	if info.NestedCodec != nil {
		return "" // the rest is about package encoding/json
	}
	switch {
	case isText && !key.Implements(textWriterType):
		return fmt.Sprintf("holds a map whose keys have type %s, whose MarshalText has a pointer receiver: "+
			"a key has no address, so that JSON could not be read back", key)
	case isText && key.Kind() == reflect.String:
		return fmt.Sprintf("holds a map whose keys have type %s, a string with text methods: "+
			"JSON writes it without MarshalText and reads it with UnmarshalText", key)
	}
	if inner := unreached(t.Elem(), nil); inner != nil {
		return fmt.Sprintf("holds a map with values of type %s, which write their JSON by a method with a pointer "+
			"receiver: a value in a map has no address, so use a map of pointers", inner)
	}
	return ""
}

// unreached finds a type, in values that have no address because they lie in a map, whose JSON or text
// methods have pointer receivers. Pointers and slices give what they hold an address again.
func unreached(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	for _, writer := range []reflect.Type{jsonWriterType, textWriterType} {
		if t.Implements(writer) {
			return nil
		}
		if reflect.PointerTo(t).Implements(writer) {
			return t
		}
	}
	if seen[t] {
		return nil
	}
	if seen == nil {
		seen = map[reflect.Type]bool{}
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Array:
		return unreached(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !isSkipped(f) || f.Anonymous {
				if inner := unreached(f.Type, seen); inner != nil {
					return inner
				}
			}
		}
	}
	return nil
}

// nestedStructProblem is nestedProblem for a struct that has no codec.
func nestedStructProblem(t reflect.Type, info driver.Info, seen map[reflect.Type]bool) string {
	exported := 0
	names := map[string]string{}
	hidden := ""
	for i := range t.NumField() {
		f := t.Field(i)
		if isSkipped(f) {
			continue
		}
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Pointer && !f.IsExported():
			return fmt.Sprintf("holds a %s, which embeds %s by pointer: its type is not exported, and cannot be made "+
				"when it is read", t, f.Type)
		case !f.IsExported() && !f.Anonymous:
			hidden = f.Name
			continue
		}
		if _, isTagged := f.Tag.Lookup("store"); isTagged {
			return fmt.Sprintf("holds a %s, whose field %s has a store tag: it means nothing inside a value", t, f.Name)
		}
		exported++
		if name := jsonName(f); name != "" && info.NestedCodec == nil {
			if other, ok := names[name]; ok {
				return fmt.Sprintf("holds a %s, whose fields %s and %s have one JSON name, %q", t, other, f.Name, name)
			}
			names[name] = f.Name
		}
		if p := nestedProblem(f.Type, info, seen); p != "" {
			return p
		}
	}
	switch {
	case hidden != "" && exported == 0:
		return fmt.Sprintf("holds a %s, which has only unexported fields and no codec that %s uses inside other values",
			t, info.Name)
	case hidden != "":
		return fmt.Sprintf("holds a %s, whose field %s is not exported and would be lost: export it, or tag it %s",
			t, hidden, `json:"-" or bson:"-"`)
	}
	return ""
}

// isSkipped reports whether a nested field says itself that it is not stored.
func isSkipped(f reflect.StructField) bool {
	return f.Tag.Get("json") == "-" || f.Tag.Get("bson") == "-"
}

// jsonName is the name that a nested field has by itself in JSON, empty where it has none.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" && !f.Anonymous {
		name = f.Name
	}
	return name
}

// promotedCodecProblem finds a struct whose codec is that of a type it embeds: Go promotes the methods,
// and they store the embedded value in place of the whole, so that the fields beside it are lost.
func promotedCodecProblem(t reflect.Type) string {
	if t.Kind() != reflect.Struct || t.NumField() < 2 {
		return ""
	}
	for _, method := range []string{"MarshalJSON", "MarshalText", "MarshalBSONValue", "MarshalBSON", "Value"} {
		m, ok := t.MethodByName(method)
		if !ok {
			m, ok = reflect.PointerTo(t).MethodByName(method)
		}
		if !ok || !isPromoted(t, m) {
			continue
		}
		return fmt.Sprintf("holds a %s, whose %s is that of a type that it embeds: the fields beside it would be lost",
			t, method)
	}
	return ""
}

// isPromoted reports whether a method of t is that of a type that t embeds. The compiler makes such
// methods itself, and says so where their source would stand.
func isPromoted(t reflect.Type, m reflect.Method) bool {
	embeds := false
	for i := range t.NumField() {
		f := t.Field(i)
		if _, ok := reflect.PointerTo(f.Type).MethodByName(m.Name); f.Anonymous && ok {
			embeds = true
		}
		if _, ok := f.Type.MethodByName(m.Name); f.Anonymous && ok {
			embeds = true
		}
	}
	if !embeds {
		return false
	}
	pc := m.Func.Pointer()
	file, _ := runtime.FuncForPC(pc).FileLine(pc)
	return file == "<autogenerated>"
}
