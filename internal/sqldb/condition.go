package sqldb

import (
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/store/driver"
)

var comparisons = map[driver.Op]string{
	driver.Eq: " = ", driver.Ne: " <> ", driver.Lt: " < ", driver.Le: " <= ", driver.Gt: " > ", driver.Ge: " >= ",
	driver.In: " IN (", driver.NotIn: " NOT IN (", driver.IsNull: " IS NULL", driver.NotNull: " IS NOT NULL",
}

// condition writes a filter, and calls itself for what stands inside. To SQL a comparison with NULL is
// neither true nor false, and NOT does not change that, while a filter knows true and false alone. That does
// no harm here: package store has pushed each negation down to the comparisons, so that nothing stands over
// them but AND and OR, to which a row that is neither counts like one that is false.
func (b *builder) condition(c *collection, f *driver.Filter) error {
	switch f.Op {
	case driver.And:
		return b.junction(c, f.Sub, " AND ", "1 = 1")
	case driver.Or:
		return b.junction(c, f.Sub, " OR ", "1 = 0")
	case driver.Native:
		return b.native(f.Native)
	}
	at, ok := c.position[f.Field.Path]
	if !ok {
		return fmt.Errorf("sqldb: %s has no column %s", c.spec.Table, f.Field.Path)
	}
	k := &c.columns[at]
	if f.Stored {
		return b.stored(c, k, f.Op, f.Value)
	}
	if k.live.has(comparesAsText) {
		asText := *k
		asText.name = c.facts.Order.AsText(k.name)
		k = &asText
	}
	if k.live.has(isExact) {
		asFloat := *k
		asFloat.name = "(" + k.name + " + 0e0)"
		k = &asFloat
	}
	name := k.name
	switch {
	case k.field.Kind == driver.Bool && c.facts.BoolIsNumber && f.Op != driver.IsNull && f.Op != driver.NotNull:
		return b.truth(f, k)
	}
	switch f.Op {
	case driver.IsNull, driver.NotNull:
		b.add(name, comparisons[f.Op])
		return nil
	case driver.In, driver.NotIn:
		return b.membership(f, k)
	case driver.Prefix, driver.NotPrefix:
		return b.prefix(c, f, k)
	}
	value, err := f.Field.EncodeBase(f.Value)
	if err != nil {
		return err
	}
	if k.isSingle() {
		return b.single(k, f.Op, value)
	}
	return b.comparison(k, f.Op, value)
}

// comparison writes a comparison with one value in its stored form.
func (b *builder) comparison(k *column, op driver.Op, value any) error {
	if (op == driver.Eq || op == driver.Ne) && k.hasEqual {
		return b.equal(k, value, op == driver.Ne)
	}
	b.add(k.name, comparisons[op])
	return b.compare(k, value)
}

// truth writes a condition on a bool whose column may hold any number: 2 reads as true, and is found as such. A
// value is never bound, so that there is one text for each of the few conditions that there are.
func (b *builder) truth(f *driver.Filter, k *column) error {
	values, isList := f.Value.([]any)
	if !isList {
		values = []any{f.Value}
	}
	selects := map[bool]bool{} // whether the condition selects false, and true
	for _, stored := range []bool{false, true} {
		isAmong := false
		for _, v := range values {
			value, err := f.Field.EncodeBase(v)
			if err != nil {
				return err
			}
			truth, isBool := value.(bool)
			if !isBool { // a Valuer that gives NULL, with which nothing compares
				continue
			}
			switch f.Op {
			case driver.Eq, driver.In, driver.Ne, driver.NotIn:
				isAmong = isAmong || stored == truth
			case driver.Lt:
				isAmong = !stored && truth
			case driver.Le:
				isAmong = !stored || truth
			case driver.Gt:
				isAmong = stored && !truth
			case driver.Ge:
				isAmong = stored || !truth
			}
		}
		selects[stored] = isAmong != (f.Op == driver.Ne || f.Op == driver.NotIn)
	}
	switch {
	case selects[false] && selects[true]:
		b.add(k.name, comparisons[driver.NotNull])
	case selects[true]:
		b.add(k.name, " <> 0")
	case selects[false]:
		b.add(k.name, " = 0")
	default:
		b.add("1 = 0")
	}
	return nil
}

// equal writes that a column, for which = does not say what equal is, holds a value, or holds another.
func (b *builder) equal(k *column, value any, isNegated bool) error {
	param, err := b.compared(k, value)
	b.add([]string{"(", "NOT ("}[btoi(isNegated)], b.dialect.Equal(k.field, k.name, param), ")")
	return err
}

