package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Options.Rehearse runs the function of Modify and Upsert twice, and leaves nothing of the first run.
var _ = register(
	"Modify",
	Test{Name: "Rehearsed", run: rehearseModify},
	Test{Name: "RehearsedUpsert", run: rehearseUpsert},
)

// rehearseModify looks at the two runs of a rehearsed Modify: each has a copy of its own, and the first leaves nothing.
func rehearseModify(e *env) {
	r := newAccounts(e, 10)
	ours := r.on(e.open(store.Options{Rehearse: true}), nil)
	var copies []*account
	a, err := ours.Modify(e.ctx, 1, func(a *account) error {
		require.Equal(e, int64(10), a.Amount, "each run has a copy of its own")
		a.Amount++
		a.Marks = append(a.Marks, int64(len(copies)))
		copies = append(copies, a)
		return nil
	})
	require.NoError(e, err)
	require.Len(e, copies, 2)
	require.NotSame(e, copies[0], copies[1])
	require.EqualValues(e, 2, a.Version, "one run is written")
	require.Equal(e, []int64{1}, r.get(1).Marks, "the second")

	// What the rehearsal returns is thrown away too; the run itself decides.
	runs := 0
	_, err = ours.Modify(e.ctx, 1, func(*account) error {
		if runs++; runs == 1 {
			return errBoom
		}
		return nil
	})
	require.NoError(e, err)
	_, err = ours.Modify(e.ctx, 1, func(*account) error { runs++; return errBoom })
	require.ErrorIs(e, err, errBoom)
	require.Equal(e, 4, runs)
	_, err = ours.Modify(e.ctx, 2, func(*account) error { runs++; return nil })
	e.only(err, store.ErrNotFound)
	require.Equal(e, 4, runs)
	require.PanicsWithValue(e, "boom", func() {
		_, _ = ours.Modify(e.ctx, 1, func(*account) error { panic("boom") })
	})
	_, err = ours.Modify(e.ctx, 1, nil)
	e.only(err, store.ErrInvalid)
	require.EqualValues(e, 2, r.get(1).Version)
}

// rehearseUpsert looks at the two runs of a rehearsed Upsert, of a row that is missing and of one that is there.
func rehearseUpsert(e *env) {
	r := newAccounts(e)
	ours := r.on(e.open(store.Options{Rehearse: true}), nil)
	var found []bool
	upsert := func(a *account, there bool) error {
		require.EqualValues(e, 1, a.ID)
		a.Amount += 5
		found = append(found, there)
		return nil
	}
	for range 2 {
		_, err := ours.Upsert(e.ctx, 1, upsert)
		require.NoError(e, err)
	}
	require.Equal(e, []bool{false, false, true, true}, found)
	require.EqualValues(e, 10, r.get(1).Amount)
}
