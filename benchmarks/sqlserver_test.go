package benchmarks

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/sqlserver"
)

// TestCompareSQLServer measures the library against code that a careful programmer writes with
// go-mssqldb: a version in each write, its own row count, the same settings and round trips.
func TestCompareSQLServer(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	server := testbed.SQLServer(t)
	dsn := server.Database(t)
	db, err := sqlserver.Open(t.Context(), dsn, nil)
	require.NoError(t, err)
	pool, _ := sqlserver.Native(db)
	compareWith(t, server.Product()+" "+server.Version(), db, pool, func() byHand { return newSQLServerByHand(t, dsn) })
}

// sqlServerByHand is the hand-written side.
type sqlServerByHand struct{ db *sql.DB }

// settings are those that a pooled connection has lost.
const settings = "SET XACT_ABORT ON; SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "

func newSQLServerByHand(t *testing.T, dsn string) *sqlServerByHand {
	connector, err := mssql.NewConnector(dsn)
	require.NoError(t, err)
	h := &sqlServerByHand{sql.OpenDB(connector)}
	t.Cleanup(func() { _ = h.db.Close() })
	return h
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

func (h *sqlServerByHand) read(ctx context.Context, id int64) (Club, error) {
	return scanClub(h.db.QueryRowContext(ctx, settings+clubColumns+"WHERE id = @p1", id))
}

func counted(ctx context.Context, q queryer, text string, args ...any) error {
	var n int
	if err := q.QueryRowContext(ctx, text+"; SELECT @@ROWCOUNT", args...).Scan(&n); err != nil {
		return err
	}
	if n != 1 {
		return errStale
	}
	return nil
}

func (h *sqlServerByHand) save(ctx context.Context, c *Club) error {
	err := counted(ctx, h.db, settings+
		"UPDATE clubs SET name = @p1, city = @p2, balance = @p3, rating = @p4, version = @p5 "+
		"WHERE id = @p6 AND version = @p7",
		c.Name, c.City, c.Balance, c.Rating, c.Version+1, c.ID, c.Version)
	if err == nil {
		c.Version++
	}
	return err
}

const handBalance = "UPDATE clubs SET balance = @p1, version = @p2 WHERE id = @p3 AND version = @p4"

func (h *sqlServerByHand) modify(ctx context.Context, id, amount int64) error {
	c, err := h.read(ctx, id)
	if err != nil {
		return err
	}
	return counted(ctx, h.db, settings+handBalance, c.Balance+amount, c.Version+1, id, c.Version)
}

// transfer moves 1 from one club to another in one transaction. Both rows are locked when they are read, as Modify in
// an Atomic does it, and their versions are checked all the same.
func (h *sqlServerByHand) transfer(ctx context.Context, from, to int64) error {
	tx, err := h.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for id, amount := range map[int64]int64{from: -1, to: 1} {
		text := strings.Replace(clubColumns, "FROM clubs", "FROM clubs WITH (UPDLOCK, ROWLOCK)", 1) + "WHERE id = @p1"
		c, err := scanClub(tx.QueryRowContext(ctx, text, id))
		if err != nil {
			return err
		}
		if err := counted(ctx, tx, handBalance, c.Balance+amount, c.Version+1, id, c.Version); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (h *sqlServerByHand) readMany(ctx context.Context, ids []int64) (map[int64]Club, error) {
	args := make([]any, len(ids))
	var list strings.Builder
	for i, id := range ids {
		args[i] = id
		fmt.Fprintf(&list, ", @p%d", i+1)
	}
	found := make(map[int64]Club, len(ids))
	err := h.each(ctx, settings+clubColumns+"WHERE id IN ("+list.String()[2:]+")", args,
		func(c Club) { found[c.ID] = c })
	return found, err
}

// readAll reads by the same pages as the library: 100 rows, doubling up to 1,000.
func (h *sqlServerByHand) readAll(ctx context.Context) (int, error) {
	n, last := 0, int64(0)
	for size := 100; ; size = min(2*size, 1000) {
		text := settings + clubColumns + "WHERE id > @p1 ORDER BY id OFFSET 0 ROWS FETCH NEXT @p2 ROWS ONLY"
		got := 0
		if err := h.each(ctx, text, []any{last, size}, func(c Club) { got, last = got+1, c.ID }); err != nil {
			return n, err
		}
		n += got
		if got < size {
			return n, nil
		}
	}
}

// each reads rows one after the other, as the library does, and holds no list of them.
func (h *sqlServerByHand) each(ctx context.Context, text string, args []any, visit func(Club)) error {
	rows, err := h.db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		c, err := scanClub(rows)
		if err != nil {
			return err
		}
		visit(c)
	}
	return rows.Err()
}

func (h *sqlServerByHand) pool() *sql.DB { return h.db }