// junction writes an AND or OR for condition. Of no conditions AND is true and OR is false, which none
// says: SQL has no empty one. The parentheses keep an OR inside an AND together.
func (b *builder) junction(c *collection, subs []*driver.Filter, word, none string) error {
	if len(subs) == 0 {
		b.add(none)
		return nil
	}
	b.add("(")
	for i, sub := range subs {
		if i > 0 {
			b.add(word)
		}
		if err := b.condition(c, sub); err != nil {
			return err
		}
	}
	b.add(")")
	return nil
}

// membership writes a list with IN for condition, or values one by one where = does not say what equal is.
// The values are filled up by list, so that lists of changing length have few texts and their prepared
// statements are found in the cache.
func (b *builder) membership(f *driver.Filter, k *column) error {
	values := f.Value.([]any)
	if k.hasEqual || k.isSingle() {
		return b.membershipByEqual(f, k)
	}
	b.add(k.name, comparisons[f.Op])
	err := b.list(len(values), func(i int) error {
		value, err := f.Field.EncodeBase(values[i])
		if err != nil {
			return err
		}
		return b.compare(k, value)
	})
	b.add(")")
	return err
}

// membershipByEqual writes for membership that the column equals one of the values, or none of them, each
// by a condition of its own, where = does not say what equal is.
func (b *builder) membershipByEqual(f *driver.Filter, k *column) error {
	b.add("(")
	for i, v := range f.Value.([]any) {
		if i > 0 {
			b.add([]string{" OR ", " AND "}[btoi(f.Op == driver.NotIn)])
		}
		value, err := f.Field.EncodeBase(v)
		if err != nil {
			return err
		}
		write := func() error { return b.equal(k, value, f.Op == driver.NotIn) }
		if k.isSingle() {
			write = func() error { return b.single(k, f.Op, value) }
		}
		if err := write(); err != nil {
			return err
		}
	}
	b.add(")")
	return nil
}

// prefix writes that a column starts with a text, or does not.
func (b *builder) prefix(c *collection, f *driver.Filter, k *column) error {
	value, err := f.Field.EncodeBase(f.Value)
	if err != nil {
		return err
	}
	prefix := value.(string)
	pattern := c.facts.Texts.likePattern(prefix)
	isNegated := f.Op == driver.NotPrefix
	if !c.facts.NarrowLike || isNegated || prefix == "" {
		return b.like(k, k.name, pattern, isNegated)
	}
	// Where the index of LIKE passes over some, a range of the column's own order has them, and the expression
	// around the column keeps LIKE from narrowing that one too.
	b.add("(")
	err = b.like(k, k.name, pattern, false)
	least, greatest := startRange(prefix, f.Field.Size)
	if k.live.has(hasFewCharacters) { // above it the server looks far enough
		greatest = prefix
	}
	b.add(" OR ", k.name, " BETWEEN ")
	err = errors.Join(err, b.compare(k, least))
	b.add(" AND ")
	err = errors.Join(err, b.compare(k, greatest))
	b.add(" AND ")
	err = errors.Join(err, b.like(k, "CONCAT("+k.name+")", pattern, false))
	b.add(")")
	return err
}

// like writes a LIKE for prefix.
func (b *builder) like(k *column, text, pattern string, isNegated bool) error {
	b.add(text, []string{" LIKE ", " NOT LIKE "}[btoi(isNegated)])
	err := b.compare(k, pattern)
	b.add(" ESCAPE '", likeEscape, "'")
	return err
}

// native writes a native condition for condition. Its end stands on a line of its own, so that a comment at
// the end of the caller's text does not swallow what follows. Its arguments are whatever the caller gave:
// hasNatives has runBuilt convert them when the connection is known.
func (b *builder) native(native any) error {
	n, ok := native.(Native)
	if !ok {
		return fmt.Errorf("sqldb: a native condition of type %T", native)
	}
	text, problem := b.dialect.Condition(n.SQL, b.next(), len(n.Args))
	if problem != "" {
		return &driver.ValueError{Field: "Where", Problem: problem}
	}
	b.add("(", text, "\n)")
	for _, value := range n.Args {
		b.count++
		b.args.add(value)
	}
	b.hasNatives = b.hasNatives || len(n.Args) > 0
	return nil
}

// where writes the WHERE of a filter, which may be nil, for Count and for a page of Find. One parameter is
// left for the limit of the page.
func (b *builder) where(c *collection, f *driver.Filter) error {
	if f == nil {
		return nil
	}
	b.add(" WHERE ")
	if err := b.condition(c, f); err != nil {
		return err
	}
	if b.count >= c.facts.Limits.Params {
		return &driver.ValueError{Field: "Where", Problem: "the query has more values than one statement can carry"}
	}
	return nil
}
