package store

import (
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// compiled is a query that was checked against a mapping.
type compiled struct {
	table      string
	conditions *driver.Filter // as the caller wrote them; nil selects everything
	filter     *driver.Filter // the conditions, and what comes behind the query's cursor
	order      []driver.Order // total
	limit      int            // 0: none
	from       []any          // FindParams.After of the query's cursor, nil where it has none
	db         *DB
}

// cursorBehind is the cursor of the row whose stored values of the order's fields are last.
func (c *compiled) cursorBehind(last []any) (string, error) {
	of, err := c.fingerprint()
	if err != nil {
		return "", err
	}
	return c.db.seals.seal(of, last)
}

func (c *compiled) fingerprint() ([]byte, error) {
	return fingerprintOf(&c.db.info, c.table, c.conditions, c.order)
}

// compile checks a query and resolves its names. Its errors are ErrInvalid or ErrUnsupported.
func (r *repo) compile(q Query) (*compiled, error) {
	if q.hasLimit && q.limit < 1 {
		return nil, invalidf("Limit must be at least 1")
	}
	c := &compiled{table: r.table, limit: q.limit, db: r.db}
	var err error
	if q.where != nil {
		if err := boundsOf(q.where); err != nil {
			return nil, err
		}
		if c.conditions, err = r.filter(q.where, false, 0); err != nil {
			return nil, err
		}
	}
	if c.order, err = r.orderOf(q.order); err != nil {
		return nil, err
	}
	c.filter = c.conditions
	if q.cursor != "" {
		of, err := c.fingerprint()
		if err != nil {
			return nil, err
		}
		if c.from, err = c.db.seals.open(q.cursor, of, c.order); err != nil {
			return nil, err
		}
		c.filter = behind(c.conditions, c.order, c.from)
	}
	return c, nil
}

// orderOf resolves the order and ends it in the key.
func (r *repo) orderOf(terms []orderTerm) ([]driver.Order, error) {
	var order []driver.Order
	named := map[*driver.Field]bool{}
	add := func(f *driver.Field, desc bool) {
		if !named[f] {
			named[f] = true
			order = append(order, driver.Order{Field: f, Desc: desc})
		}
	}
	for _, t := range terms {
		f, err := r.mapping.Field(t.field)
		if err != nil {
			return nil, invalid(err)
		}
		if f.Kind == driver.Composite {
			for i := range f.Parts {
				add(&f.Parts[i], t.desc)
			}
			continue
		}
		if !f.Ordered() {
			return nil, invalidf("%s cannot be sorted by: it has type %s", f.Name, f.Type)
		}
		add(f, t.desc)
	}
	key := &r.mapping.Spec.Key
	if key.Kind != driver.Composite {
		add(key, false)
	}
	for i := range key.Parts {
		add(&key.Parts[i], false)
	}
	return order, nil
}

// filter resolves a condition. Negations are pushed to the leaves on the way, so that no backend
// has to know what its NOT makes of NULL. boundsOf has looked at the condition: this calls itself for what is inside,
// depth junctions deep.
func (r *repo) filter(c *condition, isNegated bool, depth int) (*driver.Filter, error) {
	switch c.kind {
	case nativeCondition:
		if want := r.db.info.Native; want == nil || c.native == nil || reflect.TypeOf(c.native) != want {
			return nil, explain(ErrUnsupported, "%s does not know this native condition", r.db.info.Name)
		}
		if isNegated {
			return nil, invalidf("Not around a native condition: write the negation in the condition itself")
		}
		return &driver.Filter{Op: driver.Native, Native: c.native}, nil
	case compareCondition:
		return r.comparison(c, isNegated)
	}
	// De Morgan: negated, an AllOf is an AnyOf of the negations.
	f := &driver.Filter{Op: driver.And}
	if (c.kind == anyCondition) != (isNegated && c.kind != notCondition) {
		f.Op = driver.Or
	}
	for _, q := range c.sub {
		if !q.isBare() {
			return nil, invalidf("AllOf, AnyOf and Not take conditions alone, without order, limit or cursor")
		}
		inner := q.where
		if inner == nil {
			inner = &condition{kind: allCondition} // everything
		}
		below := depth
		if c.kind != notCondition {
			below++
		}
		sub, err := r.filter(inner, isNegated != (c.kind == notCondition), below)
		if err != nil {
			return nil, err
		}
		if c.kind == notCondition {
			return sub, nil
		}
		if sub.Op == f.Op && depth >= nestedDepth {
			f.Sub = append(f.Sub, sub.Sub...)
			continue
		}
		f.Sub = append(f.Sub, sub)
	}
	return f, nil
}

// comparison resolves one leaf.
func (r *repo) comparison(c *condition, isNegated bool) (*driver.Filter, error) {
	f, err := r.mapping.Field(c.field)
	if err != nil {
		return nil, invalid(err)
	}
	switch {
	case f.Kind == driver.Composite:
		return nil, invalidf("%s is a composite key: compare its parts, such as %q", f.Name, f.Parts[0].Name)
	case !f.Comparable():
		return nil, invalidf("%s cannot be compared: it has type %s", f.Name, f.Type)
	case c.op < Eq || c.op > Prefix:
		return nil, invalidf("%s: the operator is unknown", f.Name)
	case c.op >= Lt && c.op <= Ge && !f.Ordered():
		return nil, invalidf("%s cannot be compared by %v: it has type %s", f.Name, c.op, f.Type)
	case c.op == Prefix && (f.Kind != driver.String || f.Valuer):
		return nil, invalidf("%s cannot be compared by Prefix: it is no string", f.Name)
	case c.op == In:
		return r.membership(f, c.value, isNegated)
	}
	operand, err := r.mapping.Convert(f, c.value)
	if err != nil {
		return nil, invalid(err)
	}
	if operand.IsNull {
		if c.op != Eq && c.op != Ne {
			return nil, invalidf("%s: nil can be compared by Eq and Ne alone, not by %v", f.Name, c.op)
		}
		return nullTest(f, (c.op == Eq) != isNegated), nil
	}
	op := driverOps[c.op]
	if operand.IsCut {
		// What is stored and not later than the value is not later than the cut value either.
		switch op {
		case driver.Lt:
			op = driver.Le
		case driver.Ge:
			op = driver.Gt
		}
	}
	return leaf(f, op, operand.Base, isNegated), nil
}

var driverOps = [...]driver.Op{
	Eq: driver.Eq, Ne: driver.Ne, Lt: driver.Lt, Le: driver.Le, Gt: driver.Gt, Ge: driver.Ge, Prefix: driver.Prefix,
}

// opposites holds for each operator of a leaf that of its negation, where neither side is NULL.
var opposites = map[driver.Op]driver.Op{
	driver.Eq: driver.Ne, driver.Ne: driver.Eq,
	driver.Lt: driver.Ge, driver.Ge: driver.Lt,
	driver.Gt: driver.Le, driver.Le: driver.Gt,
	driver.In: driver.NotIn, driver.Prefix: driver.NotPrefix,
}

// leaf is a comparison, or its negation: the opposite comparison, or NULL.
func leaf(f *driver.Field, op driver.Op, value any, isNegated bool) *driver.Filter {
	if !isNegated {
		return &driver.Filter{Op: op, Field: f, Value: value}
	}
	return &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
		{Op: opposites[op], Field: f, Value: value}, nullTest(f, true),
	}}
}

