package sqldb

import (
	"math"

	"github.com/stillframe/stillframe/store/driver"
)

// single writes a comparison of a float32 field, whose column holds numbers of float64, too: all those that read as
// the value are equal to it, and none of them is more or less.
func (b *builder) single(k *column, op driver.Op, value any) error {
	x, ok := value.(float64)
	if !ok { // a Valuer that gives NULL
		return b.comparison(k, op, value)
	}
	low, high, isWithin := readsAs(float32(x))
	least, most, below, above := driver.Ge, driver.Le, driver.Lt, driver.Gt
	if !isWithin {
		least, most, below, above = driver.Gt, driver.Lt, driver.Le, driver.Ge
	}
	switch op {
	case driver.Lt:
		return b.comparison(k, below, low)
	case driver.Le:
		return b.comparison(k, most, high)
	case driver.Gt:
		return b.comparison(k, above, high)
	case driver.Ge:
		return b.comparison(k, least, low)
	}
	from, to, word := least, most, " AND "
	if op == driver.Ne || op == driver.NotIn {
		from, to, word = below, above, " OR "
	}
	b.add("(")
	if err := b.comparison(k, from, low); err != nil {
		return err
	}
	b.add(word)
	err := b.comparison(k, to, high)
	b.add(")")
	return err
}

// readsAs returns the bounds of the numbers that are rounded to x, and whether the bounds are among them: half way
// between two, the one with the even last bit is read.
func readsAs(x float32) (low, high float64, isWithin bool) {
	middle := func(neighbour float32) float64 {
		if math.IsInf(float64(neighbour), 0) { // as if there was one behind the greatest
			return float64(x) + math.Copysign(math.Ldexp(1, 103), float64(x))
		}
		return (float64(x) + float64(neighbour)) / 2
	}
	low = middle(math.Nextafter32(x, float32(math.Inf(-1))))
	high = middle(math.Nextafter32(x, float32(math.Inf(1))))
	return low, high, math.Float32bits(x)&1 == 0
}

// isSingle reports whether a column is compared by single.
func (k *column) isSingle() bool {
	return k.field.Kind == driver.Float && !k.field.Valuer && k.field.Base.Size() == 4
}
