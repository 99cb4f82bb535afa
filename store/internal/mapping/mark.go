package mapping

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
	"sync"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

// A mark is a hash of what was stored in the fields of an entity when it was read or written. By it Save knows a copy
// in which nothing has changed since. Two values that are stored alike may have different marks, which costs a write
// that was not needed; the other way round would lose one, and happens to one of 2^64.

// markFunc adds a value to a hash. It reports false for a value of which it cannot know all: the entity then has no
// mark.
type markFunc func(h *maphash.Hash, v reflect.Value) bool

var hashes = sync.Pool{New: func() any { return new(maphash.Hash) }}

// hasMarks reports whether entities are marked.
func (m *Mapping) hasMarks() bool { return m.marks != nil }

// stampMark notes on an entity what its fields hold, where entities are marked: it was read or written just now.
func (m *Mapping) stampMark(r driver.Record) {
	if m.hasMarks() {
		m.setMark(r, m.sum(r))
	}
}

func (m *Mapping) setMark(r driver.Record, mark uint64) {
	if m.hasMarks() {
		r.Field(m.mark).SetUint(mark)
	}
}

func (m *Mapping) markOf(r driver.Record) uint64 {
	if !m.hasMarks() {
		return 0
	}
	return r.Field(m.mark).Uint()
}

// TakeMark gives an entity the mark of another, of which it is a copy.
func (m *Mapping) TakeMark(dst, src driver.Record) { m.setMark(dst, m.markOf(src)) }

// IsUnchanged reports whether an entity, which Prepare has made ready to be written, has a mark and is still what it
// was when it got it. Prepare has set updated, which is no change by itself.
func (m *Mapping) IsUnchanged(r driver.Record) bool {
	mark := m.markOf(r)
	return mark != 0 && mark == m.sum(r)
}

// KeepUpdated returns a function that gives an entity back the updated time that it has now, for a Save that writes
// nothing after all.
func (m *Mapping) KeepUpdated(r driver.Record) (restore func()) {
	if !m.hasMarks() || m.updated < 0 {
		return func() {}
	}
	field := r.Field(&m.Spec.Fields[m.updated])
	before := copyOf(field)
	return func() { field.Set(before) }
}

// sum is the mark of an entity as it is now: of its key, and of the fields that its holder may change. It is 0 where
// there is none.
func (m *Mapping) sum(r driver.Record) uint64 {
	h := hashes.Get().(*maphash.Hash)
	defer hashes.Put(h)
	h.SetSeed(m.seed)
	if !deepMark(h, r.Field(&m.Spec.Key), 0) {
		return 0
	}
	for i, mark := range m.marks {
		if mark != nil && !mark(h, r.Field(&m.Spec.Fields[i])) {
			return 0
		}
	}
	return max(h.Sum64(), 1)
}

// completeMarks makes the functions of sum, for New where entities are marked.
func (b *mapper) completeMarks() {
	m := b.m
	if m.mark == nil {
		b.problem("", "has no field for the mark that SkipUnchanged needs: embed store.Snapshot, "+
			"or tag a store.Mark with store:\"mark\"")
		return
	}
	m.seed = maphash.MakeSeed()
	m.marks = make([]markFunc, len(m.Spec.Fields))
	for i := range m.Spec.Fields {
		if f := &m.Spec.Fields[i]; i != m.updated && !f.Generated {
			m.marks[i] = markOf(f, m.info)
		}
	}
}

// markOf makes the function of a field. What the field's type says of itself by methods goes by what is stored, and
// all else by what can be seen of the value.
func markOf(f *driver.Field, info driver.Info) markFunc {
	plain := *f
	plain.Wrap = driver.Plain
	base := func(h *maphash.Hash, v reflect.Value) bool { return deepMark(h, v, 0) }
	switch {
	case f.Valuer:
		base = func(h *maphash.Hash, v reflect.Value) bool { return encodedMark(h, &plain, v) }
	case f.Kind == driver.Nested || f.Kind == driver.Opaque:
		form := func(h *maphash.Hash, v reflect.Value) bool { return encodedMark(h, &plain, v) }
		if info.NestedForm != nil {
			bytesOf := info.NestedForm(f.Base)
			form = func(h *maphash.Hash, v reflect.Value) bool {
				b, err := bytesOf(v)
				writeBytes(h, b)
				return err == nil
			}
		}
		base = formMark(form)
		if f.Kind == driver.Opaque {
			base = form
		}
	}
	switch f.Wrap {
	case driver.Pointer:
		return func(h *maphash.Hash, v reflect.Value) bool {
			writeBool(h, v.IsNil())
			return v.IsNil() || base(h, v.Elem())
		}
	case driver.Null:
		return func(h *maphash.Hash, v reflect.Value) bool {
			isThere := v.Field(1).Bool()
			writeBool(h, isThere)
			return !isThere || base(h, v.Field(0))
		}
	}
	return base
}

