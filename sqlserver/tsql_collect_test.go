package sqlserver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/internal/testbed/tsql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

// collector has the backend send every statement that it can, and keeps each text once.
type collector struct {
	t      *testing.T
	known  map[string]bool
	all    []tsql.Statement
	schema []string // makes the tables that the statements are about
}

func (c *collector) add(s tsql.Statement) {
	if !c.known[s.Text] {
		c.known[s.Text] = true
		c.all = append(c.all, s)
	}
}

// said adds what the library tells its user to run.
func (c *collector) said(text string) { c.add(tsql.Statement{Text: text}) }

// once leaves a statement that is a transaction of its own to the parser alone where the model is asked about the
// same one in a transaction: the settings in front of it name nothing.
func (c *collector) once() {
	alone := (&dialect{wait: 3 * time.Second}).Facts().Texts.Alone
	for i := range c.all {
		if text, ok := strings.CutPrefix(c.all[i].Text, alone); ok && c.known[text] {
			c.all[i].ParserOnly = true
		}
	}
}

// auditRow is what auditQuery says of a SQL Server 2022 whose database has a code page.
func auditRow(page int) []sqldriver.Value {
	summer, winter := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	return []sqldriver.Value{
		"16.0.4135.4", int64(3), nil, "game", "Latin1_General_CI_AS", int64(page),
		int64(ansiWarnings | ansiPadding | ansiNulls | quotedIdentifier | concatNull), summer, winter,
		[]byte{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15},
	}
}

// database is an opened one, with what it was told of its mappings.
type database struct {
	driver.Database
	c    *collector
	fake *pretender
	db   *store.DB

	spec       *driver.Spec
	collection driver.Collection
}

// Collection implements [driver.Database].
func (d *database) Collection(spec *driver.Spec) (driver.Collection, error) {
	var err error
	d.spec = spec
	d.collection, err = d.Database.Collection(spec)
	return d.collection, err
}

// open opens a database over a server that is not there.
func (c *collector) open(audit []sqldriver.Value, snapshot bool) *database {
	state := int64(0)
	if snapshot {
		state = 1
	}
	fake := newPretender(c.t, c.add)
	fake.audit, fake.database[1] = audit, state
	pool := sql.OpenDB(fake)
	c.t.Cleanup(func() { _ = pool.Close() })
	db, err := New(c.t.Context(), pool, nil)
	require.NoError(c.t, err)
	d := &database{Database: db.Driver(), c: c, fake: fake}
	d.db, err = store.New(d, nil)
	require.NoError(c.t, err)
	return d
}

// use makes a table the one that is worked on. The catalogue has none yet.
func (d *database) use(m mapping, table string) repository {
	r, err := m.open(d.db, table)
	require.NoError(d.c.t, err, "%s as %s", m.name, table)
	d.fake.catalogue = catalogue{}
	d.fake.matched, d.fake.parserOnly = 1, true
	d.fake.columns = len(d.spec.KeyFields()) + 1 + len(d.spec.Fields)
	if d.spec.KeyAuto {
		d.fake.columns--
	}
	if d.spec.VersionAuto {
		d.fake.columns--
	}
	d.fake.version = (&dialect{}).Quote(d.spec.Version.Path)
	d.fake.row = d.row(d.record(1))
	return r
}

// create adds the table to the schema that the statements are about.
func (d *database) create() {
	d.fake.parserOnly = false
	for _, text := range d.collection.DDL() {
		if at := strings.Index(text, " IS NULL CREATE TABLE "); at >= 0 {
			text = text[at+len(" IS NULL "):]
		}
		d.c.schema = append(d.c.schema, text)
	}
}

// record makes an entity of the mapping.
func (d *database) record(n int) driver.Record {
	r := driver.RecordOf(reflect.New(d.spec.Type).Interface())
	if d.spec.Key.Kind == driver.Composite {
		key := r.Field(&d.spec.Key)
		for i := range d.spec.Key.Parts {
			part := &d.spec.Key.Parts[i]
			fill(part, key.Field(part.Index[len(part.Index)-1]), n)
		}
	} else {
		fill(&d.spec.Key, r.Field(&d.spec.Key), n)
	}
	for i := range d.spec.Fields {
		fill(&d.spec.Fields[i], r.Field(&d.spec.Fields[i]), n)
	}
	return r
}

// fill gives a field a value that is not its zero.
func fill(f *driver.Field, v reflect.Value, n int) {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(f, v.Elem(), n)
	case f.Wrap != driver.Plain && v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		v.Field(1).SetBool(true)
		fill(f, v.Field(0), n)
	case f.Kind == driver.Decimal:
		v.SetString("1.5")
	case f.Kind == driver.Nested:
	case f.Kind == driver.Time:
		v.Set(reflect.ValueOf(born.AddDate(n, 0, 0)))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString(strings.Repeat("x", n))
	case v.CanInt():
		v.SetInt(int64(n))
	case v.CanUint():
		v.SetUint(uint64(n))
	case v.CanFloat():
		v.SetFloat(float64(n))
	case v.Kind() == reflect.Slice:
		v.SetBytes([]byte{byte(n)})
	case v.Kind() == reflect.Array:
		v.Index(0).SetUint(uint64(n))
	}
}

