package sqldb

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/stillframe/stillframe/internal/backend"
	"github.com/stillframe/stillframe/store/driver"
)

// A key that the database makes is known only when its row is there, and may not fit the field that it is
// for: the column of an int8 is a BIGINT. The row must not stay then, since the caller is told that nothing
// was written, and every read of the table would fail from then on.
//
// Where the field is narrower than 64 bits that is a matter of time. Such rows are inserted in a transaction,
// which is committed when the key is known to fit: two round trips more. A field of 64 bits is left behind
// only by a column that is unsigned, beyond 2^63, or by keys below 0. Its rows are inserted without a
// transaction, and deleted where the key does not fit.

// madeRow is what the database made for one row of an INSERT.
type madeRow struct {
	key     any // as the client gives it, nil where the caller has given the key
	version int64
	err     error // why what the server wrote into it cannot be read
}

// misfit is the error of an INSERT that has made keys, or other values, of which one does not fit its field.
type misfit struct {
	error
	rows []madeRow // all rows of the INSERT
}

func (e *misfit) Unwrap() error { return e.error }

// canOutgrowKey reports whether the table will one day make keys that the key's field cannot hold.
func (c *collection) canOutgrowKey() bool { return c.spec.KeyAuto && c.spec.Key.Base.Size() < 8 }

// takeMade adds what one INSERT has made to the result, for insertChunk.
func (c *collection) takeMade(rows []madeRow, result *driver.InsertResult) error {
	for _, row := range rows {
		if row.err != nil {
			return &misfit{row.err, rows}
		}
		if c.spec.VersionAuto {
			result.Versions = append(result.Versions, row.version)
		}
		if !c.spec.KeyAuto {
			continue
		}
		key := reflect.New(c.spec.Key.Type).Elem()
		problem := ""
		switch err := c.spec.Key.Decode(key, row.key); {
		case row.key == uint64(0):
			problem = "the database made no key for the row: its column must do that by itself"
		case err != nil:
			problem = "the key that the database made does not fit " + c.spec.Key.Range()
		}
		if problem != "" {
			return &misfit{&driver.ValueError{Field: c.spec.Key.Name, Problem: problem}, rows}
		}
		result.Keys = append(result.Keys, key.Interface())
	}
	return nil
}

// readMade reads a row of what the database made: the key, then the version.
func (c *collection) readMade(row []sqldriver.Value) (made madeRow, err error) {
	if c.spec.KeyAuto {
		made.key = row[0]
		if text, ok := row[0].([]byte); ok { // an unsigned key beyond int64
			if made.key, err = strconv.ParseUint(string(text), 10, 64); err != nil {
				return made, err
			}
		}
		row = row[1:]
	}
	if c.spec.VersionAuto {
		made.version, err = c.versionIn(row[0])
	}
	return made, err
}

// counted are the rows of an INSERT that does not answer with rows: their keys are step apart. The client
// gives the first one as an int64, whose bits are those of an unsigned key beyond it.
func counted(first, step int64, rows int) []madeRow {
	made := make([]madeRow, rows)
	for i := range made {
		key := uint64(first) + uint64(i)*uint64(step)
		made[i].key = key
		if 0 < key && key <= math.MaxInt64 {
			made[i].key = int64(key)
		}
	}
	return made
}

// takeBack deletes the rows of an INSERT outside a transaction of which one does not fit, each by its key and in
// the version that it was given, and returns the error that says so. Where not all of them can be deleted, the
// error counts as that of a write that may have happened.
func (c *collection) takeBack(ctx context.Context, s *session, m *misfit, p *driver.InsertParams) error {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	for i, row := range m.rows {
		version := p.Version
		if c.spec.VersionAuto || p.Into != nil && row.err == nil {
			version = row.version
		}
		var a args
		if c.spec.KeyAuto {
			a.add(row.key)
		} else if err := c.keyArgs(&a, p.Records[i].Field(&c.spec.Key).Interface()); err != nil {
			return &backend.Failure{Err: err, Sent: true}
		}
		c.addExpected(&a, version)
		n, _, err := c.count(end, s, c.delete[0], a)
		if err == nil && n != 1 {
			err = errors.New("sqldb: another has changed the row")
		}
		if err != nil {
			// Without the ValueError in it: that is one of a write that did not happen.
			err = fmt.Errorf("sqldb: %s, and its row could not be deleted: %w", m, err)
			return &backend.Failure{Err: err, Sent: true}
		}
	}
	return backend.Unsent(m)
}
