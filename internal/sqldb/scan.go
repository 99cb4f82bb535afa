package sqldb

import (
	sqldriver "database/sql/driver"
	"reflect"
	"time"

	"github.com/stillframe/stillframe/store/driver"
)

var timeType = reflect.TypeFor[time.Time]()

// scan decodes a row, whose values are in the order of the columns, into a record.
func (c *collection) scan(record driver.Record, row []sqldriver.Value) error {
	for i := range c.columns {
		f, value := c.columns[i].field, row[i]
		if d := c.columns[i].decoder; d != nil {
			value = d(value)
		}
		if err := decode(f, record.Field(f), value); err != nil {
			return err
		}
	}
	return nil
}

// decode is [driver.Field.Decode], with the commonest kinds first and without allocations of its
// own.
func decode(f *driver.Field, dst reflect.Value, src any) error {
	if f.Wrap == driver.Plain && !f.Valuer {
		switch x := src.(type) {
		case int64:
			if f.Kind == driver.Int && !dst.OverflowInt(x) {
				dst.SetInt(x)
				return nil
			}
		case []byte:
			if f.Kind == driver.String {
				dst.SetString(string(x))
				return nil
			}
		case string:
			if f.Kind == driver.String {
				dst.SetString(x)
				return nil
			}
		case time.Time:
			if f.Type == timeType {
				*dst.Addr().Interface().(*time.Time) = x.UTC()
				return nil
			}
		}
	}
	return f.Decode(dst, src)
}

// integer reads a number that the server counted.
func integer(src any) (int64, error) {
	n := int64(0)
	v := reflect.ValueOf(&n).Elem()
	f := driver.Field{Name: "count", Kind: driver.Int, Type: v.Type(), Base: v.Type()}
	err := decode(&f, v, src)
	return n, err
}
