package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/hex"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// Joiner is implemented by a [Dialect] whose server can join a table with the rows of a JSON text, so that one
// statement writes many rows, each on its own version. Without it UpdateMany and DeleteMany decline.
type Joiner interface {
	// Join returns the UPDATE, or the DELETE where nothing is set, that joins the table with its one parameter: an
	// array of arrays, each with the parts of a key, a version, and the values that are set.
	Join(p JoinParts) string
	// Collations is the query for how the live columns of a table compare texts, with its arguments: a row for each
	// column that does, with its name, its charset and its collation.
	Collations(table string) (text string, args []any)
}

// JoinParts are the parts of a [Joiner]'s statement. Names are quoted.
type JoinParts struct {
	Table    string
	Keys     []JoinColumn
	Version  string
	Set      []JoinColumn
	IsDelete bool
}

// JoinColumn is a column of a [Joiner]'s statement, and how its values stand in the JSON text.
type JoinColumn struct {
	Name string
	As   JoinForm
	// Charset and Collation are those of the live column, for a key of text: compared by another one, the server would
	// look through the whole table for each row.
	Charset, Collation string
}

// JoinForm is how a value stands in a JSON text.
type JoinForm uint8

const (
	// JoinText is a string, whose assignment to a column of another type is as strict as that of a parameter. A
	// number with a fraction is one too: a JSON number would go through a double.
	JoinText JoinForm = iota
	// JoinInteger is a number.
	JoinInteger
	// JoinHex is a string of hexadecimal digits, for bytes.
	JoinHex
)

var _ driver.Bulk = (*collection)(nil)

// joinBytes is where the rows of one statement are cut.
const joinBytes = 4 << 20

// joinFormOf returns how the values of a field stand in a JSON text.
func joinFormOf(f *driver.Field) JoinForm {
	switch f.Kind {
	case driver.Int, driver.Uint, driver.Bool:
		if !f.Valuer {
			return JoinInteger
		}
	case driver.Bytes, driver.ByteArray, driver.UUID:
		return JoinHex
	}
	return JoinText
}

// joinKeys returns the columns of the key as a [Joiner] has them, nil where rows of this key cannot be joined: by
// a time, a float, or a text in a column that does not compare texts. How one compares them is asked once.
func (c *collection) joinKeys(ctx context.Context, tx driver.Tx, j Joiner) ([]JoinColumn, error) {
	keys := make([]JoinColumn, len(c.keys()))
	hasText := false
	for i := range keys {
		f := c.columns[i].field
		keys[i] = JoinColumn{Name: c.columns[i].name, As: joinFormOf(f)}
		if keys[i].As != JoinText {
			continue
		}
		if f.Kind != driver.String {
			return nil, nil
		}
		hasText = true
	}
	if !hasText {
		return keys, nil
	}
	texts := c.keyTexts.Load()
	if texts == nil {
		found, err := c.askKeyTexts(ctx, tx, j, keys)
		if err != nil {
			return nil, err
		}
		texts = &found
		c.keyTexts.Store(texts)
	}
	for i := range keys {
		if keys[i].As != JoinText {
			continue
		}
		keys[i].Charset, keys[i].Collation = (*texts)[i].charset, (*texts)[i].collation
		if keys[i].Collation == "" {
			return nil, nil
		}
	}
	return keys, nil
}

// askKeyTexts asks how the columns of a key compare texts.
func (c *collection) askKeyTexts(
	ctx context.Context, tx driver.Tx, j Joiner, keys []JoinColumn,
) (texts []keyText, err error) {
	text, values := j.Collations(c.spec.Table)
	var a args
	for _, v := range values {
		a.add(v)
	}
	q := request{text: text, args: a, preparation: uncached}
	err = c.db.run(ctx, tx, func(s *session) error {
		texts = make([]keyText, len(keys))
		return s.run(ctx, &q, func(row []sqldriver.Value) error {
			var text [3]string
			for i := range text {
				if b, ok := row[i].([]byte); ok {
					text[i] = string(b)
				} else {
					text[i] = Text(row[i])
				}
			}
			for i := range keys {
				if strings.EqualFold(c.dialect.Quote(text[0]), keys[i].Name) {
					texts[i] = keyText{text[1], text[2]}
				}
			}
			return nil
		})
	})
	return texts, backend.Unsent(c.about(err))
}

