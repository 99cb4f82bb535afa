package recipes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

func TestIdioms(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := mysql.Open(ctx, testbed.MySQL(t).Database(t), nil)
	require.NoError(t, err)
	b := newBank(t, db)
	clubs := b.Clubs

	held, err := clubs.Get(ctx, 7)
	require.NoError(t, err)
	club, err := Debit(ctx, clubs, 7, 100)
	require.NoError(t, err)
	assert.Equal(t, int64(400), club.Balance)
	_, err = Debit(ctx, clubs, 7, 1000)
	require.ErrorIs(t, err, ErrPoor)

	was := held
	require.ErrorIs(t, Rename(ctx, clubs, &held, "Leicester"), store.ErrConflict)
	assert.Equal(t, was, held)
	require.NoError(t, Refresh(ctx, clubs, &held))
	require.NoError(t, Rename(ctx, clubs, &held, "Leicester"))
	assert.Equal(t, int64(3), held.Version)
	require.NoError(t, Refresh(ctx, clubs, &held))

	require.NoError(t, Transfer(ctx, db, clubs, 7, 9, 50))
	require.ErrorIs(t, Transfer(ctx, db, clubs, 9, 7, 1000), ErrPoor)
	assert.Equal(t, int64(50), b.balance(t, 9))

	owing, err := Owing(ctx, clubs)
	require.NoError(t, err)
	assert.Empty(t, owing)

	pool, _ := mysql.Native(db)
	_, err = pool.ExecContext(ctx, "CREATE TABLE towns (name VARCHAR(60), club BIGINT)")
	require.NoError(t, err)
	_, err = pool.ExecContext(ctx, "INSERT INTO towns VALUES ('Stoke', 9), ('Leicester', 7)")
	require.NoError(t, err)
	towns, err := Towns(ctx, db)
	require.NoError(t, err)
	require.Len(t, towns, 2)
	assert.Equal(t, "Leicester", towns[0].Name)
	assert.Equal(t, int64(350), towns[0].Balance)
	_, err = Towns(ctx, memstore.Open(nil))
	require.ErrorIs(t, err, store.ErrUnsupported)
}
