package driver

import "reflect"

// Record points at one entity. The zero Record points at none.
type Record struct {
	ptr any // *T
	val reflect.Value
}

// RecordOf wraps a pointer to an entity. It panics when ptr is no pointer.
func RecordOf(ptr any) Record { return Record{ptr, reflect.ValueOf(ptr).Elem()} }

// IsZero reports whether r points at no entity.
func (r Record) IsZero() bool { return r.ptr == nil }

// Pointer returns the *T, for a codec that reads or writes whole entities.
func (r Record) Pointer() any { return r.ptr }

// Field returns the addressable value of a field.
func (r Record) Field(f *Field) reflect.Value {
	if len(f.Index) == 1 {
		return r.val.Field(f.Index[0])
	}
	return r.val.FieldByIndex(f.Index)
}
