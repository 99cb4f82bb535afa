package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
)

// TestCompareMySQL measures the library against code that a careful programmer writes with
// go-sql-driver/mysql: kept prepared statements, a version in each write, the same round trips.
func TestCompareMySQL(t *testing.T) {
	if !*comparing {
		t.Skip("measures only with -compare")
	}
	for _, server := range []*testbed.Server{testbed.MariaDB(t), testbed.MySQL(t)} {
		dsn := server.Database(t)
		db, err := mysql.Open(t.Context(), dsn, nil)
		require.NoError(t, err)
		pool, _ := mysql.Native(db)
		compareWith(t, server.Product()+" "+server.Version(), db, pool,
			func() byHand { return newMySQLByHand(t, server, dsn) })
	}
}

// mysqlByHand is the hand-written side.
type mysqlByHand struct {
	db                                            *sql.DB
	get, update, balance, lock, many, first, next *sql.Stmt
}

const clubColumns = "SELECT id, version, name, city, balance, rating FROM clubs "

// newMySQLByHand opens a pool of its own and prepares all statements before anything is measured, as the library keeps
// its own.
func newMySQLByHand(t *testing.T, server *testbed.Server, dsn string) *mysqlByHand {
	h := &mysqlByHand{db: poolByHand(t, server, dsn)}
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&h.get, clubColumns + "WHERE id = ?"},
		{&h.update, "UPDATE clubs SET name = ?, city = ?, balance = ?, rating = ?, version = ? " +
			"WHERE id = ? AND version = ?"},
		{&h.balance, "UPDATE clubs SET balance = ?, version = ? WHERE id = ? AND version = ?"},
		{&h.lock, clubColumns + "WHERE id = ? FOR UPDATE"},
		{&h.many, clubColumns + "WHERE id IN (?" + strings.Repeat(", ?", 99) + ")"},
		{&h.first, clubColumns + "ORDER BY id LIMIT ?"},
		{&h.next, clubColumns + "WHERE id > ? ORDER BY id LIMIT ?"},
	} {
		var err error
		*s.stmt, err = h.db.PrepareContext(t.Context(), s.text)
		require.NoError(t, err)
	}
	return h
}

// poolByHand opens a pool whose connections are in the state of the library's.
func poolByHand(t *testing.T, server *testbed.Server, dsn string) *sql.DB {
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.ParseTime, cfg.Loc = true, time.UTC
	// The state in which the library puts its connections, so that the servers do the same work.
	isolation := "transaction_isolation"
	if server.Product() == "MariaDB" {
		isolation = "tx_isolation"
	}
	cfg.Params = map[string]string{
		isolation: "'READ-COMMITTED'", "sql_mode": "'STRICT_TRANS_TABLES'", "time_zone": "'+00:00'",
	}
	connector, err := mysqldriver.NewConnector(cfg)
	require.NoError(t, err)
	pool := sql.OpenDB(connector)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

type scanner interface{ Scan(into ...any) error }

func scanClub(r scanner) (c Club, err error) {
	err = r.Scan(&c.ID, &c.Version, &c.Name, &c.City, &c.Balance, &c.Rating)
	return c, err
}

func (h *mysqlByHand) read(ctx context.Context, id int64) (Club, error) {
	return scanClub(h.get.QueryRowContext(ctx, id))
}

var errStale = errors.New("stale")

func written(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errStale, err)
	}
	return nil
}

func (h *mysqlByHand) save(ctx context.Context, c *Club) error {
	err := written(h.update.ExecContext(ctx, c.Name, c.City, c.Balance, c.Rating, c.Version+1, c.ID, c.Version))
	if err == nil {
		c.Version++
	}
	return err
}

func (h *mysqlByHand) modify(ctx context.Context, id, amount int64) error {
	c, err := h.read(ctx, id)
	if err != nil {
		return err
	}
	return written(h.balance.ExecContext(ctx, c.Balance+amount, c.Version+1, id, c.Version))
}

// transfer moves 1 from one club to another in one transaction. Both rows are locked when they are read, as Modify in
// an Atomic does it, and their versions are checked all the same.
func (h *mysqlByHand) transfer(ctx context.Context, from, to int64) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	lock, balance := tx.StmtContext(ctx, h.lock), tx.StmtContext(ctx, h.balance)
	for id, amount := range map[int64]int64{from: -1, to: 1} {
		c, err := scanClub(lock.QueryRowContext(ctx, id))
		if err != nil {
			return err
		}
		if err := written(balance.ExecContext(ctx, c.Balance+amount, c.Version+1, id, c.Version)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (h *mysqlByHand) readMany(ctx context.Context, ids []int64) (map[int64]Club, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	found := make(map[int64]Club, len(ids))
	err := each(ctx, h.many, args, func(c Club) { found[c.ID] = c })
	return found, err
}

// readAll reads by the same pages as the library: 100 rows, doubling up to 1,000.
func (h *mysqlByHand) readAll(ctx context.Context) (int, error) {
	n, last := 0, int64(0)
	for size := 100; ; size = min(2*size, 1000) {
		stmt, args := h.next, []any{last, size}
		if n == 0 {
			stmt, args = h.first, []any{size}
		}
		got := 0
		if err := each(ctx, stmt, args, func(c Club) { got, last = got+1, c.ID }); err != nil {
			return n, err
		}
		n += got
		if got < size {
			return n, nil
		}
	}
}

// each reads rows one after the other, as the library does, and holds no list of them.
func each(ctx context.Context, stmt *sql.Stmt, args []any, visit func(Club)) error {
	rows, err := stmt.QueryContext(ctx, args...)
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

func (h *mysqlByHand) pool() *sql.DB { return h.db }
