package sqldb

import (
	sqldriver "database/sql/driver"

	"github.com/stillframe/stillframe/store/driver"
)

// scan decodes a row, whose values are in the order of the columns, into a record. Get and Find call it for
// each row.
func (c *collection) scan(record driver.Record, row []sqldriver.Value) error {
	if len(row) < len(c.columns) {
		return errShortRow
	}
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

// Copy implements [driver.Collection].
func (c *collection) Copy(dst, src driver.Record) error { return c.copier.Copy(dst, src) }
