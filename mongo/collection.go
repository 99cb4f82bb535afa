package mongo

import (
	"context"
	"errors"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/stillframe/stillframe/store/driver"
)

// collection reads and writes the entities of one type. It never changes.
type collection struct {
	*plan
	db     *database
	native *mongodriver.Collection
	latest *mongodriver.Collection // for the reads that LinearizableReads is about
}

var _ driver.Collection = (*collection)(nil)

// Collection implements [driver.Database].
func (d *database) Collection(spec *driver.Spec) (driver.Collection, error) {
	p, err := newPlan(spec, d.native.Name(), d.options.Registry)
	if err != nil {
		return nil, err
	}
	c := &collection{plan: p, db: d, native: d.native.Collection(spec.Table)}
	c.latest = c.native
	if d.options.LinearizableReads {
		c.latest = d.native.Collection(spec.Table, options.Collection().SetReadConcern(readconcern.Linearizable()))
	}
	return c, nil
}

// simple is the collation that compares strings by code point. It is stated wherever strings are
// compared or sorted, since a collection can have another one as its default.
var simple = &options.Collation{Locale: "simple"}

// collation is stated where the key holds a string. On other keys no collation has any effect.
func (c *collection) collation() *options.Collation {
	if c.textKey {
		return simple
	}
	return nil
}

var errForeignTx = errors.New("mongo: the transaction belongs to another database")

// reading prepares the context of a read. The caller must call the function it returns.
func (c *collection) reading(ctx context.Context, tx driver.Tx) (context.Context, context.CancelFunc, error) {
	return c.enter(ctx, tx, false)
}

// writing does the same for a write.
func (c *collection) writing(ctx context.Context, tx driver.Tx) (context.Context, context.CancelFunc, error) {
	return c.enter(ctx, tx, true)
}

func (c *collection) enter(ctx context.Context, tx driver.Tx, write bool) (context.Context, context.CancelFunc, error) {
	limit := c.db.options.ReadTimeout
	if write {
		limit = c.db.options.WriteTimeout
	}
	if tx != nil {
		t, ok := tx.(*transaction)
		if !ok || t.db != c.db {
			return nil, nil, errForeignTx
		}
		// The run of a Tx has a deadline, which ctx carries.
		return mongodriver.NewSessionContext(ctx, t.session), func() {
			if ctx.Err() != nil {
				t.broken.Store(true)
			}
		}, nil
	}
	if mongodriver.SessionFromContext(ctx) != nil {
		// A session of the caller's own must not decide what a call without In(tx) belongs to.
		ctx = mongodriver.NewSessionContext(ctx, nil)
	}
	ctx, cancel := bounded(ctx, limit)
	return ctx, cancel, nil
}
