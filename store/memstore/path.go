package memstore

import "github.com/stillframe/stillframe/store/driver"

// path is where the rows of a query are: those of an order between two keys in it. An empty high is no
// bound.
type path struct {
	order
	low, high string
}

// beyond ends a key that is above all those that start with the rest of it, as no encoding does.
const beyond = "\xff"

// leaf is a comparison that every row which a filter selects meets.
type leaf struct {
	position int
	op       driver.Op
	value    any // canonical, not NULL
}

// fixed returns the value that a column must have, nil where the leaves leave it open.
func fixed(leaves []leaf, position int) any {
	for _, l := range leaves {
		if l.position == position && l.op == driver.Eq {
			return l.value
		}
	}
	return nil
}

// bound sets the bounds that follow from the leaves: of the first columns those that are fixed, and of
// the next one the highest and the lowest value.
func (p *path) bound(leaves []leaf) {
	var start []byte
	for _, column := range p.columns {
		if value := fixed(leaves, column.position); value != nil {
			start = column.appendTo(start, value)
			continue
		}
		p.low = string(start)
		if len(start) > 0 {
			p.high = string(start) + beyond
		}
		for _, l := range leaves {
			if l.position == column.position {
				p.boundBy(column, l, string(start))
			}
		}
		return
	}
	p.low, p.high = string(start), string(start)+beyond
}

// boundBy narrows the bounds by one comparison of a column, before which the keys start so.
func (p *path) boundBy(column sortColumn, l leaf, start string) {
	at := start + string(column.appendTo(nil, l.value))
	op := l.op
	if op == driver.Prefix {
		text, isText := l.value.(string)
		if !isText || column.kind == driver.Decimal {
			return
		}
		// What starts so lies between the text without its end, and the same and what is beyond it.
		encoded := appendText(nil, text)
		encoded = encoded[:len(encoded)-len(textEnd)]
		if column.desc {
			turnOver(encoded)
		}
		at = start + string(encoded)
		p.low, p.high = max(p.low, at), lower(p.high, at+beyond)
		return
	}
	if column.desc {
		op = map[driver.Op]driver.Op{
			driver.Lt: driver.Gt, driver.Le: driver.Ge, driver.Gt: driver.Lt, driver.Ge: driver.Le,
		}[op]
	}
	switch op {
	case driver.Gt:
		p.low = max(p.low, at+beyond)
	case driver.Ge:
		p.low = max(p.low, at)
	case driver.Lt:
		p.high = lower(p.high, at)
	case driver.Le:
		p.high = lower(p.high, at+beyond)
	}
}

// lower returns the lower of two upper bounds.
func lower(a, b string) string {
	if a == "" {
		return b
	}
	return min(a, b)
}
