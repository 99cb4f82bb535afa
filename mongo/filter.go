package mongo

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/store/driver"
)

// filter makes the query document of a condition; nil selects everything.
//
// Conditions are two-valued, which MongoDB's are not by themselves: $ne keeps null and missing, so
// null is excluded beside the value. A comparison of MongoDB also matches the elements of an
// array. No mapped scalar is stored as an array, but another program can have stored one: $not
// $type keeps it from matching. Every value stands behind an operator, so that none can be read
// as one.
func (c *collection) filter(f *driver.Filter) (bson.Raw, error) {
	at, b := beginDocument(make([]byte, 0, 128))
	if f != nil {
		var err error
		if b, err = c.appendCondition(b, f); err != nil {
			return nil, err
		}
	}
	return endDocument(b, at), nil
}

// appendCondition appends the elements of one query document, for filter and, of what stands inside, for
// appendJunction.
func (c *collection) appendCondition(b []byte, f *driver.Filter) ([]byte, error) {
	switch f.Op {
	case driver.And, driver.Or:
		return c.appendJunction(b, f)
	case driver.Native:
		return c.appendNative(b, f)
	}
	field := c.byName[f.Field.Name]
	if field == nil {
		return nil, fmt.Errorf("mongo: no field %s", f.Field.Name)
	}
	start := len(b)
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, field.path))
	b, err := field.appendComparison(b, f)
	if err != nil {
		return nil, err
	}
	if f.Op != driver.IsNull && f.Op != driver.NotNull && field.path != keyPath {
		not, inner := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$not"))
		inner = appendString(appendHeader(inner, bson.TypeString, "$type"), "array")
		b = endDocument(inner, not)
	}
	b = endDocument(b, at)
	if field.field.Kind == driver.Decimal && f.Op != driver.IsNull && f.Op != driver.NotNull {
		return appendTextToo(b[:start], field.path, bytes.Clone(b[at:])), nil
	}
	return b, nil
}

// appendJunction appends $and or $or, which the server refuses without operands: then And is the
// empty document, which matches all, and Or an empty $in, which matches nothing.
func (c *collection) appendJunction(b []byte, f *driver.Filter) ([]byte, error) {
	name := "$and"
	if f.Op == driver.Or {
		name = "$or"
	}
	switch {
	case len(f.Sub) == 0 && f.Op == driver.And:
		return b, nil
	case len(f.Sub) == 0:
		at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, keyPath))
		list, b := beginDocument(appendHeader(b, bson.TypeArray, "$in"))
		return endDocument(endDocument(b, list), at), nil
	}
	list, b := beginDocument(appendHeader(b, bson.TypeArray, name))
	for i, sub := range f.Sub {
		at, inner := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, strconv.Itoa(i)))
		inner, err := c.appendCondition(inner, sub)
		if err != nil {
			return nil, err
		}
		b = endDocument(inner, at)
	}
	return endDocument(b, list), nil
}

// appendNative appends a condition of the caller's as the one element of an $and, where its fields
// cannot meet others of the same name.
func (c *collection) appendNative(b []byte, f *driver.Filter) ([]byte, error) {
	native, ok := f.Native.(bson.D)
	if !ok {
		return nil, fmt.Errorf("mongo: a native condition of type %T", f.Native)
	}
	doc, err := marshal(native, c.db.options.Registry)
	if err != nil {
		return nil, &driver.ValueError{Field: "Where", Problem: "the condition cannot be encoded as BSON", Err: err}
	}
	list, b := beginDocument(appendHeader(b, bson.TypeArray, "$and"))
	b = append(appendHeader(b, bson.TypeEmbeddedDocument, "0"), doc...)
	return endDocument(b, list), nil
}

// operators are those whose operand is the value.
var operators = map[driver.Op]string{
	driver.Eq: "$eq", driver.Lt: "$lt", driver.Le: "$lte", driver.Gt: "$gt", driver.Ge: "$gte",
}

// appendComparison appends the operators of one field, for appendCondition. Each keeps null and missing out of a
// negation, as filter says.
func (c *codec) appendComparison(b []byte, f *driver.Filter) ([]byte, error) {
	switch f.Op {
	case driver.IsNull:
		return appendHeader(b, bson.TypeNull, "$eq"), nil
	case driver.NotNull:
		return appendHeader(b, bson.TypeNull, "$ne"), nil
	case driver.Ne:
		return c.appendList(b, "$nin", []any{f.Value}, true)
	case driver.In, driver.NotIn:
		values, ok := f.Value.([]any)
		if !ok {
			return nil, fmt.Errorf("mongo: the value of In is %T", f.Value)
		}
		if f.Op == driver.In {
			return c.appendList(b, "$in", values, false)
		}
		return c.appendList(b, "$nin", values, true)
	case driver.Prefix, driver.NotPrefix:
		return c.appendPrefix(b, f)
	}
	name, ok := operators[f.Op]
	if !ok {
		return nil, fmt.Errorf("mongo: the operator %d is unknown", f.Op)
	}
	if f.Stored {
		return c.appendStoredOperand(b, name, f.Value)
	}
	return c.appendOperand(b, name, f.Value)
}

