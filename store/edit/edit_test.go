package edit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/refresh/longrun"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/edit"
	"github.com/stillframe/stillframe/store/memstore"
)

type player struct {
	store.Snapshot `bson:",inline"`

	ID    int64  `db:"id" bson:"_id" store:"key"`
	Name  string `db:"name" bson:"name" store:"size=40,unique"`
	Level int64  `db:"level" bson:"level"`
	Gold  int64  `db:"gold" bson:"gold"`
	Pin   string `db:"pin" bson:"pin" store:"secret,size=20"`
}

func (p *player) Validate() error {
	if p.Gold > 1000 {
		return errors.New("more gold than there is")
	}
	return nil
}

// fans has no secret field.
type fan struct {
	store.Snapshot `bson:",inline"`

	ID   int64      `db:"id" bson:"_id" store:"key"`
	Name string     `db:"name" bson:"name" store:"size=40"`
	Seen *time.Time `db:"seen" bson:"seen"`
	Tags []string   `db:"tags" bson:"tags" store:"json"`
}

// databases are those that each test of an edit runs on.
func databases(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Run("memstore", func(t *testing.T) { test(t, memstore.Open(nil)) })
	t.Run("MariaDB", func(t *testing.T) {
		db, err := mysql.Open(t.Context(), testbed.MariaDB(t).Database(t), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		test(t, db)
	})
	t.Run("MongoDB", func(t *testing.T) {
		server := testbed.Mongo(t)
		db, err := mongo.Open(t.Context(), server.URI(), server.Database(t), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		test(t, db)
	})
}

// prepare makes the tables, and n players of level 1 with 10 gold.
func prepare(t *testing.T, db *store.DB, n int64) *store.Repository[player, int64] {
	j, err := edit.Open(db)
	require.NoError(t, err)
	require.NoError(t, j.EnsureSchema(t.Context()))
	players := store.MustRepository[player, int64](db, "players", nil)
	require.NoError(t, players.EnsureSchema(t.Context()))
	for id := int64(1); id <= n; id++ {
		p := player{ID: id, Name: fmt.Sprint("p", id), Level: 1, Gold: 10, Pin: "1234"}
		require.NoError(t, players.Insert(t.Context(), &p))
	}
	return players
}

func bonus(p *player) error { p.Gold += 50; return nil }

var low = store.Where("Level", store.Lt, 10)

func quick(o edit.Options) *edit.Options {
	o.Longrun = longrun.Options{Lease: 600 * time.Millisecond, Poll: 20 * time.Millisecond, Backoff: time.Millisecond}
	return &o
}

// TestEdit is the story: a plan, an approval, an apply beside live traffic, and an undo beside later writes.
func TestEdit(t *testing.T) {
	databases(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		players := prepare(t, db, 25)
		e := edit.New(players, "bonus", low, bonus, quick(edit.Options{Most: 100, By: "ann", Batch: 10}))
		_, err := e.Apply(ctx)
		require.ErrorIs(t, err, store.ErrNotFound)
		plan, err := e.Plan(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 25, plan.Summary.Planned)
		assert.Equal(t, edit.Planned, plan.State)
		var text bytes.Buffer
		require.NoError(t, plan.Print(&text))
		assert.Contains(t, text.String(), "would change 25 of 25 rows")
		assert.NotContains(t, text.String(), "1234")
		_, err = e.Apply(ctx)
		require.EqualError(t, err, `edit: apply "bonus": it is planned, and not approved yet`)
		require.ErrorIs(t, err, store.ErrInvalid)
		require.NoError(t, e.Approve(ctx, "bob"))

		modify := func(id int64, fn func(p *player)) {
			_, err := players.Modify(ctx, id, func(p *player) error { fn(p); return nil })
			require.NoError(t, err)
		}
		// Another field, the field that the edit changes, matches no longer, gone, was not planned:
		modify(3, func(p *player) { p.Name = "renamed" })
		modify(4, func(p *player) { p.Gold = 11 })
		modify(5, func(p *player) { p.Level = 10 })
		require.NoError(t, players.DeleteKey(ctx, 6))
		require.NoError(t, players.Insert(ctx, &player{ID: 90, Name: "new", Level: 1}))
		status, err := e.Apply(ctx)
		require.NoError(t, err)
		assert.Equal(t, map[edit.Phase]int64{edit.RowApplied: 22, edit.Held: 3}, status.Rows)
		assert.Equal(t, edit.Applied, status.State)
		assert.Equal(t, []string{"ann", "bob", "ann"}, []string{status.PlannedBy, status.ApprovedBy, status.AppliedBy})
		gold := func() map[int64]int64 {
			all := map[int64]int64{}
			for p, err := range players.Find(ctx, store.Query{}) {
				require.NoError(t, err)
				all[p.ID] = p.Gold
			}
			return all
		}
		after := gold()
		for id := int64(1); id <= 25; id++ {
			want := map[int64]int64{4: 11, 5: 10, 6: 0}
			if g, ok := want[id]; ok {
				assert.Equal(t, g, after[id], "player %d", id)
			} else {
				assert.EqualValues(t, 60, after[id], "player %d", id)
			}
		}
		assert.Zero(t, after[90])
		reasons := map[int64]string{}
		for r, err := range e.Rows(ctx, edit.Held) {
			require.NoError(t, err)
			reasons[r.Key] = r.Reason
			assert.NotContains(t, r.Before+r.After, "1234")
		}
		assert.Equal(t, map[int64]string{
			4: "field Gold was changed since the plan", 5: "it no longer matches the query, or is gone",
			6: "it no longer matches the query, or is gone",
		}, reasons)

		// A second Plan and a second Apply of the name change nothing.
		again, err := edit.New(players, "bonus", low, bonus, quick(edit.Options{Most: 100})).Plan(ctx)
		require.NoError(t, err)
		assert.True(t, again.IsOld)
		_, err = e.Apply(ctx)
		require.NoError(t, err)
		assert.Equal(t, after, gold())

		modify(7, func(p *player) { p.Gold++ })
		modify(9, func(p *player) { p.Name = "touched elsewhere" })
		require.NoError(t, players.DeleteKey(ctx, 8))
		status, err = e.Undo(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, map[edit.Phase]int64{edit.RowUndone: 19, edit.Held: 3, edit.Kept: 3}, status.Rows)
		back := gold()
		assert.EqualValues(t, 61, back[7])
		assert.EqualValues(t, 60, back[9])
		assert.EqualValues(t, 10, back[1])
		assert.EqualValues(t, 10, back[25])
		onThePage(t, db, players.Table())
		_, err = e.Undo(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, back, gold())
		_, err = e.Forget(ctx, time.Hour)
		require.ErrorIs(t, err, store.ErrInvalid)
		n, err := e.Forget(ctx, 0)
		require.NoError(t, err)
		assert.EqualValues(t, 25, n)
		fresh, err := e.Plan(ctx)
		require.NoError(t, err)
		assert.False(t, fresh.IsOld)
	})
}

// onThePage looks at the edit of TestEdit among the operations, as longrun's page shows them.
func onThePage(t *testing.T, db *store.DB, table string) {
	journal, err := edit.Open(db)
	require.NoError(t, err)
	operations, err := longrun.Open(db)
	require.NoError(t, err)
	s, err := operations.Status(t.Context(), "edit:bonus", "undo")
	require.NoError(t, err)
	notes, err := journal.Notes(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, notes, 7)
	assert.Equal(t, []string{
		"edit of " + table + ", undone: held 3, undone 19, kept 3",
		"planned by ann, approved by bob, applied by ann, undone by ann",
		"held: it no longer matches the query, or is gone (2 rows)",
		"held: field Gold was changed since the plan (1 rows)",
	}, notes[:4])
	page, err := longrun.Handler(db, &longrun.HandlerOptions{Notes: journal.Notes})
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	for _, note := range notes {
		assert.Contains(t, answer.Body.String(), "<small>"+note+"</small>")
	}
	none, err := journal.Notes(t.Context(), longrun.Status{Kind: "training"})
	require.NoError(t, err)
	assert.Empty(t, none)
	none, err = journal.Notes(t.Context(), longrun.Status{Kind: "edit:forgotten"})
	require.NoError(t, err)
	assert.Empty(t, none)
}

// TestBounds: what would change more than was said is refused, and leaves nothing.
func TestBounds(t *testing.T) {
	databases(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		players := prepare(t, db, 20)
		_, err := edit.New(players, "all", store.Query{}, bonus, quick(edit.Options{Most: 19})).Plan(ctx)
		require.ErrorIs(t, err, store.ErrInvalid)
		require.EqualError(t, err, `edit: plan "all": the query selects 20 of the 20 rows of players, and `+
			`Options.Most is 19: nothing was planned`)
		_, err = edit.New(players, "all", store.Query{}, bonus, quick(edit.Options{Most: 99, Fraction: 0.5})).Plan(ctx)
		require.ErrorContains(t, err, "Options.Fraction is 0.5")
		e := edit.New(players, "all", store.Query{}, bonus, quick(edit.Options{Most: 99})).
			Must(func(before, after player) error { return errors.New("never") })
		_, err = e.Plan(ctx)
		require.ErrorContains(t, err, "the condition of Must is not met: never")
		_, err = e.Status(ctx)
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

// TestFaultyEdits: what is wrong with an edit is named, and leaves nothing.
func TestFaultyEdits(t *testing.T) {
	players := prepare(t, memstore.Open(nil), 2)
	n := int64(0)
	for want, e := range map[string]*edit.Edit[player, int64]{
		"Options.Most is not set":       edit.New(players, "x", low, bonus, nil),
		"Options.Batch is negative":     edit.New(players, "x", low, bonus, &edit.Options{Most: 1, Batch: -1}),
		"the name of an edit is":        edit.New(players, "x ", low, bonus, &edit.Options{Most: 9}),
		"a function, or Options.Delete": edit.New(players, "x", low, nil, &edit.Options{Most: 9}),
		"field Pin is secret":           edit.New(players, "x", low, nil, &edit.Options{Most: 9, Delete: true}),
		"field Pin, which is secret": edit.New(players, "x", low, func(p *player) error { p.Pin = "1"; return nil },
			&edit.Options{Most: 9}),
		"it is not a function of its argument": edit.New(players, "x", low,
			func(p *player) error { n++; p.Gold = n; return nil }, &edit.Options{Most: 9}),
		"the function changes the key": edit.New(players, "x", low, func(p *player) error { p.ID = 77; return nil },
			&edit.Options{Most: 9}),
		"order": edit.New(players, "x", low.OrderBy("Gold"), bonus, &edit.Options{Most: 9}),
	} {
		_, err := e.Plan(t.Context())
		require.ErrorIs(t, err, store.ErrInvalid, want)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "1234")
		_, err = edit.New(players, "x", low, bonus, &edit.Options{Most: 1}).Status(t.Context())
		require.ErrorIs(t, err, store.ErrNotFound, want)
	}
}

// TestRefusals: a row that the function, Validate or the database refuses is alone in that, and too many stop the edit.
func TestRefusals(t *testing.T) {
	databases(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		players := prepare(t, db, 30)
		for _, id := range []int64{2, 3} {
			_, err := players.Modify(ctx, id, func(p *player) error { p.Gold = 999; return nil })
			require.NoError(t, err)
		}
		e := edit.New(players, "bonus", low, bonus, quick(edit.Options{Most: 100}))
		plan, err := e.Plan(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, 2, plan.Summary.Refused)
		assert.Equal(t, map[string]int64{"more gold than there is": 2}, plan.Summary.Reasons)

		// Each of these takes the name of another player, which the database refuses.
		steal := edit.New(players, "names", store.Where("ID", store.Le, 20), func(p *player) error {
			if p.ID%5 == 0 && !strings.HasSuffix(p.Name, "30") {
				p.Name = "p30"
			} else {
				p.Level = 2
			}
			return nil
		}, quick(edit.Options{Most: 100, Refusals: 3}))
		_, err = steal.Plan(ctx)
		require.NoError(t, err)
		require.NoError(t, steal.Approve(ctx, "bob"))
		status, err := steal.Apply(ctx)
		require.ErrorContains(t, err, "more than 3 rows were refused (Options.Refusals)")
		assert.Equal(t, edit.Applying, status.State)
		status, err = steal.Apply(ctx)
		require.NoError(t, err)
		assert.Equal(t, map[edit.Phase]int64{edit.RowApplied: 16, edit.Refused: 4}, status.Rows)
		n, err := players.Count(ctx, store.Where("Level", store.Eq, 2))
		require.NoError(t, err)
		assert.EqualValues(t, 16, n)
	})
}

// TestDeletion: a planned deletion takes what is as it was planned, and its undo brings it back.
func TestDeletion(t *testing.T) {
	databases(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		prepare(t, db, 0)
		fans := store.MustRepository[fan, int64](db, "fans", nil)
		require.NoError(t, fans.EnsureSchema(ctx))
		seen := time.Date(2020, 2, 3, 4, 5, 6, 7_000_000, time.UTC)
		for id := range int64(10) {
			require.NoError(t, fans.Insert(ctx, &fan{ID: id, Name: "f😀", Seen: &seen, Tags: []string{"a", "b"}}))
		}
		before, err := fans.Get(ctx, 1)
		require.NoError(t, err)
		e := edit.New(fans, "old fans", store.Where("Seen", store.Lt, time.Now()), nil,
			quick(edit.Options{Most: 10, Delete: true, Batch: 3}))
		_, err = e.Plan(ctx)
		require.NoError(t, err)
		require.NoError(t, e.Approve(ctx, "bob"))
		_, err = fans.Modify(ctx, 4, func(f *fan) error { f.Name = "here again"; return nil })
		require.NoError(t, err)
		status, err := e.Apply(ctx)
		require.NoError(t, err)
		assert.Equal(t, map[edit.Phase]int64{edit.RowApplied: 9, edit.Held: 1}, status.Rows)
		n, err := fans.Count(ctx, store.Query{})
		require.NoError(t, err)
		assert.EqualValues(t, 1, n)
		require.NoError(t, fans.Insert(ctx, &fan{ID: 7, Name: "another"}))
		status, err = e.Undo(ctx, nil)
		require.NoError(t, err)
		assert.Equal(t, map[edit.Phase]int64{edit.RowUndone: 8, edit.Held: 1, edit.Kept: 1}, status.Rows)
		after, err := fans.Get(ctx, 1)
		require.NoError(t, err)
		assert.Empty(t, fans.Different(before, after))
		after, err = fans.Get(ctx, 7)
		require.NoError(t, err)
		assert.Equal(t, "another", after.Name)
	})
}

