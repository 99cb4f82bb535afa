package store

// A query may be made from what a client sends. Its bounds are the same on every backend, and are looked for before
// anything is made of it: the stack, the memory and the parser of a server have bounds of their own, which end more
// than the call.
const (
	mostNodes  = 10_000 // conditions, with AllOf, AnyOf and Not
	mostLeaves = 1_000  // comparisons and native conditions
	mostDepth  = 40     // AnyOf inside AllOf inside AnyOf and so on
	mostValues = 16_384 // elements of all lists of In

	// nestedDepth is how deep a query is handed on as it was written. Below it an AllOf inside an AllOf is part of it,
	// so that a chain of And is not as deep as it is long.
	nestedDepth = 8
)

// boundsOf looks at a condition for compile, which calls itself for what is inside. This walk does not: it ends at the
// first bound, however deep the condition is, and also where one part stands in it many times.
func boundsOf(root *condition) error {
	type place struct {
		of        *condition
		isNegated bool
		isAny     bool // the junction around it selects where one of its parts does
		depth     int
	}
	todo := []place{{of: root}}
	nodes, leaves, values := 1, 0, 0
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch p.of.kind {
		case compareCondition, nativeCondition:
			leaves++
			if p.of.op == In {
				values += lengthOf(p.of.value)
			}
		case notCondition:
			p.isNegated = !p.isNegated
		case allCondition, anyCondition:
			isAny := (p.of.kind == anyCondition) != p.isNegated
			if p.depth == 0 || isAny != p.isAny {
				p.depth++
			}
			p.isAny = isAny
		}
		nodes += len(p.of.sub)
		switch {
		case nodes > mostNodes:
			return invalidf("the query has more than %d conditions, AllOf, AnyOf and Not among them", mostNodes)
		case leaves > mostLeaves:
			return invalidf("the query has more than %d comparisons: use In for many values of one field", mostLeaves)
		case values > mostValues:
			return invalidf("the lists of In have more than %d values together", mostValues)
		case p.depth > mostDepth:
			return invalidf("the query has AllOf and AnyOf inside each other more than %d deep", mostDepth)
		}
		for _, q := range p.of.sub {
			if q.where != nil {
				todo = append(todo, place{q.where, p.isNegated, p.isAny, p.depth})
			}
		}
	}
	return nil
}
