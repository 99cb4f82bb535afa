package driver

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Spec describes one entity type in one table. It never changes.
type Spec struct {
	// Table is the table's or collection's name; it may be qualified ("dbo.clubs").
	Table string
	// Type is the entity's struct type.
	Type reflect.Type
	// Key is the one Go field that holds the key. For a composite key its type is a struct, its
	// Kind is Composite, and its Parts are the columns.
	Key Field
	// KeyAuto says that the database makes the key.
	KeyAuto bool
	// Version is an int64 field.
	Version Field
	// VersionAuto says that the database moves the version.
	VersionAuto bool
	// Fields are the other stored fields, in order.
	Fields []Field
	// Indexes are the indexes that the mapping asks for, that of the key not among them.
	Indexes []Index
}

// HasGenerated reports whether the server writes any of Fields.
func (s *Spec) HasGenerated() bool {
	return slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Generated })
}

// KeyFields returns the fields that make the key: its parts where it is composite, which must not
// be changed, else a copy of Key, whose address is not that of Spec.Key.
func (s *Spec) KeyFields() []Field {
	if s.Key.Kind == Composite {
		return s.Key.Parts
	}
	return []Field{s.Key}
}

// KeyValues returns the values of [Spec.KeyFields] in key, which is of the type of Spec.Key.
func (s *Spec) KeyValues(key any) []reflect.Value {
	v := reflect.ValueOf(key)
	if s.Key.Kind != Composite {
		return []reflect.Value{v}
	}
	values := make([]reflect.Value, len(s.Key.Parts))
	for i := range s.Key.Parts {
		index := s.Key.Parts[i].Index
		values[i] = v.Field(index[len(index)-1])
	}
	return values
}

// Index is one index of a table.
type Index struct {
	Name   string
	Fields []*Field
	Unique bool
}

// Field describes one stored field.
type Field struct {
	Name  string       // the Go name, "Balance", and "ID.Season" for a part of a composite key
	Path  string       // the stored name, "balance"; for a part of a composite key its own
	Index []int        // from the entity, for [Record.Field]; no pointer is on the way
	Type  reflect.Type // the Go type of the field
	Tag   reflect.StructTag

	// Kind is the form in which the value is stored.
	Kind Kind
	// Base is Type without the pointer or the sql.Null around it.
	Base reflect.Type
	// Wrap says what is around Base.
	Wrap Wrap
	// Valuer says that Base is stored through driver.Valuer and sql.Scanner.
	Valuer bool

	Size      int  // the most characters or bytes, 0 when there is no bound
	Varchar   bool // stored in the server's single-byte or non-Unicode string type
	Text      bool // stored in the server's type for long text
	JSON      bool // stored as one JSON column in SQL, a subdocument in MongoDB
	Precision int  // digits in all, for Decimal
	Scale     int  // digits after the point, for Decimal
	Secret    bool // never printed
	// Generated says that the server writes the column. No Insert or Update sends it; both read it back.
	Generated bool

	// Parts are the columns of a composite key.
	Parts []Field
}

// Nullable reports whether the Go type can hold NULL. A NULL that is read into another is its
// zero value.
func (f *Field) Nullable() bool {
	return f.Wrap != Plain || f.Kind == Bytes || f.Valuer || f.Kind == Nested || f.Kind == Opaque
}

// Range names the type of an integer field together with the numbers that it holds, "int8 (-128 to 127)",
// for errors. Those of an unsigned one are within int64.
func (f *Field) Range() string {
	switch bits := f.Base.Size() * 8; f.Kind {
	case Int:
		return fmt.Sprintf("%s (%d to %d)", f.Base, int64(-1)<<(bits-1), int64(1)<<(bits-1)-1)
	case Uint:
		return fmt.Sprintf("%s (0 to %d)", f.Base, min(uint64(math.MaxInt64), uint64(math.MaxUint64)>>(64-bits)))
	}
	return f.Base.String()
}

// Comparable reports whether a query can test the field for equality and membership.
func (f *Field) Comparable() bool {
	return f.Kind >= Bool && f.Kind <= Decimal
}

// Ordered reports whether a query can sort by the field or compare it with Lt and its like.
func (f *Field) Ordered() bool {
	return f.Comparable() && f.Kind != Bytes
}

// Kind is the form in which a field's value is stored.
type Kind uint8

const (
	// Bool and the kinds up to Decimal are scalars.
	Bool Kind = iota + 1
	// Int is every signed integer kind.
	Int
	// Uint is every unsigned integer kind; its values are within int64.
	Uint
	// Float is float32 and float64; its values are finite.
	Float
	// String is valid UTF-8.
	String
	// Bytes is a []byte: nil is NULL, empty is empty.
	Bytes
	// ByteArray is a [N]byte, N not 16.
	ByteArray
	// UUID is a [16]byte.
	UUID
	// Time is a time.Time in UTC.
	Time
	// Decimal is a decimal number of Precision and Scale, as text or through a Valuer.
	Decimal
	// Nested is a struct, slice, map or array that is stored as one value.
	Nested
	// Opaque is a value that only the backend's own codec understands.
	Opaque
	// Composite is a struct key.
	Composite
)

// Wrap is what stands around a field's base type.
type Wrap uint8

const (
	// Plain is nothing: the field cannot hold NULL.
	Plain Wrap = iota
	// Pointer is a pointer; nil is NULL.
	Pointer
	// Null is sql.Null[T] or one of sql.NullString and its like.
	Null
)

// IsSQLNull reports whether t is what [Null] stands for: a struct of package sql with a value, and then
// Valid.
func IsSQLNull(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == "database/sql" && strings.HasPrefix(t.Name(), "Null") &&
		t.NumField() == 2 && t.Field(1).Name == "Valid"
}
