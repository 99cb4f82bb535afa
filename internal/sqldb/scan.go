package sqldb

import (
	sqldriver "database/sql/driver"
	"reflect"

	"github.com/stillframe/stillframe/store/driver"
)

// scan decodes a row, whose values are in the order of the columns, into a record. Get and Find call it for
// each row.
func (c *collection) scan(record driver.Record, row []sqldriver.Value) error {
	for i := range c.columns {
		f, value := c.columns[i].field, row[i]
		if d := c.columns[i].decoder; d != nil {
			value = d(value)
		}
		if err := f.Decode(record.Field(f), value); err != nil {
			return err
		}
	}
	return nil
}

// integer reads a number that is no field's: a count, a version, the step of keys.
func integer(src any) (int64, error) {
	n := int64(0)
	v := reflect.ValueOf(&n).Elem()
	f := driver.Field{Name: "count", Kind: driver.Int, Type: v.Type(), Base: v.Type()}
	err := f.Decode(v, src)
	return n, err
}
