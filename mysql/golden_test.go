package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/driver"
)

var update = flag.Bool("update", false, "write the golden files anew")

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

// recorder is a connection that answers whatever is asked, and writes it down.
type recorder struct {
	texts  []string
	answer func(text string) [][]sqldriver.Value
}

func (r *recorder) Connect(context.Context) (sqldriver.Conn, error) { return r, nil }
func (r *recorder) Driver() sqldriver.Driver                        { return nil }
func (r *recorder) Close() error                                    { return nil }
func (r *recorder) Begin() (sqldriver.Tx, error)                    { return nil, sqldriver.ErrSkip }

func (r *recorder) Prepare(text string) (sqldriver.Stmt, error) { return &recordedStmt{r, text}, nil }

func (r *recorder) ExecContext(_ context.Context, text string, _ []sqldriver.NamedValue) (sqldriver.Result, error) {
	r.texts = append(r.texts, text)
	return sqldriver.RowsAffected(0), nil
}

type recordedStmt struct {
	recorder *recorder
	text     string
}

func (s *recordedStmt) Close() error  { return nil }
func (s *recordedStmt) NumInput() int { return strings.Count(s.text, "?") }
func (s *recordedStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return nil, sqldriver.ErrSkip
}

func (s *recordedStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) {
	return nil, sqldriver.ErrSkip
}

func (s *recordedStmt) note(a []sqldriver.NamedValue) {
	var values []string
	for _, v := range a {
		values = append(values, fmt.Sprintf("%v", v.Value))
	}
	text := s.text
	if len(values) > 0 {
		text += "\n-- " + strings.Join(values, " | ")
	}
	s.recorder.texts = append(s.recorder.texts, text)
}

func (s *recordedStmt) ExecContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Result, error) {
	s.note(a)
	return written{}, nil
}

func (s *recordedStmt) QueryContext(_ context.Context, a []sqldriver.NamedValue) (sqldriver.Rows, error) {
	s.note(a)
	return &recordedRows{s.recorder.answer(s.text)}, nil
}

type written struct{}

func (written) LastInsertId() (int64, error) { return 41, nil }
func (written) RowsAffected() (int64, error) { return 1, nil }

type recordedRows struct{ rows [][]sqldriver.Value }

func (r *recordedRows) Columns() []string {
	if len(r.rows) == 0 {
		return nil
	}
	return make([]string, len(r.rows[0]))
}
func (r *recordedRows) Close() error { return nil }

func (r *recordedRows) Next(row []sqldriver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(row, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

var born = time.Date(1961, 6, 21, 0, 0, 0, 0, time.UTC)

// answerRows gives a row that fits the columns which a SELECT names.
func answerRows(text string) [][]sqldriver.Value {
	player := []sqldriver.Value{int64(7), int64(3), []byte("Lineker"), nil, []byte("1.5000"), born, int64(1), []byte("{}"), nil, nil}
	switch {
	case strings.HasPrefix(text, "SELECT `id`, `version`, `name`"):
		return [][]sqldriver.Value{player, player, player}
	case strings.HasPrefix(text, "SELECT `season`"):
		return [][]sqldriver.Value{{[]byte("1985/86"), int64(1), nil, int64(2)}}
	case strings.Contains(text, "@@"), strings.HasPrefix(text, "SELECT COUNT"), strings.HasPrefix(text, "SELECT `version`"):
		return [][]sqldriver.Value{{int64(1)}}
	}
	return nil
}

// TestStatements compares all statements with those of testdata.
func TestStatements(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]server{"mysql": {version: [3]int{9, 7, 0}}, "mariadb": {maria: true, version: [3]int{10, 11, 0}}} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{answer: answerRows}
			var b strings.Builder
			script(t, r, &dialect{server: server, packet: 1 << 24, strictZero: true, triggers: true}, &b)
			path := filepath.Join("testdata", "statements-"+name+".sql")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// script makes every call, and writes down what each has sent.
func script(t *testing.T, r *recorder, d *dialect, b *strings.Builder) {
	pool := sql.OpenDB(r)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := store.New(sqldb.New(sqldb.Config{DB: pool, Dialect: d, Statements: 8, Info: driver.Info{
		Name: "mysql", Server: d.server.String(), Transactions: true, Views: true, LockingReads: true, AutoKeys: true,
		TimePrecision: time.Microsecond, DecimalDigits: 65, MaxKeys: mostKeys,
	}}), nil)
	require.NoError(t, err)
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
	for _, ddl := range [][]string{players.DDL(), matches.DDL(), tickets.DDL()} {
		run("DDL", func() error { r.texts = ddl; return nil })
	}
	one := player{ID: 7, Name: "Lineker", Worth: "1.5", Born: born}
	run("Insert", func() error { return players.Insert(ctx, &one) })
	run("InsertMany", func() error { return players.InsertMany(ctx, []*player{{ID: 8, Worth: "0"}, {ID: 9, Worth: "0"}}) })
	run("InsertMany key,auto", func() error { return tickets.InsertMany(ctx, []*ticket{{Seat: "1"}, {Seat: "2"}}) })
	run("Get", func() error { _, err := players.Get(ctx, 7); return err })
	run("Get composite", func() error { _, err := matches.Get(ctx, matchKey{"1985/86", 1}); return err })
	run("GetMany", func() error { _, err := players.GetMany(ctx, []int64{7, 8, 9}); return err })
	run("GetMany composite", func() error { _, err := matches.GetMany(ctx, []matchKey{{"a", 1}, {"b", 2}, {"c", 3}}); return err })
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
	d.everyTx = true
	run("Atomic in a caller's pool", func() error { return db.Atomic(ctx, nil, func(context.Context, *store.Tx) error { return nil }) })
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
		{"Native", store.AllOf(Where("name LIKE ? -- so", "x%"), store.Where("ID", store.Gt, 1))},
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
