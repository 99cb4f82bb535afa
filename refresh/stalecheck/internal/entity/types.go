package entity

import (
	"go/types"
	"regexp"
	"strings"
)

var errorType = types.Universe.Lookup("error").Type()

// named returns a type that has a name, and its package's path, both empty for others.
func named(t types.Type) (pkg, name string) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return "", ""
	}
	return n.Obj().Pkg().Path(), n.Obj().Name()
}

func isNamed(t types.Type, pkg, name string) bool {
	p, n := named(t)
	return p == pkg && n == name
}

func isTime(t types.Type) bool { return isNamed(t, "time", "Time") }

// isConvertibleToTime reports whether a type is time.Time, perhaps under a name of its own.
func isConvertibleToTime(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	return ok && s.NumFields() == 3 && s.Field(0).Name() == "wall" && s.Field(0).Pkg().Path() == "time"
}

func isByte(t types.Type) bool {
	b, ok := types.Unalias(t).(*types.Basic)
	return ok && b.Kind() == types.Uint8
}

func structOf(t types.Type) (*types.Struct, bool) {
	s, ok := t.Underlying().(*types.Struct)
	return s, ok
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// IsSQLNull reports whether a type is one of package database/sql for a value that may be NULL.
func IsSQLNull(t types.Type) bool {
	pkg, name := named(t)
	s, ok := structOf(t)
	return ok && pkg == "database/sql" && strings.HasPrefix(name, "Null") && s.NumFields() == 2 &&
		s.Field(1).Name() == "Valid"
}

// hasTypeParams reports whether a type is not known until somebody calls the code.
func hasTypeParams(t types.Type) bool {
	switch x := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	case *types.Pointer:
		return hasTypeParams(x.Elem())
	case *types.Slice:
		return hasTypeParams(x.Elem())
	case *types.Array:
		return hasTypeParams(x.Elem())
	case *types.Map:
		return hasTypeParams(x.Key()) || hasTypeParams(x.Elem())
	case *types.Named:
		for arg := range x.TypeArgs().Types() {
			if hasTypeParams(arg) {
				return true
			}
		}
	case *types.Struct:
		for f := range x.Fields() {
			if hasTypeParams(f.Type()) {
				return true
			}
		}
	}
	return false
}

// method returns a method of t or, if orPointer, of *t, and whether t has it from a type that it embeds.
func method(t types.Type, orPointer bool, name string) (fn *types.Func, isPromoted bool) {
	sets := []types.Type{t}
	if orPointer {
		sets = append(sets, types.NewPointer(t))
	}
	for _, set := range sets {
		if m := types.NewMethodSet(set).Lookup(nil, name); m != nil {
			fn, _ = m.Obj().(*types.Func)
			return fn, len(m.Index()) > 1
		}
	}
	return nil, false
}

// The methods by which a value stores itself.
var codecMethods = map[string]func(s *types.Signature) bool{
	"Value": func(s *types.Signature) bool {
		return gives(s, func(t types.Type) bool { return isNamed(t, "database/sql/driver", "Value") })
	},
	"Scan":          func(s *types.Signature) bool { return takes(s, isEmptyInterface) },
	"MarshalJSON":   func(s *types.Signature) bool { return gives(s, isBytes) },
	"MarshalText":   func(s *types.Signature) bool { return gives(s, isBytes) },
	"UnmarshalJSON": func(s *types.Signature) bool { return takes(s, isBytes) },
	"UnmarshalText": func(s *types.Signature) bool { return takes(s, isBytes) },
}

func isBytes(t types.Type) bool {
	s, ok := types.Unalias(t).(*types.Slice)
	return ok && isByte(s.Elem())
}

func isEmptyInterface(t types.Type) bool {
	i, ok := types.Unalias(t).(*types.Interface)
	return ok && i.Empty()
}

// gives reports whether a function has no argument and gives such a value and an error.
func gives(s *types.Signature, value func(types.Type) bool) bool {
	return s.Params().Len() == 0 && s.Results().Len() == 2 && value(s.Results().At(0).Type()) &&
		types.Identical(s.Results().At(1).Type(), errorType)
}

// takes reports whether a function has such an argument and gives an error.
func takes(s *types.Signature, value func(types.Type) bool) bool {
	return s.Params().Len() == 1 && !s.Variadic() && s.Results().Len() == 1 && value(s.Params().At(0).Type()) &&
		types.Identical(s.Results().At(0).Type(), errorType)
}

// hasCodecMethod reports whether t has one of codecMethods, or *t has.
func hasCodecMethod(t types.Type, name string) bool {
	fn, _ := method(t, true, name)
	return fn != nil && codecMethods[name](fn.Signature())
}

// isValuer reports whether values of t are stored through their own Value and Scan.
func isValuer(t types.Type) bool {
	scan, _ := method(types.NewPointer(t), false, "Scan")
	return hasCodecMethod(t, "Value") && scan != nil && codecMethods["Scan"](scan.Signature())
}

// hasCodec reports whether t brings its own text or JSON form, for values inside others.
func hasCodec(t types.Type) bool {
	return hasCodecMethod(t, "MarshalJSON") && hasCodecMethod(t, "UnmarshalJSON") || hasText(t)
}

func hasText(t types.Type) bool {
	return hasCodecMethod(t, "MarshalText") && hasCodecMethod(t, "UnmarshalText")
}

var (
	byteWord = regexp.MustCompile(`\bbyte\b`)
	runeWord = regexp.MustCompile(`\brune\b`)
	anyWord  = regexp.MustCompile(`\bany\b|interface\{\}`)
)

// Text is a type as the errors of the library have it.
func Text(t types.Type) string {
	text := types.TypeString(types.Unalias(t), func(p *types.Package) string { return p.Name() })
	text = byteWord.ReplaceAllString(runeWord.ReplaceAllString(text, "int32"), "uint8")
	text = anyWord.ReplaceAllString(text, "interface {}")
	return strings.ReplaceAll(text, "struct{}", "struct {}")
}
