package mongo

import (
	"context"
	"errors"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/store/driver"
)

// Update implements [driver.Collection]. It writes what is mapped and never replaces a document.
func (c *collection) Update(ctx context.Context, p *driver.UpdateParams) (driver.WriteResult, error) {
	filter, err := c.versionFilter(p.Key, &p.Expect)
	if err != nil {
		return driver.WriteResult{}, err
	}
	change, err := c.change(p)
	if err != nil {
		return driver.WriteResult{}, err
	}
	if !p.Into.IsZero() {
		return c.updateAndRead(ctx, p, filter, change)
	}
	at, statement := beginDocument(make([]byte, 0, len(filter)+512))
	statement = append(appendHeader(statement, bson.TypeEmbeddedDocument, "q"), filter...)
	statement = appendChange(statement, "u", change)
	n, err := c.write(ctx, p.Tx, "update", "updates", endDocument(c.appendCollation(statement), at))
	switch {
	case err != nil:
		return driver.WriteResult{}, err
	case n > 0:
		return driver.WriteResult{Outcome: driver.Applied, Stored: p.Next}, nil
	}
	return c.look(ctx, p.Tx, p.Key)
}

// Delete implements [driver.Collection].
func (c *collection) Delete(ctx context.Context, p *driver.DeleteParams) (driver.WriteResult, error) {
	expect := &p.Expect
	if p.Any {
		expect = nil
	}
	filter, err := c.versionFilter(p.Key, expect)
	if err != nil {
		return driver.WriteResult{}, err
	}
	at, statement := beginDocument(make([]byte, 0, len(filter)+96))
	statement = append(appendHeader(statement, bson.TypeEmbeddedDocument, "q"), filter...)
	statement = appendInt32(appendHeader(statement, bson.TypeInt32, "limit"), 1)
	n, err := c.write(ctx, p.Tx, "delete", "deletes", endDocument(c.appendCollation(statement), at))
	switch {
	case err != nil:
		return driver.WriteResult{}, err
	case n > 0:
		return driver.WriteResult{Outcome: driver.Applied, Stored: p.Expect}, nil
	case p.Any:
		return driver.WriteResult{Outcome: driver.Missing}, nil
	}
	return c.look(ctx, p.Tx, p.Key)
}

// write sends an insert, update or delete of one document, which stands in the command's list, for Insert, Update
// and Delete. It returns how many documents the server has matched. A write concern that was not reached is an error,
// but where nothing was matched: then there is nothing that could still happen.
func (c *collection) write(ctx context.Context, tx driver.Tx, verb, list string, statement bson.Raw) (int64, error) {
	at, command := beginDocument(make([]byte, 0, len(statement)+256))
	command = appendString(appendHeader(command, bson.TypeString, verb), c.spec.Table)
	inList, command := beginDocument(appendHeader(command, bson.TypeArray, list))
	command = append(appendHeader(command, bson.TypeEmbeddedDocument, "0"), statement...)
	command = endDocument(command, inList)
	answer, err := c.send(ctx, tx, command, at)
	if isNoMatch(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, ok := answer.Lookup("n").AsInt64OK()
	if !ok {
		return 0, errMalformed
	}
	return n, nil
}

// send sends a command that writes one document, which begins at a position and has no end yet, for write and
// updateAndRead.
func (c *collection) send(ctx context.Context, tx driver.Tx, command []byte, at int) (bson.Raw, error) {
	inner, done, err := c.writeCtx(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer done()
	var answer bson.Raw
	if tx != nil {
		answer, err = c.db.native.RunCommand(inner, bson.Raw(endDocument(command, at))).Raw()
	} else {
		answer, err = c.db.sender.deliver(inner, appendDurable(command), at)
	}
	if err != nil {
		return nil, failed(ctx, tx, err)
	}
	return answer, nil
}

// appendCollation appends the collation to a statement of Update or Delete, where it has an effect.
func (c *collection) appendCollation(b []byte) []byte {
	if !c.hasTextKey {
		return b
	}
	at, b := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, "collation"))
	return endDocument(appendString(appendHeader(b, bson.TypeString, "locale"), "simple"), at)
}

