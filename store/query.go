package store

import "slices"

// Query says which entities a call is about, in which order, and how many. It is a value: every
// method returns a new one and leaves its receiver as it was. The zero Query selects everything,
// in the order of the keys. A mistake in a Query is found by the call that is given it, before
// any I/O, as ErrInvalid. So is a Query with more than 1,000 comparisons, 16,384 values in lists of In, 40
// levels of AllOf and AnyOf inside each other, or 10,000 conditions of any kind.
//
// Fields go by their Go names; the parts of a struct key are "ID.Season". A comparison with NULL
// or with a missing field is false, that of Ne too, and [Not] of a condition is true exactly where
// the condition is false. A nil value with Eq or Ne tests for NULL itself.
type Query struct {
	where    *condition // nil is everything
	order    []orderTerm
	limit    int
	hasLimit bool // Limit was called
	cursor   string
}

type orderTerm struct {
	field string
	desc  bool
}

// Op compares a field with a value in [Where].
type Op uint8

// The comparisons. A value must have the field's type, or convert to it without loss. Strings are
// compared by code point in columns that EnsureSchema makes, and by the column's collation
// elsewhere.
const (
	Eq     Op = iota + 1 // equal
	Ne                   // not equal
	Lt                   // less than
	Le                   // less than or equal
	Gt                   // greater than
	Ge                   // greater than or equal
	In                   // equal to an element of a slice; a nil element tests for NULL
	Prefix               // a string that starts with the value
)

func (op Op) String() string {
	names := [...]string{"Op(0)", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "In", "Prefix"}
	if int(op) < len(names) {
		return names[op]
	}
	return "an unknown operator"
}

// condition is a tree as the caller wrote it.
type condition struct {
	kind   conditionKind
	field  string
	op     Op
	value  any
	sub    []Query
	native any
}

type conditionKind uint8

const (
	compareCondition conditionKind = iota
	allCondition
	anyCondition
	notCondition
	nativeCondition
)

// Where selects the entities whose field compares so with value.
func Where(field string, op Op, value any) Query {
	return Query{where: &condition{kind: compareCondition, field: field, op: op, value: value}}
}

// And selects the entities that q selects and whose field compares so with value.
func (q Query) And(field string, op Op, value any) Query {
	other := Where(field, op, value)
	if q.where == nil {
		q.where = other.where
		return q
	}
	q.where = &condition{kind: allCondition, sub: []Query{{where: q.where}, other}}
	return q
}

// AllOf selects the entities that each of the queries selects; AllOf of none selects everything.
// The queries must be conditions alone, without order, limit or cursor.
func AllOf(queries ...Query) Query {
	return Query{where: &condition{kind: allCondition, sub: slices.Clone(queries)}}
}

// AnyOf selects the entities that at least one of the queries selects; AnyOf of none selects
// nothing. The queries must be conditions alone, without order, limit or cursor.
func AnyOf(queries ...Query) Query {
	return Query{where: &condition{kind: anyCondition, sub: slices.Clone(queries)}}
}

// Not selects the entities that the query does not select. The query must be a condition alone,
// and it must not hold a native condition: a database's own NOT is not two-valued.
func Not(query Query) Query {
	return Query{where: &condition{kind: notCondition, sub: []Query{query}}}
}

// Native selects by a backend's own condition. It is what the backends' Where functions are made
// of; on any other backend it is ErrUnsupported.
func Native(native any) Query {
	return Query{where: &condition{kind: nativeCondition, native: native}}
}

// OrderBy sorts by the fields, each ascending, after the fields that q already sorts by. NULL
// comes first. Every order ends in the key, so that it is total.
func (q Query) OrderBy(fields ...string) Query { return q.orderedBy(fields, false) }

// OrderByDesc sorts by the fields, each descending, after the fields that q already sorts by.
// NULL comes last.
func (q Query) OrderByDesc(fields ...string) Query { return q.orderedBy(fields, true) }

func (q Query) orderedBy(fields []string, desc bool) Query {
	q.order = slices.Clone(q.order)
	for _, f := range fields {
		q.order = append(q.order, orderTerm{f, desc})
	}
	return q
}

// Limit reads at most n entities. n below 1 is ErrInvalid.
func (q Query) Limit(n int) Query {
	q.limit, q.hasLimit = n, true
	return q
}

// Limited returns what Limit was given, and false where it was not called.
func (q Query) Limited() (n int, ok bool) { return q.limit, q.hasLimit }

// From goes on after the last entity of an earlier page: cursor is what [Repository.Page]
// returned for the same conditions, with the same values in any order of a list, and the same order. The
// empty cursor is the start. Any other cursor is ErrInvalid, before any I/O.
func (q Query) From(cursor string) Query {
	q.cursor = cursor
	return q
}

// isBare reports whether q is a condition alone, as AllOf, AnyOf and Not take it.
func (q Query) isBare() bool {
	return len(q.order) == 0 && !q.hasLimit && q.cursor == ""
}