// row is an entity as a SELECT of all columns gives it.
func (d *database) row(r driver.Record) []sqldriver.Value {
	var row []sqldriver.Value
	add := func(f *driver.Field, v reflect.Value) {
		value, err := f.Encode(v)
		require.NoError(d.c.t, err)
		switch x := value.(type) {
		case string:
			if f.Kind == driver.Decimal {
				value = []byte(x)
			}
		case []byte:
			if f.Kind == driver.UUID {
				value, err = mssql.UniqueIdentifier(x).Value()
				require.NoError(d.c.t, err)
			}
		}
		row = append(row, value)
	}
	keys := d.spec.KeyFields()
	for i, v := range d.spec.KeyValues(r.Field(&d.spec.Key).Interface()) {
		add(&keys[i], v)
	}
	if d.spec.VersionAuto {
		row = append(row, stampBytes)
	} else {
		row = append(row, int64(3))
	}
	for i := range d.spec.Fields {
		add(&d.spec.Fields[i], r.Field(&d.spec.Fields[i]))
	}
	return row
}

// fields are all stored fields.
func (d *database) fields() []*driver.Field {
	var all []*driver.Field
	if d.spec.Key.Kind == driver.Composite {
		for i := range d.spec.Key.Parts {
			all = append(all, &d.spec.Key.Parts[i])
		}
	} else {
		all = append(all, &d.spec.Key)
	}
	all = append(all, &d.spec.Version)
	for i := range d.spec.Fields {
		all = append(all, &d.spec.Fields[i])
	}
	return all
}

// verbs has every verb but those that ask for a query sent, as transactions of their own and in one. Where it is
// brief the UPDATEs of some fields are left out.
func (d *database) verbs(brief bool) {
	ctx, t := d.c.t.Context(), d.c.t
	for _, inTx := range []bool{false, true} {
		var tx driver.Tx
		if inTx {
			var err error
			tx, err = d.Begin(ctx, &driver.BeginParams{})
			require.NoError(t, err)
		}
		d.reads(ctx, tx)
		d.inserts(ctx, tx)
		for d.fake.matched = range int64(2) {
			d.writes(ctx, tx, brief)
		}
		if inTx {
			_, err := tx.(*sqldb.Tx).SQLX("sqlserver")
			require.NoError(t, err)
			require.NoError(t, tx.Commit(ctx))
		}
	}
	for _, view := range []bool{false, true} {
		tx, err := d.Begin(ctx, &driver.BeginParams{View: view})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback(ctx))
	}
}

func (d *database) key(n int) any { return d.record(n).Field(&d.spec.Key).Interface() }

// reads reads one row, its version, and rows by lists of keys. Only a transaction locks.
func (d *database) reads(ctx context.Context, tx driver.Tx) {
	t := d.c.t
	_, err := d.collection.Get(ctx, &driver.GetParams{Tx: tx, Key: d.key(1), Into: d.blank()})
	require.NoError(t, err)
	if tx != nil {
		_, err = d.collection.Get(ctx, &driver.GetParams{Tx: tx, Key: d.key(1), Into: d.blank(), Lock: true})
		require.NoError(t, err)
	}
	_, err = d.collection.Version(ctx, &driver.VersionParams{Tx: tx, Key: d.key(1)})
	require.NoError(t, err)
	for _, n := range []int{1, 2, 3, 9} {
		var keys []any
		for i := range n {
			keys = append(keys, d.key(i+1))
		}
		_, err = d.collection.Find(ctx, &driver.FindParams{Tx: tx, Keys: keys, Into: d.blank})
		require.NoError(t, err)
	}
}

// blank is an entity to read into.
func (d *database) blank() driver.Record {
	return driver.RecordOf(reflect.New(d.spec.Type).Interface())
}

func (d *database) inserts(ctx context.Context, tx driver.Tx) {
	for _, n := range []int{1, 2, 3, 40} {
		var records []driver.Record
		for i := range n {
			records = append(records, d.record(i+1))
		}
		_, err := d.collection.Insert(ctx, &driver.InsertParams{Tx: tx, Records: records, Version: 1})
		require.NoError(d.c.t, err)
	}
}

// writes sends each UPDATE and DELETE, of all fields, none, one, two neighbours, and of a row without a version.
func (d *database) writes(ctx context.Context, tx driver.Tx, brief bool) {
	t := d.c.t
	for _, expect := range []int64{0, 3} {
		update := driver.UpdateParams{Tx: tx, Key: d.key(1), Record: d.record(2), Expect: expect, Next: expect + 1}
		subsets := [][]int{nil, {}}
		for i := range d.spec.Fields {
			if brief {
				break
			}
			subsets = append(subsets, []int{i})
			if i > 0 {
				subsets = append(subsets, []int{i - 1, i})
			}
		}
		for _, update.Fields = range subsets {
			_, err := d.collection.Update(ctx, &update)
			require.NoError(t, err)
		}
		_, err := d.collection.Delete(ctx, &driver.DeleteParams{Tx: tx, Key: d.key(1), Expect: expect})
		require.NoError(t, err)
	}
	_, err := d.collection.Delete(ctx, &driver.DeleteParams{Tx: tx, Key: d.key(1), Any: true})
	require.NoError(t, err)
}

