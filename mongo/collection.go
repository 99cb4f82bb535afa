package mongo

import (
	"context"
	"errors"
	"time"

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
	// confirmed asks the majority before it answers. A primary that has lost an election without knowing it, or
	// its majority, may show what the others never get.
	confirmed *mongodriver.Collection
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
	c.confirmed = c.native // a server that belongs to no replica set has nobody to ask, and refuses to
	if d.info.Transactions {
		c.confirmed = d.native.Collection(spec.Table, options.Collection().SetReadConcern(readconcern.Linearizable()))
	}
	if d.options.LinearizableReads {
		c.latest = c.confirmed
	}
	return c, nil
}

// simple is the collation that compares strings by code point. It is stated wherever strings are
// compared or sorted, since a collection can have another one as its default.
var simple = &options.Collation{Locale: "simple"}

// collation is stated where the key holds a string. On other keys no collation has any effect.
func (c *collection) collation() *options.Collation {
	if c.hasTextKey {
		return simple
	}
	return nil
}

var errForeignTx = errors.New("mongo: the transaction belongs to another database")

// readCtx is the context for one read: in the session of tx, or with the deadline of a call without a tx. The
// caller must call the function that it returns when the request is back.
func (c *collection) readCtx(ctx context.Context, tx driver.Tx) (context.Context, context.CancelFunc, error) {
	return c.requestCtx(ctx, tx, c.db.options.ReadTimeout)
}

// writeCtx is readCtx for a write.
func (c *collection) writeCtx(ctx context.Context, tx driver.Tx) (context.Context, context.CancelFunc, error) {
	return c.requestCtx(ctx, tx, c.db.options.WriteTimeout)
}

// requestCtx is readCtx and writeCtx. Without a tx the driver must not find a session in the caller's context, which
// would decide what the request belongs to.
func (c *collection) requestCtx(
	ctx context.Context, tx driver.Tx, limit time.Duration,
) (context.Context, context.CancelFunc, error) {
	if tx != nil {
		t, ok := tx.(*transaction)
		if !ok || t.db != c.db {
			return nil, nil, errForeignTx
		}
		t.collection.Store(c.native)
		// The run of a Tx has a deadline, which ctx carries.
		return mongodriver.NewSessionContext(ctx, t.session), func() {}, nil
	}
	if mongodriver.SessionFromContext(ctx) != nil {
		ctx = mongodriver.NewSessionContext(ctx, nil)
	}
	ctx, cancel := bounded(ctx, limit)
	return ctx, cancel, nil
}
