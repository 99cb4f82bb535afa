package mapping

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// Where a nested value is JSON, what is read need not be what was written: a server may keep numbers as doubles
// (Info.StoredJSON), and a json.RawMessage comes back in another form than it was given. So a value that would come
// back as another is refused, and a RawMessage in memory is brought into the form that a read gives, as times are cut.

// The types whose values are JSON text themselves. An empty number is written as 0, and an empty text as null.
var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
)

// jsonCheck adds to the check of a nested value, which may be nil, what becomes of its JSON. Most values have nothing
// in them that changes, and are then not decoded.
func jsonCheck(f *driver.Field, info driver.Info, check checkFunc) checkFunc {
	stored := info.StoredJSON
	if f.Text {
		stored = nil
	}
	has := jsonTypes{}
	has.look(f.Base, map[reflect.Type]bool{})
	if info.NestedCodec != nil || stored == nil && !has.raw {
		return check
	}
	plain := *f
	plain.Wrap = driver.Plain
	return func(u *Undo, v reflect.Value) error {
		if check != nil {
			if err := check(u, v); err != nil {
				return err
			}
		}
		value, err := plain.Encode(v)
		if err != nil {
			return err
		}
		text, ok := value.(string)
		if !ok || !has.raw && !has.coded && keepsItsNumbers(text) {
			return nil
		}
		kept := text
		if stored != nil {
			kept = stored(text)
		}
		return compareKept(u, v, &plain, text, kept)
	}
}

// changedJSON is what is wrong with a value that would come back as another.
const changedJSON = "the value would come back as another: the server's JSON keeps numbers as doubles or 64-bit " +
	"integers, and one member of each name: store it as a string, or tag the field text"

// compareKept decodes what was encoded and what will be stored of it, for jsonCheck: the two must be one value. The
// first is not v itself, since a codec may give back less than it was given, whatever the server does.
func compareKept(u *Undo, v reflect.Value, f *driver.Field, text, kept string) error {
	given, back := reflect.New(f.Base).Elem(), reflect.New(f.Base).Elem()
	if f.Decode(given, text) != nil {
		return nil // its codec does not read what it writes: that is no matter of the server's
	}
	path, isOther := "", f.Decode(back, kept) != nil
	if !isOther {
		path, isOther = difference(given, back)
	}
	if isOther {
		return &driver.ValueError{Field: f.Name + path, Problem: changedJSON}
	}
	if _, isOther := difference(v, back); !isOther && !deepEqual(v, back, 0) {
		u.set(v, back)
	}
	return nil
}

// jsonTypes says what lies in a type that JSON can change beside numbers.
type jsonTypes struct {
	raw   bool // a json.RawMessage or a json.Number
	coded bool // a type with a codec of its own, which may write anything
}

// look goes into every part of a type.
func (j *jsonTypes) look(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch {
	case t == rawType, t == numberType:
		j.raw = true
		return
	case hasCodec(t) && t != timeType:
		j.coded = true
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		j.look(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			j.look(t.Field(i).Type, seen)
		}
	}
}

// keepsItsNumbers reports whether all numbers in a JSON text are integers of up to 15 digits, or such with a point
// among them, which come back from a double as they are. Its members have the names of fields or the keys of maps,
// of which no two are the same.
func keepsItsNumbers(text string) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '-' || c >= '0' && c <= '9':
			start := i
			for i < len(text) && strings.IndexByte("-+.eE0123456789", text[i]) >= 0 {
				i++
			}
			number := text[start:i]
			i--
			if number == "-0" || len(number) > 15 || strings.ContainsAny(number, "eE") {
				return false
			}
		}
	}
	return true
}

// difference finds where two nested values differ by more than the form of a json.RawMessage. path leads from
// them to that place, ".Items[…].Price".
func difference(a, b reflect.Value) (path string, isOther bool) {
	found := func(steps string, a, b reflect.Value) (string, bool) {
		path, isOther := difference(a, b)
		return steps + path, isOther
	}
	t := a.Type()
	switch {
	case t == rawType:
		return "", !sameJSON(a.Bytes(), b.Bytes())
	case t == numberType:
		return "", a.String() != b.String() && cmp.Or(a.String(), "0") != b.String()
	case hasCodec(t):
		return "", !deepEqual(a, b, 0)
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !a.IsNil() && !b.IsNil() {
			return difference(a.Elem(), b.Elem())
		}
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || t.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return "", true
		}
		for i := range a.Len() {
			if path, isOther := found("[…]", a.Index(i), b.Index(i)); isOther {
				return path, true
			}
		}
		return "", false
	case reflect.Map:
		if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
			return "", true
		}
		for entries := a.MapRange(); entries.Next(); {
			other := b.MapIndex(entries.Key())
			if !other.IsValid() {
				return "", true
			}
			if path, isOther := found("[…]", entries.Value(), other); isOther {
				return path, true
			}
		}
		return "", false
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			break
		}
		for i := range t.NumField() {
			if f := t.Field(i); isInside(f) {
				if path, isOther := found("."+f.Name, a.Field(i), b.Field(i)); isOther {
					return path, true
				}
			}
		}
		return "", false
	}
	return "", !deepEqual(a, b, 0)
}

// sameJSON reports whether two texts are one JSON value: in the order of members, white space and escapes they may
// differ, in the text of a number they may not. No text at all is null.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	read := func(text []byte) (value any, members int, ok bool) {
		if len(text) == 0 {
			return nil, 0, true
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		for {
			if _, err := d.Token(); err != nil {
				break
			}
			members++
		}
		d = json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		return value, members, d.Decode(&value) == nil
	}
	x, n, ok := read(a)
	y, m, fits := read(b)
	return ok && fits && (n == m || len(a) == 0 || len(b) == 0) && reflect.DeepEqual(x, y)
}
