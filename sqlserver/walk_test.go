package sqlserver

import (
	"context"
	"database/sql"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

var record = flag.Bool("record", false, "record the walk anew, from the live server")

// walker has a field of each kind.
type walker struct {
	store.Snapshot
	ID     int64            `db:"id" store:"key"`
	Name   string           `db:"name" store:"size=60,unique"`
	Code   string           `db:"code" store:"size=9,varchar"`
	Goals  *int64           `db:"goals"`
	Rating float64          `db:"rating"`
	Active bool             `db:"active"`
	Worth  string           `db:"worth" store:"decimal=19.4"`
	Born   time.Time        `db:"born"`
	Team   [16]byte         `db:"team"`
	Hash   [4]byte          `db:"hash"`
	Face   []byte           `db:"face"`
	Marks  map[string]int   `db:"marks" store:"json"`
	Note   sql.Null[string] `db:"note" store:"size=20"`
}

// TestWalk goes through every verb and outcome, over a recording of a live server.
func TestWalk(t *testing.T) {
	t.Parallel()
	withTape(t, *record, walk)
}

// walk makes the calls of TestWalk on a pool, which is that of a live server or of its recording. What it does
// must not depend on chance or on the time, since each statement must be the one that was recorded.
func walk(t *testing.T, pool *sql.DB) {
	ctx := t.Context()
	db, err := New(ctx, pool, nil)
	require.NoError(t, err)
	walkers := store.MustRepository[walker, int64](db, "dbo.walkers", nil)
	passes := store.MustRepository[stamp, int64](db, "stamps", nil)
	native, ok := Native(db)
	require.True(t, ok)
	for _, ddl := range append(walkers.DDL(), passes.DDL()...) {
		_, err := native.ExecContext(ctx, ddl)
		require.NoError(t, err)
	}
	goals := int64(24)
	one := walker{
		ID: 1, Name: "Vardy 😀", Code: "Málaga", Goals: &goals, Rating: 7.5, Active: true, Worth: "1000.5",
		Born: time.Date(
			1987, 1, 11, 12, 30, 15, 123456000, time.UTC,
		), Team: [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Hash: [4]byte{
			0xff, 0, 1, 2,
		}, Face: []byte{}, Marks: map[string]int{"a": 1}, Note: sql.Null[string]{V: "ten", Valid: true},
	}
	want := one
	require.NoError(t, walkers.InsertMany(ctx, []*walker{&one, {ID: 2, Name: "Mahrez", Worth: "0"}}))
	require.ErrorIs(t, walkers.Insert(ctx, &walker{ID: 3, Name: "Mahrez", Worth: "0"}), store.ErrExists)
	got, err := walkers.Get(ctx, 1)
	require.NoError(t, err)
	want.Snapshot, want.Worth = got.Snapshot, "1000.5000"
	require.EqualValues(t, 1, got.Version)
	require.Equal(t, want, got)
	_, err = walkers.Get(ctx, 9)
	require.ErrorIs(t, err, store.ErrNotFound)
	many, err := walkers.GetMany(ctx, []int64{1, 2, 9})
	require.NoError(t, err)
	require.Len(t, many, 2)
	require.Equal(t, walker{Snapshot: many[2].Snapshot, ID: 2, Name: "Mahrez", Worth: "0.0000"}, many[2])

	stale := got
	require.NoError(t, walkers.Save(ctx, &got))
	conflict := walkers.Save(ctx, &stale)
	require.ErrorIs(t, conflict, store.ErrConflict)
	missing := got
	missing.ID = 9
	require.ErrorIs(t, walkers.Save(ctx, &missing), store.ErrNotFound)
	require.NoError(t, walkers.Touch(ctx, &got))
	got, err = walkers.Modify(ctx, 1, func(w *walker) error { w.Goals, w.Note.Valid = nil, false; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 4, got.Version)
	old, err := walkers.IsStale(ctx, stale)
	require.NoError(t, err)
	require.True(t, old)
	n, err := walkers.Count(
		ctx,
		store.AllOf(
			store.Where("Name", store.Prefix, "V"), store.Where("Face", store.Eq, []byte{}),
			store.Where("Team", store.Eq, want.Team), store.Where("Born", store.Eq, want.Born),
			Where("rating > @p1", 7),
		),
	)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	items, next, err := walkers.Page(ctx, store.Query{}.OrderByDesc("Goals").Limit(1))
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.NotEmpty(t, next)

	require.NoError(t, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := walkers.In(tx).Modify(ctx, 2, func(w *walker) error { w.Active = true; return nil })
		return err
	}))
	require.ErrorIs(t, db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		return walkers.In(tx).Insert(ctx, &walker{ID: 2, Worth: "0"})
	}), store.ErrExists)
	require.NoError(t, db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		_, err := walkers.In(tx).Get(ctx, 2)
		return err
	}))

	first, second := stamp{Seat: "1"}, stamp{Seat: "2"}
	require.NoError(t, passes.InsertMany(ctx, []*stamp{&first, &second}))
	require.EqualValues(t, 2, second.ID)
	before := second
	second.Seat = "3"
	require.NoError(t, passes.Save(ctx, &second))
	require.NotEqual(t, before.Rev, second.Rev)
	require.ErrorIs(t, passes.Delete(ctx, before), store.ErrConflict)
	require.NoError(t, passes.Touch(ctx, &second))
	require.NoError(t, passes.DeleteKey(ctx, 1))
	require.NoError(t, walkers.Delete(ctx, got))
}

// stamp has a key and a version that the database makes.
type stamp struct {
	ID   int64     `store:"key,auto"`
	Rev  int64     `store:"version,auto"`
	Seat string    `store:"size=9"`
	Read time.Time `db:"-" store:"readat"`
}
