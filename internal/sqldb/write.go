package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/binary"
	"errors"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Update implements [driver.Collection].
func (c *collection) Update(ctx context.Context, p *driver.UpdateParams) (driver.WriteResult, error) {
	fields := p.Fields
	if fields == nil {
		fields = c.writable
	}
	w := c.updateText(p.Fields, c.isUnversioned(p.Expect))
	a := make(args, 0, len(c.columns)+3)
	for _, i := range fields {
		f := &c.spec.Fields[i]
		value, err := c.arg(f, p.Record.Field(f))
		if err != nil {
			return driver.WriteResult{}, err
		}
		a.add(value)
	}
	if !c.spec.VersionAuto {
		a.add(p.Next)
	}
	if err := c.keyArgs(&a, p.Key); err != nil {
		return driver.WriteResult{}, err
	}
	c.addExpected(&a, p.Expect)
	if len(c.generated) > 0 {
		return c.writeAndRead(ctx, w, a, p)
	}
	return c.write(ctx, p.Tx, w, a, p.Key, p.Next)
}

// Delete implements [driver.Collection].
func (c *collection) Delete(ctx context.Context, p *driver.DeleteParams) (driver.WriteResult, error) {
	a := make(args, 0, 3)
	if err := c.keyArgs(&a, p.Key); err != nil {
		return driver.WriteResult{}, err
	}
	w := c.deleteAny
	if !p.Any {
		w = c.delete[btoi(c.isUnversioned(p.Expect))]
		c.addExpected(&a, p.Expect)
	}
	return c.write(ctx, p.Tx, w, a, p.Key, p.Expect)
}

// write runs an UPDATE or DELETE. When it matched no row, one read on the same connection tells why. An
// error of that read leaves the outcome NotApplied, and is marked as one of a request that was not sent: the
// write was answered and wrote nothing. Without that package store would tell an unknown outcome.
func (c *collection) write(
	ctx context.Context, tx driver.Tx, w write, a args, key any, next int64,
) (driver.WriteResult, error) {
	var result driver.WriteResult
	err := c.db.run(ctx, tx, c.writer(ctx, &result, w, a, key, next))
	return result, c.about(err)
}

// writer is write on a connection, as Database.run takes it. It sets result, which is that of its last call.
func (c *collection) writer(
	ctx context.Context, result *driver.WriteResult, w write, a args, key any, next int64,
) func(s *session) error {
	return func(s *session) error {
		*result = driver.WriteResult{}
		n, version, err := c.count(ctx, s, w, a)
		if err != nil {
			return c.metBy(ctx, s, err, false)
		}
		if n > 0 {
			*result = driver.WriteResult{Outcome: driver.Applied, Stored: next}
			if c.spec.VersionAuto {
				result.Stored = version
			}
			return nil
		}
		result.Outcome = driver.NotApplied
		var look args
		if err := c.keyArgs(&look, key); err != nil {
			return err
		}
		found, err := c.versionOf(ctx, s, look)
		if err != nil {
			return backend.Unsent(err)
		}
		*result = driver.WriteResult{Outcome: driver.Missing}
		if found.Found {
			*result = driver.WriteResult{Outcome: driver.Stale, Stored: found.Version}
		}
		return nil
	}
}

// count runs the statement of write and returns the number of rows that it wrote, and the version that the
// database made, where it makes them. A server whose own count cannot be trusted, since triggers add to it,
// is asked for the number in the same statement, and answers with a row.
func (c *collection) count(ctx context.Context, s *session, w write, a args) (n, version int64, err error) {
	q := request{text: w.text, args: a}
	if w.hasRows {
		err = s.run(ctx, &q, func(row []sqldriver.Value) (err error) {
			if n, err = integer(row[0]); err == nil && len(row) > 1 && row[1] != nil {
				version, err = c.versionIn(row[1])
			}
			return err
		})
		if err != nil && n > 0 && c.facts.AnswersWhenDone {
			err = happened(err)
		}
		return n, version, err
	}
	if err := s.run(ctx, &q, nil); err != nil {
		return 0, 0, err
	}
	if n, err = q.result.RowsAffected(); err != nil {
		return 0, 0, &answerError{err}
	}
	return n, 0, nil
}

// updateText returns the UPDATE that writes the fields, for Update. The texts are remembered by the set of
// fields, which Modify makes anew with each call: the same text finds its prepared statement in the cache.
// When too many sets have come, all are forgotten, since none of them is more likely to come again.
func (c *collection) updateText(fields []int, unversioned bool) write {
	if fields == nil {
		return c.save[btoi(unversioned)]
	}
	var buffer [64]byte
	shape := append(buffer[:0], byte(btoi(unversioned)))
	for _, i := range fields {
		shape = binary.AppendUvarint(shape, uint64(i))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.updates[string(shape)]; ok {
		return w
	}
	w := c.makeUpdate(fields, unversioned)
	if len(c.updates) >= mostUpdates {
		clear(c.updates)
	}
	c.updates[string(shape)] = w
	return w
}

// makeUpdate makes the text of an UPDATE of the fields, nil for all, for compile and updateText. It sets the
// version as well, or has the database move it, which does so for any row that is written: where there is no
// field to write, a column is set to itself.
func (c *collection) makeUpdate(fields []int, unversioned bool) write {
	if fields == nil {
		fields = c.writable
	}
	b := builder{dialect: c.dialect}
	b.add("UPDATE ", c.table, " SET ")
	for i, field := range fields {
		column := &c.columns[c.fields+field]
		if i > 0 {
			b.add(", ")
		}
		b.add(column.name, " = ")
		b.param(column.field)
	}
	version := ""
	if c.spec.VersionAuto {
		version = c.version
		if len(fields) == 0 {
			column := &c.columns[0]
			if len(c.writable) > 0 {
				column = &c.columns[c.fields+c.writable[0]]
			}
			b.add(column.name, " = ", column.name)
		}
	} else {
		if len(fields) > 0 {
			b.add(", ")
		}
		b.add(c.version, " = ")
		b.param(&c.spec.Version)
	}
	head := b.text()
	b.buffer = nil
	b.add(" WHERE ")
	c.whereKey(&b)
	c.whereVersion(&b, unversioned)
	var w write
	w.text, w.hasRows = c.dialect.Write(head, b.text(), version)
	return w
}

// metBy is about for an error of an INSERT, UPDATE or DELETE, on the connection that has met it. A server that
// does not name the table of a duplicate is asked whether a trigger has met it (Texts.Trace).
func (c *collection) metBy(ctx context.Context, s *session, err error, isInsert bool) error {
	e := &tableError{err: err, spec: c.spec, isInsert: isInsert}
	trace := c.facts.Texts.Trace
	if trace == "" || Classify(err, c.dialect.Classify).Class != driver.Duplicate {
		return e
	}
	_ = s.run(ctx, &request{text: trace, preparation: unprepared}, func(row []sqldriver.Value) error {
		n, err := integer(row[1])
		e.isTrigger = e.isTrigger || n == traceOfTrigger
		return err
	})
	return e
}

// traceOfTrigger is the number of the note that Texts.Trace gives for each routine that was running.
const traceOfTrigger = 4094

// about gives an error of a statement the collection that it is about.
func (c *collection) about(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*tableError](err); ok {
		return err
	}
	return &tableError{err: err, spec: c.spec}
}