// isNoMatch reports whether a write that did not reach the majority in time had matched no document: there is
// nothing that could still happen, and Update and Delete go on as after any write that matched nothing.
func isNoMatch(err error) bool {
	e, ok := errors.AsType[mongodriver.WriteException](err)
	if !ok || e.WriteConcernError == nil || len(e.WriteErrors) > 0 || len(e.Raw) == 0 {
		return false
	}
	n, ok := e.Raw.Lookup("n").AsInt64OK()
	return ok && n == 0
}

// look tells a missing document from a stale one, after a write of Update or Delete that matched nothing.
func (c *collection) look(ctx context.Context, tx driver.Tx, key any) (driver.WriteResult, error) {
	found, err := c.storedVersion(ctx, c.native, tx, key)
	switch {
	case err != nil:
		return driver.WriteResult{Outcome: driver.NotApplied}, err
	case !found.Found:
		return driver.WriteResult{Outcome: driver.Missing}, nil
	}
	return driver.WriteResult{Outcome: driver.Stale, Stored: found.Version}, nil
}

// versionFilter selects a document by its key and, unless expect is nil, its version, for Update and Delete: it
// lets a write reach the document in one version alone. Version 0 is also that of a document without one:
// {$in: [0, null]} matches null and missing.
func (c *collection) versionFilter(key any, expect *int64) (bson.Raw, error) {
	at, b := beginDocument(make([]byte, 0, 96))
	b, err := c.appendKeyCondition(b, key)
	if err != nil {
		return nil, err
	}
	switch {
	case expect == nil:
	case *expect == 0:
		in, inner := beginDocument(appendHeader(b, bson.TypeEmbeddedDocument, c.version.path))
		list, inner := beginDocument(appendHeader(inner, bson.TypeArray, "$in"))
		inner = appendInt64(appendHeader(inner, bson.TypeInt64, "0"), 0)
		inner = appendHeader(inner, bson.TypeNull, "1")
		b = endDocument(endDocument(inner, list), in)
	default:
		b = appendInt64(appendHeader(b, bson.TypeInt64, c.version.path), *expect)
	}
	return endDocument(b, at), nil
}

// change is the update of Update: the fields that are written, those that omitempty leaves out, and the version. It
// is a document of operators where it can be one, which costs the server less than a pipeline.
func (c *collection) change(p *driver.UpdateParams) (any, error) {
	version, err := c.version.appendNumber(nil, p.Next)
	if err != nil {
		return nil, err
	}
	e, _, err := nextElement(version)
	if err != nil {
		return nil, err
	}
	patches := []patch{{name: c.version.path, kind: e.kind, value: e.value}}
	fields := p.Fields
	if fields == nil {
		fields = c.written
	}
	for _, f := range fields {
		field := c.fields[f]
		var base reflect.Value
		if !p.Base.IsZero() {
			base = p.Base.Field(field.field)
		}
		written, err := field.patchOf(p.Record.Field(field.field), base)
		if err != nil {
			return nil, err
		}
		patches = append(patches, written)
	}
	if isPlain(patches) {
		return c.checkSize(updateOf(patches))
	}
	stages := pipeline(patches)
	_, err = c.checkSize(stages[0])
	return stages, err
}

// appendChange appends what change has made under a name, to the statement of Update and to the command of
// updateAndRead.
func appendChange(b []byte, name string, change any) []byte {
	stages, ok := change.([]bson.Raw)
	if !ok {
		return append(appendHeader(b, bson.TypeEmbeddedDocument, name), change.(bson.Raw)...)
	}
	at, b := beginDocument(appendHeader(b, bson.TypeArray, name))
	for i, stage := range stages {
		b = append(appendHeader(b, bson.TypeEmbeddedDocument, strconv.Itoa(i)), stage...)
	}
	return endDocument(b, at)
}

// appendNumber appends an integer under the field's own name.
func (c *codec) appendNumber(b []byte, n int64) ([]byte, error) {
	at, b := beginElement(b, c.path)
	t, b, err := c.appendInteger(b, n)
	if err != nil {
		return nil, err
	}
	b[at] = byte(t)
	return b, nil
}

// largestDocument is the server's limit, 16 MiB.
const largestDocument = 16 << 20

// checkSize refuses a document that the server would not take, with an error that names the entity.
func (c *collection) checkSize(doc bson.Raw) (bson.Raw, error) {
	if len(doc) > largestDocument {
		return nil, &driver.ValueError{Field: c.spec.Type.Name(), Problem: "the document is larger than 16 MiB"}
	}
	return doc, nil
}
