package sqldb

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// QuoteTable quotes a name that may be qualified.
func QuoteTable(d Dialect, name string) string {
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = d.Quote(parts[i])
	}
	return strings.Join(parts, ".")
}

// IsKey reports whether a field is the key, or a part of it.
func IsKey(spec *driver.Spec, f *driver.Field) bool {
	keys := spec.KeyFields()
	for i := range keys {
		if keys[i].Path == f.Path {
			return true
		}
	}
	return false
}

// Text reads a value of a server's catalogue, whose types differ between servers.
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(value)
}

// Number is [Text] for a number. Anything else is 0.
func Number(value any) int64 {
	var n int64
	_, _ = fmt.Sscan(Text(value), &n)
	return n
}

// integer reads a number that is no field's: a count, a version, the step of keys.
func integer(src any) (int64, error) {
	n := int64(0)
	v := reflect.ValueOf(&n).Elem()
	f := driver.Field{Name: "count", Kind: driver.Int, Type: v.Type(), Base: v.Type()}
	err := f.Decode(v, src)
	return n, err
}
