package benchmarks

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestCompareMany measures SaveMany against the joined UPDATE that a careful programmer writes by hand, and against
// the same changes one by one in one transaction.
func TestCompareMany(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		db, err := mysql.Open(t.Context(), server.Database(t), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		pool, _ := mysql.Native(db)
		clubs := store.MustRepository[Club, int64](db, "clubs", nil)
		require.NoError(t, clubs.EnsureSchema(t.Context()))
		var joined, single []row
		for _, n := range []int{10, 100, 1_000, 10_000} {
			m := newMany(t, db, clubs, pool.DB, n)
			joined = append(joined, compare(t, pair{fmt.Sprint("SaveMany of ", n), m.library, m.byHand, func() {}}))
			single = append(single, compare(t, pair{fmt.Sprint("SaveMany of ", n), m.library, m.oneByOne, func() {}}))
		}
		title := server.Product() + " " + server.Version()
		printRows(title+", by hand a joined UPDATE", joined)
		printRows(title+", by hand Save in an Atomic", single)
	}
}

// many are n clubs that are changed together, in one way or another.
type many struct {
	t     *testing.T
	db    *store.DB
	clubs *store.Repository[Club, int64]
	pool  *sql.DB
	text  *sql.Stmt
	all   []*Club // the library's
	one   []*Club // those that are saved one by one
	hand  []Club  // those of the joined UPDATE
}

// newMany makes three times n clubs, which no two ways share.
func newMany(t *testing.T, db *store.DB, clubs *store.Repository[Club, int64], pool *sql.DB, n int) *many {
	m := &many{t: t, db: db, clubs: clubs, pool: pool, hand: make([]Club, n)}
	for i := range n {
		id := int64(1_000_000*n + i)
		m.all = append(m.all, &Club{ID: id, Name: fmt.Sprint("club ", i), City: "Leicester"})
		m.one = append(m.one, &Club{ID: id + 100_000, Name: fmt.Sprint("club ", i), City: "Leicester"})
		m.hand[i] = Club{ID: id + 200_000, Name: fmt.Sprint("club ", i), City: "Leicester"}
	}
	var theirs []*Club
	for i := range m.hand {
		theirs = append(theirs, &m.hand[i])
	}
	for _, clubs := range [][]*Club{m.all, m.one, theirs} {
		require.NoError(t, m.clubs.InsertMany(t.Context(), clubs))
	}
	var err error
	m.text, err = pool.PrepareContext(t.Context(), `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (k BIGINT PATH '$[0]',
 v BIGINT PATH '$[1]', a LONGTEXT CHARACTER SET utf8mb4 PATH '$[2]', b LONGTEXT CHARACTER SET utf8mb4 PATH '$[3]',
 c BIGINT PATH '$[4]', d DOUBLE PATH '$[5]')) AS j STRAIGHT_JOIN clubs AS t ON t.id = j.k AND t.version = j.v
 SET t.name = j.a, t.city = j.b, t.balance = j.c, t.rating = j.d, t.version = j.v + 1`)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.text.Close() })
	return m
}

func (m *many) library() error {
	for _, c := range m.all {
		c.Balance++
	}
	return m.clubs.SaveMany(m.t.Context(), m.all)
}

func (m *many) oneByOne() error {
	return m.db.Atomic(m.t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
		clubs := m.clubs.In(tx)
		for _, c := range m.one {
			c.Balance++
			if err := clubs.Save(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// byHand changes the clubs by one joined UPDATE in a transaction.
func (m *many) byHand() error {
	rows := make([][6]any, len(m.hand))
	for i := range m.hand {
		c := &m.hand[i]
		c.Balance++
		rows[i] = [6]any{c.ID, c.Version, c.Name, c.City, c.Balance, c.Rating}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	tx, err := m.pool.BeginTx(m.t.Context(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	result, err := tx.StmtContext(m.t.Context(), m.text).ExecContext(m.t.Context(), string(text))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(rows)) {
		return fmt.Errorf("%d rows, %w", n, err)
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for i := range m.hand {
		m.hand[i].Version++
	}
	return nil
}
