package sqldb

import (
	"bytes"
	sqldriver "database/sql/driver"
	"errors"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/stillframe/stillframe/store/driver"
)

// errShown ends a request whose answer has shown something of a column, so that it is built anew.
var errShown = errors.New("sqldb: a column has shown what it is")

// untilShown runs a query until nothing of a column is shown by it that was not known when it was built. A column
// shows each thing once for the life of the program, so that all but the first queries run once.
func (c *collection) untilShown(f *driver.Filter, query func() error) error {
	for {
		err := query()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errShown):
		case c.facts.Order.IsMix(err) && c.showPrefixes(f):
		default:
			return err
		}
	}
}

// showPrefixes notes of the columns that a filter compares by Prefix that they have few characters.
func (c *collection) showPrefixes(f *driver.Filter) (isNew bool) {
	if f == nil {
		return false
	}
	if at, ok := c.positionOf(f.Field); ok && f.Op == driver.Prefix {
		isNew = c.columns[at].live.show(hasFewCharacters)
	}
	for _, sub := range f.Sub {
		isNew = c.showPrefixes(sub) || isNew
	}
	return isNew
}

// showTypes notes of the columns that a filter compares what their types are where that changes how they are compared
// (Facts.JSONType, Facts.ExactTypes), by an answer with all columns of the mapping.
func (c *collection) showTypes(f *driver.Filter, rows sqldriver.Rows) error {
	named, ok := rows.(sqldriver.RowsColumnTypeDatabaseTypeName)
	isNew := false
	for at := range c.comparedByType(f) {
		k := &c.columns[at]
		if typ := ""; ok && !k.live.has(hasType) {
			typ = named.ColumnTypeDatabaseTypeName(at)
			if k.field.Kind == driver.Float {
				isNew = slices.Contains(c.facts.ExactTypes, typ) && k.live.show(isExact) || isNew
			} else {
				isNew = typ == c.facts.JSONType && k.live.show(comparesAsText) || isNew
			}
		}
		k.live.show(hasType)
	}
	if isNew {
		return errShown
	}
	return nil
}

// comparedByType are the places of the columns that a filter compares with texts, where such a column may be JSON, and
// with floats, where such a column may hold exact numbers.
func (c *collection) comparedByType(f *driver.Filter) iter.Seq[int] {
	return func(yield func(int) bool) {
		if f == nil {
			return
		}
		if at, ok := c.positionOf(f.Field); ok && c.isComparedByType(f.Field) && !yield(at) {
			return
		}
		for _, sub := range f.Sub {
			for at := range c.comparedByType(sub) {
				if !yield(at) {
					return
				}
			}
		}
	}
}

func (c *collection) isComparedByType(f *driver.Field) bool {
	return f.Kind == driver.String && c.facts.JSONType != "" || f.Kind == driver.Float && len(c.facts.ExactTypes) > 0
}

func (c *collection) positionOf(f *driver.Field) (int, bool) {
	if f == nil {
		return 0, false
	}
	at, ok := c.position[f.Path]
	return at, ok
}

// sorted is how a column is named where a query sorts by it and pages by it.
func (c *collection) sorted(k *column) string {
	if k.live.has(sortsAsText) {
		return c.facts.Order.AsText(k.name)
	}
	return k.name
}

// orderBy writes the ORDER BY of a page.
//
// Where the server takes "a" and "a\x00" for equal in an order, the number of zeros tells them apart. The server has
// no index for the order, so that it is added where a zero was seen, and in a descending order, where the rows
// that a page passes over would not be seen, unless the mapping has an index in that order.
func (c *collection) orderBy(b *builder, order []driver.Order) {
	hasIndex := c.isIndexed(order)
	for i, o := range order {
		k := &c.columns[c.position[o.Field.Path]]
		desc := []string{"", " DESC"}[btoi(o.Desc)]
		b.add([]string{", ", " ORDER BY "}[btoi(i == 0)], c.sorted(k), desc)
		if c.isText(k) && c.facts.ZeroEndsText && (k.live.has(hasZeros) || o.Desc && !hasIndex) {
			b.add(", ", c.facts.Order.Zeros(k.name), desc)
		}
	}
}

// isText reports whether a column is sorted by a text that may be longer than a sort key.
func (c *collection) isText(k *column) bool {
	return c.facts.Limits.Sorted > 0 && k.field.Kind == driver.String
}

// isIndexed reports whether the first column of an order that goes one way is the first of an index.
func (c *collection) isIndexed(order []driver.Order) bool {
	if slices.ContainsFunc(order, func(o driver.Order) bool { return o.Desc != order[0].Desc }) {
		return false
	}
	first := order[0].Field.Path
	return first == c.columns[0].field.Path || slices.ContainsFunc(c.spec.Indexes, func(x driver.Index) bool {
		return x.Fields[0].Path == first
	})
}

// orderReader looks at the rows of a page for what its order needs.
type orderReader struct {
	c       *collection
	order   []driver.Order
	at      []int    // where in a row the values of the order are
	texts   []int    // for times, where their texts are; else 0
	hasText bool     // a column of it is one of collection.isText
	types   []string // the client's names of the types
	last    []any    // the values of the last row, in memory of their own
	bytes   [][]byte // that memory
}

