package entity

import (
	"fmt"
	"go/types"
)

// Kind is the form in which a field's value is stored.
type Kind uint8

// The kinds, as package driver has them. Unknown is that of a field of which only a run can tell.
const (
	Unknown Kind = iota
	Bool
	Int
	Uint
	Float
	String
	Bytes
	Time
	UUID
	ByteArray
	Decimal
	Nested
	Opaque
	Composite
)

// describe finds out how a field is stored. Each problem is a sentence without a subject.
func (b *mapper) describe(d *Field, tag storeTag) (problems []string) {
	d.Base = d.Type
	isPlain := true
	switch {
	case IsSQLNull(d.Type):
		s, _ := structOf(d.Type)
		isPlain, d.Base = false, s.Field(0).Type()
	case isPointer(d.Type):
		isPlain, d.Base = false, d.Type.Underlying().(*types.Pointer).Elem()
	}
	var problem string
	if d.Kind, problem = b.kindOf(d, tag); problem != "" {
		return []string{problem}
	}
	if d.Kind == Unknown {
		return nil
	}
	return optionProblems(d, tag, isPlain)
}

// optionProblems says which options of a tag do not fit the kind that describe has found.
func optionProblems(d *Field, tag storeTag, isPlain bool) (problems []string) {
	text := d.Kind == String
	for _, o := range []struct {
		used, fits bool
		name, need string
	}{
		{tag.size > 0 || tag.max, text || d.Kind == Bytes, "size", "a string or []byte"},
		{tag.size > 0 && tag.text, false, "size beside text", "one of the two"},
		{tag.varchar, text, "varchar", "a string"},
		{tag.text, text || d.Kind == Nested, "text", "a string or a nested value"},
		{tag.decimal, d.Kind == Decimal, "decimal", "a string, or a type with Value and Scan"},
		{
			tag.unique || tag.index, d.IsComparable() && !(tag.text || tag.max),
			"unique or index", "a scalar of bounded size",
		},
		{tag.version || tag.key, isPlain, tag.role(), "a type that cannot be NULL"},
	} {
		if o.used && !o.fits {
			problem := fmt.Sprintf("is tagged %s, which needs %s, and has type %s", o.name, o.need, Text(d.Type))
			problems = append(problems, problem)
		}
	}
	return problems
}

// kindOf finds the kind of d.Base, or says why there is none.
func (b *mapper) kindOf(d *Field, tag storeTag) (Kind, string) {
	t := d.Base
	switch {
	case hasTypeParams(t), b.tags == BSON && b.mayHaveBSONCodec(t):
		return Unknown, ""
	case tag.json:
		if !isContainer(t) {
			return 0, fmt.Sprintf("is tagged json, which needs a struct, map, slice or array, and has type %s",
				Text(d.Type))
		}
		return Nested, b.nestedProblem(t, nil)
	case isTime(t):
		return Time, ""
	case isByteArray(t):
		if t.Underlying().(*types.Array).Len() == 16 {
			return UUID, ""
		}
		return ByteArray, ""
	case isValuer(t):
		d.IsValuer = true
		return valuerKind(tag), ""
	case hasCodecMethod(t, "Value"):
		return 0, fmt.Sprintf("has type %s, which has a Value method but no Scan", Text(d.Type))
	case isConvertibleToTime(t):
		return Time, ""
	}
	if kind := scalarKind(t, tag); kind != Unknown {
		return kind, ""
	}
	if isContainer(t) {
		return Nested, b.nestedProblem(t, nil)
	}
	return 0, fmt.Sprintf("has type %s, which cannot be stored", Text(d.Type))
}

func isByteArray(t types.Type) bool {
	a, ok := t.Underlying().(*types.Array)
	return ok && isByte(a.Elem()) && a.Len() > 0
}

// isContainer reports whether values of t hold others. Bytes do not, unless they are JSON already.
func isContainer(t types.Type) bool {
	switch x := t.Underlying().(type) {
	case *types.Struct, *types.Map, *types.Array:
		return true
	case *types.Slice:
		return !isByte(x.Elem()) || hasCodec(t)
	}
	return false
}

// scalarKind is the kind of a type that has no methods to store it, Unknown when it is no scalar.
func scalarKind(t types.Type, tag storeTag) Kind {
	switch x := t.Underlying().(type) {
	case *types.Basic:
		switch {
		case x.Kind() == types.Uintptr:
			return Unknown
		case x.Info()&types.IsBoolean != 0:
			return Bool
		case x.Info()&types.IsUnsigned != 0:
			return Uint
		case x.Info()&types.IsInteger != 0:
			return Int
		case x.Info()&types.IsFloat != 0:
			return Float
		case x.Info()&types.IsString != 0 && tag.decimal:
			return Decimal
		case x.Info()&types.IsString != 0:
			return String
		}
	case *types.Slice:
		if isByte(x.Elem()) {
			return Bytes
		}
	}
	return Unknown
}

// valuerKind is that of a type with Value and Scan, as far as its tag says it: else its zero value does, in a run.
func valuerKind(tag storeTag) Kind {
	switch {
	case tag.decimal:
		return Decimal
	case tag.size > 0 || tag.max || tag.varchar || tag.text:
		return String
	}
	return Unknown
}

// mayHaveBSONCodec reports whether MongoDB may store a type by a codec of which nothing can be seen here: by methods
// of its own, as a type of the driver, or by a registry that the program has filled for the types of others.
func (b *mapper) mayHaveBSONCodec(t types.Type) bool {
	for _, name := range []string{"MarshalBSON", "MarshalBSONValue", "UnmarshalBSON", "UnmarshalBSONValue"} {
		if fn, _ := method(t, true, name); fn != nil {
			return true
		}
	}
	pkg, _ := named(t)
	if pkg == "" || isTime(t) || IsSQLNull(t) {
		return false
	}
	if _, isBasic := t.Underlying().(*types.Basic); isBasic {
		return false
	}
	own, _ := named(b.m.Type)
	return pkg != own
}
