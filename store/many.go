package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stillframe/stillframe/store/driver"
	"github.com/stillframe/stillframe/store/internal/mapping"
)

// SaveMany is Save for many entities, all or none: each is written if its stored version is still that of the copy.
// It takes few round trips where the backend can write many rows in one request, and else one for each, in one
// transaction of its own, or in the Tx that it is called in.
//
// Where some have another version or are missing, nothing is written, every entity is as it was, and the error wraps
// an *[Error] for each of them, with its key and its [ConflictError] or ErrNotFound; its text shows ten. A Tx in which
// that happens goes on. No entities is no error. Two with the same key are ErrInvalid, and so is a nil one. A backend
// without transactions answers ErrUnsupported to more than one.
func (r *Repository[T, K]) SaveMany(ctx context.Context, entities []*T) error {
	c := r.call("save many", nil, true)
	rows := make([]manyRow, len(entities))
	for i, entity := range entities {
		if entity != nil {
			rows[i].record = driver.RecordOf(entity)
		}
	}
	return c.writeMany(ctx, rows, false)
}

// DeleteMany is Delete for many entities, all or none. Its errors are those of SaveMany.
func (r *Repository[T, K]) DeleteMany(ctx context.Context, entities []T) error {
	c := r.call("delete many", nil, true)
	rows := make([]manyRow, len(entities))
	for i := range entities {
		rows[i] = manyRow{record: driver.RecordOf(&entities[i]), isDelete: true}
	}
	return c.writeMany(ctx, rows, true)
}

// manyRow is one row of a SaveMany, a ModifyMany or a DeleteMany.
type manyRow struct {
	key      any
	record   driver.Record
	base     driver.Record // as it was read, for ModifyMany
	fields   []int         // what is written, nil for all
	expect   int64
	isDelete bool

	stored int64 // the version that was written

	// By these the rows are sorted.
	number int64
	text   string
}

// writeMany is SaveMany and DeleteMany from the call's start to its end.
func (c *call) writeMany(ctx context.Context, rows []manyRow, isDelete bool) error {
	ctx, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer c.endUnreturned(ctx)
	if err = c.checkMany(rows); err == nil && len(rows) > 0 {
		err = c.storeMany(ctx, rows, manyWrite{isPrepared: !isDelete})
	}
	return c.end(ctx, err)
}

// checkMany makes the checks that need no I/O, fills in keys and versions, and sorts the rows.
func (c *call) checkMany(rows []manyRow) error {
	mp := c.repo.mapping
	for i := range rows {
		row := &rows[i]
		if row.record.IsZero() {
			return invalidf("element %d is nil", i)
		}
		row.key, row.expect = mp.KeyOf(row.record), mp.Version(row.record)
		if err := mp.CheckKey(row.key); err != nil {
			return invalidf("element %d: %v", i, err)
		}
		if err := mp.CheckRead(row.record); err != nil {
			return invalidf("element %d: %v", i, err)
		}
	}
	c.sortMany(rows)
	for i := range rows {
		if i > 0 && rows[i].key == rows[i-1].key {
			return c.nameMany(rows[i].key, invalidf("two of the entities have this key"))
		}
	}
	return c.checkTogether(len(rows))
}

// checkTogether returns why n rows cannot be written all or none.
func (c *call) checkTogether(n int) error {
	if n > 1 && !c.db.info.Transactions {
		return explain(ErrUnsupported, "%s has no transactions", c.db.info.Server)
	}
	return nil
}

// sortMany puts the rows in the order of their keys: two calls that lock the same rows in the same order do not
// deadlock.
func (c *call) sortMany(rows []manyRow) {
	for i := range rows {
		switch x := c.repo.mapping.PlainKey(rows[i].key).(type) {
		case int64:
			rows[i].number = x
		case string:
			rows[i].text = x
		default:
			rows[i].text = fmt.Sprint(x)
		}
	}
	slices.SortFunc(rows, func(a, b manyRow) int {
		if n := cmp.Compare(a.number, b.number); n != 0 {
			return n
		}
		return strings.Compare(a.text, b.text)
	})
}

