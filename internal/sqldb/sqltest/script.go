package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// player and match are the entities of the golden statements.
type player struct {
	store.Snapshot
	ID     int64            `db:"id" store:"key"`
	Name   string           `db:"name" store:"size=60,unique"`
	Club   *int64           `db:"club" store:"index"`
	Worth  string           `db:"worth" store:"decimal=19.4"`
	Born   time.Time        `db:"born"`
	Active bool             `db:"active"`
	Marks  map[string]int   `db:"marks" store:"json"`
	Face   []byte           `db:"face"`
	Note   sql.Null[string] `db:"order"`
}

type matchKey struct {
	Season string `store:"size=9"`
	Day    int32
}

type match struct {
	store.Snapshot
	ID    matchKey `store:"key"`
	Goals int64
}

type ticket struct {
	store.Snapshot
	ID   int64 `store:"key,auto"`
	Seat string
}

// born is a time of no importance.
var born = time.Date(1961, 6, 21, 0, 0, 0, 0, time.UTC)

// Script is what differs between the golden files.
type Script struct {
	// Open makes a database of a pool, which is the caller's or the backend's own.
	Open func(pool *sql.DB, callers bool) *store.DB
	// Native is a native condition with one argument and a comment at its end.
	Native store.Query
	// Golden is the file, and Update writes it anew.
	Golden string
	Update bool
	// Stamps says that the server moves versions.
	Stamps bool
}

// pass has a version that the database moves, and a key that it makes.
type pass struct {
	ID   int64     `store:"key,auto"`
	Rev  int64     `store:"version,auto"`
	Seat string    `store:"size=9,varchar"`
	Read time.Time `db:"-" store:"readat"`
}

// guest has a version that the database moves, and a key of its own.
type guest struct {
	ID   [16]byte  `store:"key"`
	Rev  int64     `store:"version,auto"`
	Read time.Time `db:"-" store:"readat"`
}

// stamps makes the calls whose statements differ where the server moves versions.
func (s Script) stamps(t *testing.T, db *store.DB, run func(name string, call func() error)) {
	if !s.Stamps {
		return
	}
	ctx := t.Context()
	passes := store.MustRepository[pass, int64](db, "passes", nil)
	guests := store.MustRepository[guest, [16]byte](db, "guests", nil)
	one := pass{Seat: "1"}
	run("Insert version,auto key,auto", func() error { return passes.Insert(ctx, &one) })
	run(
		"InsertMany version,auto key,auto",
		func() error { return passes.InsertMany(ctx, []*pass{{Seat: "2"}, {Seat: "3"}}) },
	)
	run(
		"InsertMany version,auto",
		func() error { return guests.InsertMany(ctx, []*guest{{ID: [16]byte{1}}, {ID: [16]byte{2}}}) },
	)
	two := one
	run("Save version,auto", func() error { return passes.Save(ctx, &two) })
	run("Touch version,auto", func() error { return passes.Touch(ctx, &two) })
	run("Modify version,auto", func() error {
		_, err := passes.Modify(ctx, 1, func(p *pass) error { p.Seat = "e"; return nil })
		return err
	})
	run("Delete version,auto", func() error { return passes.Delete(ctx, two) })
	run("Count version,auto", func() error {
		_, err := passes.Count(ctx, store.Where("Rev", store.Gt, 5).And("Seat", store.Prefix, "a"))
		return err
	})
}

