package sqldb

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Get implements [driver.Collection]. A key is unique, so that rows behind the first are passed over; a
// table without a unique index, which CheckSchema names, may have some.
func (c *collection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	a := make(args, 0, 2)
	if err := c.keyArgs(&a, p.Key); err != nil {
		return driver.GetResult{}, err
	}
	text := c.get
	if p.Lock {
		text = c.getLocked
	}
	var result driver.GetResult
	each := func(row []sqldriver.Value) error {
		if result.Found {
			return nil
		}
		result.Found = true
		if err := c.scan(p.Into, row); err != nil || p.Base.IsZero() {
			return err
		}
		return c.scan(p.Base, row)
	}
	err := c.db.run(ctx, p.Tx, func(s *session) error { return s.run(ctx, &request{text: text, args: a}, each) })
	return result, backend.Unsent(c.about(err))
}

// Version implements [driver.Collection].
func (c *collection) Version(ctx context.Context, p *driver.VersionParams) (driver.VersionResult, error) {
	a := make(args, 0, 2)
	if err := c.keyArgs(&a, p.Key); err != nil {
		return driver.VersionResult{}, err
	}
	var result driver.VersionResult
	err := c.db.run(ctx, p.Tx, func(s *session) (err error) {
		result, err = c.versionOf(ctx, s, a)
		return err
	})
	return result, backend.Unsent(c.about(err))
}

// versionOf reads the stored version of the row with the key that a holds.
func (c *collection) versionOf(ctx context.Context, s *session, a args) (driver.VersionResult, error) {
	var result driver.VersionResult
	err := s.run(ctx, &request{text: c.getVersion, args: a}, func(row []sqldriver.Value) (err error) {
		result.Found = true
		if row[0] != nil {
			result.Version, err = c.versionIn(row[0])
		}
		return err
	})
	return result, err
}

// versionIn reads a version as a statement of this collection gives it.
func (c *collection) versionIn(value any) (int64, error) {
	if c.spec.VersionAuto {
		value = unstamp(value)
	}
	return integer(value)
}

// Count implements [driver.Collection].
func (c *collection) Count(ctx context.Context, p *driver.CountParams) (int64, error) {
	b := builder{dialect: c.dialect}
	b.add("SELECT ", c.facts.Texts.Count, " FROM ", c.table)
	if err := b.where(c, p.Filter); err != nil {
		return 0, err
	}
	var n int64
	err := c.runBuilt(ctx, p.Tx, &b, func(row []sqldriver.Value) (err error) {
		n, err = integer(row[0])
		return err
	})
	return n, err
}

// runBuilt runs a query that was built together with its arguments, for Find and Count. The arguments of a
// native condition are converted here, since only the connection knows what it can bind.
func (c *collection) runBuilt(ctx context.Context, tx driver.Tx, b *builder, each rowFunc) error {
	text := b.text()
	return backend.Unsent(c.about(c.db.run(ctx, tx, func(s *session) error {
		if b.hasNatives {
			if err := s.convert(b.args); err != nil {
				return err
			}
		}
		return s.run(ctx, &request{text: text, args: b.args}, each)
	})))
}
