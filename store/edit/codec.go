package edit

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// fields are those of an entity by their names, as JSON.
type fields map[string]json.RawMessage

// codec writes the fields of entities into the journal and reads them from it.
type codec[T any, K comparable] struct {
	rows    *store.Repository[T, K]
	key     driver.Field
	fields  []driver.Field // without key, version and secret ones
	secrets []string
}

// newCodec makes that of an edit. It returns why the entities cannot be written to a journal.
func newCodec[T any, K comparable](rows *store.Repository[T, K]) (*codec[T, K], error) {
	spec := rows.Spec()
	c := &codec[T, K]{rows: rows, key: spec.Key}
	for _, part := range spec.KeyFields() {
		if part.Secret {
			return nil, invalidf("the key %s is secret, and a journal needs it", part.Name)
		}
	}
	for i := range spec.Fields {
		if f := spec.Fields[i]; f.Secret {
			c.secrets = append(c.secrets, f.Name)
		} else {
			c.fields = append(c.fields, f)
		}
	}
	return c, nil
}

// encodeKey writes a key.
func (c *codec[T, K]) encodeKey(key K) (string, error) {
	text, err := json.Marshal(key)
	if err == nil {
		var back K
		if err = json.Unmarshal(text, &back); err == nil && back != key {
			err = fmt.Errorf("it reads back as another")
		}
	}
	if err != nil {
		return "", invalidf("keys of type %T cannot be written to a journal: %v", key, err)
	}
	return string(text), nil
}

// keyOf reads a key.
func (c *codec[T, K]) keyOf(l *line) (key K, err error) {
	if err = json.Unmarshal([]byte(l.Entity), &key); err != nil {
		err = invalidf("the key in the journal of %q, row %d, does not fit %T", l.Place.Edit, l.Place.Number, key)
	}
	return key, err
}

// encode writes the fields of an entity, all of them or those that are named. What would not read back as it was is
// ErrInvalid.
func (c *codec[T, K]) encode(entity T, only []string) (string, error) {
	all := fields{}
	v := reflect.ValueOf(&entity).Elem()
	for _, f := range c.fields {
		if only != nil && !slices.Contains(only, f.Name) {
			continue
		}
		text, err := json.Marshal(v.FieldByIndex(f.Index).Interface())
		if err != nil {
			return "", invalidf("field %s cannot be written to a journal: %v", f.Name, err)
		}
		all[f.Name] = text
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "", invalidf("fields cannot be written to a journal: %v", err)
	}
	back := entity
	if _, err := c.overlay(&back, string(text)); err != nil {
		return "", err
	}
	if lost := c.rows.Different(entity, back); len(lost) > 0 {
		return "", invalidf("field %s does not read back from JSON as it was, and cannot be written to a journal",
			lost[0])
	}
	return string(text), nil
}

// overlay reads fields into an entity, and returns their names.
func (c *codec[T, K]) overlay(entity *T, text string) (names []string, err error) {
	return c.read(entity, text, func(string) bool { return true })
}

// overlayOnly is overlay for some of the fields.
func (c *codec[T, K]) overlayOnly(entity *T, text string, names []string) error {
	_, err := c.read(entity, text, func(name string) bool { return slices.Contains(names, name) })
	return err
}

// read reads the fields that is selects into an entity, and returns their names.
func (c *codec[T, K]) read(entity *T, text string, is func(name string) bool) (names []string, err error) {
	var all fields
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, invalidf("the journal holds no fields: %v", err)
	}
	v := reflect.ValueOf(entity).Elem()
	for _, f := range c.fields {
		raw, ok := all[f.Name]
		if !ok || !is(f.Name) {
			continue
		}
		into := reflect.New(f.Type)
		if err := json.Unmarshal(raw, into.Interface()); err != nil {
			return nil, invalidf("field %s of the journal does not fit %s", f.Name, f.Type)
		}
		v.FieldByIndex(f.Index).Set(into.Elem())
		names = append(names, f.Name)
	}
	return names, nil
}

// differ returns the fields in which two entities differ, generated ones and those that are named aside.
func (c *codec[T, K]) differ(a, b T, but ...string) []string {
	names := c.rows.Different(a, b)
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.Contains(but, name) || slices.ContainsFunc(c.fields, func(f driver.Field) bool {
			return f.Name == name && f.Generated
		})
	})
}

// setKey gives an entity its key.
func (c *codec[T, K]) setKey(entity *T, key K) {
	reflect.ValueOf(entity).Elem().FieldByIndex(c.key.Index).Set(reflect.ValueOf(key))
}