// manyWrite says what storeMany does with its rows.
type manyWrite struct {
	// isPrepared has the entities made ready to be written, as SaveMany does with those of its caller.
	isPrepared bool
	// isRead says that the rows were read in the Tx of the call, under a lock where reads lock.
	isRead bool
	// isAlone says that the Tx does nothing else, so that nobody asks what it has written.
	isAlone bool
}

var errMoved = errors.New("not all rows were as expected")

// storeMany writes rows that are sorted and checked. In a Tx it first looks whether all are as expected, under a lock
// where reads lock, since a write that meets others cannot be taken back without the Tx. Outside it writes first: most
// of the time that is all, and else nothing of it stays and the versions tell why.
func (c *call) storeMany(ctx context.Context, rows []manyRow, w manyWrite) error {
	if c.tx != nil {
		return c.storeInTx(ctx, rows, w)
	}
	if len(rows) == 1 && !c.db.info.Transactions {
		return c.storeAlone(ctx, &rows[0], w.isPrepared)
	}
	rs := &runs{call: *c}
	return retry(ctx, c, c.repo.bounds(), func(int) error {
		err := unwrapCallers(rs.all(ctx, nil, func(ctx context.Context, tx *Tx) error {
			in := call{db: c.db, repo: c.repo, tx: tx, op: c.op, mayWrite: true}
			w.isAlone = true
			return in.sendMany(ctx, rows, w)
		}))
		c.rows = rs.rows
		if err == nil {
			c.rows = len(rows)
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		c.tellContention(ctx, c.errorOf(explain(ErrConflict, "another has written some of the entities")))
		if err := c.compareMany(ctx, rows, false); err != nil {
			return err
		}
		return &again{err: explain(ErrTransient, "the entities were being written")}
	})
}

// unwrapCallers takes off what marks an error as that of the function of an Atomic.
func unwrapCallers(err error) error {
	if own, ok := errors.AsType[*callersError](err); ok {
		return own.err
	}
	return err
}

// storeAlone writes one row where there are no transactions.
func (c *call) storeAlone(ctx context.Context, row *manyRow, isPrepared bool) error {
	if row.isDelete {
		return remove(ctx, c, &driver.DeleteParams{Key: row.key, Expect: row.expect})
	}
	c.key = row.key
	var u mapping.Undo
	defer u.Revert()
	if isPrepared {
		if err := c.repo.mapping.Prepare(&u, row.record, false); err != nil {
			return invalid(err)
		}
	}
	return writeBack(ctx, c, row.record, row.fields, &u)
}

// storeInTx is storeMany in a Tx.
func (c *call) storeInTx(ctx context.Context, rows []manyRow, w manyWrite) error {
	if !w.isRead {
		if err := c.compareMany(ctx, rows, true); err != nil {
			return err
		}
	}
	err := c.sendMany(ctx, rows, w)
	if !errors.Is(err, errMoved) {
		return err
	}
	// Where reads do not lock, another came in between. Some rows may be written: the Tx is doomed by that.
	err = c.errorOf(explain(ErrConflict, "another has written some of the entities"))
	if _, e := c.enter(ctx); e != nil {
		return e
	}
	c.leaveToRerun(err)
	return err
}

// sendMany writes the rows in the Tx of the call, whichever way the backend can. Where not all were as expected it is
// errMoved, and what was written is for the caller to take back.
func (c *call) sendMany(ctx context.Context, rows []manyRow, w manyWrite) error {
	mp := c.repo.mapping
	var u mapping.Undo
	defer u.Revert()
	if w.isPrepared {
		for i := range rows {
			if err := mp.Prepare(&u, rows[i].record, false); err != nil {
				return c.nameMany(rows[i].key, invalid(err))
			}
		}
	}
	at, err := c.enterWrite(ctx)
	if err != nil {
		return err
	}
	defer c.abandon()
	applied, err := c.sendRows(ctx, rows)
	if err != nil || applied < len(rows) {
		if err = c.leave(ctx, err); err == nil {
			err = errMoved
		}
		return err
	}
	c.keep(&u)
	for i := range rows {
		row := &rows[i]
		if row.isDelete {
			row.stored = gone
		}
		if w.isAlone {
			c.tellWritten(row.key, row.stored)
		} else {
			c.wrote(row.key, row.stored)
		}
	}
	if !rows[0].isDelete {
		c.stampMany(rows, at)
	}
	return c.leave(ctx, nil)
}

// stampMany says on the entities which versions they are, and has the Tx take that back where it does not commit.
func (c *call) stampMany(rows []manyRow, at time.Time) {
	mp := c.repo.mapping
	before := make([]mapping.Identity, len(rows))
	for i := range rows {
		before[i] = mp.IdentityOf(rows[i].record)
		mp.Stamp(rows[i].record, rows[i].stored, at)
	}
	c.tx.undo.Add(func() {
		for i := range rows {
			mp.SetIdentity(rows[i].record, before[i])
		}
	})
}

// nameMany gives an error the key of its entity.
func (c *call) nameMany(key any, err error) error {
	one := *c
	one.key = key
	return one.errorOf(err)
}

// sendRows sends the rows, those together that have the same fields written, and returns how many were written.
func (c *call) sendRows(ctx context.Context, rows []manyRow) (applied int, err error) {
	spec := &c.repo.mapping.Spec
	bulk, isBulk := c.repo.collection.(driver.Bulk)
	if !isBulk || spec.VersionAuto || spec.HasGenerated() {
		return c.sendOneByOne(ctx, rows)
	}
	for _, group := range groupsOf(rows) {
		many := make([]driver.ManyRow, len(group))
		for i, row := range group {
			many[i] = driver.ManyRow{Key: row.key, Record: row.record, Base: row.base, Expect: row.expect}
		}
		var result driver.ManyResult
		if group[0].isDelete {
			result, err = bulk.DeleteMany(ctx, &driver.DeleteManyParams{Tx: c.driverTx(), Rows: many})
		} else {
			p := driver.UpdateManyParams{Tx: c.driverTx(), Fields: group[0].fields, Rows: many}
			result, err = bulk.UpdateMany(ctx, &p)
		}
		switch {
		case err != nil:
			return applied, err
		case result.Declined:
			each := make([]manyRow, len(group))
			for i, row := range group {
				each[i] = *row
			}
			if result.Applied, err = c.sendOneByOne(ctx, each); err != nil {
				return applied, err
			}
		}
		for _, row := range group {
			row.stored = row.expect + 1
		}
		applied += result.Applied
	}
	return applied, nil
}

// groupsOf puts the rows together that have the same fields written. Within a group they keep their order.
func groupsOf(rows []manyRow) [][]*manyRow {
	var groups [][]*manyRow
	byFields := map[string]int{}
	for i := range rows {
		row := &rows[i]
		name := "all"
		if row.fields != nil {
			var b bytes.Buffer
			for _, f := range row.fields {
				b.Write(binary.AppendUvarint(nil, uint64(f)))
			}
			name = "of " + b.String()
		}
		g, ok := byFields[name]
		if !ok {
			g = len(groups)
			byFields[name] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], row)
	}
	return groups
}

