package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stillframe/stillframe/store"
)

// condition is a query's condition beside what it must mean.
type condition struct {
	query  store.Query
	text   string
	native func(p *probe) bool
}

// compare is one comparison. A nil value is NULL, and for In the value is a list, in which nil
// is NULL too.
func compare(c column, op store.Op, value any) condition {
	return condition{
		query: store.Where(c.name, op, value),
		text:  fmt.Sprintf("%s %v %#v", c.name, op, value),
		native: func(p *probe) bool {
			have := c.get(p)
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
			n := c.compare(have, value)
			return map[store.Op]bool{
				store.Eq: n == 0, store.Ne: n != 0, store.Lt: n < 0, store.Le: n <= 0, store.Gt: n > 0, store.Ge: n >= 0,
			}[op]
		},
	}
}

func (c column) equal(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return c.compare(a, b) == 0
}

func not(c condition) condition {
	return condition{
		query:  store.Not(c.query),
		text:   "not (" + c.text + ")",
		native: func(p *probe) bool { return !c.native(p) },
	}
}

// junction is AllOf or AnyOf.
func junction(all bool, parts []condition) condition {
	var queries []store.Query
	var texts []string
	for _, c := range parts {
		queries = append(queries, c.query)
		texts = append(texts, c.text)
	}
	j := condition{query: store.AnyOf(queries...), text: "any of (" + strings.Join(texts, "; ") + ")"}
	if all {
		j = condition{query: store.AllOf(queries...), text: "all of (" + strings.Join(texts, "; ") + ")"}
	}
	j.native = func(p *probe) bool {
		for _, c := range parts {
			if c.native(p) != all {
				return !all
			}
		}
		return all
	}
	return j
}

// ops are the operators that apply to a column.
func (c column) ops() []store.Op {
	ops := []store.Op{store.Eq, store.Ne}
	if c.ordered {
		ops = append(ops, store.Lt, store.Le, store.Gt, store.Ge)
	}
	if c.text {
		ops = append(ops, store.Prefix)
	}
	return ops
}

// randomCondition is a tree of conditions over the columns.
func randomCondition(all []column, depth int, random *rand.Rand) condition {
	if depth > 0 {
		switch random.IntN(6) {
		case 0:
			return not(randomCondition(all, depth-1, random))
		case 1, 2, 3:
			parts := make([]condition, random.IntN(4))
			for i := range parts {
				parts[i] = randomCondition(all, depth-1, random)
			}
			return junction(random.IntN(2) == 0, parts)
		}
	}
	c := all[random.IntN(len(all))]
	value := c.pool[random.IntN(len(c.pool))]
	switch random.IntN(5) {
	case 0:
		list := make([]any, random.IntN(4))
		for i := range list {
			list[i] = c.pool[random.IntN(len(c.pool))]
		}
		if c.nullable && random.IntN(3) == 0 {
			list = append(list, nil)
		}
		return compare(c, store.In, list)
	case 1:
		if c.nullable {
			return compare(c, []store.Op{store.Eq, store.Ne}[random.IntN(2)], nil)
		}
	}
	return compare(c, c.ops()[random.IntN(len(c.ops()))], value)
}

// order is what a query sorts by.
type order struct {
	column column
	desc   bool
}

// randomOrder sorts by up to three columns.
func randomOrder(all []column, random *rand.Rand) []order {
	var terms []order
	for range random.IntN(4) {
		if c := all[random.IntN(len(all))]; c.ordered {
			terms = append(terms, order{c, random.IntN(2) == 0})
		}
	}
	return terms
}

func ordered(q store.Query, terms []order) (store.Query, string) {
	text := ""
	for _, t := range terms {
		if t.desc {
			q = q.OrderByDesc(t.column.name)
			text += " by " + t.column.name + " descending"
		} else {
			q = q.OrderBy(t.column.name)
			text += " by " + t.column.name
		}
	}
	return q, text
}

// expected is what a query must return: the rows that the condition selects, in order, NULL first,
// last where descending, and the key at the end.
func expected(rows []probe, c condition, terms []order) []int64 {
	var selected []*probe
	for i := range rows {
		if c.native(&rows[i]) {
			selected = append(selected, &rows[i])
		}
	}
	slices.SortFunc(selected, func(a, b *probe) int {
		for _, t := range terms {
			n := 0
			switch x, y := t.column.get(a), t.column.get(b); {
			case x == nil && y == nil:
			case x == nil:
				n = -1
			case y == nil:
				n = 1
			default:
				n = t.column.compare(x, y)
			}
			if t.desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return int(a.ID - b.ID)
	})
	list := make([]int64, 0, len(selected))
	for _, p := range selected {
		list = append(list, p.ID)
	}
	return list
}
