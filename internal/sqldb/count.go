package sqldb

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Count implements [driver.Collection].
func (c *collection) Count(ctx context.Context, p *driver.CountParams) (n int64, err error) {
	if err := c.askTypes(ctx, p); err != nil {
		return 0, err
	}
	err = c.untilShown(p.Filter, func() error {
		n, err = c.countRows(ctx, p)
		return err
	})
	return n, err
}

// askTypes reads no row, once for each column whose type changes how it is compared, if no page has shown what it is:
// the answer of a count does not.
func (c *collection) askTypes(ctx context.Context, p *driver.CountParams) error {
	for at := range c.comparedByType(p.Filter) {
		if c.columns[at].live.has(hasType) {
			continue
		}
		b := builder{dialect: c.dialect}
		b.add("SELECT ", c.list, " FROM ", c.table, " WHERE 1 = 0")
		return c.runBuilt(ctx, p.Tx, &b, func(rows sqldriver.Rows) error {
			_ = c.showTypes(p.Filter, rows) // there is nothing to build anew
			return nil
		}, func([]sqldriver.Value) error { return nil })
	}
	return nil
}

// countRows is one try of Count.
func (c *collection) countRows(ctx context.Context, p *driver.CountParams) (int64, error) {
	b := builder{dialect: c.dialect}
	b.add("SELECT ", c.facts.Texts.Count, " FROM ", c.table)
	if err := b.where(c, p.Filter); err != nil {
		return 0, err
	}
	var n int64
	err := c.runBuilt(ctx, p.Tx, &b, nil, func(row []sqldriver.Value) (err error) {
		n, err = integer(row[0])
		return err
	})
	return n, err
}

// runBuilt runs a query that was built together with its arguments, for Find and Count. The arguments of a
// native condition are converted here, since only the connection knows what it can bind.
func (c *collection) runBuilt(
	ctx context.Context, tx driver.Tx, b *builder, header func(sqldriver.Rows) error, each rowFunc,
) error {
	text := b.text()
	return backend.Unsent(c.about(c.db.run(ctx, tx, func(s *session) error {
		if b.hasNatives {
			if err := s.convert(b.args); err != nil {
				return err
			}
		}
		return s.run(ctx, &request{text: text, args: b.args, header: header}, each)
	})))
}