// TestMerge: an undo by fields leaves what others have written.
func TestMerge(t *testing.T) {
	ctx := t.Context()
	players := prepare(t, memstore.Open(nil), 2)
	e := edit.New(players, "both", low, func(p *player) error { p.Gold, p.Level = 77, 5; return nil },
		quick(edit.Options{Most: 9}))
	_, err := e.Plan(ctx)
	require.NoError(t, err)
	require.NoError(t, e.Approve(ctx, ""))
	_, err = e.Apply(ctx)
	require.NoError(t, err)
	_, err = players.Modify(ctx, 1, func(p *player) error { p.Gold = 78; return nil })
	require.NoError(t, err)
	status, err := e.Undo(ctx, &edit.UndoOptions{Merge: true})
	require.NoError(t, err)
	assert.Equal(t, map[edit.Phase]int64{edit.RowUndone: 2}, status.Rows)
	p, err := players.Get(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, []int64{78, 1}, []int64{p.Gold, p.Level})
}

// TestInterruptedApply: an Apply that is stopped again and again beside writers changes each row once.
func TestInterruptedApply(t *testing.T) {
	databases(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		players := prepare(t, db, 60)
		e := func(stop context.CancelFunc) *edit.Edit[player, int64] {
			return edit.New(players, "bonus", low, bonus, quick(edit.Options{
				Most: 100, Batch: 7, Progress: func(done, total int64) { stop() },
			}))
		}
		_, err := e(nil).Plan(ctx)
		require.NoError(t, err)
		require.NoError(t, e(nil).Approve(ctx, ""))
		over := make(chan struct{})
		go func() { // live traffic on another field
			defer close(over)
			for id := int64(1); id <= 60; id++ {
				_, err := players.Modify(ctx, id, func(p *player) error { p.Name += "!"; return nil })
				assert.NoError(t, err)
			}
		}()
		for runs := 0; ; runs++ {
			own, stop := context.WithCancel(ctx)
			status, err := e(stop).Apply(own)
			stop()
			if err == nil {
				assert.Equal(t, edit.Applied, status.State)
				assert.Equal(t, map[edit.Phase]int64{edit.RowApplied: 60}, status.Rows)
				break
			}
			require.ErrorIs(t, err, context.Canceled)
			require.Less(t, runs, 100)
		}
		<-over
		for p, err := range players.Find(ctx, store.Query{}) {
			require.NoError(t, err)
			assert.EqualValues(t, 60, p.Gold, "player %d", p.ID)
			assert.True(t, strings.HasSuffix(p.Name, "!"))
		}
	})
}