// lengthOf is the number of elements of a list of In, 0 for what is no list.
func lengthOf(list any) int {
	v := reflect.ValueOf(list)
	if !v.IsValid() || v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return 0
	}
	return v.Len()
}

// membership resolves In. A list without elements selects nothing.
func (r *repo) membership(f *driver.Field, list any, isNegated bool) (*driver.Filter, error) {
	v := reflect.ValueOf(list)
	if !v.IsValid() || v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return nil, invalidf("%s: In needs a slice", f.Name)
	}
	if v.Len() > r.db.info.MaxKeys {
		info := &r.db.info
		return nil, invalidf("%s: In has %d values, and %s takes at most %d", f.Name, v.Len(), info.Name, info.MaxKeys)
	}
	var values []any
	nulls := false
	for i := range v.Len() {
		operand, err := r.mapping.Convert(f, v.Index(i).Interface())
		if err != nil {
			return nil, invalid(err)
		}
		if operand.IsNull {
			nulls = true
		} else {
			values = append(values, operand.Base)
		}
	}
	member := &driver.Filter{Op: driver.Or} // nothing
	switch {
	case len(values) > 0 && !isNegated:
		member = leaf(f, driver.In, values, false)
	case len(values) > 0 && !nulls:
		return leaf(f, driver.In, values, true), nil
	case len(values) > 0: // not among the values, and not NULL either
		return &driver.Filter{Op: driver.NotIn, Field: f, Value: values}, nil
	}
	switch {
	case !nulls && isNegated:
		return &driver.Filter{Op: driver.And}, nil // everything
	case !nulls:
		return member, nil
	case isNegated:
		return nullTest(f, false), nil
	}
	return &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{member, nullTest(f, true)}}, nil
}
