package oracle

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store"
)

// Condition is a query's condition beside what it must mean.
type Condition struct {
	// Query is the condition as a backend is given it.
	Query store.Query
	// Text is the condition in words, for failures.
	Text string
	// Holds says in Go whether a row meets the condition.
	Holds func(p *Probe) bool
}

// Everything returns the condition of the zero Query.
func Everything() Condition {
	return Condition{Text: "everything", Holds: func(*Probe) bool { return true }}
}

// Compare returns one comparison. A nil value is NULL, and for In the value is a list, in which nil
// is NULL too.
func Compare(c Column, op store.Op, value any) Condition {
	return Condition{
		Query: store.Where(c.Name, op, value),
		Text:  fmt.Sprintf("%s %v %#v", c.Name, op, value),
		Holds: func(p *Probe) bool {
			have := c.Get(p)
			switch {
			case op == store.In:
				return slices.ContainsFunc(value.([]any), func(v any) bool { return c.equal(have, v) })
			case op == store.Eq && value == nil:
				return have == nil
			case op == store.Ne && value == nil:
				return have != nil
			case have == nil:
				return false // every comparison with NULL
			case op == store.Prefix:
				return strings.HasPrefix(have.(string), value.(string))
			}
			return holds(op, c.compare(have, value))
		},
	}
}

// holds reports whether an operator is true of two values that compare as n.
func holds(op store.Op, n int) bool {
	switch op {
	case store.Eq:
		return n == 0
	case store.Ne:
		return n != 0
	case store.Lt:
		return n < 0
	case store.Le:
		return n <= 0
	case store.Gt:
		return n > 0
	case store.Ge:
		return n >= 0
	}
	return false
}

func (c Column) equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return c.compare(a, b) == 0
}

// Not returns the exact negation.
func Not(c Condition) Condition {
	return Condition{
		Query: store.Not(c.Query),
		Text:  "not (" + c.Text + ")",
		Holds: func(p *Probe) bool { return !c.Holds(p) },
	}
}

// Junction returns AllOf the parts, or AnyOf them.
func Junction(all bool, parts []Condition) Condition {
	var queries []store.Query
	var texts []string
	for _, c := range parts {
		queries = append(queries, c.Query)
		texts = append(texts, c.Text)
	}
	j := Condition{Query: store.AnyOf(queries...), Text: "any of (" + strings.Join(texts, "; ") + ")"}
	if all {
		j = Condition{Query: store.AllOf(queries...), Text: "all of (" + strings.Join(texts, "; ") + ")"}
	}
	j.Holds = func(p *Probe) bool {
		for _, c := range parts {
			if c.Holds(p) != all {
				return !all
			}
		}
		return all
	}
	return j
}

// Ops returns the operators that apply to the column.
func (c Column) Ops() []store.Op {
	ops := []store.Op{store.Eq, store.Ne}
	if c.Ordered {
		ops = append(ops, store.Lt, store.Le, store.Gt, store.Ge)
	}
	if c.isText {
		ops = append(ops, store.Prefix)
	}
	return ops
}

// RandomCondition returns a tree of conditions over the columns, of at most this depth.
func RandomCondition(all []Column, depth int, random *rand.Rand) Condition {
	if depth > 0 {
		switch random.IntN(6) {
		case 0:
			return Not(RandomCondition(all, depth-1, random))
		case 1, 2, 3:
			parts := make([]Condition, random.IntN(4))
			for i := range parts {
				parts[i] = RandomCondition(all, depth-1, random)
			}
			return Junction(random.IntN(2) == 0, parts)
		}
	}
	c := all[random.IntN(len(all))]
	value := c.Pool[random.IntN(len(c.Pool))]
	switch random.IntN(5) {
	case 0:
		list := make([]any, random.IntN(4))
		for i := range list {
			list[i] = c.Pool[random.IntN(len(c.Pool))]
		}
		if c.Nullable && random.IntN(3) == 0 {
			list = append(list, nil)
		}
		return Compare(c, store.In, list)
	case 1:
		if c.Nullable {
			return Compare(c, []store.Op{store.Eq, store.Ne}[random.IntN(2)], nil)
		}
	}
	return Compare(c, c.Ops()[random.IntN(len(c.Ops()))], value)
}

// Order is what a query sorts by.
type Order struct {
	Column Column
	Desc   bool
}

// Asc sorts by a column, NULL first.
func Asc(c Column) Order { return Order{Column: c} }

// Desc sorts by a column, NULL last.
func Desc(c Column) Order { return Order{Column: c, Desc: true} }

// RandomOrder returns up to three columns to sort by.
func RandomOrder(all []Column, random *rand.Rand) []Order {
	var terms []Order
	for range random.IntN(4) {
		if c := all[random.IntN(len(all))]; c.Ordered {
			terms = append(terms, Order{c, random.IntN(2) == 0})
		}
	}
	return terms
}

// Ordered adds an order to a query, and returns it in words too.
func Ordered(q store.Query, terms []Order) (store.Query, string) {
	text := ""
	for _, t := range terms {
		if t.Desc {
			q = q.OrderByDesc(t.Column.Name)
			text += " by " + t.Column.Name + " descending"
		} else {
			q = q.OrderBy(t.Column.Name)
			text += " by " + t.Column.Name
		}
	}
	return q, text
}

// Expected returns the keys of what a query must return: the rows that the condition selects, in order,
// NULL first, last where descending, and the key at the end.
func Expected(rows []Probe, c Condition, terms []Order) []int64 {
	var selected []*Probe
	for i := range rows {
		if c.Holds(&rows[i]) {
			selected = append(selected, &rows[i])
		}
	}
	slices.SortFunc(selected, func(a, b *Probe) int { return compareRows(a, b, terms) })
	list := make([]int64, 0, len(selected))
	for _, p := range selected {
		list = append(list, p.ID)
	}
	return list
}

// compareRows says how two rows sort. Every order ends in the key.
func compareRows(a, b *Probe, terms []Order) int {
	for _, t := range terms {
		n := 0
		switch x, y := t.Column.Get(a), t.Column.Get(b); {
		case x == nil && y == nil:
		case x == nil:
			n = -1
		case y == nil:
			n = 1
		default:
			n = t.Column.compare(x, y)
		}
		if t.Desc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Compare(a.ID, b.ID)
}
