package mapping

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding"
	"encoding/json"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

var (
	timeType       = reflect.TypeFor[time.Time]()
	byteType       = reflect.TypeFor[byte]()
	valuerType     = reflect.TypeFor[sqldriver.Valuer]()
	scannerType    = reflect.TypeFor[sql.Scanner]()
	jsonWriterType = reflect.TypeFor[json.Marshaler]()
	jsonReaderType = reflect.TypeFor[json.Unmarshaler]()
	textWriterType = reflect.TypeFor[encoding.TextMarshaler]()
	textReaderType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// implements reports whether t or *t has the methods of i.
func implements(t, i reflect.Type) bool {
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}

// isValuer reports whether values of t are stored through their own Value and Scan.
func isValuer(t reflect.Type) bool {
	return implements(t, valuerType) && reflect.PointerTo(t).Implements(scannerType)
}

// hasCodec reports whether t brings its own text or JSON form, for values inside others.
func hasCodec(t reflect.Type) bool {
	return implements(t, jsonWriterType) && implements(t, jsonReaderType) ||
		implements(t, textWriterType) && implements(t, textReaderType)
}

// hasNestedCodec reports whether the backend stores a value of t, inside another, by a codec into
// which this package cannot look.
func hasNestedCodec(t reflect.Type, info driver.Info) bool {
	if info.NestedCodec != nil {
		return info.NestedCodec(t)
	}
	return hasCodec(t)
}
