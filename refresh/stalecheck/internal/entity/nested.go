package entity

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"
)

// nestedProblem says why a value of t cannot be stored inside another, empty when it can.
func (b *mapper) nestedProblem(t types.Type, seen map[string]bool) string {
	id := types.TypeString(t, nil)
	if seen[id] || isTime(t) || hasTypeParams(t) {
		return ""
	}
	if b.hasNestedCodec(t) {
		return promotedCodecProblem(t)
	}
	if seen == nil {
		seen = map[string]bool{}
	}
	seen[id] = true
	switch x := t.Underlying().(type) {
	case *types.Interface, *types.Signature, *types.Chan:
		return fmt.Sprintf("holds a value of type %s, which cannot be stored", Text(t))
	case *types.Basic:
		if x.Kind() == types.UnsafePointer || x.Kind() == types.Uintptr || x.Info()&types.IsComplex != 0 {
			return fmt.Sprintf("holds a value of type %s, which cannot be stored", Text(t))
		}
	case *types.Pointer:
		return b.nestedProblem(x.Elem(), seen)
	case *types.Slice:
		return b.nestedProblem(x.Elem(), seen)
	case *types.Array:
		return b.nestedProblem(x.Elem(), seen)
	case *types.Map:
		if p := b.mapProblem(x); p != "" {
			return p
		}
		return b.nestedProblem(x.Elem(), seen)
	case *types.Struct:
		return b.nestedStructProblem(t, x, seen)
	}
	return ""
}

// hasNestedCodec reports whether a backend stores a value of t, inside another, by a codec, or may do so.
func (b *mapper) hasNestedCodec(t types.Type) bool {
	if b.tags != BSON {
		return hasCodec(t)
	}
	return b.mayHaveBSONCodec(t) || isValuer(t) || hasCodec(t)
}

// mapProblem says what is wrong with a map's keys, and with values that JSON could not reach.
func (b *mapper) mapProblem(t *types.Map) string {
	key := t.Key()
	basic, _ := key.Underlying().(*types.Basic)
	isString := basic != nil && basic.Info()&types.IsString != 0
	isPlain := isString || basic != nil && basic.Info()&types.IsInteger != 0 && basic.Kind() != types.Uintptr
	isText := hasText(key)
	if !isPlain && !isText {
		return fmt.Sprintf("holds a map whose keys have type %s: they must be strings or integers", Text(key))
	}
	if b.tags == BSON {
		return ""
	}
	direct, _ := method(key, false, "MarshalText")
	switch {
	case isText && direct == nil:
		return fmt.Sprintf("holds a map whose keys have type %s, whose MarshalText has a pointer receiver: "+
			"a key has no address, so that JSON could not be read back", Text(key))
	case isText && isString:
		return fmt.Sprintf("holds a map whose keys have type %s, a string with text methods: "+
			"JSON writes it without MarshalText and reads it with UnmarshalText", Text(key))
	}
	if inner := unreached(t.Elem(), map[string]bool{}); inner != nil {
		return fmt.Sprintf("holds a map with values of type %s, which write their JSON by a method with a pointer "+
			"receiver: a value in a map has no address, so use a map of pointers", Text(inner))
	}
	return ""
}

// unreached finds a type, in values that have no address because they lie in a map, whose JSON or text
// methods have pointer receivers.
func unreached(t types.Type, seen map[string]bool) types.Type {
	for _, writer := range []string{"MarshalJSON", "MarshalText"} {
		if fn, _ := method(t, false, writer); fn != nil && codecMethods[writer](fn.Signature()) {
			return nil
		}
		if hasCodecMethod(t, writer) {
			return t
		}
	}
	id := types.TypeString(t, nil)
	if seen[id] {
		return nil
	}
	seen[id] = true
	switch x := t.Underlying().(type) {
	case *types.Array:
		return unreached(x.Elem(), seen)
	case *types.Struct:
		for i := range x.NumFields() {
			if f := x.Field(i); f.Exported() && !isSkipped(x.Tag(i)) || f.Embedded() {
				if inner := unreached(f.Type(), seen); inner != nil {
					return inner
				}
			}
		}
	}
	return nil
}

// nestedStructProblem is nestedProblem for a struct that has no codec.
func (b *mapper) nestedStructProblem(t types.Type, s *types.Struct, seen map[string]bool) string {
	exported := 0
	names := map[string]string{}
	hidden := ""
	for i := range s.NumFields() {
		f := s.Field(i)
		tag := reflect.StructTag(s.Tag(i))
		if isSkipped(s.Tag(i)) {
			continue
		}
		switch {
		case f.Embedded() && isPointer(f.Type()) && !f.Exported():
			return fmt.Sprintf("holds a %s, which embeds %s by pointer: its type is not exported, and cannot be made "+
				"when it is read", Text(t), Text(f.Type()))
		case !f.Exported() && !f.Embedded():
			hidden = f.Name()
			continue
		}
		if _, isTagged := tag.Lookup("store"); isTagged {
			return fmt.Sprintf("holds a %s, whose field %s has a store tag: it means nothing inside a value",
				Text(t), f.Name())
		}
		exported++
		if name := jsonName(f, tag); name != "" && b.tags != BSON {
			if other, ok := names[name]; ok {
				return fmt.Sprintf("holds a %s, whose fields %s and %s have one JSON name, %q",
					Text(t), other, f.Name(), name)
			}
			names[name] = f.Name()
		}
		if p := b.nestedProblem(f.Type(), seen); p != "" {
			return p
		}
	}
	switch {
	case hidden != "" && exported == 0:
		return fmt.Sprintf("holds a %s, which has only unexported fields and no codec", Text(t))
	case hidden != "":
		return fmt.Sprintf("holds a %s, whose field %s is not exported and would be lost: export it, or tag it %s",
			Text(t), hidden, `json:"-" or bson:"-"`)
	}
	return ""
}

// isSkipped reports whether a nested field says itself that it is not stored.
func isSkipped(text string) bool {
	tag := reflect.StructTag(text)
	return tag.Get("json") == "-" || tag.Get("bson") == "-"
}

// jsonName is the name that a nested field has by itself in JSON, empty where it has none.
func jsonName(f *types.Var, tag reflect.StructTag) string {
	name, _, _ := strings.Cut(tag.Get("json"), ",")
	if name == "" && !f.Embedded() {
		name = f.Name()
	}
	return name
}

// promotedCodecProblem finds a struct whose codec is that of a type it embeds, so that the fields beside it are lost.
func promotedCodecProblem(t types.Type) string {
	s, ok := structOf(t)
	if !ok || s.NumFields() < 2 {
		return ""
	}
	for _, name := range []string{"MarshalJSON", "MarshalText", "MarshalBSONValue", "MarshalBSON", "Value"} {
		if fn, isPromoted := method(t, true, name); fn != nil && isPromoted {
			return fmt.Sprintf("holds a %s, whose %s is that of a type that it embeds: the fields beside it would be "+
				"lost", Text(t), name)
		}
	}
	return ""
}