// UpdateMany implements [driver.Bulk].
func (c *collection) UpdateMany(ctx context.Context, p *driver.UpdateManyParams) (driver.ManyResult, error) {
	fields := p.Fields
	if fields == nil {
		fields = c.writable
	}
	return c.join(ctx, p.Tx, fields, p.Rows, func(row *driver.ManyRow) (driver.WriteResult, error) {
		return c.Update(ctx, &driver.UpdateParams{
			Tx: p.Tx, Key: row.Key, Record: row.Record, Base: row.Base, Fields: p.Fields,
			Expect: row.Expect, Next: row.Expect + 1,
		})
	})
}

// DeleteMany implements [driver.Bulk].
func (c *collection) DeleteMany(ctx context.Context, p *driver.DeleteManyParams) (driver.ManyResult, error) {
	return c.join(ctx, p.Tx, nil, p.Rows, func(row *driver.ManyRow) (driver.WriteResult, error) {
		return c.Delete(ctx, &driver.DeleteParams{Tx: p.Tx, Key: row.Key, Expect: row.Expect})
	})
}

// join writes rows by as few statements as carry them. A row that is too large for one with others is written by
// alone. It stops at the first statement that has not met all of its rows.
func (c *collection) join(
	ctx context.Context, tx driver.Tx, fields []int, rows []driver.ManyRow,
	alone func(row *driver.ManyRow) (driver.WriteResult, error),
) (result driver.ManyResult, err error) {
	j, ok := c.dialect.(Joiner)
	if !ok {
		return driver.ManyResult{Declined: true}, nil
	}
	keys, err := c.joinKeys(ctx, tx, j)
	if err != nil || keys == nil {
		return driver.ManyResult{Declined: err == nil}, err
	}
	parts := JoinParts{Table: c.table, Keys: keys, Version: c.version, IsDelete: fields == nil}
	for _, i := range fields {
		column := &c.columns[c.fields+i]
		parts.Set = append(parts.Set, JoinColumn{Name: column.name, As: joinFormOf(column.field)})
	}
	text := j.Join(parts)
	most := min(joinBytes, c.facts.Limits.Value/2)
	var batch, row []byte
	count := 0
	flush := func() (bool, error) {
		if count == 0 {
			return true, nil
		}
		n, err := c.runJoin(ctx, tx, text, string(append(batch, ']')))
		want := count
		result.Applied += n
		batch, count = batch[:0], 0
		return n == want, err
	}
	for i := range rows {
		var isWhole bool
		if row, isWhole, err = c.appendRow(row[:0], fields, &rows[i]); err != nil {
			return result, err
		}
		if len(batch)+len(row) > most {
			if ok, err := flush(); err != nil || !ok {
				return result, err
			}
		}
		if len(row) > most || !isWhole {
			one, err := alone(&rows[i])
			if err != nil || one.Outcome != driver.Applied {
				return result, err
			}
			result.Applied++
			continue
		}
		batch = append(append(batch, "[,"[min(count, 1)]), row...)
		count++
	}
	_, err = flush()
	return result, err
}

// runJoin runs the statement of join and returns the number of rows that it wrote.
func (c *collection) runJoin(ctx context.Context, tx driver.Tx, text, rows string) (int, error) {
	var n int64
	err := c.db.run(ctx, tx, func(s *session) error {
		var a args
		a.add(rows)
		q := request{text: text, args: a}
		if err := s.run(ctx, &q, nil); err != nil {
			return c.metBy(ctx, s, err, false)
		}
		var err error
		if n, err = q.result.RowsAffected(); err != nil {
			return &answerError{err}
		}
		return nil
	})
	return int(n), c.about(err)
}

