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