// formMark marks a nested value by what can be seen of it, and by its stored form where a type in it keeps something
// to itself.
func formMark(form markFunc) markFunc {
	return func(h *maphash.Hash, v reflect.Value) bool { return deepMark(h, v, 0) || form(h, v) }
}

// encodedMark marks a value by its stored form.
func encodedMark(h *maphash.Hash, f *driver.Field, v reflect.Value) bool {
	x, err := f.Encode(v)
	if err != nil {
		return false
	}
	switch x := x.(type) {
	case []byte:
		writeBytes(h, x)
	case string:
		writeBytes(h, []byte(x))
	case time.Time:
		writeTime(h, x)
	default: // a number, a bool or NULL
		writeBytes(h, fmt.Appendf(nil, "%T %v", x, x))
	}
	return true
}

// deepMark marks what can be seen of a value, all that it points at included. It reports false where there is more to
// the value than that, and beyond the nesting that can be stored.
func deepMark(h *maphash.Hash, v reflect.Value, depth int) bool {
	if depth > deepestNesting {
		return false
	}
	depth++
	t := v.Type()
	if t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) {
		writeTime(h, v.Convert(timeType).Interface().(time.Time))
		return true
	}
	switch t.Kind() {
	case reflect.Bool:
		writeBool(h, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		writeNumber(h, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		writeNumber(h, v.Uint())
	case reflect.Float32, reflect.Float64:
		writeNumber(h, math.Float64bits(v.Float()))
	case reflect.String:
		s := v.String()
		writeNumber(h, uint64(len(s)))
		_, _ = h.WriteString(s)
	case reflect.Pointer:
		writeBool(h, v.IsNil())
		return v.IsNil() || deepMark(h, v.Elem(), depth)
	case reflect.Slice:
		writeBool(h, v.IsNil())
		if t.Elem().Kind() == reflect.Uint8 {
			writeBytes(h, v.Bytes())
			return true
		}
		return elementsMark(h, v, depth)
	case reflect.Array:
		return elementsMark(h, v, depth)
	case reflect.Map:
		writeBool(h, v.IsNil())
		return entriesMark(h, v, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if !t.Field(i).IsExported() || !deepMark(h, v.Field(i), depth) {
				return false
			}
		}
	default:
		return false
	}
	return true
}

func elementsMark(h *maphash.Hash, v reflect.Value, depth int) bool {
	writeNumber(h, uint64(v.Len()))
	for i := range v.Len() {
		if !deepMark(h, v.Index(i), depth) {
			return false
		}
	}
	return true
}

// entriesMark adds the hashes of a map's entries up, since they have no order.
func entriesMark(h *maphash.Hash, v reflect.Value, depth int) bool {
	var sum uint64
	var entry maphash.Hash
	entry.SetSeed(h.Seed())
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for entries := v.MapRange(); entries.Next(); {
		key.SetIterKey(entries)
		value.SetIterValue(entries)
		entry.Reset()
		if !deepMark(&entry, key, depth) || !deepMark(&entry, value, depth) {
			return false
		}
		sum += entry.Sum64()
	}
	writeNumber(h, uint64(v.Len()))
	writeNumber(h, sum)
	return true
}

func writeTime(h *maphash.Hash, t time.Time) {
	writeNumber(h, uint64(t.Unix()))
	writeNumber(h, uint64(t.Nanosecond()))
}

func writeBytes(h *maphash.Hash, b []byte) {
	writeNumber(h, uint64(len(b)))
	_, _ = h.Write(b)
}

func writeNumber(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	_, _ = h.Write(b[:])
}

func writeBool(h *maphash.Hash, b bool) {
	var n byte
	if b {
		n = 1
	}
	_ = h.WriteByte(n)
}