// appendRow appends a row as an array of JSON. isWhole is false where a value has no form in it.
func (c *collection) appendRow(b []byte, fields []int, row *driver.ManyRow) (_ []byte, isWhole bool, err error) {
	b = append(b, '[')
	for i, v := range c.spec.KeyValues(row.Key) {
		value, err := c.arg(c.columns[i].field, v)
		if err != nil {
			return nil, false, err
		}
		if b, isWhole = appendJoined(b, value, joinFormOf(c.columns[i].field)); !isWhole {
			return b, false, nil
		}
		b = append(b, ',')
	}
	b = strconv.AppendInt(b, row.Expect, 10)
	for _, i := range fields {
		f := &c.spec.Fields[i]
		value, err := c.arg(f, row.Record.Field(f))
		if err != nil {
			return nil, false, err
		}
		if b, isWhole = appendJoined(append(b, ','), value, joinFormOf(f)); !isWhole {
			return b, false, nil
		}
	}
	return append(b, ']'), true, nil
}

// appendJoined appends one value in its form, and reports whether it has one.
func appendJoined(b []byte, value any, as JoinForm) ([]byte, bool) {
	if value == nil {
		return append(b, "null"...), true
	}
	if as == JoinHex {
		switch x := value.(type) {
		case []byte:
			b = append(b, '"')
			return append(hex.AppendEncode(b, x), '"'), true
		case string:
			b = append(b, '"')
			return append(hex.AppendEncode(b, []byte(x)), '"'), true
		}
		return b, false
	}
	if as == JoinInteger {
		switch x := value.(type) {
		case int64:
			return strconv.AppendInt(b, x, 10), true
		case bool:
			return strconv.AppendInt(b, int64(btoi(x)), 10), true
		}
		return b, false
	}
	switch x := value.(type) {
	case string:
		return appendJSONText(b, x), true
	case float64:
		return append(appendFloat(append(b, '"'), x), '"'), true
	case int64:
		return append(strconv.AppendInt(append(b, '"'), x, 10), '"'), true
	case bool:
		return append(strconv.AppendInt(append(b, '"'), int64(btoi(x)), 10), '"'), true
	case time.Time:
		return append(x.UTC().AppendFormat(append(b, '"'), "2006-01-02 15:04:05.999999"), '"'), true
	}
	return b, false
}

// appendFloat appends the shortest text that is read as the same number, -0 too.
func appendFloat(b []byte, x float64) []byte {
	if x == 0 && math.Signbit(x) {
		return append(b, "-0"...)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

// appendJSONText appends a string of JSON. Everything that need not be escaped stands as it is.
func appendJSONText(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Versions implements [driver.Bulk].
func (c *collection) Versions(ctx context.Context, p *driver.VersionsParams) error {
	for chunk := range slices.Chunk(p.Keys, c.mostKeys()) {
		b := builder{dialect: c.dialect}
		b.add("SELECT ")
		for i := range c.keys() {
			b.add(c.columns[i].name, ", ")
		}
		b.add(c.version, " FROM ", c.table)
		if p.Lock {
			b.add(c.facts.Texts.LockHint)
		}
		if err := c.whereKeys(&b, chunk); err != nil {
			return err
		}
		b.add(" ORDER BY ")
		for i := range c.keys() {
			b.add([]string{"", ", "}[min(i, 1)], c.columns[i].name)
		}
		if p.Lock {
			b.add(c.facts.Texts.LockSuffix)
		}
		each := func(row []sqldriver.Value) error {
			record := driver.RecordOf(reflect.New(c.spec.Type).Interface())
			for i := range c.keys() {
				if err := c.decodeInto(record, i, row[i]); err != nil {
					return err
				}
			}
			version, err := c.versionIn(row[len(c.keys())])
			if err == nil {
				p.Found(record.Field(&c.spec.Key).Interface(), version)
			}
			return err
		}
		if err := c.runBuilt(ctx, p.Tx, &b, nil, each); err != nil {
			return err
		}
	}
	return nil
}

// decodeInto decodes the value of one column into a record.
func (c *collection) decodeInto(record driver.Record, column int, value any) error {
	k := &c.columns[column]
	if k.decoder != nil {
		value = k.decoder(value)
	}
	return k.field.Decode(record.Field(k.field), value)
}
