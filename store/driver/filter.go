package driver

// Filter is a condition as a tree. Leaves compare one field of the Spec, or carry a native
// condition. It is two-valued: a leaf on a NULL or missing value is false, IsNull alone excepted,
// and there is no negation but that of the leaves' own operators. A driver binds every Value, it
// never splices one.
type Filter struct {
	Op Op
	// Field is a field of the Spec, or a part of its key. It is nil for And, Or and Native.
	Field *Field
	// Value is of Field.Base; for In and NotIn it is a non-empty []any of such values. It is not
	// set for And, Or, Native, IsNull and NotNull.
	Value any
	// Stored says that Value is one of FindResult.Last, compared as the database sorts, and not one of
	// Field.Base. It is set with Eq, Lt, Gt and Ge alone.
	Stored bool
	// Sub are the operands of And and Or. And of none is true, Or of none is false.
	Sub []*Filter
	// Native is a value of Info.Native, for Native.
	Native any
}

// Op is the operator of a [Filter].
type Op uint8

// The operators. Prefix and NotPrefix compare the start of a string, as Eq compares strings.
const (
	And Op = iota + 1
	Or
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	In
	NotIn
	Prefix
	NotPrefix
	IsNull
	NotNull
	Native
)

// Order is one field to sort by. NULL and missing sort first, and last where Desc is set.
type Order struct {
	Field *Field // a field of the Spec, or a part of its key
	Desc  bool
}
