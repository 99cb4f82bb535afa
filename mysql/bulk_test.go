package mysql_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// bulky has a column of each kind that has a form of its own in the rows of a joined statement.
type bulky struct {
	store.Snapshot
	ID    int64    `store:"key"`
	Text  string   `store:"text"`
	Short string   `store:"size=5"`
	Exact string   `store:"decimal=38.30"`
	Half  float64  `store:""`
	Small int8     `store:""`
	Raw   []byte   `store:"size=max"`
	Notes []string `store:"json"`
	Flag  *bool    `store:""`
}

// awkwardTexts are what a text in JSON, in SQL and in a charset can stumble over.
func awkwardTexts() []string {
	texts := []string{
		"", " ", "null", `"`, `\`, `\\"`, `\u0000`, "\x00", "a\x00b", "\x01\x1f\x7f", "'", "''", "`", "--", "/*", "?", "%s",
		"ä", "\u2028\u2029", "😀", string(utf8.MaxRune), "\ufffd", "\r\n\t\b\f", "[1]", `{"a":1}`, "</script>", "  x  ",
	}
	return append(texts, strings.Repeat(`"\`, 5_000))
}

func bulkyTable(t *testing.T, dsn string, n int) (*store.Repository[bulky, int64], []*bulky) {
	t.Helper()
	r := store.MustRepository[bulky, int64](open(t, dsn, nil), "bulky", nil)
	sqltest.Do(t, direct(t, dsn), "DROP TABLE IF EXISTS bulky")
	require.NoError(t, r.EnsureSchema(t.Context()))
	all := make([]*bulky, n)
	for i := range all {
		all[i] = &bulky{ID: int64(i + 1), Exact: "0"}
	}
	require.NoError(t, r.InsertMany(t.Context(), all))
	return r, all
}

// TestManyValues writes awkward values by one joined statement: each is there as it was, bit by bit.
func TestManyValues(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		texts := awkwardTexts()
		r, all := bulkyTable(t, dsn, len(texts))
		floats := []float64{
			math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1, 1.0 / 3, -2.5e-300, 1 << 53,
		}
		for i, b := range all {
			isTrue := i%2 == 0
			b.Text, b.Raw, b.Notes, b.Flag = texts[i], []byte(texts[i]), []string{texts[i]}, &isTrue
			b.Exact = strings.Repeat("1234567", 1) + "." + fmt.Sprintf("%030d", i+1)
			b.Half, b.Small = floats[i%len(floats)], int8(i*9%256-128)
			if i%3 == 0 {
				b.Raw, b.Notes, b.Flag = nil, nil, nil
			}
		}
		require.NoError(t, r.SaveMany(t.Context(), all))
		for _, want := range all {
			have, err := r.Get(t.Context(), want.ID)
			require.NoError(t, err)
			have.ReadAt = want.ReadAt
			require.Equal(t, *want, have)
			if want.Half != 0 || !strings.HasSuffix(t.Name(), "MariaDB") { // which knows no -0, however it is written
				require.Equal(t, math.Float64bits(want.Half), math.Float64bits(have.Half))
			}
		}
	})
}

// TestManyIsNeverCut writes values that do not fit a column: the server refuses them, and stores nothing.
func TestManyIsNeverCut(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r, all := bulkyTable(t, dsn, 3)
		sqltest.Do(t, direct(t, dsn),
			"ALTER TABLE bulky MODIFY short VARCHAR(3) NOT NULL, MODIFY small TINYINT UNSIGNED NOT NULL")
		for name, change := range map[string]func(b *bulky){
			"a text":   func(b *bulky) { b.Short = "12345" },
			"a number": func(b *bulky) { b.Small = -1 },
		} {
			for _, b := range all {
				b.Short, b.Small = "new", 5
			}
			change(all[1])
			err := r.SaveMany(t.Context(), all)
			require.ErrorIs(t, err, store.ErrInvalid, name)
			for id := range int64(3) {
				have, err := r.Get(t.Context(), id+1)
				require.NoError(t, err)
				assert.Empty(t, have.Short, name)
				assert.EqualValues(t, 1, have.Version, name)
			}
		}
	})
}

// label is a key of which a part is a text.
type label struct {
	Label  string `db:"label" store:"size=40"`
	Number int64  `db:"number"`
}

type labelled struct {
	store.Snapshot
	ID     label `store:"key"`
	Amount int64
}

// textKeys are the forms of a column of text keys, with texts that its collation takes for the same, or its charset
// does not have.
var textKeys = map[string]string{
	"OurOwn":    "",
	"FoldsCase": "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
	"Latin":     "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
	"Ascii":     "VARCHAR(40) CHARACTER SET ascii COLLATE ascii_general_ci",
	"Bytes":     "VARBINARY(160)",
}

// TestManyByTextKeys saves and deletes many rows by keys of text, over each form of the column: by as many statements
// as by numbers, with the rows found by the index, and never another row whose key is alike.
func TestManyByTextKeys(t *testing.T) {
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		for name, form := range textKeys {
			t.Run(name, func(t *testing.T) {
				behind := direct(t, dsn)
				db := open(t, p.DSN(dsn), &mysql.Options{Connections: 1})
				all := store.MustRepository[labelled, label](db, strings.ToLower("labelled_"+name), nil)
				require.NoError(t, all.EnsureSchema(t.Context()))
				if form != "" {
					sqltest.Do(t, behind, "ALTER TABLE "+all.Table()+" MODIFY label "+form+" NOT NULL")
				}
				const n = 500
				rows := make([]*labelled, n)
				for i := range rows {
					rows[i] = &labelled{Amount: 1}
					rows[i].ID.Label, rows[i].ID.Number = [...]string{"gate", "Wages", "it's \\"}[i%3], int64(i)
				}
				require.NoError(t, all.InsertMany(t.Context(), rows))
				save := func() error {
					for _, r := range rows {
						r.Amount++
					}
					return all.SaveMany(t.Context(), rows)
				}
				require.NoError(t, save())
				pool, _ := mysql.Native(db)
				read := func() int64 { return rowsRead(t, pool) }
				before := read()
				p.Reset()
				require.NoError(t, save())
				if name != "Bytes" { // which compares no texts: row by row
					assert.Equal(t, 3, p.Count())
				}
				assert.Less(t, read()-before, int64(3*n), "a look through the table for each row would be 250,000")
				for _, r := range rows {
					have, err := all.Get(t.Context(), r.ID)
					require.NoError(t, err)
					require.EqualValues(t, []int64{3, 3}, []int64{have.Amount, have.Version})
				}

				// What is alike to the collation, or is no text of the charset, is another key.
				for _, label := range []string{"GATE", "gäte", "gate ", "g?te", "g😀te", "gate\x00"} {
					other := *rows[0]
					other.ID.Label = label
					err := all.SaveMany(t.Context(), []*labelled{&other, rows[1]})
					require.Error(t, err, label)
					require.NotErrorIs(t, err, store.ErrUnknownOutcome, label)
					have, err := all.Get(t.Context(), rows[0].ID)
					require.NoError(t, err)
					require.EqualValues(t, 3, have.Version, label)
				}
				doomed := make([]labelled, n)
				for i := range rows {
					doomed[i] = *rows[i]
				}
				require.NoError(t, all.DeleteMany(t.Context(), doomed))
				left, err := all.Count(t.Context(), store.Query{})
				require.NoError(t, err)
				require.Zero(t, left)
			})
		}
	})
}

// rowsRead is how many rows the server has looked at for a pool of one connection, one after the other.
func rowsRead(t *testing.T, pool *sqlx.DB) (n int64) {
	t.Helper()
	rows, err := pool.Query("SHOW SESSION STATUS LIKE 'Handler_read%next'")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var count int64
		require.NoError(t, rows.Scan(&name, &count))
		n += count
	}
	return n
}

// TestManyFindsItsRows counts the rows that the server looks at for a joined statement: it finds each by the key.
func TestManyFindsItsRows(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		_, all := bulkyTable(t, dsn, 2_000)
		db := open(t, dsn, nil)
		pool, ok := mysql.Native(db)
		require.True(t, ok)
		pool.SetMaxOpenConns(1) // so that the counters are those of the connection that writes
		r := store.MustRepository[bulky, int64](db, "bulky", nil)
		read := func() int64 { return rowsRead(t, pool) }
		for _, b := range all[:100] {
			b.Half++
		}
		before := read()
		require.NoError(t, r.SaveMany(t.Context(), all[:100]))
		assert.Less(t, read()-before, int64(2_000), "a look through the table for each row would be 200,000")
	})
}

// TestManyTrips counts what is sent for a thousand checked changes: three trips, and two in a Tx.
func TestManyTrips(t *testing.T) {
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		_, all := bulkyTable(t, dsn, 1_000)
		db := open(t, p.DSN(dsn), nil)
		r := store.MustRepository[bulky, int64](db, "bulky", nil)
		change := func() {
			for _, b := range all {
				b.Half++
			}
		}
		inTx := func() (trips int) {
			require.NoError(t, db.Atomic(t.Context(), nil, func(ctx context.Context, tx *store.Tx) error {
				p.Reset()
				err := r.In(tx).SaveMany(ctx, all)
				trips = p.Count()
				return err
			}))
			return trips
		}
		change()
		require.NoError(t, r.SaveMany(t.Context(), all)) // after which the statements are prepared
		change()
		inTx()
		change()
		p.Reset()
		require.NoError(t, r.SaveMany(t.Context(), all))
		assert.Equal(t, 3, p.Count())
		change()
		assert.Equal(t, 2, inTx())
	})
}
