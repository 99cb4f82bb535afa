package sqltest

import (
	"context"
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Backend is one database, and what the package of its backend has for raw work.
type Backend struct {
	// DB is the handle under test, and Behind a pool of the driver alone on the same database.
	DB     *store.DB
	Behind *sql.DB

	// Native, NativeTx and Where are those of the package.
	Native   func(*store.DB) (*sqlx.DB, bool)
	NativeTx func(*store.Tx) (*sqlx.Tx, bool)
	Where    func(sql string, args ...any) store.Query

	// Placeholders is the kind of its placeholders, a constant of package sqlx.
	Placeholders int
}

// bind gives a text with ? for its placeholders those of the backend.
func (b Backend) bind(text string) string { return sqlx.Rebind(b.Placeholders, text) }

// Do runs a statement, at the end of a test too.
func Do(t testing.TB, db *sql.DB, text string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(context.WithoutCancel(t.Context()), text, args...)
	require.NoError(t, err, text)
}

// Value reads one value.
func Value[T any](t testing.TB, db *sql.DB, text string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, db.QueryRowContext(t.Context(), text, args...).Scan(&v), text)
	return v
}

// Row reads the first row of a query by the names of its columns, nil where there is none.
func Row(t testing.TB, db *sql.DB, text string, args ...any) map[string]any {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text, args...)
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	if !rows.Next() {
		require.NoError(t, rows.Err())
		return nil
	}
	values := make([]any, len(names))
	for i := range values {
		values[i] = new(any)
	}
	require.NoError(t, rows.Scan(values...))
	row := map[string]any{}
	for i, name := range names {
		row[name] = *values[i].(*any)
	}
	return row
}

// NoneLeft waits until count finds none.
func NoneLeft(t testing.TB, count func() int, about string) {
	t.Helper()
	require.Eventually(
		t,
		func() bool { return count() == 0 },
		time.Minute,
		10*time.Millisecond,
		about,
	)
}

// Balance reads what the club of a key has.
func Balance(t testing.TB, db *sql.DB, id int) int64 {
	t.Helper()
	return Value[int64](t, db, "SELECT balance FROM clubs WHERE id = "+strconv.Itoa(id))
}

// Version reads the version of a club.
func Version(t testing.TB, db *sql.DB, id int) int64 {
	t.Helper()
	return Value[int64](t, db, "SELECT version FROM clubs WHERE id = "+strconv.Itoa(id))
}

// Hold writes to a club in a transaction of its own, and so holds the lock of its row.
func Hold(t testing.TB, db *sql.DB, id int) *sql.Tx {
	t.Helper()
	holder, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = holder.Exec("UPDATE clubs SET balance = 0 WHERE id = " + strconv.Itoa(id))
	require.NoError(t, err)
	return holder
}

// Values returns the first column of all rows of a query.
func Values[T any](t testing.TB, db *sql.DB, text string, args ...any) []T {
	t.Helper()
	rows, err := db.Query(text, args...)
	require.NoError(t, err)
	defer rows.Close()
	var all []T
	for rows.Next() {
		var value T
		require.NoError(t, rows.Scan(&value))
		all = append(all, value)
	}
	require.NoError(t, rows.Err())
	return all
}
