package mapping

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// check looks at one field before a write, and normalizes what the database could not keep.
type check struct {
	field *driver.Field
	run   checkFunc
}

// checkOf makes the check of a field, nil when every value of its type can be stored as it is.
func checkOf(f *driver.Field, info driver.Info) checkFunc {
	base := baseCheck(f, info)
	if k := f.Base.Kind(); f.Kind == driver.Nested && f.Wrap != driver.Plain && info.NestedCodec == nil &&
		(k == reflect.Slice || k == reflect.Map) {
		base = nilCheck(f, base)
	}
	if base == nil {
		return nil
	}
	switch f.Wrap {
	case driver.Pointer:
		return pointeeCheck(base)
	case driver.Null:
		return func(u *Undo, v reflect.Value) error {
			if !v.Field(1).Bool() {
				return nil
			}
			return base(u, v.Field(0))
		}
	}
	return base
}

// nilCheck makes the check of a slice or map around which is a pointer or an sql.Null: a nil one is stored as NULL, and
// would come back as a nil pointer.
func nilCheck(f *driver.Field, inner checkFunc) checkFunc {
	return func(u *Undo, v reflect.Value) error {
		switch {
		case v.IsNil():
			return &driver.ValueError{Field: f.Name, Problem: "a pointer or an sql.Null holds a nil slice or map, " +
				"which would not come back"}
		case inner == nil:
			return nil
		}
		return inner(u, v)
	}
}

// pointeeCheck makes the check of a pointer from that of what it points at, which may be anybody's: a
// check that must change it changes a copy, to which the entity then points.
func pointeeCheck(base checkFunc) checkFunc {
	return func(u *Undo, v reflect.Value) error {
		if v.IsNil() {
			return nil
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(v.Elem())
		var changes Undo
		if err := base(&changes, p.Elem()); err != nil {
			return err
		}
		if len(changes.steps) > 0 {
			u.replace(v, p)
		}
		return nil
	}
}

// baseCheck makes the check of a field's base type, for checkOf and for the values of queries
// (Convert). It knows no pointer and no sql.Null around it. The checks are made once, when a mapping
// is compiled, so that a write looks at no type.
func baseCheck(f *driver.Field, info driver.Info) checkFunc {
	problem := func(format string, args ...any) error {
		return &driver.ValueError{Field: f.Name, Problem: fmt.Sprintf(format, args...)}
	}
	if f.Valuer {
		return valuerCheck(f, info, problem)
	}
	switch f.Kind {
	case driver.Uint:
		if f.Base.Size() < 8 {
			return nil
		}
		return func(_ *Undo, v reflect.Value) error { return uintProblem(v.Uint(), problem) }
	case driver.Float:
		return func(_ *Undo, v reflect.Value) error { return floatProblem(v.Float(), problem) }
	case driver.String:
		return func(_ *Undo, v reflect.Value) error { return stringProblem(v.String(), f.Size, problem) }
	case driver.Bytes:
		if f.Size == 0 {
			return nil
		}
		return func(_ *Undo, v reflect.Value) error { return bytesProblem(v.Len(), f.Size, problem) }
	case driver.Decimal:
		return func(u *Undo, v reflect.Value) error {
			text, err := driver.CanonicalDecimal(v.String(), f.Precision, f.Scale)
			if err != nil {
				return problem("%v", err)
			}
			if text != v.String() {
				u.set(v, reflect.ValueOf(text).Convert(v.Type()))
			}
			return nil
		}
	case driver.Time:
		return func(u *Undo, v reflect.Value) error { return cutTime(u, v, info.TimePrecision, problem) }
	case driver.Nested:
		return jsonCheck(f, info, nestedCheck(f.Base, info, problem))
	}
	return nil
}

// valuerCheck looks at what Value gives. A time that is cut, and a decimal whose text is not the
// canonical one, go through Scan, so that memory holds what a read would.
func valuerCheck(f *driver.Field, info driver.Info, problem problemFunc) checkFunc {
	plain := *f
	plain.Wrap = driver.Plain
	rescan := func(u *Undo, v reflect.Value, stored any) error {
		fresh := reflect.New(f.Base)
		if err := fresh.Interface().(sql.Scanner).Scan(stored); err != nil {
			return problem("Scan refused what Value gave")
		}
		if !reflect.DeepEqual(fresh.Elem().Interface(), v.Interface()) {
			u.set(v, fresh.Elem())
		}
		return nil
	}
	return func(u *Undo, v reflect.Value) error {
		value, err := plain.Encode(v)
		if err != nil {
			return err
		}
		switch x := value.(type) {
		case string:
			if f.Kind == driver.Decimal {
				return rescan(u, v, x)
			}
			return stringProblem(x, f.Size, problem)
		case []byte:
			return bytesProblem(len(x), f.Size, problem)
		case float64:
			return floatProblem(x, problem)
		case time.Time:
			if err := timeProblem(x, problem); err != nil {
				return err
			}
			return rescan(u, v, storedTime(x, info.TimePrecision))
		}
		return nil
	}
}
