package mongo

import (
	"context"
	"errors"
	"maps"
	"math/big"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/store/driver"
)

// Another program may store decimals as doubles, or as text. Both read right. Compared with 1.10 the double 1.1 is
// another number, a little above it, so that a condition asks for both. Text is no number to the server: a query on
// the field takes it into what it selects, and refuses it by name where it meets it, for it cannot tell whether the
// condition holds. Under an order a double is refused too, since it sorts beside the decimal of its own value.

// twin is the double of a decimal, and how the two compare as numbers. They are one where the digits after the point
// are halves, quarters and so on.
func twin(text string) (x float64, order int) {
	x, err := strconv.ParseFloat(text, 64)
	exact, ok := new(big.Rat).SetString(text)
	double := new(big.Rat).SetFloat64(x)
	if err != nil || !ok || double == nil {
		return 0, 0
	}
	return x, double.Cmp(exact)
}

// appendTwin appends, for appendList, the double that stands for the decimal with which an element was written.
func (c *codec) appendTwin(b []byte, key string, value any) ([]byte, bool) {
	if x, order := c.twinOf(value); order != 0 {
		return appendDouble(appendHeader(b, bson.TypeDouble, key), x), true
	}
	return b, false
}

// appendBound appends a comparison of a decimal, for appendOperand: with it or with its double, whichever bound keeps
// the other of the two on the same side. It reports false where the decimal itself is the bound.
func (c *codec) appendBound(b []byte, name string, value any) ([]byte, bool) {
	x, order := c.twinOf(value)
	isUpper := name == "$lte" || name == "$gt" // both are needed below, or at, the bound
	if order == 0 || isUpper != (order > 0) {
		return b, false
	}
	return appendDouble(appendHeader(b, bson.TypeDouble, name), x), true
}

func (c *codec) twinOf(value any) (x float64, order int) {
	if c.field.Kind != driver.Decimal || c.isExact {
		return 0, 0
	}
	stored, err := c.field.EncodeBase(value)
	text, ok := stored.(string)
	if err != nil || !ok {
		return 0, 0
	}
	return twin(text)
}

// appendTextToo appends a condition on a decimal as one of two, of which the other selects what is stored as text.
func appendTextToo(b []byte, path string, condition []byte) []byte {
	list, b := beginDocument(appendHeader(b, bson.TypeArray, "$or"))
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "0"))
	b = append(appendHeader(b, bson.TypeEmbeddedDocument, path), condition...)
	b = endDocument(b, at)
	at, b = beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "1"))
	b = endDocument(appendType(b, path), at)
	return endDocument(b, list)
}

// appendType appends the condition that a field holds text.
func appendType(b []byte, path string) []byte {
	of, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, path))
	b = appendString(appendHeader(b, bson.TypeString, "$type"), "string")
	not, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$not"))
	return endDocument(endDocument(appendString(appendHeader(b, bson.TypeString, "$type"), "array"), not), of)
}

// decimals are the fields of a query that are decimals, with whether the query sorts by them.
type decimals map[*codec]bool

// decimalsOf finds them, for Find and Count.
func (c *collection) decimalsOf(f *driver.Filter, order []driver.Order) decimals {
	if !c.hasDecimals {
		return nil
	}
	found := decimals{}
	c.addDecimals(found, f)
	for _, o := range order {
		if o.Field.Kind == driver.Decimal {
			found[c.byName[o.Field.Name]] = true
		}
	}
	return found
}

func (c *collection) addDecimals(found decimals, f *driver.Filter) {
	if f == nil {
		return
	}
	if f.Field != nil && f.Field.Kind == driver.Decimal {
		found[c.byName[f.Field.Name]] = false
	}
	for _, sub := range f.Sub {
		c.addDecimals(found, sub)
	}
}

// check refuses a document that a query has met and in which one of its decimals does not compare as one.
func (d decimals) check(doc bson.Raw) error {
	for field, isOrder := range d {
		e, err := find(doc, field.path)
		switch {
		case err != nil:
			return err
		case e.kind == bson.TypeString, isOrder && e.kind == bson.TypeDouble:
			return field.errorf(nil, "a stored value has the BSON type %v, which the server does not compare "+
				"as a decimal: CheckSchema has the conversion", e.kind)
		}
	}
	return nil
}

// sorted is the collection for a query with an order. Where a decimal is in it, conditions on it compare as the
// server sorts, so that none is left out between two pages.
func (c *collection) sorted(d decimals) *collection {
	if len(d) == 0 {
		return c
	}
	p := *c.plan
	for field, isOrder := range d {
		if !isOrder {
			continue
		}
		exact := *field
		exact.isExact = true
		p.byName = maps.Clone(p.byName)
		p.byName[field.field.Name] = &exact
	}
	sorted := *c
	sorted.plan = &p
	return &sorted
}

// checkCount refuses a count in which text was counted for a decimal: nothing of a count shows it.
func (c *collection) checkCount(ctx context.Context, filter bson.Raw, d decimals) error {
	if len(d) == 0 {
		return nil
	}
	at, b := beginDocument(nil)
	list, b := beginDocument(appendHeader(b, bson.TypeArray, "$and"))
	b = append(appendHeader(b, bson.TypeEmbeddedDocument, "0"), filter...)
	second, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "1"))
	either, b := beginDocument(appendHeader(b, bson.TypeArray, "$or"))
	n := 0
	for field := range d {
		var one int
		one, b = beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, strconv.Itoa(n)))
		b = endDocument(appendType(b, field.path), one)
		n++
	}
	b = endDocument(endDocument(endDocument(endDocument(b, either), second), list), at)
	doc, err := c.native.FindOne(ctx, bson.Raw(b)).Raw()
	if errors.Is(err, mongodriver.ErrNoDocuments) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.check(doc)
}
