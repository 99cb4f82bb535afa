package mapping

import (
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// deepestNesting bounds the pointers, slices and maps inside one value. Only a value that holds
// itself goes beyond it.
const deepestNesting = 500

// nestedCheck makes the check of a value that holds others: times in it are cut, and texts and
// numbers are checked, like those that are fields. It is nil when there is nothing to check.
func nestedCheck(t reflect.Type, info driver.Info, problem problemFunc) checkFunc {
	w := &nestedWalker{info: info, problem: problem, needed: map[reflect.Type]bool{}}
	if !w.needs(t) {
		return nil
	}
	return func(u *Undo, v reflect.Value) error { return w.walk(u, v, 0) }
}

type nestedWalker struct {
	info    driver.Info
	problem problemFunc
	needed  map[reflect.Type]bool // written while the check is made, read only afterwards
}

// needs reports whether a value of t can hold anything to check. A type that contains itself
// always does, since its values may too.
func (w *nestedWalker) needs(t reflect.Type) bool {
	if known, ok := w.needed[t]; ok {
		return known
	}
	w.needed[t] = true // met again from inside: t contains itself
	need := w.look(t)
	w.needed[t] = need
	return need
}

// look is needs for a type that was not met before. It goes into every part of a type, also where one
// is enough for the answer, so that needed knows all types that walk can meet.
func (w *nestedWalker) look(t reflect.Type) bool {
	if w.isTime(t) {
		return true
	}
	if hasNestedCodec(t, w.info) || w.info.NestedCodec == nil && isValuer(t) {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Float32, reflect.Float64:
		return true
	case reflect.Uint, reflect.Uint64:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return t.Elem() != byteType && w.needs(t.Elem())
	case reflect.Map:
		key, elem := w.needs(t.Key()), w.needs(t.Elem())
		return key || elem
	case reflect.Struct:
		need := false
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous {
				need = w.needs(f.Type) || need
			}
		}
		return need
	}
	return false
}

func (w *nestedWalker) isTime(t reflect.Type) bool {
	return t == timeType || t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) && !hasNestedCodec(t, w.info)
}

// walk checks a value and all that it holds, and cuts the times in it, noting in u what it changed. It
// goes only where needs has said that there may be something to check.
func (w *nestedWalker) walk(u *Undo, v reflect.Value, depth int) error {
	t := v.Type()
	if !w.needed[t] {
		return nil
	}
	if depth > deepestNesting {
		return w.problem("value is nested more than %d deep, or holds itself", deepestNesting)
	}
	if w.isTime(t) {
		return cutTime(u, v, w.info.TimePrecision, w.problem)
	}
	switch t.Kind() {
	case reflect.String:
		return stringProblem(v.String(), 0, w.problem)
	case reflect.Float32, reflect.Float64:
		return floatProblem(v.Float(), w.problem)
	case reflect.Uint, reflect.Uint64:
		return uintProblem(v.Uint(), w.problem)
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return w.walk(u, v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := w.walk(u, v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		return w.walkMap(u, v, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
				if err := w.walk(u, v.Field(i), depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// walkMap checks the entries. An entry cannot be changed in place, so one that a check changes is
// stored again.
func (w *nestedWalker) walkMap(u *Undo, m reflect.Value, depth int) error {
	for entries := m.MapRange(); entries.Next(); {
		key := reflect.New(m.Type().Key()).Elem()
		key.Set(entries.Key())
		if err := w.walk(nil, key, depth+1); err != nil {
			return err
		}
		value := reflect.New(m.Type().Elem()).Elem()
		value.Set(entries.Value())
		var inner Undo
		if err := w.walk(&inner, value, depth+1); err != nil {
			return err
		}
		if len(inner.steps) == 0 {
			continue
		}
		if u != nil {
			old := entries.Value()
			u.Join(&inner)
			u.Add(func() { m.SetMapIndex(key, old) })
		}
		m.SetMapIndex(key, value)
	}
	return nil
}