// filters are all conditions on a field.
func (d *database) filters(f *driver.Field) []*driver.Filter {
	all := []*driver.Filter{{Op: driver.IsNull, Field: f}, {Op: driver.NotNull, Field: f}}
	if !f.Comparable() {
		return all
	}
	value := func(n int) any {
		v := reflect.New(f.Base).Elem()
		fill(&driver.Field{Kind: f.Kind}, v, n)
		return v.Interface()
	}
	ops := []driver.Op{driver.Eq, driver.Ne}
	if f.Ordered() {
		ops = append(ops, driver.Lt, driver.Le, driver.Gt, driver.Ge)
	}
	if f.Kind == driver.String {
		ops = append(ops, driver.Prefix, driver.NotPrefix)
	}
	for _, op := range ops {
		all = append(all, &driver.Filter{Op: op, Field: f, Value: value(1)})
	}
	for _, op := range []driver.Op{driver.In, driver.NotIn} {
		for _, n := range []int{1, 2, 3} {
			values := []any{value(1), value(2), value(3)}[:n]
			all = append(all, &driver.Filter{Op: op, Field: f, Value: values})
		}
	}
	return all
}

// queries counts and sorts by every field, in every way.
func (d *database) queries(r repository) {
	ctx, t := d.c.t.Context(), d.c.t
	fields := d.fields()
	var keys []driver.Order
	for _, f := range fields[:len(d.spec.KeyFields())] {
		keys = append(keys, driver.Order{Field: f})
	}
	_, err := d.collection.Count(ctx, &driver.CountParams{})
	require.NoError(t, err)
	for _, f := range fields {
		filters := d.filters(f)
		for i, filter := range filters {
			_, err := d.collection.Count(ctx, &driver.CountParams{Filter: filter})
			require.NoError(t, err)
			other := filters[(i+1)%len(filters)]
			if i%4 > 0 {
				continue
			}
			for _, op := range []driver.Op{driver.And, driver.Or} {
				inner := &driver.Filter{Op: driver.Or, Sub: []*driver.Filter{other, {Op: driver.And}}}
				deep := &driver.Filter{Op: op, Sub: []*driver.Filter{filter, inner, {Op: driver.Or}}}
				_, err := d.collection.Count(ctx, &driver.CountParams{Filter: deep})
				require.NoError(t, err)
			}
		}
		if !f.Ordered() {
			continue
		}
		for _, desc := range []bool{false, true} {
			order := append([]driver.Order{{Field: f, Desc: desc}}, keys...)
			for _, filter := range []*driver.Filter{nil, filters[0]} {
				page := &driver.FindParams{Filter: filter, Order: order, Limit: 2, Peek: desc, Into: d.blank}
				_, err := d.collection.Find(ctx, page)
				require.NoError(t, err)
			}
		}
	}
	d.pages(r)
	d.natives(r)
}

// pages reads on behind a row with values, and behind one of NULLs.
func (d *database) pages(r repository) {
	ctx, t := d.c.t.Context(), d.c.t
	full := d.fake.row
	defer func() { d.fake.row = full }()
	empty := slices.Clone(full)
	for i, f := range d.fields() {
		if f.Nullable() {
			empty[i] = nil
		}
	}
	var names []string
	for _, f := range d.fields() {
		if f.Ordered() {
			names = append(names, f.Name)
		}
	}
	for _, d.fake.row = range [][]sqldriver.Value{full, empty} {
		for i, name := range names {
			other := names[(i+1)%len(names)]
			for _, q := range []store.Query{
				store.Query{}.OrderBy(name), store.Query{}.OrderBy(name).OrderByDesc(other),
				store.Query{}.OrderByDesc(name), store.Query{}.OrderByDesc(name).OrderBy(other),
			} {
				next, err := r.page(ctx, q.Limit(2))
				require.NoError(t, err)
				_, err = r.page(ctx, q.Limit(2).From(next))
				require.NoError(t, err)
			}
		}
	}
}

// natives has conditions whose text holds what could be taken for a parameter or an end.
func (d *database) natives(r repository) {
	column := (&dialect{}).Quote(d.fields()[0].Path)
	for _, q := range []store.Query{
		Where(column + " IS NOT NULL -- the end @p1"),
		Where(column+" IS NOT NULL AND N'it''s @p9 [' <> @p1 /* @p2 ' */ AND N']' <> @p2", "a", "b"),
		store.Not(store.AnyOf(store.AllOf(Where("1 = @p1", 1), Where("2 = @p1 OR 3 = @p1", 2)))),
	} {
		err := r.count(d.c.t.Context(), q)
		if err != nil { // the negation of a native condition is no condition
			require.ErrorIs(d.c.t, err, store.ErrInvalid)
		}
	}
}
