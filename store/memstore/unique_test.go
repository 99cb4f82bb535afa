package memstore

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/driver"
)

func (f *fixture) setEmail(tx driver.Tx, id, version int64, email *string) error {
	_, err := f.accounts.Update(f.Context(), &driver.UpdateParams{
		Tx: tx, Key: id, Record: driver.RecordOf(&account{Email: email}),
		Fields: []int{emailField}, Expect: version, Next: version + 1,
	})
	return err
}

func TestUniqueIndex(t *testing.T) {
	f := setup(t, settings{})
	require.NoError(t, f.setEmail(nil, 1, 1, text("a@x")))
	err := f.setEmail(nil, 2, 1, text("a@x"))
	assert.Equal(t, driver.Fault{
		Class: driver.Duplicate, Code: "duplicate", Constraint: "accounts_email",
	}, f.engine.Classify(err))
	require.NoError(t, f.setEmail(nil, 2, 1, text("A@x")), "case is a difference")
	require.NoError(t, f.setEmail(nil, 1, 2, text("a@x")), "a row may keep its value")

	tx := f.begin()
	require.NoError(t, f.setEmail(tx, 1, 3, nil))
	require.NoError(t, f.setEmail(tx, 3, 1, text("a@x")), "freed in the same transaction")
	require.NoError(t, f.setEmail(tx, 1, 4, text("b@x")))
	f.rollback(tx)
	assert.Equal(t, driver.Duplicate, f.class(f.setEmail(nil, 3, 1, text("a@x"))))

	_, err = f.delete(nil, 1)
	require.NoError(t, err)
	require.NoError(t, f.setEmail(nil, 3, 1, text("a@x")))
}

func TestUniqueValueIsLocked(t *testing.T) {
	for _, commits := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := setup(t, settings{})
			require.NoError(t, f.setEmail(nil, 1, 1, text("old")))
			tx := f.begin()
			require.NoError(t, f.setEmail(tx, 1, 2, text("new")))
			takesOld, takesNew := make(chan error, 1), make(chan error, 1)
			go func() { takesOld <- f.setEmail(nil, 2, 1, text("old")) }()
			go func() { takesNew <- f.setEmail(nil, 3, 1, text("new")) }()
			synctest.Wait()
			require.Equal(t, 2, f.raw().Waiting(), "the freed value is not free before the commit")
			if commits {
				f.commit(tx)
				require.NoError(t, <-takesOld)
				assert.Equal(t, driver.Duplicate, f.class(<-takesNew))
			} else {
				f.rollback(tx)
				assert.Equal(t, driver.Duplicate, f.class(<-takesOld))
				require.NoError(t, <-takesNew)
			}
		})
	}
}

func TestInsertAllOrNone(t *testing.T) {
	tests := []struct {
		name           string
		accounts       []account
		wantConstraint string
	}{
		{"KeyIsThere", []account{{ID: 10}, {ID: 2}}, "PRIMARY"},
		{"KeyTwiceInBatch", []account{{ID: 10}, {ID: 10}}, "PRIMARY"},
		{"ValueTwiceInBatch", []account{{ID: 10, Email: text("x")}, {ID: 11, Email: text("x")}}, "accounts_email"},
		{"ValueIsThere", []account{{ID: 10}, {ID: 11, Email: text("taken")}}, "accounts_email"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := setup(t, settings{})
			require.NoError(t, f.setEmail(nil, 1, 1, text("taken")))
			fault := f.engine.Classify(f.insert(nil, test.accounts...))
			assert.Equal(t, driver.Duplicate, fault.Class)
			assert.Equal(t, test.wantConstraint, fault.Constraint)
			_, found := f.get(nil, 10)
			assert.False(t, found)

			tx := f.begin()
			require.Error(t, f.insert(tx, test.accounts...))
			_, found = f.get(tx, 10)
			assert.False(t, found)
			f.commit(tx)
			_, found = f.get(nil, 10)
			assert.False(t, found)
			require.NoError(t, f.insert(nil, account{ID: 10, Email: text("x")}), "no value is left taken")
		})
	}
}
