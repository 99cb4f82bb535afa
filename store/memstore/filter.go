package memstore

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store/driver"
)

// condition is the native condition that Where makes.
type condition struct {
	match func(row map[string]any) bool
	args  []any
}

// text tells a condition from others, for Info.NativeText: by the line on which its function begins, and its
// arguments. The function's name would not do: where the compiler puts what makes the function into its callers,
// each of these has one of another name.
func (c condition) text() string {
	pc := reflect.ValueOf(c.match).Pointer()
	file, line := runtime.FuncForPC(pc).FileLine(pc)
	return fmt.Sprintf("%s:%d %#v", file, line, c.args)
}

// predicate says whether a row's data meets a filter.
type predicate func(data []any) bool

// compileFilter returns the predicate of a filter; nil selects all. names are the columns' names by
// position, for a native condition.
func compileFilter(f *driver.Filter, positions map[string]int, names []string) (predicate, error) {
	if f == nil {
		return func([]any) bool { return true }, nil
	}
	switch f.Op {
	case driver.And, driver.Or:
		return compileJunction(f, positions, names)
	case driver.Native:
		native, ok := f.Native.(condition)
		if !ok || native.match == nil {
			return nil, &failure{
				fault: driver.Fault{Class: driver.Unsupported},
				text:  fmt.Sprintf("a condition of type %T", f.Native),
			}
		}
		return func(data []any) bool { return native.match(rowMap(names, data)) }, nil
	}
	position, ok := positions[f.Field.Path]
	if !ok {
		return nil, &failure{text: "no column " + f.Field.Path}
	}
	switch f.Op {
	case driver.IsNull:
		return func(data []any) bool { return at(data, position) == nil }, nil
	case driver.NotNull:
		return func(data []any) bool { return at(data, position) != nil }, nil
	case driver.In, driver.NotIn:
		return compileList(f, position)
	}
	return compileComparison(f, position)
}

// compileJunction compiles And and Or. Both look at one part after the other until one decides: a false
// one for And, a true one for Or.
func compileJunction(f *driver.Filter, positions map[string]int, names []string) (predicate, error) {
	parts := make([]predicate, len(f.Sub))
	for i, sub := range f.Sub {
		part, err := compileFilter(sub, positions, names)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	decisive := f.Op == driver.Or
	return func(data []any) bool {
		for _, part := range parts {
			if part(data) == decisive {
				return decisive
			}
		}
		return !decisive
	}, nil
}

// compileList compiles In and NotIn as a lookup among the encoded values: a list has as many values as
// Info.MaxKeys, which would be compared one by one for each row.
func compileList(f *driver.Filter, position int) (predicate, error) {
	values, ok := f.Value.([]any)
	if !ok {
		return nil, &failure{text: "the value of In is no list"}
	}
	kind := f.Field.Kind
	set := make(map[string]bool, len(values))
	for _, value := range values {
		encoded, err := f.Field.EncodeBase(value)
		if err != nil {
			return nil, err
		}
		if encoded != nil {
			set[string(appendValue(nil, kind, encoded))] = true
		}
	}
	wanted, rounds := f.Op == driver.In, isSingle(f)
	return func(data []any) bool {
		stored := at(data, position)
		if stored == nil {
			return false
		}
		if rounds {
			stored = single(stored)
		}
		var buffer [keyBuffer]byte
		return set[string(appendValue(buffer[:0], kind, stored))] == wanted
	}, nil
}

// compileComparison compiles a comparison with one value. Nothing compares with NULL, stored or given.
func compileComparison(f *driver.Filter, position int) (predicate, error) {
	value, err := operand(f)
	if err != nil {
		return nil, err
	}
	if value == nil { // a Valuer that gives NULL, with which nothing compares
		return func([]any) bool { return false }, nil
	}
	kind := f.Field.Kind
	var holds func(stored any) bool
	switch f.Op {
	case driver.Eq:
		holds = func(stored any) bool { return compare(kind, stored, value) == 0 }
	case driver.Ne:
		holds = func(stored any) bool { return compare(kind, stored, value) != 0 }
	case driver.Lt:
		holds = func(stored any) bool { return compare(kind, stored, value) < 0 }
	case driver.Le:
		holds = func(stored any) bool { return compare(kind, stored, value) <= 0 }
	case driver.Gt:
		holds = func(stored any) bool { return compare(kind, stored, value) > 0 }
	case driver.Ge:
		holds = func(stored any) bool { return compare(kind, stored, value) >= 0 }
	case driver.Prefix, driver.NotPrefix:
		start, ok := value.(string)
		if !ok {
			return nil, &failure{text: "the value of Prefix is no string"}
		}
		wanted := f.Op == driver.Prefix
		holds = func(stored any) bool {
			text, ok := stored.(string)
			return (ok && strings.HasPrefix(text, start)) == wanted
		}
	default:
		return nil, &failure{
			fault: driver.Fault{Class: driver.Unsupported},
			text:  fmt.Sprintf("operator %d of a filter", f.Op),
		}
	}
	if exact := holds; isSingle(f) {
		holds = func(stored any) bool { return exact(single(stored)) }
	}
	return func(data []any) bool {
		stored := at(data, position)
		return stored != nil && holds(stored)
	}, nil
}

// operand is the canonical value with which a filter compares.
func operand(f *driver.Filter) (any, error) {
	if f.Stored {
		return f.Value, nil
	}
	return f.Field.EncodeBase(f.Value)
}

// isSingle reports whether a filter compares a float32 field, whose column may hold a number that is rounded when it
// is read: it is compared as it is read.
func isSingle(f *driver.Filter) bool {
	return !f.Stored && f.Field.Kind == driver.Float && !f.Field.Valuer && f.Field.Base.Size() == 4
}

// single is a stored value as a float32 field reads it.
func single(stored any) any {
	if x, ok := stored.(float64); ok {
		return float64(float32(x))
	}
	return stored
}

// hasNative reports whether a filter holds code of the user's.
func hasNative(f *driver.Filter) bool {
	return f != nil && (f.Op == driver.Native || slices.ContainsFunc(f.Sub, hasNative))
}

// rowMap returns a row's data by column, in memory of its own. Columns that are NULL are not in it.
func rowMap(names []string, data []any) map[string]any {
	row := make(map[string]any, len(data))
	for position, value := range data {
		if value != nil {
			row[names[position]] = owned(value)
		}
	}
	return row
}
