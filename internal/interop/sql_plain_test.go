package interop

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/store"
)

// row is an entity with one value.
type row[V any] struct {
	store.Snapshot `bson:",inline"`
	ID             int64 `db:"id" bson:"_id" store:"key"`
	V              V     `db:"v" bson:"v"`
}

type (
	// named is a row whose value is a short text.
	named struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `db:"id" bson:"_id" store:"key"`
		V              string `db:"v" bson:"v" store:"size=36"`
	}
	// priced is a row whose value is a decimal.
	priced struct {
		store.Snapshot `bson:",inline"`
		ID             int64  `db:"id" bson:"_id" store:"key"`
		V              string `db:"v" bson:"v" store:"decimal=19.4"`
	}
)

// Home is a JSON object that a service has stored.
type Home struct {
	Town string `json:"town" bson:"town"`
}

// verdict is what the library says to a column, and what becomes of a value on the way from Python and to it.
type verdict struct{ field, said, reads, back string }

// judge compares a column with a mapping of it, reads what Python has written, and writes the same for Python to read.
func judge[T any](
	t testing.TB, db *store.DB, table string, want any, made func(id int64) T, back func(id int64) string,
) verdict {
	t.Helper()
	r, err := store.NewRepository[T, int64](db, table, nil)
	require.NoError(t, err)
	found, err := r.CheckSchema(t.Context())
	require.NoError(t, err)
	v := verdict{field: fieldOf(reflect.TypeFor[T](), "V"), said: "nothing"}
	for _, d := range found {
		if d.Name == "v" && !strings.HasPrefix(d.Problem, "it can be NULL") &&
			!strings.HasPrefix(d.Problem, "its collation") {
			problem, _, _ := strings.Cut(d.Problem, "; ")
			v.said = d.Severity.String() + ": " + problem
			break
		}
	}
	got, err := r.Get(t.Context(), 1)
	switch value := reflect.ValueOf(got).FieldByName("V").Interface(); {
	case err != nil:
		v.reads = sentinel(err)
	case reflect.DeepEqual(value, want):
		v.reads = "the same"
	default:
		v.reads = "`" + shown(value) + "`"
	}
	mine := made(2)
	if err := r.Insert(t.Context(), &mine); err != nil {
		v.back = sentinel(err) + " to Go"
		return v
	}
	v.back = back(2)
	return v
}

// shown is a value as the guides show it.
func shown(value any) string {
	v := reflect.ValueOf(value)
	switch {
	case (v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice) && v.IsNil():
		return "nil"
	case v.Kind() == reflect.Pointer:
		return fmt.Sprintf("&%+v", v.Elem().Interface())
	}
	return fmt.Sprint(value)
}

// sentinel is the outcome that an error wraps.
func sentinel(err error) string {
	if errors.Is(err, store.ErrInvalid) {
		return "`ErrInvalid`"
	}
	return "an error"
}

// fieldOf is the type of a field, and what its tag for the library says.
func fieldOf(t reflect.Type, name string) string {
	f, _ := t.FieldByName(name)
	text := strings.NewReplacer("interop.", "", "uint8", "byte").Replace(f.Type.String())
	if tag := f.Tag.Get("store"); tag != "" {
		return "`" + text + "`, `" + tag + "`"
	}
	return "`" + text + "`"
}

// serversOwn is the name of a collation, which is another on each server.
var serversOwn = regexp.MustCompile(` utf8mb4_\w+`)