// sendOneByOne sends each row by itself. It stops at the first that was not as expected.
func (c *call) sendOneByOne(ctx context.Context, rows []manyRow) (applied int, err error) {
	mp := c.repo.mapping
	for i := range rows {
		row := &rows[i]
		var result driver.WriteResult
		into := mp.ForGenerated()
		if row.isDelete {
			result, err = c.repo.collection.Delete(ctx, &driver.DeleteParams{
				Tx: c.driverTx(), Key: row.key, Expect: row.expect,
			})
		} else {
			result, err = c.repo.collection.Update(ctx, &driver.UpdateParams{
				Tx: c.driverTx(), Key: row.key, Record: row.record, Base: row.base, Fields: row.fields,
				Expect: row.expect, Next: row.expect + 1, Into: into,
			})
		}
		if err != nil || result.Outcome != driver.Applied {
			return applied, err
		}
		if !row.isDelete {
			mp.TakeGenerated(&c.tx.undo, row.record, into)
			row.stored = result.Stored
		}
		applied++
	}
	return applied, nil
}

// compareMany reads the versions of the rows, under a lock where it is asked for and reads lock, and returns an error
// that lists those that are missing or have another version than is expected, nil where there is none.
func (c *call) compareMany(ctx context.Context, rows []manyRow, isLocked bool) error {
	if _, err := c.enter(ctx); err != nil {
		return err
	}
	defer c.abandon()
	versions, err := c.versions(ctx, rows, isLocked)
	if err != nil {
		return c.leave(ctx, err)
	}
	var found manyError
	for i := range rows {
		row := &rows[i]
		version, ok := versions[row.key]
		switch {
		case !ok:
			found.add(row.key, c.nameMany(row.key, ErrNotFound))
		case version != row.expect:
			found.add(row.key, c.nameMany(row.key, &ConflictError{Expected: row.expect, Actual: version}))
		}
	}
	if len(found.errs) == 0 {
		return c.leave(ctx, nil)
	}
	found.of = len(rows)
	err = c.errorOf(&found)
	if c.tx != nil {
		for i := range rows {
			if version, ok := versions[rows[i].key]; ok && version != rows[i].expect {
				c.tx.noteConflict(c.repo.entityKey(rows[i].key), rows[i].expect, err)
			}
		}
	}
	_ = c.leave(ctx, nil)
	if errors.Is(err, ErrConflict) {
		c.tellConflict(ctx, err)
	}
	return err
}

