package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// Player is what the pages are compared with: sorted by a text, and selected by a bool.
type Player struct {
	store.Snapshot
	ID     int64  `store:"key"`
	Name   string `store:"size=60,index=by_name"`
	Active bool
	Score  int64
}

const playerColumns = "SELECT id, version, name, active, score FROM players WHERE active = 1 "

// TestComparePagesMySQL measures pages in the order of a text, with a condition on a bool, against SELECTs written by
// hand for the same index: the first page, one that a cursor begins, and all of them by Find.
func TestComparePagesMySQL(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		dsn := server.Database(t)
		db, err := mysql.Open(t.Context(), dsn, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		players := store.MustRepository[Player, int64](db, "players", nil)
		require.NoError(t, players.EnsureSchema(t.Context()))
		batch := make([]*Player, rowsInTable)
		for i := range batch {
			batch[i] = &Player{ID: int64(i + 1), Name: fmt.Sprintf("player %05d", i*7919%rowsInTable), Active: i%3 > 0}
		}
		require.NoError(t, players.InsertMany(t.Context(), batch))
		hand := poolByHand(t, server, dsn)
		var rows []row
		for _, p := range pagePairs(t, players, hand) {
			pool, _ := mysql.Native(db)
			p.renew = func() { dropIdle(pool.DB); dropIdle(hand) }
			rows = append(rows, compare(t, p))
		}
		printRows(server.Product()+" "+server.Version()+", pages", rows)
	}
}

// pagePairs are the pages, by the library and by hand.
func pagePairs(t *testing.T, players *store.Repository[Player, int64], hand *sql.DB) []pair {
	ctx := t.Context()
	stmt := func(text string) *sql.Stmt {
		s, err := hand.PrepareContext(ctx, playerColumns+text)
		require.NoError(t, err)
		return s
	}
	first := stmt("ORDER BY name, id LIMIT ?")
	next := stmt("AND (name > ? OR name = ? AND id > ?) ORDER BY name, id LIMIT ?")
	q := store.Where("Active", store.Eq, true).OrderBy("Name")
	_, cursor, err := players.Page(ctx, q.Limit(3000))
	require.NoError(t, err)
	items, _, err := players.Page(ctx, q.Limit(3000))
	require.NoError(t, err)
	last := items[len(items)-1]
	page := func(q store.Query) side {
		return func() error {
			items, _, err := players.Page(ctx, q)
			if err == nil && len(items) != 20 {
				err = fmt.Errorf("%d rows", len(items))
			}
			return err
		}
	}
	byHand := func(s *sql.Stmt, args ...any) side {
		return func() error { _, _, err := readPlayers(ctx, s, args...); return err }
	}
	return []pair{
		{name: "Page, the first 20", library: page(q.Limit(20)), hand: byHand(first, 21)},
		{
			name: "Page, 20 at a cursor", library: page(q.From(cursor).Limit(20)),
			hand: byHand(next, last.Name, last.Name, last.ID, 21),
		},
		{
			name: "Find of all",
			library: func() error {
				n := 0
				for _, err := range players.Find(ctx, q) {
					if err != nil {
						return err
					}
					n++
				}
				return nil
			},
			hand: func() error {
				s, args := first, []any(nil)
				for size := 100; ; size = min(2*size, 1000) {
					n, last, err := readPlayers(ctx, s, append(args, size)...)
					if err != nil || n < size {
						return err
					}
					s, args = next, []any{last.Name, last.Name, last.ID}
				}
			},
		},
	}
}

// readPlayers reads one page by hand.
func readPlayers(ctx context.Context, s *sql.Stmt, args ...any) (n int, p Player, err error) {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return 0, p, err
	}
	defer func() { _ = rows.Close() }()
	for ; rows.Next(); n++ {
		p = Player{}
		if err := rows.Scan(&p.ID, &p.Version, &p.Name, &p.Active, &p.Score); err != nil {
			return n, p, err
		}
	}
	return n, p, rows.Err()
}
