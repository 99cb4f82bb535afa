package mapping

import (
	sqldriver "database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// standardSize bounds a string that a key or an index needs, where the mapping gives no size:
// every server can index that much.
const standardSize = 255

// describe finds out how a field is stored and takes over its options. Each problem is a sentence
// without a subject.
func describe(d *driver.Field, tag storeTag, opaque bool, info driver.Info) (problems []string) {
	d.Base = d.Type
	switch {
	case driver.IsSQLNull(d.Type):
		d.Wrap, d.Base = driver.Null, d.Type.Field(0).Type
	case d.Type.Kind() == reflect.Pointer:
		d.Wrap, d.Base = driver.Pointer, d.Type.Elem()
	}
	d.JSON, d.Secret, d.Varchar, d.Text, d.Generated = tag.json, tag.secret, tag.varchar, tag.text, tag.generated
	d.Size, d.Precision, d.Scale = tag.size, tag.precision, tag.scale
	var problem string
	if d.Kind, problem = kindOf(d, tag, opaque, info); problem != "" {
		return []string{problem}
	}
	if d.Size == 0 && !tag.max && (tag.unique || tag.index) && (d.Kind == driver.String || d.Kind == driver.Bytes) {
		d.Size = standardSize
	}
	return optionProblems(d, tag, info)
}

// optionProblems says which options of a tag do not fit the kind that describe has found. An option
// that was passed over in silence would be missed only when the table is full.
func optionProblems(d *driver.Field, tag storeTag, info driver.Info) (problems []string) {
	text := d.Kind == driver.String
	for _, o := range []struct {
		used, fits bool
		name, need string
	}{
		{tag.size > 0 || tag.max, text || d.Kind == driver.Bytes, "size", "a string or []byte"},
		{tag.size > 0 && tag.text, false, "size beside text", "one of the two"},
		{tag.varchar, text, "varchar", "a string"},
		{tag.text, text || d.Kind == driver.Nested, "text", "a string or a nested value"},
		{tag.decimal, d.Kind == driver.Decimal, "decimal", "a string, or a type with Value and Scan"},
		{
			tag.unique || tag.index, d.Comparable() && !(tag.text || tag.max),
			"unique or index", "a scalar of bounded size",
		},
		{tag.version || tag.key, d.Wrap == driver.Plain, tag.role(), "a type that cannot be NULL"},
	} {
		if o.used && !o.fits {
			problem := fmt.Sprintf("is tagged %s, which needs %s, and has type %s", o.name, o.need, d.Type)
			problems = append(problems, problem)
		}
	}
	if tag.decimal && d.Precision > info.DecimalDigits {
		problems = append(problems, fmt.Sprintf("has a decimal of %d digits, and %s holds at most %d",
			d.Precision, info.Name, info.DecimalDigits))
	}
	return problems
}

// kindOf finds the kind of d.Base, or says why there is none.
func kindOf(d *driver.Field, tag storeTag, opaque bool, info driver.Info) (driver.Kind, string) {
	t := d.Base
	switch {
	case opaque:
		return driver.Opaque, ""
	case tag.json:
		if !isContainer(t) {
			return 0, fmt.Sprintf("is tagged json, which needs a struct, map, slice or array, and has type %s", d.Type)
		}
		return driver.Nested, nestedProblem(t, info, nil)
	case t == timeType:
		return driver.Time, ""
	case t.Kind() == reflect.Array && t.Elem() == byteType && t.Len() > 0:
		if t.Len() == 16 {
			return driver.UUID, ""
		}
		return driver.ByteArray, ""
	case isValuer(t):
		d.Valuer = true
		return valuerKind(t, tag)
	case implements(t, valuerType):
		return 0, fmt.Sprintf("has type %s, which has a Value method but no Scan", d.Type)
	case t.Kind() == reflect.Struct && t.ConvertibleTo(timeType):
		return driver.Time, ""
	}
	if kind := scalarKind(t, tag); kind != 0 {
		return kind, ""
	}
	if isContainer(t) {
		return driver.Nested, nestedProblem(t, info, nil)
	}
	return 0, fmt.Sprintf("has type %s, which cannot be stored", d.Type)
}

// isContainer reports whether values of t hold others. Bytes do not, unless they are JSON already.
func isContainer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Array:
		return true
	case reflect.Slice:
		return t.Elem() != byteType || hasCodec(t)
	}
	return false
}

// scalarKind is the kind of a type that has no methods to store it, 0 when it is no scalar.
func scalarKind(t reflect.Type, tag storeTag) driver.Kind {
	switch t.Kind() {
	case reflect.Bool:
		return driver.Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return driver.Int
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return driver.Uint
	case reflect.Float32, reflect.Float64:
		return driver.Float
	case reflect.String:
		if tag.decimal {
			return driver.Decimal
		}
		return driver.String
	case reflect.Slice:
		if t.Elem() == byteType {
			return driver.Bytes
		}
	}
	return 0
}

// valuerKind asks the zero value of a type what it stores.
func valuerKind(t reflect.Type, tag storeTag) (kind driver.Kind, problem string) {
	if tag.decimal {
		return driver.Decimal, ""
	}
	if tag.size > 0 || tag.max || tag.varchar || tag.text {
		return driver.String, ""
	}
	value := func() (v sqldriver.Value) {
		defer func() {
			if recover() != nil {
				v = nil
			}
		}()
		v, err := reflect.New(t).Interface().(sqldriver.Valuer).Value()
		if err != nil {
			return nil
		}
		return v
	}()
	switch value.(type) {
	case bool:
		return driver.Bool, ""
	case int64:
		return driver.Int, ""
	case float64:
		return driver.Float, ""
	case string:
		return driver.String, ""
	case []byte:
		return driver.Bytes, ""
	case time.Time:
		return driver.Time, ""
	}
	return 0, fmt.Sprintf(
		"has type %s, whose zero value does not say what it stores: tag it size=N, text or decimal", t)
}
