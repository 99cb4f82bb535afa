package mapping

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// deepestNesting bounds the pointers, slices and maps inside one value. Only a value that holds
// itself goes beyond it.
const deepestNesting = 500

// nestedCheck makes the check of a value that holds others: times in it are cut, and texts and
// numbers are checked, like those that are fields. It is nil when there is nothing to check.
//
// Pointers, slices and maps may be shared with other data of the caller, and with other goroutines
// that read them. So the check first only looks; where it finds a time that must be cut, it puts a
// copy of what holds that time into the entity, and cuts it there.
func nestedCheck(t reflect.Type, info driver.Info, problem problemFunc) checkFunc {
	w := &nestedWalker{info: info, problem: problem, needed: map[reflect.Type]bool{}}
	if !w.needs(t) {
		return nil
	}
	return func(u *Undo, v reflect.Value) error {
		hasUncut, err := w.walk(v, 0)
		if err == nil && hasUncut {
			w.cutIn(u, v)
		}
		return err
	}
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
	// A pointer has the methods of what it points at, and a *time.Time is cut like the time itself.
	isPlainPointer := t.Kind() == reflect.Pointer && w.info.NestedCodec == nil
	isCoded := hasNestedCodec(t, w.info) || w.info.NestedCodec == nil && isValuer(t)
	if isCoded && !isPlainPointer && !driver.IsSQLNull(t) {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Float32, reflect.Float64:
		return true
	case reflect.Uint, reflect.Uint64:
		return true
	case reflect.Pointer:
		return w.needs(t.Elem()) || w.mayBeNull(t.Elem())
	case reflect.Slice, reflect.Array:
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

// walk checks a value and all that it holds, and changes nothing. hasUncut says that there is a time
// finer than what the database keeps. It goes only where needs has said that there may be something
// to check.
func (w *nestedWalker) walk(v reflect.Value, depth int) (hasUncut bool, err error) {
	t := v.Type()
	if !w.needed[t] {
		return false, nil
	}
	if depth > deepestNesting {
		return false, w.problem("value is nested more than %d deep, or holds itself", deepestNesting)
	}
	if w.isTime(t) {
		stored, err := w.cut(v)
		return err == nil && stored != timeOf(v), err
	}
	switch t.Kind() {
	case reflect.String:
		return false, stringProblem(v.String(), 0, w.problem)
	case reflect.Float32, reflect.Float64:
		return false, floatProblem(v.Float(), w.problem)
	case reflect.Uint, reflect.Uint64:
		return false, uintProblem(v.Uint(), w.problem)
	}
	if t.Kind() == reflect.Pointer && w.isNull(v) {
		return false, w.problem("a pointer points at what is stored as null, and would come back as nil")
	}
	err = eachInside(v, func(inner reflect.Value) error {
		uncut, err := w.walk(inner, depth+1)
		hasUncut = hasUncut || uncut
		return err
	})
	if t.Kind() == reflect.Map && err == nil {
		err = w.walkKeys(v, depth)
	}
	return hasUncut, err
}

// mayBeNull reports whether a value of t, behind a pointer, may be the null of JSON. A backend with a codec of its own
// looks itself.
func (w *nestedWalker) mayBeNull(t reflect.Type) bool {
	if w.info.NestedCodec != nil || w.isTime(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return true
	}
	return implements(t, jsonWriterType)
}

// isNull reports for walk whether what a pointer points at is the null of JSON. A value without JSON is left to the
// error of its write.
func (w *nestedWalker) isNull(v reflect.Value) bool {
	if v.IsNil() || !w.mayBeNull(v.Type().Elem()) {
		return false
	}
	if !implements(v.Type().Elem(), jsonWriterType) {
		return v.Elem().IsNil()
	}
	text, err := json.Marshal(v.Interface())
	return err == nil && string(text) == "null"
}

// walkKeys checks the keys of a map. Times in them are not cut: another key is another entry.
func (w *nestedWalker) walkKeys(m reflect.Value, depth int) error {
	for entries := m.MapRange(); entries.Next(); {
		if _, err := w.walk(entries.Key(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// eachInside calls fn for each value that v holds, a map's keys excepted, up to the first error.
func eachInside(v reflect.Value, fn func(inner reflect.Value) error) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return fn(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := fn(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if err := fn(entries.Value()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isInside(v.Type().Field(i)) {
				continue
			}
			if err := fn(v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// isInside reports whether a struct's field is stored with it, and can be looked into: an embedded
// struct of a type that is not exported is, unless it is a time, which only a copy could show.
func isInside(f reflect.StructField) bool {
	return f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct && !f.Type.ConvertibleTo(timeType)
}

// cutIn cuts the times in v, which is memory of the entity itself, noting in u what it changed. walk
// has found no fault in v.
func (w *nestedWalker) cutIn(u *Undo, v reflect.Value) {
	if !w.hasUncut(v) {
		return
	}
	t := v.Type()
	switch {
	case w.isTime(t):
		stored, _ := w.cut(v)
		u.set(v, reflect.ValueOf(stored).Convert(t))
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if isInside(t.Field(i)) {
				w.cutIn(u, v.Field(i))
			}
		}
	case t.Kind() == reflect.Array:
		for i := range v.Len() {
			w.cutIn(u, v.Index(i))
		}
	default:
		u.replace(v, w.cutCopy(v))
	}
}

// cutCopy returns a copy of a pointer, slice or map in which the times are cut.
func (w *nestedWalker) cutCopy(v reflect.Value) reflect.Value {
	t := v.Type()
	switch t.Kind() {
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		p.Elem().Set(v.Elem())
		w.cutIn(nil, p.Elem())
		return p.Convert(t)
	case reflect.Slice:
		s := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(s, v)
		for i := range s.Len() {
			w.cutIn(nil, s.Index(i))
		}
		return s
	}
	m := reflect.MakeMapWithSize(t, v.Len())
	for entries := v.MapRange(); entries.Next(); {
		value := copyOf(entries.Value())
		w.cutIn(nil, value)
		m.SetMapIndex(entries.Key(), value)
	}
	return m
}

// hasUncut reports whether walk finds a time to cut in v, for cutIn, which copies nothing else.
func (w *nestedWalker) hasUncut(v reflect.Value) bool {
	found, _ := w.walk(v, 0)
	return found
}

// cut is the time in v as the database keeps it.
func (w *nestedWalker) cut(v reflect.Value) (time.Time, error) {
	at := timeOf(v)
	return storedTime(at, w.info.TimePrecision), timeProblem(at, w.problem)
}

func timeOf(v reflect.Value) time.Time { return v.Convert(timeType).Interface().(time.Time) }