// newOrderReader returns what reads the values of an order. extra are the columns that the query has to read beside
// those of the mapping.
func newOrderReader(c *collection, order []driver.Order) (r *orderReader, extra []string) {
	r = &orderReader{
		c: c, order: order, at: make([]int, len(order)), texts: make([]int, len(order)),
		last: make([]any, len(order)), types: make([]string, len(order)), bytes: make([][]byte, len(order)),
	}
	for i, o := range order {
		r.at[i] = c.position[o.Field.Path]
		r.hasText = r.hasText || c.isText(&c.columns[r.at[i]])
		if o.Field.Kind != driver.Time {
			continue
		}
		if text := c.facts.Order.TimeText(c.columns[r.at[i]].name); text != "" {
			r.texts[i] = len(c.columns) + len(extra)
			extra = append(extra, text)
		}
	}
	return r, extra
}

// header looks at the types of an answer before its first row is read.
func (r *orderReader) header(rows sqldriver.Rows) error {
	named, ok := rows.(sqldriver.RowsColumnTypeDatabaseTypeName)
	if !ok {
		return nil
	}
	for i, at := range r.at {
		r.types[i] = named.ColumnTypeDatabaseTypeName(at)
		if r.c.facts.Order.SortsAsText(r.types[i]) && r.c.columns[at].live.show(sortsAsText) {
			return errShown
		}
	}
	return nil
}

// check looks at one row, also at the one behind the page. Its error names a field by which this table cannot be
// sorted.
func (r *orderReader) check(row []sqldriver.Value, isFirst bool) error {
	if isFirst {
		clear(r.last)
	}
	for i, at := range r.at {
		if k := &r.c.columns[at]; r.c.isText(k) {
			if err := r.text(k, i, row[at]); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep remembers the values of one row of the page.
func (r *orderReader) keep(row []sqldriver.Value) {
	for i, at := range r.at {
		value := row[at]
		if r.texts[i] > 0 && value != nil {
			value = timeOrText(value, row[r.texts[i]])
		}
		if data, ok := value.([]byte); ok {
			r.bytes[i] = append(r.bytes[i][:0], data...)
			value = r.bytes[i]
		}
		r.last[i] = value
	}
}

// timeOrText is a time as the client has given it, or its text where it is no time of the calendar.
func timeOrText(value, text any) any {
	written := string(textOf(text))
	if len(written) < len("0000-00-00") || written[:4] != "0000" && written[5:7] != "00" && written[8:10] != "00" {
		return value
	}
	return written
}

// text compares a text with the one of the row before. Where both begin with more than the server sorts by, nobody
// knows which of the rows comes first, and a page that ends between them loses some.
func (r *orderReader) text(k *column, i int, value any) error {
	text := textOf(value)
	if r.c.facts.ZeroEndsText && bytes.IndexByte(text, 0) >= 0 && k.live.show(hasZeros) {
		return errShown
	}
	end := sortedPart(text, r.c.facts.Limits.Sorted)
	before, _ := r.last[i].([]byte)
	if end < len(text) && len(before) >= end && bytes.EqualFold(before[:end], text[:end]) {
		return &driver.ValueError{Field: k.field.Name, Problem: "the query sorts by it, and the table has texts that " +
			"are the same as far as the server sorts: raise max_sort_length, or sort by a shorter field"}
	}
	return nil
}

// textOf is the text of a client's value, which it gives as bytes or as a string. Of anything else it is empty.
func textOf(value any) []byte {
	switch x := value.(type) {
	case []byte:
		return x
	case string:
		return []byte(x)
	}
	return nil
}

// sortedPart is the length of the part of a text that surely is in a sort key of some bytes. A character of ASCII
// takes no more than four of them, another may stand for several with as many each.
func sortedPart(text []byte, key int) int {
	if len(text) <= key/16 {
		return len(text)
	}
	for i := 0; i < len(text); {
		size, weight := 1, 4
		if text[i] >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(text[i:])
			weight = 16
		}
		if key -= weight; key < 0 {
			return i
		}
		i += size
	}
	return len(text)
}

// stored returns the values of the last row, as [driver.FindResult] holds them.
func (r *orderReader) stored() []any {
	last := make([]any, len(r.last))
	for i, value := range r.last {
		if value == nil {
			continue
		}
		if d := r.c.columns[r.at[i]].decoder; d != nil {
			value = d(value)
		}
		last[i] = r.c.facts.Order.Stored(r.order[i].Field, r.types[i], value)
	}
	return last
}

// stored writes a comparison with a value of [orderReader], for condition.
func (b *builder) stored(c *collection, k *column, op driver.Op, value any) error {
	if k.isStamp || k.hasEqual && op == driver.Eq {
		return b.comparison(k, op, value)
	}
	b.count++
	left, param, arg, err := c.facts.Order.Operand(b.count, k.field, c.sorted(k), value)
	b.add(left, comparisons[op], param)
	b.args.add(arg)
	return err
}
