package driver

import (
	"bytes"
	"reflect"
)

// Copier copies the records of one Spec, for [Collection.Copy]. A backend makes it when it compiles the Spec, so
// that a copy looks at no type. It is safe for concurrent use.
type Copier struct {
	spec   *Spec
	fields []fieldCopy // of Spec.Fields
}

// fieldCopy gives dst the value of src, which shares no memory with it then.
type fieldCopy func(dst, src reflect.Value) error

// NewCopier makes the Copier of a Spec. A scalar is assigned, a []byte cloned. What is nested, or has methods of its
// own for its stored form, is brought into that form and back, as a write and a read would: only that keeps none of
// its memory, and none of what it holds beside what is stored. That is done by [Field.Encode] and [Field.Decode],
// unless own returns a function for the field. own may be nil.
func NewCopier(spec *Spec, own func(f *Field) func(dst, src reflect.Value) error) *Copier {
	c := &Copier{spec: spec, fields: make([]fieldCopy, len(spec.Fields))}
	for i := range spec.Fields {
		f := &spec.Fields[i]
		if own != nil {
			c.fields[i] = own(f)
		}
		if c.fields[i] == nil {
			c.fields[i] = copyOf(f)
		}
	}
	return c
}

// Copy gives dst the key, the version and all fields of src. An error is that of a value which cannot be stored, or
// not read again; dst is of no use then.
func (c *Copier) Copy(dst, src Record) error {
	dst.Field(&c.spec.Key).Set(src.Field(&c.spec.Key))
	dst.Field(&c.spec.Version).Set(src.Field(&c.spec.Version))
	for i, run := range c.fields {
		f := &c.spec.Fields[i]
		if err := run(dst.Field(f), src.Field(f)); err != nil {
			return err
		}
	}
	return nil
}

// copyOf makes the copy of one field, for NewCopier.
func copyOf(f *Field) fieldCopy {
	switch {
	case f.Valuer || f.Kind == Nested || f.Kind == Opaque:
	case f.Wrap == Pointer && f.Kind != Bytes:
		return func(dst, src reflect.Value) error {
			if src.IsNil() {
				dst.SetZero()
				return nil
			}
			p := reflect.New(f.Base)
			p.Elem().Set(src.Elem())
			dst.Set(p)
			return nil
		}
	case f.Wrap == Plain && f.Kind == Bytes:
		return func(dst, src reflect.Value) error {
			dst.SetBytes(bytes.Clone(src.Bytes())) // of which nil stays nil, and empty empty
			return nil
		}
	case f.Kind != Bytes:
		return func(dst, src reflect.Value) error { dst.Set(src); return nil }
	}
	return func(dst, src reflect.Value) error {
		stored, err := f.Encode(src)
		if err != nil {
			return err
		}
		return f.Decode(dst, stored)
	}
}
