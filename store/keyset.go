package store

import "github.com/stillframe/stillframe/store/driver"

// behind narrows a filter to the rows that come behind one row in an order, whose stored values in that row
// are last, as driver.FindResult gives them. It is how Find and Page go on after a page without a cursor at the
// server. NULL sorts first. Values of the decoded entity would not do: where they are others than the stored
// ones, rows would be passed over, or come again for ever.
//
// For an order by a, b and c the condition is: a is beyond, or a is the same and (b is beyond, or b is
// the same and c is beyond). It is built from the last field outwards.
func behind(filter *driver.Filter, order []driver.Order, last []any) *driver.Filter {
	var rest *driver.Filter
	for i := len(order) - 1; i >= 0; i-- {
		f, value := order[i].Field, last[i]
		beyond := beyondRow(order[i], value)
		if rest == nil {
			rest = beyond
			continue
		}
		same := nullTest(f, true)
		if value != nil {
			same = &driver.Filter{Op: driver.Eq, Field: f, Value: value, Stored: true}
		}
		rest = &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
			beyond, {Op: driver.And, Sub: []*driver.Filter{same, rest}},
		}}
	}
	conditions := []*driver.Filter{rest}
	if filter != nil {
		conditions = []*driver.Filter{filter, rest}
	}
	// The first field alone bounds the rows once more, in a form for which an index can be used.
	if first := order[0]; len(order) > 1 && !first.Desc && last[0] != nil {
		conditions = append(conditions, &driver.Filter{Op: driver.Ge, Field: first.Field, Value: last[0], Stored: true})
	}
	return &driver.Filter{Op: driver.And, Sub: conditions}
}

// beyondRow selects the rows whose field sorts strictly behind value.
func beyondRow(o driver.Order, value any) *driver.Filter {
	switch {
	case !o.Desc && value == nil:
		return nullTest(o.Field, false)
	case !o.Desc:
		return &driver.Filter{Op: driver.Gt, Field: o.Field, Value: value, Stored: true}
	case value == nil:
		return &driver.Filter{Op: driver.Or} // nothing comes behind NULL
	}
	return &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{
		{Op: driver.Lt, Field: o.Field, Value: value, Stored: true}, nullTest(o.Field, true),
	}}
}

// nullTest is a condition on NULL itself.
func nullTest(f *driver.Field, isNull bool) *driver.Filter {
	if isNull {
		return &driver.Filter{Op: driver.IsNull, Field: f}
	}
	return &driver.Filter{Op: driver.NotNull, Field: f}
}