// TestSQLPlain has SQLAlchemy make columns of its types as they are by default. The guide's table has what the library
// says to each, and what happens to values.
func TestSQLPlain(t *testing.T) {
	t.Parallel()
	seen := time.Date(2026, 10, 25, 1, 30, 0, 250001000, time.UTC)
	servers := []string{"MariaDB", "MySQL"}
	b := newTable("SQLAlchemy", "makes", "in Go", "CheckSchema says", "Go reads", "Python reads of Go")
	games := map[string]*sqlGame{}
	for _, name := range servers {
		games[name] = newSQLGame(t, sqlServers[name](t), nil)
	}
	for i, tt := range []struct {
		plain string
		judge judging
	}{
		{"Boolean", plainly(true)},
		{"Integer", plainly[int32](1 << 30)},
		{"Integer", plainly[int64](1 << 30)},
		{"Float", plainly(0.1)},
		{"Float", plainly[float32](0.1)},
		{"Numeric", asPrice("1.2500")},
		{"Text", plainly("Zoë 👩‍🚀")},
		{"LargeBinary", plainly([]byte{0, 0xff})},
		{"DateTime", plainly(seen)},
		{"DateTime(timezone=True)", plainly(seen)},
		{"DATETIME(fsp=6), at +02:00", plainly(seen.Add(-2 * time.Hour))},
		{"Date", plainly(seen.Truncate(24 * time.Hour))},
		{"Time", asName("01:30:00")},
		{"Interval", plainly(time.Unix(30*3600, 0).UTC())},
		{"Enum", asName("WING")},
		{"Uuid", plainly(uuidOfTests)},
		{"Uuid", asName("00112233-4455-4677-8899-aabbccddeeff")},
		{"Uuid(native_uuid=False)", plainly(uuidOfTests)},
		{"Uuid(native_uuid=False)", asName("00112233445546778899aabbccddeeff")},
		{"JSON", plainly(Home{"Zoë"})},
		{"JSON, None", plainly[*Home](nil)},
	} {
		var rows [][]string
		table := fmt.Sprint("plain_", i)
		for _, name := range servers {
			g := games[name]
			must[any](t, g.python, "plain_create", arguments{"table": table, "name": tt.plain})
			v := tt.judge(t, g.db, table, func(id int64) string {
				answer, err := ask[string](g.python, "plain_read",
					arguments{"table": table, "name": tt.plain, "id": id})
				if err != nil {
					answer = "an error"
				}
				return answer
			})
			v.said = strings.NewReplacer("(11)", "", "uint8", "byte").Replace(serversOwn.ReplaceAllString(v.said, ""))
			made := strings.TrimSuffix(g.column(t, table, "v"), "(11)")
			rows = append(rows, []string{"`" + tt.plain + "`", "`" + made + "`", v.field, v.said, v.reads, v.back})
		}
		if same(rows[0][2:], rows[1][2:]) {
			if rows[0][1] != rows[1][1] {
				rows[0][1] += ", " + rows[1][1]
			}
			b.row(rows[0]...)
			continue
		}
		for i, name := range servers {
			rows[i][0] += " on " + name
			b.row(rows[i]...)
		}
	}
	testbed.Documented(t, "SQLALCHEMY.md", "plain", b.text.String(), *update)
}

func same(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") }

// judging is judge for one type and value.
type judging func(t testing.TB, db *store.DB, table string, back func(id int64) string) verdict

// plainly judges a column by a field of a type without a tag.
func plainly[V any](value V) judging {
	return func(t testing.TB, db *store.DB, table string, back func(int64) string) verdict {
		return judge(t, db, table, value, func(id int64) row[V] { return row[V]{ID: id, V: value} }, back)
	}
}

func asName(value string) judging {
	return func(t testing.TB, db *store.DB, table string, back func(int64) string) verdict {
		return judge(t, db, table, value, func(id int64) named { return named{ID: id, V: value} }, back)
	}
}

func asPrice(value string) judging {
	return func(t testing.TB, db *store.DB, table string, back func(int64) string) verdict {
		return judge(t, db, table, value, func(id int64) priced { return priced{ID: id, V: value} }, back)
	}
}

// pool is a pool of the driver's own.
func (g *sqlGame) pool(t testing.TB) *sql.DB {
	t.Helper()
	pool, err := sql.Open("mysql", g.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// column is the type of a live column.
func (g *sqlGame) column(t testing.TB, table, name string) (text string) {
	t.Helper()
	const ask = "SELECT COLUMN_TYPE FROM information_schema.COLUMNS " +
		"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?"
	require.NoError(t, g.pool(t).QueryRowContext(t.Context(), ask, table, name).Scan(&text))
	return text
}
