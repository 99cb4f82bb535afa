package mongo

import (
	"context"
	"math"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

var _ driver.Bulk = (*collection)(nil)

const (
	// largestCommand is where a command of many statements is cut. The server takes 16 MiB, and one statement alone
	// may be of that size.
	largestCommand = 4 << 20
	// mostStatements is how many statements the server takes in one command.
	mostStatements = 100_000
)

// UpdateMany implements [driver.Bulk].
func (c *collection) UpdateMany(ctx context.Context, p *driver.UpdateManyParams) (driver.ManyResult, error) {
	w := statements{collection: c, tx: p.Tx, verb: "update", list: "updates"}
	for i := range p.Rows {
		row := &p.Rows[i]
		filter, err := c.versionFilter(row.Key, &row.Expect)
		if err != nil {
			return driver.ManyResult{}, err
		}
		change, err := c.change(&driver.UpdateParams{
			Record: row.Record, Base: row.Base, Fields: p.Fields, Next: row.Expect + 1,
		})
		if err != nil {
			return driver.ManyResult{}, err
		}
		at, statement := beginDocument(make([]byte, 0, len(filter)+256))
		statement = append(appendHeader(statement, bson.TypeEmbeddedDocument, "q"), filter...)
		statement = appendChange(statement, "u", change)
		if err := w.add(ctx, endDocument(c.appendCollation(statement), at)); err != nil {
			return driver.ManyResult{}, err
		}
	}
	return w.finish(ctx)
}

// DeleteMany implements [driver.Bulk].
func (c *collection) DeleteMany(ctx context.Context, p *driver.DeleteManyParams) (driver.ManyResult, error) {
	w := statements{collection: c, tx: p.Tx, verb: "delete", list: "deletes"}
	for i := range p.Rows {
		filter, err := c.versionFilter(p.Rows[i].Key, &p.Rows[i].Expect)
		if err != nil {
			return driver.ManyResult{}, err
		}
		at, statement := beginDocument(make([]byte, 0, len(filter)+96))
		statement = append(appendHeader(statement, bson.TypeEmbeddedDocument, "q"), filter...)
		statement = appendInt32(appendHeader(statement, bson.TypeInt32, "limit"), 1)
		if err := w.add(ctx, endDocument(c.appendCollation(statement), at)); err != nil {
			return driver.ManyResult{}, err
		}
	}
	return w.finish(ctx)
}

// statements is a command of many statements, in a transaction. It is sent when it is full.
type statements struct {
	*collection
	tx         driver.Tx
	verb, list string
	all        []byte // the statements as the elements of an array
	count      int    // of those
	matched    int    // by the commands that were sent
}

// add takes one statement into the command.
func (w *statements) add(ctx context.Context, statement bson.Raw) error {
	if w.count > 0 && (len(w.all)+len(statement) > largestCommand || w.count == mostStatements) {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	w.all = append(appendHeader(w.all, bson.TypeEmbeddedDocument, strconv.Itoa(w.count)), statement...)
	w.count++
	return nil
}

// flush sends the command.
func (w *statements) flush(ctx context.Context) error {
	at, command := beginDocument(make([]byte, 0, len(w.all)+256))
	command = appendString(appendHeader(command, bson.TypeString, w.verb), w.spec.Table)
	inList, command := beginDocument(appendHeader(command, bson.TypeArray, w.list))
	command = endDocument(append(command, w.all...), inList)
	w.all, w.count = w.all[:0], 0
	answer, err := w.send(ctx, w.tx, command, at)
	if err != nil {
		return err
	}
	n, ok := answer.Lookup("n").AsInt64OK()
	if !ok {
		return errMalformed
	}
	w.matched += int(n)
	return nil
}

// finish sends what is left.
func (w *statements) finish(ctx context.Context) (driver.ManyResult, error) {
	if w.count > 0 {
		if err := w.flush(ctx); err != nil {
			return driver.ManyResult{}, err
		}
	}
	return driver.ManyResult{Applied: w.matched}, nil
}

// Versions implements [driver.Bulk]. Lock has no effect, as for Get.
func (c *collection) Versions(ctx context.Context, p *driver.VersionsParams) error {
	filter, err := c.keysFilter(p.Keys)
	if err != nil {
		return err
	}
	o := options.Find().SetProjection(projectionOf([]string{c.version.path}))
	o.SetBatchSize(int32(min(len(p.Keys), math.MaxInt32-1) + 1))
	if c.hasTextKey {
		o.SetCollation(simple)
	}
	inner, cancel, err := c.readCtx(ctx, p.Tx)
	if err != nil {
		return err
	}
	defer cancel()
	handle := c.native
	if p.Tx == nil {
		handle = c.latest
	}
	cursor, err := handle.Find(inner, filter, o)
	if err != nil {
		return readFailure(ctx, p.Tx, err)
	}
	defer closeCursor(inner, cursor)
	for cursor.Next(inner) {
		record := driver.RecordOf(reflect.New(c.spec.Type).Interface())
		if err := c.decode(record, cursor.Current); err != nil {
			return backend.Unsent(err)
		}
		p.Found(record.Field(&c.spec.Key).Interface(), record.Field(&c.spec.Version).Int())
	}
	return readFailure(ctx, p.Tx, cursor.Err())
}
