package mongo

import (
	"context"
	"errors"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/store/driver"
)

// Get implements [driver.Collection]. Lock has no effect: Info says so, and package store sees to what it
// stands for. Modify and Upsert, which ask for a Base, need no linearizable read: if what they find is old,
// their write names its version and matches nothing. When they find nothing there is no such write, so that
// they ask the majority too.
func (c *collection) Get(ctx context.Context, p *driver.GetParams) (driver.GetResult, error) {
	handle := c.native
	switch {
	case p.Confirmed:
		handle = c.confirmed
	case p.Tx == nil && p.Base.IsZero():
		handle = c.latest
	}
	doc, err := c.findOne(ctx, handle, p.Tx, p.Key, c.projection)
	if err == nil && doc == nil && p.Tx == nil && handle == c.native && handle != c.latest {
		doc, err = c.findOne(ctx, c.latest, nil, p.Key, c.projection)
	}
	if err != nil || doc == nil {
		return driver.GetResult{}, err
	}
	if err := c.decode(p.Into, doc); err != nil {
		return driver.GetResult{}, err
	}
	if !p.Base.IsZero() {
		if err := c.decode(p.Base, doc); err != nil {
			return driver.GetResult{}, err
		}
	}
	return driver.GetResult{Found: true}, nil
}

// Version implements [driver.Collection].
func (c *collection) Version(ctx context.Context, p *driver.VersionParams) (driver.VersionResult, error) {
	handle := c.native
	if p.Tx == nil {
		handle = c.latest
	}
	return c.storedVersion(ctx, handle, p.Tx, p.Key)
}

// storedVersion reads the version of one document, for Version and look.
func (c *collection) storedVersion(
	ctx context.Context, handle *mongodriver.Collection, tx driver.Tx, key any,
) (driver.VersionResult, error) {
	at, b := beginDocument(nil)
	b = appendInt32(appendHeader(b, bson.TypeInt32, c.version.path), 1)
	doc, err := c.findOne(ctx, handle, tx, key, endDocument(b, at))
	if err != nil || doc == nil {
		return driver.VersionResult{}, err
	}
	version, err := c.versionOf(doc)
	if err != nil {
		return driver.VersionResult{}, err
	}
	return driver.VersionResult{Found: true, Version: version}, nil
}

// findOne reads one document by its key, nil where there is none, for Get and storedVersion. handle says which
// read concern it has.
func (c *collection) findOne(
	ctx context.Context, handle *mongodriver.Collection, tx driver.Tx, key any, projection bson.Raw,
) (bson.Raw, error) {
	filter, err := c.keyFilter(key)
	if err != nil {
		return nil, err
	}
	inner, cancel, err := c.readCtx(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	o := options.FindOne().SetProjection(projection)
	if collation := c.collation(); collation != nil {
		o.SetCollation(collation)
	}
	doc, err := handle.FindOne(inner, filter, o).Raw()
	if errors.Is(err, mongodriver.ErrNoDocuments) {
		return nil, nil
	}
	return doc, readFailure(ctx, tx, err)
}

// keyFilter selects one document.
func (c *collection) keyFilter(key any) (bson.Raw, error) {
	at, b := beginDocument(make([]byte, 0, 48))
	b, err := c.appendKeyCondition(b, key)
	if err != nil {
		return nil, err
	}
	return endDocument(b, at), nil
}

// appendKeyCondition appends the key as a bound value, for the filter of every read and write of one document: $eq
// stands around a subdocument, so that no name in it is read as an operator. A scalar stands by itself, which the
// server knows how to look up without a plan (IDHACK); behind $eq the same read takes a sixth longer.
func (c *collection) appendKeyCondition(b []byte, key any) ([]byte, error) {
	if c.key != nil {
		start := len(b)
		plain, err := c.appendKey(b, keyPath, reflect.ValueOf(key))
		if err != nil {
			return nil, err
		}
		switch bson.Type(plain[start]) {
		case bson.TypeInt32, bson.TypeInt64, bson.TypeString, bson.TypeBinary, bson.TypeObjectID:
			return plain, nil
		}
		b = plain[:start]
	}
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, keyPath))
	b, err := c.appendKey(b, "$eq", reflect.ValueOf(key))
	if err != nil {
		return nil, err
	}
	return endDocument(b, at), nil
}
