package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// mostCachedRows is the most rows of an INSERT whose prepared statement is cached: each number of rows
// is another text, and the larger ones seldom come twice.
const mostCachedRows = 32

// Insert implements [driver.Collection]. Where the rows take several statements outside a Tx, or may get a key
// that does not fit, these are a transaction of their own, so that all rows are inserted or none.
func (c *collection) Insert(ctx context.Context, p *driver.InsertParams) (driver.InsertResult, error) {
	values, err := c.insertArgs(p)
	if err != nil {
		return driver.InsertResult{}, err
	}
	chunks := c.chunks(values, len(p.Records))
	var result driver.InsertResult
	hasLook := len(c.generated) > 0 && !c.facts.InsertReturns
	if p.Tx == nil && (len(chunks) > 1 || c.canOutgrowKey() || hasLook) {
		err := c.inTx(ctx, func(s *session) error { return c.insertChunks(ctx, s, chunks, p, &result) })
		return result, c.about(err)
	}
	err = c.db.run(ctx, p.Tx, func(s *session) error {
		err := c.insertChunks(ctx, s, chunks, p, &result)
		if m, ok := errors.AsType[*misfit](err); ok && p.Tx == nil {
			return c.takeBack(ctx, s, m, p)
		}
		return err
	})
	return result, c.about(err)
}

// insertArgs encodes all records, one after the other, before Insert sends anything: a value that does not fit
// must not be found when the rows before it are written. A key of 0 is refused where the server would make
// another of it, and the entity would then carry a key that no row has.
func (c *collection) insertArgs(p *driver.InsertParams) ([]any, error) {
	values := make([]any, 0, len(p.Records)*len(c.insertInto))
	for _, record := range p.Records {
		for i := range c.insertInto {
			f := c.insertInto[i].field
			if f == &c.spec.Version {
				values = append(values, p.Version)
				continue
			}
			value, err := c.arg(f, record.Field(f))
			if err != nil {
				return nil, err
			}
			if value == int64(0) && c.isKey(f) && c.facts.ZeroMakesKey {
				problem := "is 0, for which this connection's sql_mode makes another key"
				return nil, &driver.ValueError{Field: f.Name, Problem: problem}
			}
			values = append(values, value)
		}
	}
	return values, nil
}

func (c *collection) isKey(f *driver.Field) bool {
	for _, k := range c.keys() {
		if k.field == f {
			return true
		}
	}
	return false
}

// chunk is the rows that one statement inserts.
type chunk struct {
	first  int // the place of its first row among all
	rows   int
	values []any
}

// chunks cuts the rows of an Insert into what one statement can carry: by the server's limits, and to one
// row where the database makes the versions but not the keys, since it gives them back in no order by which
// they could be told apart.
func (c *collection) chunks(values []any, rows int) []chunk {
	width := len(c.insertInto)
	most := min(max(1, c.facts.Limits.Params/max(1, width)), c.facts.Limits.Rows)
	if width == 0 || c.spec.VersionAuto && !c.spec.KeyAuto {
		most = 1
	}
	var all []chunk
	for start := 0; start < rows; {
		end, size := start, 0
		for end < rows && end-start < most {
			for _, v := range values[end*width : (end+1)*width] {
				size += sizeOf(v)
			}
			if size > c.facts.Limits.Bytes && end > start {
				break
			}
			end++
		}
		all = append(all, chunk{start, end - start, values[start*width : end*width]})
		start = end
	}
	return all
}

// insertChunks runs the statements of an Insert on one connection. It starts anew when run calls it again.
func (c *collection) insertChunks(
	ctx context.Context, s *session, chunks []chunk, p *driver.InsertParams, result *driver.InsertResult,
) error {
	*result = driver.InsertResult{}
	for _, ch := range chunks {
		made, err := c.insertChunk(ctx, s, ch, p.Into)
		if err != nil {
			return c.metBy(ctx, s, err, true)
		}
		if err := c.takeMade(made, result); err != nil {
			return err
		}
		if len(c.generated) == 0 || c.facts.InsertReturns {
			continue
		}
		keys := result.Keys
		if !c.spec.KeyAuto {
			for _, record := range p.Records {
				keys = append(keys, record.Field(&c.spec.Key).Interface())
			}
		}
		end := ch.first + ch.rows
		if err := c.readInserted(ctx, s, keys[ch.first:end], p.Into[ch.first:end]); err != nil {
			return err
		}
	}
	return nil
}

