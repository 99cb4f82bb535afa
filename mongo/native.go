package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store"
)

// Native returns the driver's handle on a database that this package opened, for raw work. It
// reads and writes by the majority, on the primary. It reports false for a database of another
// backend, and for nil. Raw writes should add 1 to the version of what they change
// ({$inc: {version: 1}}), so that those who hold a copy notice.
func Native(db *store.DB) (*mongodriver.Database, bool) {
	d, ok := backend.DatabaseOf[*database](db)
	if !ok {
		return nil, false
	}
	return d.handle, true
}

// NativeContext returns a context in which raw calls of the driver, on the handle that [Native]
// returns, belong to tx: they see what it sees, and commit or roll back with it. In a View they
// may only read. It must be used on the goroutine of tx, and its transaction must not be ended. A
// raw call that fails has ended the transaction at the server: the function must return its error.
// It reports false for a transaction of another backend or one that has ended, and for nil.
func NativeContext(ctx context.Context, tx *store.Tx) (context.Context, bool) {
	t, ok := backend.TxOf[*transaction](tx)
	if !ok || ctx == nil || t.isOver.Load() {
		return nil, false
	}
	t.isNative.Store(true)
	return mongodriver.NewSessionContext(ctx, t.session), true
}

// Where selects by a condition in MongoDB's own query language:
//
//	mongo.Where(bson.D{{Key: "balance", Value: bson.D{{Key: "$mod", Value: bson.A{100, 0}}}}}).OrderBy("Name")
//
// It may name any field of the documents, and means what the server makes of it: a comparison
// matches the elements of an array, and null matches a missing field. A value from outside
// belongs behind an operator ({$eq: value}), where it cannot be read as one.
func Where(filter bson.D) store.Query {
	return store.Native(append(bson.D{}, filter...))
}