// versions reads the versions of rows that are there.
func (c *call) versions(ctx context.Context, rows []manyRow, isLocked bool) (map[any]int64, error) {
	versions := make(map[any]int64, len(rows))
	isLocked = isLocked && c.tx != nil && !c.tx.isView
	mp := c.repo.mapping
	if bulk, ok := c.repo.collection.(driver.Bulk); ok && !mp.Spec.VersionAuto {
		for part := range slices.Chunk(rows, max(1, c.db.info.MaxKeys)) {
			p := driver.VersionsParams{Tx: c.driverTx(), Lock: isLocked}
			p.Found = func(key any, version int64) { versions[key] = version }
			for i := range part {
				p.Keys = append(p.Keys, part[i].key)
			}
			if err := bulk.Versions(ctx, &p); err != nil {
				return nil, err
			}
		}
		return versions, nil
	}
	for i := range rows {
		key := rows[i].key
		if isLocked && c.db.info.LockingReads {
			into := c.repo.fresh()
			p := driver.GetParams{Tx: c.driverTx(), Key: key, Into: into, Lock: true}
			found, err := c.repo.collection.Get(ctx, &p)
			if err != nil {
				return nil, err
			}
			if found.Found && mp.HasKey(into, key) {
				versions[key] = mp.Version(into)
			}
			continue
		}
		found, err := c.repo.collection.Version(ctx, &driver.VersionParams{Tx: c.driverTx(), Key: key})
		if err != nil {
			return nil, err
		}
		if found.Found {
			versions[key] = found.Version
		}
	}
	return versions, nil
}

// manyError lists what is wrong with some of many entities: an *Error for each.
type manyError struct {
	errs []error
	keys []any // of those entities
	of   int   // how many entities there are
}

// mostShown is how many entities the text of a manyError names.
const mostShown = 10

func (e *manyError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d", len(e.errs), e.of)
	for i, err := range e.errs {
		if i == mostShown {
			fmt.Fprintf(&b, ", and %d more", len(e.errs)-mostShown)
			break
		}
		b.WriteString([]string{": ", ", "}[min(i, 1)])
		one, _ := errors.AsType[*Error](err)
		if one.Key != "" {
			fmt.Fprintf(&b, "%q ", one.Key)
		}
		b.WriteString(one.Err.Error())
	}
	return b.String()
}

func (e *manyError) add(key any, err error) {
	e.keys = append(e.keys, key)
	e.errs = append(e.errs, err)
}

func (e *manyError) Unwrap() []error { return e.errs }
