package mongo

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// mapCodec stores a map as a document, with its keys in order, so that equal maps are equal bytes. The
// driver's own passes over pointer methods of the values, and writes keys of string kinds as they are
// where it reads them by their text methods.
type mapCodec struct{}

func (mapCodec) EncodeValue(ec bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	if v.IsNil() {
		return vw.WriteNull()
	}
	dw, err := vw.WriteDocument()
	if err != nil {
		return err
	}
	if err := encodeEntries(ec, dw, v, nil); err != nil {
		return err
	}
	return dw.WriteDocumentEnd()
}

// encodeEntries writes the entries of a map into a document in which the names in taken are others'.
func encodeEntries(ec bson.EncodeContext, dw bson.DocumentWriter, m reflect.Value, taken map[string]*member) error {
	encoder, err := ec.LookupEncoder(m.Type().Elem())
	if err != nil {
		return err
	}
	type entry struct {
		name  string
		value reflect.Value
	}
	entries := make([]entry, 0, m.Len())
	for all := m.MapRange(); all.Next(); {
		name, err := keyText(all.Key())
		switch {
		case err != nil:
			return err
		case taken[name] != nil:
			return problem("a key of an inline map is the name of a field")
		case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
			return problem("a map's key holds a zero byte, or is no valid UTF-8")
		}
		entries = append(entries, entry{name, all.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i, e := range entries {
		if i > 0 && entries[i-1].name == e.name {
			return problem("two keys of a map have the same text")
		}
		ew, err := dw.WriteDocumentElement(e.name)
		if err != nil {
			return err
		}
		// A map's values have no address, by which alone pointer methods are found.
		if err := encoder.EncodeValue(ec, ew, addressed(e.value)); err != nil {
			return err
		}
	}
	return nil
}

func (mapCodec) DecodeValue(dc bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	v.SetZero()
	if null, err := readNull(vr); null || err != nil {
		return err
	}
	if t := vr.Type(); t != 0 && t != bson.TypeEmbeddedDocument {
		return fmt.Errorf("a %v does not fit %s", t, v.Type())
	}
	dr, err := vr.ReadDocument()
	if err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for {
		name, er, err := dr.ReadElement()
		if err == bson.ErrEOD {
			return nil
		}
		if err == nil {
			err = decodeEntry(dc, er, v, name)
		}
		if err != nil {
			return err
		}
	}
}

// decodeEntry reads one value into a map, which it makes where it is nil.
func decodeEntry(dc bson.DecodeContext, vr bson.ValueReader, m reflect.Value, name string) error {
	t := m.Type()
	decoder, err := dc.LookupDecoder(t.Elem())
	if err != nil {
		return err
	}
	key := reflect.New(t.Key()).Elem()
	if err := setKeyText(key, name); err != nil {
		return err
	}
	value := reflect.New(t.Elem()).Elem()
	if err := decoder.DecodeValue(dc, vr, value); err != nil {
		return err
	}
	if m.IsNil() {
		m.Set(reflect.MakeMap(t))
	}
	if m.MapIndex(key).IsValid() {
		return errors.New("two stored names are one key of the map")
	}
	m.SetMapIndex(key, value)
	return nil
}

var (
	keyWriterType = reflect.TypeFor[bson.KeyMarshaler]()
	keyReaderType = reflect.TypeFor[bson.KeyUnmarshaler]()
)

// keyText is the name under which a map's entry is stored: by the key's own methods, where it has those
// that write and those that read, else by its kind.
func keyText(key reflect.Value) (string, error) {
	switch t := key.Type(); {
	case implements(t, keyWriterType, keyReaderType):
		return addressed(key).Addr().Interface().(bson.KeyMarshaler).MarshalKey()
	case implements(t, textWriterType, textReaderType):
		text, err := addressed(key).Addr().Interface().(encoding.TextMarshaler).MarshalText()
		return string(text), err
	}
	switch {
	case key.Kind() == reflect.String:
		return key.String(), nil
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10), nil
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10), nil
	}
	return "", fmt.Errorf("a key of type %s has no text", key.Type())
}

// setKeyText is the way back of keyText.
func setKeyText(key reflect.Value, text string) error {
	switch t := key.Type(); {
	case implements(t, keyWriterType, keyReaderType):
		return key.Addr().Interface().(bson.KeyUnmarshaler).UnmarshalKey(text)
	case implements(t, textWriterType, textReaderType):
		return key.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	}
	switch {
	case key.Kind() == reflect.String:
		key.SetString(text)
		return nil
	case key.CanInt():
		n, err := strconv.ParseInt(text, 10, key.Type().Bits())
		key.SetInt(n)
		return err
	case key.CanUint():
		n, err := strconv.ParseUint(text, 10, key.Type().Bits())
		key.SetUint(n)
		return err
	}
	return fmt.Errorf("a key of type %s has no text", key.Type())
}
