package entity

import (
	"fmt"
	"go/types"
	"reflect"
)

// keyTypeProblem says why a type cannot be a key, empty when it can.
func keyTypeProblem(t types.Type) string {
	if isScalarKey(t) {
		return ""
	}
	s, ok := structOf(t)
	if !ok || isTime(t) {
		return "a key is an integer, a string, a byte array, or a struct of those"
	}
	if s.NumFields() == 0 {
		return "it has no field"
	}
	for f := range s.Fields() {
		switch {
		case !f.Exported():
			return fmt.Sprintf("its field %s is not exported", f.Name())
		case f.Embedded():
			return fmt.Sprintf("its field %s is embedded", f.Name())
		case !isScalarKey(f.Type()):
			return fmt.Sprintf("its field %s is no integer, string or byte array", f.Name())
		}
	}
	return ""
}

func isScalarKey(t types.Type) bool {
	if basic, ok := t.Underlying().(*types.Basic); ok {
		isKey := basic.Info()&(types.IsInteger|types.IsString) != 0 && basic.Kind() != types.Uintptr
		return isKey && !isValuer(t)
	}
	return isByteArray(t)
}

// keyField describes the key, and its parts where it is composite. Each problem is a sentence without a subject.
func (b *mapper) keyField(d *Field, f *types.Var, tag storeTag) (problems []string) {
	if !types.Identical(f.Type(), b.keyType) {
		return []string{fmt.Sprintf("is the key and has type %s, but the repository's key type is %s",
			Text(f.Type()), Text(b.keyType))}
	}
	if keyTypeProblem(f.Type()) != "" {
		return nil // named already
	}
	if tag.unique || tag.index {
		problems = append(problems, "is the key, which has an index of its own")
	}
	s, isStruct := structOf(f.Type())
	if !isStruct {
		problems = append(problems, b.describe(d, tag)...)
		if tag.auto && d.Kind == String {
			problems = append(problems, "is tagged auto, and no database makes keys that are strings")
		}
		return problems
	}
	if tag.auto {
		problems = append(problems, "is composite, and the database cannot make it")
	}
	d.Kind, d.Base = Composite, f.Type()
	paths := map[string]bool{}
	for i := range s.NumFields() {
		for _, p := range b.keyPart(d, s.Field(i), reflect.StructTag(s.Tag(i)), paths) {
			problems = append(problems, "its part "+s.Field(i).Name()+" "+p)
		}
	}
	return problems
}

// keyPart describes one part of a composite key and adds it to d.Parts. paths holds the stored names of the parts
// before it.
func (b *mapper) keyPart(d *Field, f *types.Var, tags reflect.StructTag, paths map[string]bool) []string {
	tag, problems := parseTag(tags.Get("store"))
	if tag.role() != "" || tag.unique || tag.index || tag.generated {
		problems = append(problems, "is a part of the key and has no role or index of its own")
	}
	how, name := b.naming(f, f.Exported(), tags)
	if how != stored {
		return append(problems, "is a part of the key and must be stored")
	}
	if paths[name] {
		problems = append(problems, fmt.Sprintf("is stored as %q, and so is another part", name))
	}
	paths[name] = true
	part := &Field{Var: f, Name: d.Name + "." + f.Name(), Path: name, Type: f.Type()}
	problems = append(problems, b.describe(part, tag)...)
	d.Parts = append(d.Parts, part)
	return problems
}
