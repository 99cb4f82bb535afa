package mongo

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var jsonNumberType = reflect.TypeFor[json.Number]()

// numberCodec stores a json.Number inside a nested value as the number of the least type that gives its text back: a
// 64-bit integer, a double, a decimal of 34 digits. The driver's own knows no decimals, and rounds. What none gives
// back, such as 1e2, is refused. An empty one is null.
type numberCodec struct{}

func (numberCodec) EncodeValue(_ bson.EncodeContext, vw bson.ValueWriter, v reflect.Value) error {
	text := v.String()
	if text == "" {
		return vw.WriteNull()
	}
	if !json.Valid([]byte(text)) {
		return errNoNumber
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return vw.WriteInt64(n)
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil && doubleText(x) == text {
		return vw.WriteDouble(x)
	}
	if d, err := bson.ParseDecimal128(text); err == nil && d.String() == text {
		return vw.WriteDecimal128(d)
	}
	return errNoNumber
}

const errNoNumber problem = "a json.Number is none, or would come back as another text: write it without an " +
	"exponent, in 34 digits at most"

// doubleText is the text of a double, as the driver's own codec gives it.
func doubleText(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func (numberCodec) DecodeValue(_ bson.DecodeContext, vr bson.ValueReader, v reflect.Value) error {
	src, err := readScalar(vr)
	if err != nil {
		return err
	}
	switch x := src.(type) {
	case nil:
		v.SetString("")
	case int64:
		v.SetString(strconv.FormatInt(x, 10))
	case float64:
		v.SetString(doubleText(x))
	case string: // a decimal, or a text of another program
		v.SetString(x)
	default:
		return fmt.Errorf("a %T does not fit %s", src, v.Type())
	}
	if text := v.String(); text != "" && !json.Valid([]byte(text)) {
		return fmt.Errorf("a text that is no number does not fit %s", v.Type())
	}
	return nil
}
