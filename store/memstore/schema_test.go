package memstore

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func schema(t *testing.T, c driver.Collection, create bool) []string {
	t.Helper()
	result, err := c.Schema(t.Context(), &driver.SchemaParams{Create: create})
	require.NoError(t, err)
	var lines []string
	for _, d := range result.Differences {
		lines = append(lines, d.String())
	}
	return lines
}

func TestSchema(t *testing.T) {
	e := newEngine(settings{})
	c, err := e.Collection(accountSpec())
	require.NoError(t, err)
	const create = "CREATE TABLE accounts (id BIGINT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, " +
		"email TEXT, balance BIGINT NOT NULL, note BYTES, PRIMARY KEY (id))"
	const index = "CREATE UNIQUE INDEX accounts_email ON accounts (email)"
	assert.Equal(t, []string{create, index}, c.DDL())
	assert.Equal(t, []string{
		"must: accounts: the table does not exist (fix: " + create + "; " + index + ")",
	}, schema(t, c, false))
	assert.Empty(t, (&Database{engine: e}).Tables())
	assert.Empty(t, schema(t, c, true))
	assert.Empty(t, schema(t, c, true))
	assert.Equal(t, []string{"accounts"}, (&Database{engine: e}).Tables())

	changed := accountSpec()
	changed.Fields[nameField].Kind = driver.Bytes // as if Name had become another type
	changed.Fields[noteField].Path = "remark"
	changed.Indexes[0].Fields = []*driver.Field{&changed.Fields[nameField]}
	changed.Indexes = append(changed.Indexes, driver.Index{
		Name: "accounts_remark", Fields: []*driver.Field{&changed.Fields[noteField]}, Unique: true,
	}, driver.Index{Name: "plain", Fields: []*driver.Field{&changed.Fields[noteField]}})
	other, err := e.Collection(changed)
	require.NoError(t, err)
	kind := "must: accounts.name: the column holds TEXT, the mapping stores BYTES " +
		"(fix: ALTER TABLE accounts ALTER COLUMN name BYTES)"
	columns := "must: accounts.accounts_email: the unique index has other columns; it stays, and the fix " +
		"makes another one beside it (fix: CREATE UNIQUE INDEX accounts_email_2 ON accounts (name))"
	assert.Equal(t, []string{
		kind,
		"must: accounts.remark: the column does not exist (fix: ALTER TABLE accounts ADD COLUMN remark BYTES)",
		columns,
		"must: accounts.accounts_remark: the unique index does not exist " +
			"(fix: CREATE UNIQUE INDEX accounts_remark ON accounts (remark))",
	}, schema(t, other, false))
	assert.Equal(t, []string{kind, columns}, schema(t, other, true))
}

// withoutIndex returns a mapping of the accounts that asks for no index.
func withoutIndex() *driver.Spec {
	s := accountSpec()
	s.Indexes = nil
	return s
}

func TestSchemaIndexOverRows(t *testing.T) {
	f := setup(t, settings{})
	plain := withoutIndex()
	plain.Table = "plain"
	c, err := f.engine.Collection(plain)
	require.NoError(t, err)
	unique := accountSpec()
	unique.Table = "plain"
	u, err := f.engine.Collection(unique)
	require.NoError(t, err)
	f.accounts = c
	first, second := account{ID: 1, Email: text("e")}, account{ID: 2, Email: text("e")}
	require.NoError(t, f.insert(nil, first, second, account{ID: 3}))

	_, err = u.Schema(t.Context(), &driver.SchemaParams{Create: true})
	fault := f.engine.Classify(err)
	assert.Equal(t, driver.Duplicate, fault.Class)
	assert.Equal(t, "accounts_email", fault.Constraint)
	assert.Len(t, schema(t, u, false), 1, "a part of an index is not left")
	_, err = f.delete(nil, 2)
	require.NoError(t, err)
	assert.Empty(t, schema(t, u, true))
	assert.Equal(t, driver.Duplicate, f.class(f.insert(nil, account{ID: 4, Email: text("e")})), "for every mapping")
}

func TestSchemaIndexWaitsForWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		plain := withoutIndex()
		plain.Table = "plain"
		c, err := f.engine.Collection(plain)
		require.NoError(t, err)
		unique := accountSpec()
		unique.Table = "plain"
		u, err := f.engine.Collection(unique)
		require.NoError(t, err)
		f.accounts = c
		require.NoError(t, f.insert(nil, account{ID: 1, Email: text("e")}))
		tx := f.begin()
		require.NoError(t, f.insert(tx, account{ID: 2, Email: text("e")}))
		done := make(chan error, 1)
		go func() {
			_, err := u.Schema(t.Context(), &driver.SchemaParams{Create: true})
			done <- err
		}()
		synctest.Wait()
		require.Equal(t, 1, f.raw().Waiting())
		f.commit(tx)
		assert.Equal(t, driver.Duplicate, f.class(<-done))
	})
}

func TestCollectionFaults(t *testing.T) {
	spec := accountSpec()
	spec.Table = ""
	spec.KeyAuto = true
	spec.Key.Wrap = driver.Pointer
	spec.Fields[nameField].Kind = driver.Opaque
	spec.Fields[balanceField].Path = "email"
	spec.Fields[noteField].Path = ""
	spec.Indexes = append(spec.Indexes, spec.Indexes[0])
	_, err := newEngine(settings{tag: "xml"}).Collection(spec)
	require.Error(t, err)
	for _, want := range []string{
		`Options.Tag is "xml"`,
		"the table has no name",
		"memstore.account.Name: type string has no stored form",
		`memstore.account.Balance: the stored name "email" is that of Email`,
		"memstore.account.Note: the stored name is empty",
		"memstore.account.ID: the database makes plain integer keys only",
		`memstore.account.Email: there are two indexes of the name "accounts_email"`,
	} {
		assert.ErrorContains(t, err, want)
	}

	e := newEngine(settings{})
	_, err = e.Collection(accountSpec())
	require.NoError(t, err)
	spec = accountSpec()
	spec.Key.Path = "other"
	_, err = e.Collection(spec)
	assert.ErrorContains(t, err, "memstore.account.ID: the key of table accounts is (id), not (other)")
}

// Two mappings of one table meet in the stored names, whichever made the table.
func TestProjection(t *testing.T) {
	f := setup(t, settings{})
	small := withoutIndex()
	small.Fields = small.Fields[:1]
	c, err := f.engine.Collection(small)
	require.NoError(t, err)
	f.mustUpdate(nil, 1, 1, 100)
	_, err = c.Update(t.Context(), &driver.UpdateParams{
		Key: int64(1), Record: driver.RecordOf(&account{Name: "Ann"}), Expect: 2, Next: 3,
	})
	require.NoError(t, err)
	a, _ := f.get(nil, 1)
	assert.Equal(t, account{ID: 1, Version: 3, Name: "Ann", Balance: 100}, a)
}

// A writer that waits while an index is made must enter its row into that index too.
func TestSchemaIndexMadeDuringWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, settings{})
		spec := accountSpec()
		spec.Indexes = append(spec.Indexes, driver.Index{
			Name: "accounts_name", Fields: []*driver.Field{&spec.Fields[nameField]}, Unique: true,
		})
		c, err := f.engine.Collection(spec)
		require.NoError(t, err)
		_, err = f.delete(nil, 1)
		require.NoError(t, err)
		_, err = f.delete(nil, 2)
		require.NoError(t, err)

		holder := f.begin() // keeps the lock of the value, without a change that an index must wait for
		require.Error(t, f.insert(holder, account{ID: 3, Email: text("e")}))
		done := make(chan error, 1)
		go func() { done <- f.insert(nil, account{ID: 8, Name: "Ann", Email: text("e")}) }()
		synctest.Wait()
		require.Equal(t, 1, f.raw().Waiting())
		require.Empty(t, schema(t, c, true))
		f.rollback(holder)
		require.NoError(t, <-done)
		fault := f.engine.Classify(f.insert(nil, account{ID: 9, Name: "Ann"}))
		assert.Equal(t, "accounts_name", fault.Constraint)
	})
}
