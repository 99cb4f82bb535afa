package mongo

import (
	"context"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Insert implements [driver.Collection]. More than one document outside a Tx is a transaction of
// its own, so that all are inserted or none.
//
// A key that is tagged auto is made here and not at the server, so that it is known before anything is sent: an
// insert whose answer is lost can be looked up by it.
func (c *collection) Insert(ctx context.Context, p *driver.InsertParams) (driver.InsertResult, error) {
	var result driver.InsertResult
	docs := make([]bson.Raw, len(p.Records))
	for i, record := range p.Records {
		key := record.Field(&c.spec.Key)
		if c.spec.KeyAuto {
			id := reflect.ValueOf(bson.NewObjectID())
			key = id.Convert(c.spec.Key.Type)
			result.Keys = append(result.Keys, key.Interface())
		}
		doc, err := c.document(record, key, p.Version)
		if err != nil {
			return driver.InsertResult{}, err
		}
		docs[i] = doc
		if p.Into != nil { // an insert meets nothing that the server would write into the document
			p.Into[i].Field(&c.spec.Version).SetInt(p.Version)
		}
	}
	if len(docs) > 1 && p.Tx == nil {
		if err := c.insertAll(ctx, docs); err != nil {
			return driver.InsertResult{}, err
		}
		return result, nil
	}
	if len(docs) == 1 {
		if _, err := c.write(ctx, p.Tx, "insert", "documents", docs[0]); err != nil {
			return driver.InsertResult{}, err
		}
		return result, nil
	}
	inner, done, err := c.writeCtx(ctx, p.Tx)
	if err != nil {
		return driver.InsertResult{}, err
	}
	defer done()
	if _, err = c.native.InsertMany(inner, docs); err != nil {
		return driver.InsertResult{}, failed(ctx, p.Tx, err)
	}
	return result, nil
}

// insertAll inserts several documents outside a Tx, for Insert, in a transaction of its own. After an error
// nothing of it is kept, which is why that error counts as unsent.
func (c *collection) insertAll(ctx context.Context, docs []bson.Raw) error {
	tx, err := c.db.Begin(ctx, &driver.BeginParams{})
	if err != nil {
		return err
	}
	// Its end does not depend on the caller's context, like that of any transaction.
	detached := context.WithoutCancel(ctx)
	within, stop := bounded(ctx, c.db.options.WriteTimeout)
	defer stop()
	inner, done, err := c.writeCtx(within, tx)
	if err != nil {
		return err
	}
	_, err = c.native.InsertMany(inner, docs)
	if err != nil {
		err = failed(ctx, tx, err)
	}
	done()
	if err != nil {
		end, cancel := context.WithTimeout(detached, c.db.options.WriteTimeout)
		defer cancel()
		_ = tx.Rollback(end)
		return backend.Unsent(err)
	}
	end, cancel := context.WithTimeout(detached, c.db.options.WriteTimeout)
	defer cancel()
	return tx.Commit(end)
}

// document is an entity as a new document, for Insert, with the fields in the order of the struct.
func (c *collection) document(r driver.Record, key reflect.Value, version int64) (bson.Raw, error) {
	at, b := beginDocument(make([]byte, 0, 256))
	b, err := c.appendKey(b, keyPath, key)
	if err != nil {
		return nil, err
	}
	if b, err = c.version.appendNumber(b, version); err != nil {
		return nil, err
	}
	for _, i := range c.written {
		field := c.fields[i]
		v := r.Field(field.field)
		if field.isOmitted(v) {
			continue
		}
		if b, err = field.appendElement(b, field.path, v); err != nil {
			return nil, err
		}
	}
	return c.checkSize(endDocument(b, at))
}
