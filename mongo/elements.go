package mongo

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/store/driver"
)

// checkElements names what some documents hold, inside slices and maps, beside the fields that the mapping knows of
// their elements: a slice and a map are written whole, so that a write takes it away.
func (a *audit) checkElements(ctx context.Context) error {
	at, projection := beginDocument(nil)
	var fields []*codec
	for _, c := range a.fields {
		if c.field.Kind == driver.Nested {
			fields = append(fields, c)
			projection = appendInt32(appendHeader(projection, bson.TypeInt32, c.path), 1)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	o := options.Find().SetProjection(bson.Raw(endDocument(projection, at))).SetLimit(sampled)
	cursor, err := a.native.Find(ctx, bson.D{}, o)
	if err != nil {
		return err
	}
	defer closeCursor(ctx, cursor)
	found := map[string]bool{}
	for cursor.Next(ctx) {
		for _, c := range fields {
			e, err := find(cursor.Current, c.path)
			if err == nil {
				err = c.strangers(found, c.path, c.field.Base, e, false)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		problem := "some documents hold this field inside a slice or a map, and the mapping does not: a write of the " +
			"slice or map takes it away"
		a.differ(driver.SeverityWeaker, path, problem)
	}
	return cursor.Err()
}

// strangers notes the paths of fields that a value of type t has no place for. Only those count that lie in a slice
// or a map: others stay.
func (c *codec) strangers(found map[string]bool, path string, t reflect.Type, e element, isWithin bool) error {
	t = baseOf(t)
	l := c.layouts[t]
	isStruct := l != nil && e.kind == bson.TypeEmbeddedDocument
	isSlice := (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && e.kind == bson.TypeArray
	isMap := t.Kind() == reflect.Map && e.kind == bson.TypeEmbeddedDocument
	if !isStruct && !isSlice && !isMap {
		return nil
	}
	rest, err := elementsOf(e.value)
	for err == nil && len(rest) > 0 {
		var inner element
		if inner, rest, err = nextElement(rest); err != nil {
			break
		}
		if !isStruct {
			err = c.strangers(found, path, t.Elem(), inner, true)
			continue
		}
		name := string(inner.key)
		switch m := l.byName[name]; {
		case m != nil:
			err = c.strangers(found, path+"."+name, m.typ, inner, isWithin || l.rest != nil)
		case l.rest == nil && isWithin:
			found[path+"."+name] = true
		}
	}
	if err != nil {
		return fmt.Errorf("mongo: %s: %w", path, err)
	}
	return nil
}
