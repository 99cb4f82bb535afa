package mapping

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stillframe/stillframe/store/driver"
)

// keyTypeProblem says why a type cannot be a key, empty when it can.
func keyTypeProblem(t reflect.Type) string {
	if isScalarKey(t) {
		return ""
	}
	if t.Kind() != reflect.Struct || t == timeType {
		return "a key is an integer, a string, a byte array, or a struct of those"
	}
	if t.NumField() == 0 {
		return "it has no field"
	}
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case !f.IsExported():
			return fmt.Sprintf("its field %s is not exported", f.Name)
		case f.Anonymous:
			return fmt.Sprintf("its field %s is embedded", f.Name)
		case !isScalarKey(f.Type):
			return fmt.Sprintf("its field %s is no integer, string or byte array", f.Name)
		}
	}
	return ""
}

func isScalarKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return !isValuer(t)
	case reflect.String:
		return !isValuer(t)
	case reflect.Array:
		return t.Elem() == byteType && t.Len() > 0
	}
	return false
}

// keyField describes the key, and its parts where it is composite. Each problem is a sentence
// without a subject.
func keyField(d *driver.Field, f reflect.StructField, tag storeTag, p *Params) (problems []string) {
	if f.Type != p.Key {
		return []string{fmt.Sprintf("is the key and has type %s, but the repository's key type is %s", f.Type, p.Key)}
	}
	if keyTypeProblem(f.Type) != "" {
		return nil // named already
	}
	if tag.unique || tag.index {
		problems = append(problems, "is the key, which has an index of its own")
	}
	if f.Type.Kind() != reflect.Struct {
		problems = append(problems, describe(d, tag, false, p.Info)...)
		keySize(d, tag)
		if tag.auto {
			problems = append(problems, autoKeyProblems(d, p.Info)...)
		}
		return problems
	}
	if tag.auto {
		problems = append(problems, "is composite, and the database cannot make it")
	}
	d.Kind, d.Base, d.Secret = driver.Composite, f.Type, tag.secret
	paths := map[string]bool{}
	for i := range f.Type.NumField() {
		part := f.Type.Field(i)
		problems = append(problems, prefixed(part.Name, keyPart(d, part, paths, p))...)
	}
	return problems
}

// keyPart describes one part of a composite key and adds it to d.Parts. paths holds the stored
// names of the parts before it.
func keyPart(d *driver.Field, f reflect.StructField, paths map[string]bool, p *Params) []string {
	tag, problems := parseTag(f.Tag.Get("store"))
	if tag.role() != "" || tag.unique || tag.index || tag.generated {
		problems = append(problems, "is a part of the key and has no role or index of its own")
	}
	naming := p.Resolve(f)
	if naming.How != driver.Stored {
		return append(problems, "is a part of the key and must be stored")
	}
	if paths[naming.Name] {
		problems = append(problems, fmt.Sprintf("is stored as %q, and so is another part", naming.Name))
	}
	paths[naming.Name] = true
	part := driver.Field{
		Name: d.Name + "." + f.Name, Path: naming.Name, Type: f.Type, Tag: f.Tag,
		Index: append(append([]int{}, d.Index...), f.Index...),
	}
	problems = append(problems, describe(&part, tag, false, p.Info)...)
	keySize(&part, tag)
	d.Parts = append(d.Parts, part)
	return problems
}

func prefixed(name string, problems []string) []string {
	for i, p := range problems {
		problems[i] = "its part " + name + " " + p
	}
	return problems
}

// keySize bounds a string key whose mapping does not.
func keySize(d *driver.Field, tag storeTag) {
	if d.Kind == driver.String && tag.size == 0 {
		d.Size = standardSize
	}
}

// autoKeyProblems says why the database cannot make keys of this kind.
func autoKeyProblems(d *driver.Field, info driver.Info) []string {
	switch d.Kind {
	case driver.Int, driver.Uint:
		if !info.AutoKeys {
			return []string{fmt.Sprintf("is tagged auto, and %s makes no integer keys", info.Name)}
		}
	case driver.String:
		return []string{"is tagged auto, and no database makes keys that are strings"}
	}
	return nil // the backend decides on byte arrays
}

// CheckKey says why a key cannot be stored, and so not be looked for either.
func (m *Mapping) CheckKey(key any) error {
	if len(m.keyChecks) == 0 {
		return nil
	}
	// A copy, since a check may have to change what it looks at.
	v := reflect.New(m.Spec.Key.Type).Elem()
	v.Set(reflect.ValueOf(key))
	for _, c := range m.keyChecks {
		field := v
		if m.Spec.Key.Kind == driver.Composite {
			field = v.Field(c.field.Index[len(c.field.Index)-1])
		}
		if err := c.run(nil, field); err != nil {
			return err
		}
		if c.field.Kind == driver.String && strings.HasSuffix(field.String(), " ") {
			return fmt.Errorf("%s: a key cannot end in a space", c.field.Name)
		}
	}
	return nil
}

// KeyText is the key as errors print it, empty where it is secret.
func (m *Mapping) KeyText(key any) string {
	if m.isSecret {
		return ""
	}
	var parts []string
	for _, v := range m.Spec.KeyValues(key) {
		parts = append(parts, scalarText(v))
	}
	text := strings.ToValidUTF8(strings.Join(parts, "/"), "\uFFFD")
	if utf8.RuneCountInString(text) > longestKey {
		text = string([]rune(text)[:longestKey]) + "…"
	}
	return text
}

// longestKey is the most characters of a key that an error prints.
const longestKey = 64

// scalarText is one part of a key as errors print it, for KeyText: 16 bytes as a UUID, others in
// hexadecimal.
func scalarText(v reflect.Value) string {
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.Kind() == reflect.Array:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		if len(b) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}
		return hex.EncodeToString(b)
	}
	return v.String()
}

// PlainKey is a key without its Go type: keys that name one row through two mappings, whose key types
// differ, are equal. It is comparable.
func (m *Mapping) PlainKey(key any) any {
	if m.Spec.Key.Kind != driver.Composite {
		return plainScalar(reflect.ValueOf(key))
	}
	var b strings.Builder
	for _, v := range m.Spec.KeyValues(key) {
		fmt.Fprintf(&b, "%T%q,", plainScalar(v), fmt.Sprint(plainScalar(v)))
	}
	return b.String()
}

// plainScalar is one part of a plain key: an int64, a uint64 beyond that, or a string.
func plainScalar(v reflect.Value) any {
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		return int64(v.Uint())
	case v.CanUint():
		return v.Uint()
	case v.Kind() == reflect.Array:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return string(b)
	}
	return v.String()
}