// appendOperand appends an operator and its value. With NULL, which a Valuer may give, nothing
// compares: an empty $in matches nothing.
func (c *codec) appendOperand(b []byte, name string, value any) ([]byte, error) {
	start := len(b)
	b, err := c.appendBaseElement(b, name, value)
	if err != nil {
		return nil, err
	}
	if bson.Type(b[start]) == bson.TypeNull {
		return c.appendList(b[:start], "$in", nil, false)
	}
	if name == "$eq" {
		if _, order := c.twinOf(value); order != 0 {
			return c.appendList(b[:start], "$in", []any{value}, false)
		}
		return b, nil
	}
	if bound, ok := c.appendBound(b[:start:start], name, value); ok {
		return bound, nil
	}
	return b, nil
}

// appendStoredOperand appends an operator and a value as last has read it from a document.
func (c *codec) appendStoredOperand(b []byte, name string, value any) ([]byte, error) {
	stored, ok := value.([]byte)
	if !ok || len(stored) == 0 {
		return nil, c.errorf(nil, "is compared with a %T, which is no stored value", value)
	}
	kind, data := bson.Type(stored[0]), stored[1:]
	if err := (bson.RawValue{Type: kind, Value: data}).Validate(); err != nil {
		return nil, c.errorf(err, "is compared with what is no stored value")
	}
	return append(appendHeader(b, kind, name), data...), nil
}

// appendList appends an operator with a list, for appendComparison; hasNull adds null to it. A value that a
// Valuer gives as NULL is left out, since to a filter nothing is equal to it, while $in would match it to null
// and missing.
func (c *codec) appendList(b []byte, name string, values []any, hasNull bool) ([]byte, error) {
	at, b := beginDocument(appendHeader(b, bson.TypeArray, name))
	n := 0
	for _, value := range values {
		start := len(b)
		var err error
		if b, err = c.appendBaseElement(b, strconv.Itoa(n), value); err != nil {
			return nil, err
		}
		if bson.Type(b[start]) == bson.TypeNull {
			b = b[:start] // a Valuer that gives NULL, to which nothing is equal
			continue
		}
		n++
		var isTwin bool
		if b, isTwin = c.appendTwin(b, strconv.Itoa(n), value); isTwin {
			n++
		}
	}
	if hasNull {
		b = appendHeader(b, bson.TypeNull, strconv.Itoa(n))
	}
	return endDocument(b, at), nil
}

// appendPrefix appends a range, for appendComparison: the strings that begin with p are those from p up to, and
// without, the next string that does not. An index can be used for it, and no character has a meaning.
func (c *codec) appendPrefix(b []byte, f *driver.Filter) ([]byte, error) {
	if c.isCoded {
		return nil, c.errorf(nil, "is stored by a codec of its own, so that it has no prefix")
	}
	prefix, ok := f.Value.(string)
	if !ok {
		value, err := f.Field.EncodeBase(f.Value)
		if err != nil {
			return nil, err
		}
		prefix, _ = value.(string)
	}
	next, bound := following(prefix)
	text := func(b []byte, name, value string) []byte {
		return appendString(appendHeader(b, bson.TypeString, name), value)
	}
	if f.Op == driver.Prefix {
		b = text(b, "$gte", prefix)
		if bound {
			b = text(b, "$lt", next)
		}
		return b, nil
	}
	// Below the range or above it: the negation of both, and a string.
	if !bound {
		return text(b, "$lt", prefix), nil
	}
	not, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "$not"))
	b = text(text(b, "$gte", prefix), "$lt", next)
	b = endDocument(b, not)
	return text(b, "$gte", ""), nil
}

// following returns the least string by code point that is above every string with the prefix. It
// has the prefix's last code point moved up by one; there is none behind U+10FFFF alone.
func following(prefix string) (string, bool) {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch last {
		case utf8.MaxRune:
			continue
		case 0xD7FF: // the surrogates are no characters
			last = 0xDFFF
		}
		return prefix + string(last+1), true
	}
	return "", false
}
