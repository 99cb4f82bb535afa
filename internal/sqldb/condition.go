package sqldb

import (
	"fmt"

	"github.com/stillframe/stillframe/store/driver"
)

var comparisons = map[driver.Op]string{
	driver.Eq: " = ", driver.Ne: " <> ", driver.Lt: " < ", driver.Le: " <= ", driver.Gt: " > ", driver.Ge: " >= ",
	driver.In: " IN (", driver.NotIn: " NOT IN (", driver.IsNull: " IS NULL", driver.NotNull: " IS NOT NULL",
}

// condition writes a filter. SQL's third truth value does no harm: a filter has no negation above
// its leaves, so that a NULL among them is as good as false.
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
	name := c.columns[at].name
	switch f.Op {
	case driver.IsNull, driver.NotNull:
		b.add(name, comparisons[f.Op])
		return nil
	case driver.In, driver.NotIn:
		return b.membership(f, name)
	case driver.Prefix, driver.NotPrefix:
		return b.prefix(f, name)
	}
	value, err := f.Field.EncodeBase(f.Value)
	if err != nil {
		return err
	}
	b.add(name, comparisons[f.Op])
	b.compare(f.Field, value)
	return nil
}

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

func (b *builder) membership(f *driver.Filter, name string) error {
	values := f.Value.([]any)
	b.add(name, comparisons[f.Op])
	err := b.list(len(values), func(i int) error {
		value, err := f.Field.EncodeBase(values[i])
		if err == nil {
			b.compare(f.Field, value)
		}
		return err
	})
	b.add(")")
	return err
}

func (b *builder) prefix(f *driver.Filter, name string) error {
	value, err := f.Field.EncodeBase(f.Value)
	if err != nil {
		return err
	}
	b.count++
	b.add(b.dialect.Like(name, b.dialect.Compared(b.count, f.Field), f.Op == driver.NotPrefix))
	b.args.add(b.dialect.Arg(f.Field, b.dialect.LikePattern(value.(string))))
	return nil
}

// native writes a native condition on lines of its own, so that a comment in it ends.
func (b *builder) native(native any) error {
	n, ok := native.(Native)
	if !ok {
		return fmt.Errorf("sqldb: a native condition of type %T", native)
	}
	b.add("(", b.dialect.Condition(n.SQL, b.next()), "\n)")
	for _, value := range n.Args {
		b.count++
		b.args.add(value)
	}
	b.natives = b.natives || len(n.Args) > 0
	return nil
}

// where writes the WHERE of a filter, which may be nil.
func (b *builder) where(c *collection, f *driver.Filter) error {
	if f == nil {
		return nil
	}
	b.add(" WHERE ")
	return b.condition(c, f)
}
