package mongo

import (
	"context"
	"math"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/store/driver"
)

// Find implements [driver.Collection]. The batch is one larger than what it can find, so that the
// server closes the cursor with its first answer; only a page beyond 16 MB takes more.
func (c *collection) Find(ctx context.Context, p *driver.FindParams) (driver.FindResult, error) {
	o := options.Find().SetProjection(c.projection)
	if p.Keys == nil || c.hasTextKey {
		o.SetCollation(simple)
	}
	var filter bson.Raw
	var decimals decimals
	var err error
	limit := p.Limit
	if p.Keys != nil {
		filter, err = c.keysFilter(p.Keys)
		limit = len(p.Keys)
	} else {
		decimals = c.decimalsOf(p.Filter, p.Order)
		filter, err = c.sorted(decimals).filter(p.Filter)
		o.SetSort(c.sort(p.Order))
	}
	if err != nil {
		return driver.FindResult{}, err
	}
	want := int64(limit)
	if p.Peek && want < math.MaxInt64 {
		want++
	}
	o.SetLimit(want).SetBatchSize(int32(min(want, math.MaxInt32-1) + 1))
	inner, cancel, err := c.readCtx(ctx, p.Tx)
	if err != nil {
		return driver.FindResult{}, err
	}
	defer cancel()
	cursor, err := c.native.Find(inner, filter, o)
	if err != nil {
		return driver.FindResult{}, readFailure(ctx, p.Tx, err)
	}
	defer closeCursor(inner, cursor)
	var result driver.FindResult
	var doc bson.Raw
	for cursor.Next(inner) {
		if result.Rows == limit {
			result.More = true
			break
		}
		doc = cursor.Current
		if err := decimals.check(doc); err != nil {
			return driver.FindResult{}, err
		}
		if err := c.decode(p.Into(), doc); err != nil {
			return driver.FindResult{}, err
		}
		result.Rows++
		result.Bytes += len(doc)
	}
	if err := cursor.Err(); err != nil {
		return driver.FindResult{}, readFailure(ctx, p.Tx, err)
	}
	if len(p.Order) > 0 && result.Rows > 0 {
		if result.Last, err = c.last(doc, p.Order); err != nil {
			return driver.FindResult{}, err
		}
	}
	return result, nil
}

// Count implements [driver.Collection].
func (c *collection) Count(ctx context.Context, p *driver.CountParams) (int64, error) {
	filter, err := c.filter(p.Filter)
	if err != nil {
		return 0, err
	}
	inner, cancel, err := c.readCtx(ctx, p.Tx)
	if err != nil {
		return 0, err
	}
	defer cancel()
	n, err := c.native.CountDocuments(inner, filter, options.Count().SetCollation(simple))
	if err == nil && n > 0 {
		err = c.checkCount(inner, filter, c.decimalsOf(p.Filter, nil))
	}
	return n, readFailure(ctx, p.Tx, err)
}

// sort is the order's sort document. To the server null and missing are equal and come first.
func (c *collection) sort(order []driver.Order) bson.Raw {
	at, b := beginDocument(make([]byte, 0, 64))
	for _, o := range order {
		direction := int32(1)
		if o.Desc {
			direction = -1
		}
		b = appendInt32(appendHeader(b, bson.TypeInt32, c.byName[o.Field.Name].path), direction)
	}
	return endDocument(b, at)
}

// keysFilter selects the documents with some keys.
func (c *collection) keysFilter(keys []any) (bson.Raw, error) {
	at, b := beginDocument(make([]byte, 0, 64+16*len(keys)))
	condition, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, keyPath))
	list, b := beginDocument(appendHeader(b, bson.TypeArray, "$in"))
	for i, key := range keys {
		var err error
		if b, err = c.appendKey(b, strconv.Itoa(i), reflect.ValueOf(key)); err != nil {
			return nil, err
		}
	}
	return endDocument(endDocument(endDocument(b, list), condition), at), nil
}

// last returns the values of the order's fields in the last document of a page, each as its BSON type and its bytes:
// Find returns them, and the next page starts behind them. They are read from the document, not from the decoded
// entity, in which a missing field is a zero value and a number may be of another type. What it returns shares no
// memory with the cursor's buffer.
func (c *collection) last(doc bson.Raw, order []driver.Order) ([]any, error) {
	values := make([]any, len(order))
	for i, o := range order {
		field := c.byName[o.Field.Name]
		from, path := []byte(doc), field.path
		if len(path) > len(keyPath) && path[:len(keyPath)+1] == keyPath+"." {
			id, err := find(doc, keyPath)
			if err != nil {
				return nil, err
			}
			from, path = id.value, path[len(keyPath)+1:]
		}
		e, err := find(from, path)
		if err != nil {
			return nil, err
		}
		if e.kind == 0 || e.kind == bson.TypeNull || e.kind == bson.TypeUndefined {
			continue
		}
		values[i] = append([]byte{byte(e.kind)}, e.value...)
	}
	return values, nil
}
