package memstore

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

// account is the entity of these tests. Its spec is written out, so that they rest on nothing but the
// driver's boundary.
type account struct {
	ID      int64
	Version int64
	Name    string
	Email   *string
	Balance int64
	Note    []byte
}

func field(t reflect.Type, name, path string, kind driver.Kind) driver.Field {
	f, _ := t.FieldByName(name)
	d := driver.Field{Name: name, Path: path, Index: f.Index, Type: f.Type, Tag: f.Tag, Kind: kind, Base: f.Type}
	if f.Type.Kind() == reflect.Pointer {
		d.Base, d.Wrap = f.Type.Elem(), driver.Pointer
	}
	return d
}

const (
	nameField = iota
	emailField
	balanceField
	noteField
)

// accountSpec is the Spec of account, as package store would make it.
func accountSpec() *driver.Spec {
	t := reflect.TypeFor[account]()
	s := &driver.Spec{
		Table:   "accounts",
		Type:    t,
		Key:     field(t, "ID", "id", driver.Int),
		Version: field(t, "Version", "version", driver.Int),
		Fields: []driver.Field{
			field(t, "Name", "name", driver.String),
			field(t, "Email", "email", driver.String),
			field(t, "Balance", "balance", driver.Int),
			field(t, "Note", "note", driver.Bytes),
		},
	}
	s.Indexes = []driver.Index{{
		Name: "accounts_email", Fields: []*driver.Field{&s.Fields[emailField]}, Unique: true,
	}}
	return s
}

// fixture is a database with the accounts 1 to 3, and checks at the end that nothing leaked.
type fixture struct {
	*testing.T
	engine   *engine
	accounts driver.Collection
}

// setup opens a database with a table of accounts, 1 to 3 of which are there. The hook of the settings is
// asked only from then on. When the test is over, nothing of a transaction may be left.
func setup(t *testing.T, s settings) *fixture {
	e := newEngine(s)
	c, err := e.Collection(accountSpec())
	require.NoError(t, err)
	f := &fixture{T: t, engine: e, accounts: c}
	fault := e.fault
	e.fault = nil
	for id := int64(1); id <= 3; id++ {
		require.NoError(t, f.insert(nil, account{ID: id}))
	}
	e.fault = fault
	t.Cleanup(func() {
		require.Empty(t, e.open, "transactions are left")
		require.Empty(t, e.locks.held, "locks are left")
		require.Empty(t, e.snapshots.open, "snapshots are left")
		require.Empty(t, e.snapshots.deletions, "old deletions are left")
		require.Empty(t, e.snapshots.deleted, "old deletions are left")
		require.Zero(t, e.locks.waiting, "somebody waits")
	})
	return f
}

func (f *fixture) raw() *Database { return &Database{engine: f.engine} }

func (f *fixture) begin() driver.Tx {
	f.Helper()
	tx, err := f.engine.Begin(f.Context(), &driver.BeginParams{})
	require.NoError(f, err)
	return tx
}

func (f *fixture) view() driver.Tx {
	f.Helper()
	tx, err := f.engine.Begin(f.Context(), &driver.BeginParams{View: true})
	require.NoError(f, err)
	return tx
}

func (f *fixture) commit(tx driver.Tx) {
	f.Helper()
	require.NoError(f, tx.Commit(f.Context()))
}

func (f *fixture) rollback(tx driver.Tx) {
	f.Helper()
	require.NoError(f, tx.Rollback(f.Context()))
}

func (f *fixture) insert(tx driver.Tx, accounts ...account) error {
	records := make([]driver.Record, len(accounts))
	for i := range accounts {
		records[i] = driver.RecordOf(&accounts[i])
	}
	_, err := f.accounts.Insert(f.Context(), &driver.InsertParams{Tx: tx, Records: records, Version: 1})
	return err
}

func (f *fixture) get(tx driver.Tx, id int64) (account, bool) {
	f.Helper()
	var a account
	result, err := f.accounts.Get(f.Context(), &driver.GetParams{Tx: tx, Key: id, Into: driver.RecordOf(&a)})
	require.NoError(f, err)
	return a, result.Found
}

func (f *fixture) balance(tx driver.Tx, id int64) int64 {
	f.Helper()
	a, found := f.get(tx, id)
	require.True(f, found)
	return a.Balance
}

// update sets the balance of an account from one version to the next.
func (f *fixture) update(tx driver.Tx, id, version, balance int64) (driver.WriteResult, error) {
	return f.accounts.Update(f.Context(), &driver.UpdateParams{
		Tx: tx, Key: id, Record: driver.RecordOf(&account{ID: id, Balance: balance}),
		Fields: []int{balanceField}, Expect: version, Next: version + 1,
	})
}

func (f *fixture) mustUpdate(tx driver.Tx, id, version, balance int64) {
	f.Helper()
	result, err := f.update(tx, id, version, balance)
	require.NoError(f, err)
	require.Equal(f, driver.WriteResult{Outcome: driver.Applied, Stored: version + 1}, result)
}

func (f *fixture) delete(tx driver.Tx, id int64) (driver.WriteResult, error) {
	return f.accounts.Delete(f.Context(), &driver.DeleteParams{Tx: tx, Key: id, Any: true})
}

func (f *fixture) class(err error) driver.Class {
	f.Helper()
	require.Error(f, err)
	return f.engine.Classify(err).Class
}

func text(s string) *string { return &s }
