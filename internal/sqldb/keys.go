package sqldb

import "math/bits"

// mostKeys is the most keys of one statement, a power of two as the lists are.
func (c *collection) mostKeys() int {
	return 1 << (bits.Len(uint(max(1, c.facts.Limits.Params/len(c.keys())))) - 1)
}

// whereKeys selects the rows with some keys, for GetMany: by IN where the key is one column, else part by
// part, since not every server knows lists of rows or uses an index for them. It must bind each value as
// whereKey does, or a row that Get finds would be missing here.
func (c *collection) whereKeys(b *builder, keys []any) error {
	part := func(key any, i int) error {
		k := &c.columns[i]
		if c.isPlainKey(key) {
			return b.compare(k, key)
		}
		value, err := k.field.Encode(c.spec.KeyValues(key)[i])
		if err != nil {
			return err
		}
		return b.compare(k, value)
	}
	if len(c.keys()) == 1 && !c.columns[0].hasEqual {
		b.add(" WHERE ", c.columns[0].name, " IN (")
		err := b.list(len(keys), func(i int) error { return part(keys[i], 0) })
		b.add(")")
		return err
	}
	b.add(" WHERE ")
	for n := range padded(len(keys)) {
		if n > 0 {
			b.add(" OR ")
		}
		key := keys[min(n, len(keys)-1)]
		for i := range c.keys() {
			b.add([]string{" AND ", "("}[btoi(i == 0)], c.columns[i].name, " = ")
			if err := part(key, i); err != nil {
				return err
			}
		}
		b.add(")")
	}
	return nil
}