// Run makes every call, and compares what each has sent with the golden file.
func (s Script) Run(t *testing.T, r *Recorder) {
	t.Helper()
	var b strings.Builder
	s.write(t, r, &b)
	if s.Update {
		require.NoError(t, os.MkdirAll(filepath.Dir(s.Golden), 0o755))
		require.NoError(t, os.WriteFile(s.Golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(s.Golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

// write makes every call for Run, and writes down what each has sent.
func (s Script) write(t *testing.T, r *Recorder, b *strings.Builder) {
	pool := sql.OpenDB(r)
	t.Cleanup(func() { _ = pool.Close() })
	db := s.Open(pool, false)
	players := store.MustRepository[player, int64](db, "league.players", nil)
	matches := store.MustRepository[match, matchKey](db, "matches", nil)
	tickets := store.MustRepository[ticket, int64](db, "tickets", nil)
	ctx := t.Context()
	run := func(name string, call func() error) {
		r.texts = nil
		require.NoError(t, call(), name)
		fmt.Fprintf(b, "-- # %s\n", name)
		for _, text := range r.texts {
			b.WriteString(text + "\n")
		}
		b.WriteString("\n")
	}
	s.stamps(t, db, run)
	for _, ddl := range [][]string{players.DDL(), matches.DDL(), tickets.DDL()} {
		run("DDL", func() error { r.texts = ddl; return nil })
	}
	one := player{ID: 7, Name: "Lineker", Worth: "1.5", Born: born}
	run("Insert", func() error { return players.Insert(ctx, &one) })
	run(
		"InsertMany",
		func() error { return players.InsertMany(ctx, []*player{{ID: 8, Worth: "0"}, {ID: 9, Worth: "0"}}) },
	)
	run("InsertMany key,auto", func() error { return tickets.InsertMany(ctx, []*ticket{{Seat: "1"}, {Seat: "2"}}) })
	run("Get", func() error { _, err := players.Get(ctx, 7); return err })
	run("Get composite", func() error { _, err := matches.Get(ctx, matchKey{"1985/86", 1}); return err })
	run("GetMany", func() error { _, err := players.GetMany(ctx, []int64{7, 8, 9}); return err })
	run(
		"GetMany composite",
		func() error { _, err := matches.GetMany(ctx, []matchKey{{"a", 1}, {"b", 2}, {"c", 3}}); return err },
	)
	run("IsStale", func() error { _, err := players.IsStale(ctx, one); return err })
	run("Save", func() error { return players.Save(ctx, &one) })
	unversioned := match{ID: matchKey{"1985/86", 1}}
	unversioned.ReadAt = born
	run("Save without version", func() error { return matches.Save(ctx, &unversioned) })
	run("Touch", func() error { return players.Touch(ctx, &one) })
	run("Modify", func() error {
		_, err := players.Modify(ctx, 7, func(p *player) error { p.Name, p.Active = "Gary", false; return nil })
		return err
	})
	run("Delete", func() error { return players.Delete(ctx, one) })
	run("Delete without version", func() error {
		m := match{ID: matchKey{"1985/86", 1}}
		m.ReadAt = born
		return matches.Delete(ctx, m)
	})
	run("DeleteKey", func() error { return players.DeleteKey(ctx, 7) })
	run("Atomic", func() error {
		return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			_, err := players.In(tx).Modify(ctx, 7, func(p *player) error { p.Name = "Gary"; return nil })
			return err
		})
	})
	run("View", func() error {
		return db.View(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			_, err := players.In(tx).Get(ctx, 7)
			return err
		})
	})
	callers := s.Open(pool, true)
	run(
		"Atomic in a caller's pool",
		func() error { return callers.Atomic(ctx, nil, func(context.Context, *store.Tx) error { return nil }) },
	)
	for _, q := range []struct {
		name  string
		query store.Query
	}{
		{"everything", store.Query{}},
		{"Eq", store.Where("Name", store.Eq, "x")},
		{"Eq nil", store.Where("Club", store.Eq, nil)},
		{"Ne", store.Where("Name", store.Ne, "x")},
		{"Ne nil", store.Where("Club", store.Ne, nil)},
		{"Lt and Ge", store.Where("Born", store.Lt, born).And("Born", store.Ge, time.Time{})},
		{"Le or Gt", store.AnyOf(store.Where("Worth", store.Le, "1.5"), store.Where("Worth", store.Gt, "2"))},
		{"In", store.Where("ID", store.In, []int64{1, 2, 3})},
		{"In none", store.Where("ID", store.In, []int64{})},
		{"Not In", store.Not(store.Where("Club", store.In, []any{int64(1), nil}))},
		{"Prefix", store.Where("Name", store.Prefix, `50%_|\`)},
		{"Not", store.Not(store.AllOf(store.Where("Active", store.Eq, true), store.Where("Name", store.Prefix, "x")))},
		{"AllOf none, AnyOf none", store.AnyOf(store.AllOf(), store.AnyOf())},
		{"Eq of bytes", store.Where("Face", store.Eq, []byte{1})},
		{"Not In of bytes", store.Not(store.Where("Face", store.In, [][]byte{{1}, {2}}))},
		{"Native", store.AllOf(s.Native, store.Where("ID", store.Gt, 1))},
	} {
		run("Count "+q.name, func() error { _, err := players.Count(ctx, q.query); return err })
	}
	sorted := store.Where("Active", store.Eq, true).OrderBy("Club").OrderByDesc("Name").Limit(2)
	var next string
	run("Page, the first", func() (err error) { _, next, err = players.Page(ctx, sorted); return err })
	run("Page, the next", func() error { _, _, err := players.Page(ctx, sorted.From(next)); return err })
	run("First", func() error {
		_, err := matches.First(ctx, store.Where("ID.Season", store.Eq, "1985/86").OrderByDesc("Goals"))
		return err
	})
}
