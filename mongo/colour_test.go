package mongo_test

import (
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

func encodeColour(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	return vw.WriteString("colour:" + v.Interface().(colour).name)
}

func decodeColour(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	text, err := vr.ReadString()
	v.Set(reflect.ValueOf(colour{strings.TrimPrefix(text, "colour:")}))
	return err
}