// insertChunk runs one INSERT and returns what the database made for its rows: from those that it gives, or
// where it gives none from the first key and the distance to the next (Texts.KeyStep), which is asked before,
// so that an error of the asking is met when nothing is written. An answer for another number of rows is an
// error: a key would be given to the wrong entity.
func (c *collection) insertChunk(ctx context.Context, s *session, ch chunk, into []driver.Record) ([]madeRow, error) {
	text, hasRows := c.insertText(ch.rows)
	a := make(args, 0, len(ch.values))
	for _, v := range ch.values {
		a.add(v)
	}
	q := request{text: text, args: a, preparation: uncached}
	if ch.rows <= mostCachedRows {
		q.preparation = cached
	}
	if hasRows {
		return c.insertAnswered(ctx, s, &q, ch, into)
	}
	step := int64(1)
	if c.spec.KeyAuto && ch.rows > 1 {
		var err error
		if step, err = c.keyStep(ctx, s); err != nil {
			return nil, backend.Unsent(err)
		}
	}
	if err := s.run(ctx, &q, nil); err != nil || !c.spec.KeyAuto {
		return nil, err
	}
	first, err := q.result.LastInsertId()
	if err != nil {
		return nil, &answerError{err}
	}
	return counted(first, step, ch.rows), nil
}

// insertAnswered is insertChunk where the server answers with rows: one for each inserted one, or a single one that
// says that the INSERT was done.
func (c *collection) insertAnswered(
	ctx context.Context, s *session, q *request, ch chunk, into []driver.Record,
) ([]madeRow, error) {
	var made []madeRow
	answered, isMade := false, c.spec.KeyAuto || c.spec.VersionAuto || len(c.generated) > 0 && c.facts.InsertReturns
	err := s.run(ctx, q, func(row []sqldriver.Value) error {
		answered = true
		if !isMade {
			return nil
		}
		m, err := c.readMade(row)
		if n := ch.first + len(made); c.facts.InsertReturns && n < len(into) {
			// An error is kept until all rows are read: they may have to be deleted again.
			m.version, m.err = c.scanBack(into[n], row[btoi(c.spec.KeyAuto):])
		}
		made = append(made, m)
		return err
	})
	switch {
	case err != nil && answered && c.facts.AnswersWhenDone:
		return made, happened(err)
	case err == nil && isMade && len(made) != ch.rows:
		err = &answerError{fmt.Errorf("sqldb: the server answered for %d rows of %d", len(made), ch.rows)}
	}
	return made, err
}

// keyStep asks for the distance of the keys that one INSERT makes.
func (c *collection) keyStep(ctx context.Context, s *session) (step int64, err error) {
	err = s.run(ctx, &request{text: c.facts.Texts.KeyStep}, func(row []sqldriver.Value) (err error) {
		step, err = integer(row[0])
		return err
	})
	return step, err
}

// insertText is the INSERT of a number of rows, made anew for each insertChunk: the number of rows is part of
// the text, and the larger ones seldom come twice.
func (c *collection) insertText(rows int) (text string, hasRows bool) {
	parts := InsertParts{Table: c.table, Values: make([]string, rows)}
	b := builder{dialect: c.dialect}
	for n := range rows {
		b.buffer = b.buffer[:0]
		for i := range c.insertInto {
			if i > 0 {
				b.add(", ")
			}
			b.param(c.insertInto[i].field)
		}
		parts.Values[n] = b.text()
	}
	for i := range c.insertInto {
		if i > 0 {
			parts.Columns += ", "
		}
		parts.Columns += c.insertInto[i].name
	}
	if c.spec.KeyAuto {
		parts.Key = c.columns[0].name
	}
	if c.spec.VersionAuto {
		parts.Version = c.version
	}
	if len(c.generated) > 0 && c.facts.InsertReturns {
		parts.Back = c.backList
	}
	return c.dialect.Insert(parts)
}
