package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Touch, and the versions that a database makes itself, as part of Versions.
var _ = register(
	"Versions",
	Test{Name: "MadeByTheDatabase", needs: autoVersions, run: versionsAuto},
	Test{Name: "MadeByTheDatabaseIsRefused", needs: noAutoVersions, run: versionsAutoRefused},
	Test{Name: "TouchMovesNothingElse", run: touchMovesVersion},
	Test{Name: "TouchNeedsItsVersion", run: touchOutcomes},
)

// stamped has a version that the database moves.
type stamped struct {
	ID     int64     `db:"id" bson:"_id" store:"key"`
	Amount int64     `db:"amount" bson:"amount"`
	Rev    int64     `db:"rev" bson:"rev" store:"version,auto"`
	Seen   time.Time `db:"-" bson:"-" store:"readat"`
}

// versionsAuto lets the database make the version: each write gives a new one, and the one in memory is the stored one.
func versionsAuto(e *env) {
	r := newRepository[stamped](e, "stamped", byID)
	c := inserted(r, stamped{ID: 1, Amount: 1})
	seen := map[int64]bool{}
	fresh := func(op string, version int64) {
		require.False(e, seen[version], "%s: version %d was there before", op, version)
		seen[version] = true
		require.Equal(e, version, r.get(1).Rev, "%s: the version in memory is the stored one", op)
	}
	fresh("Insert", c.Rev)
	old := c
	c.Amount = 2
	require.NoError(e, r.Save(e.ctx, &c))
	fresh("Save", c.Rev)
	m, err := r.Modify(e.ctx, 1, func(c *stamped) error { c.Amount = 3; return nil })
	require.NoError(e, err)
	fresh("Modify", m.Rev)
	require.NoError(e, r.Touch(e.ctx, &m))
	fresh("Touch", m.Rev)
	e.conflict(r.Save(e.ctx, &old), old.Rev, m.Rev)
	r.set(1, Columns{"amount": int64(9)})
	n, err := r.Modify(e.ctx, 1, func(*stamped) error { return nil })
	require.NoError(e, err)
	require.EqualValues(e, 9, n.Amount)
	require.NoError(e, r.Delete(e.ctx, n))
}

func versionsAutoRefused(e *env) {
	_, err := store.NewRepository[stamped, int64](e.db, e.table("stamped"), nil)
	e.names(err, "stamped", "Rev")
	require.True(e, isRefusal(err), "%v", err)
}

// touchMovesVersion touches copies that differ from the row: none of that may be written.
func touchMovesVersion(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	r.set(1, Columns{"name": "raw"})
	want := r.raw(1)
	c.Balance, c.Nick, c.Titles = -1, nil, []string{"dirty"}
	require.NoError(e, r.Touch(e.ctx, &c))
	require.EqualValues(e, 2, c.Version)
	require.EqualValues(e, -1, c.Balance, "the copy keeps what its owner did")
	have := r.raw(1)
	require.EqualValues(e, 2, integer(e, have["version"]))
	have["version"] = want["version"]
	require.Equal(e, want, have)
}

func touchOutcomes(e *env) {
	r := newClubs(e)
	c := inserted(r, newClub(1))
	stale := c
	require.NoError(e, r.Touch(e.ctx, &c))
	e.conflict(r.Touch(e.ctx, &stale), 1, 2)
	e.conflict(r.Save(e.ctx, &stale), 1, 2)
	r.remove(1)
	e.only(r.Touch(e.ctx, &c), store.ErrNotFound)
	r.gone(1)
}
