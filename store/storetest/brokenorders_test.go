package storetest_test

import (
	"context"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/memstore"
	"github.com/stillframe/stillframe/store/storetest/internal/intercept"
)

// orderBackends go on behind a page at another place than its end.
var orderBackends = []broken{
	{name: "GoesOnBehindWhatWasRead", breaks: []string{"Find/StoredBehindTheBack"}, hook: goesOnBehindRead},
	{
		name: "FindsNoNullOfAValuer", breaks: []string{"Queries/ValuersThatStoreNull"},
		hook: filters(func(f *driver.Filter) {
			if f.Op == driver.IsNull && f.Field.Valuer {
				*f = driver.Filter{Op: driver.Or}
			}
		}),
	},
}

// goesOnBehindRead gives for the stored values of a page's last row those of the decoded entity.
func goesOnBehindRead(*memstore.Database) intercept.Hook {
	return func(ctx context.Context, c *intercept.Call, next intercept.Next) error {
		p, ok := c.Params.(*driver.FindParams)
		if !ok || len(p.Order) == 0 {
			return next(ctx)
		}
		var last driver.Record
		into := p.Into
		p.Into = func() driver.Record {
			last = into()
			return last
		}
		if err := next(ctx); err != nil || last.IsZero() {
			return err
		}
		result := c.Result.(*driver.FindResult)
		for i, o := range p.Order {
			value, err := o.Field.Encode(last.Field(o.Field))
			if err != nil {
				return err
			}
			result.Last[i] = value
		}
		return nil
	}
}
