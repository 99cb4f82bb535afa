package mongo

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// marshal encodes a condition of the caller's, by the caller's registry where there is one.
func marshal(d bson.D, r *bson.Registry) (bson.Raw, error) {
	var buffer bytes.Buffer
	encoder := bson.NewEncoder(bson.NewDocumentWriter(&buffer))
	if r != nil {
		encoder.SetRegistry(r)
	}
	err := encoder.Encode(d)
	return buffer.Bytes(), err
}

// nativeText tells a condition from others, for Info.NativeText: as BSON, in which a map's keys are sorted.
func nativeText(native any, r *bson.Registry) ([]byte, error) {
	d, ok := native.(bson.D)
	if !ok {
		return nil, fmt.Errorf("mongo: a native condition of type %T", native)
	}
	sorted, _ := sortedMaps(d).(bson.D)
	return marshal(sorted, r)
}

// sortedMaps returns a value in which each map of strings, which encodes in any order, is a document with its keys
// sorted.
func sortedMaps(value any) any {
	switch x := value.(type) {
	case bson.D:
		d := make(bson.D, len(x))
		for i, e := range x {
			d[i] = bson.E{Key: e.Key, Value: sortedMaps(e.Value)}
		}
		return d
	case bson.M:
		return sortedMap(x)
	case map[string]any:
		return sortedMap(x)
	case bson.A:
		return sortedList(x)
	case []any:
		return sortedList(x)
	case []bson.D:
		return sortedList(x)
	case []bson.M:
		return sortedList(x)
	}
	return value
}

func sortedMap(m map[string]any) bson.D {
	d := make(bson.D, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		d = append(d, bson.E{Key: key, Value: sortedMaps(m[key])})
	}
	return d
}

func sortedList[T any](list []T) bson.A {
	a := make(bson.A, len(list))
	for i, value := range list {
		a[i] = sortedMaps(value)
	}
	return a
}
