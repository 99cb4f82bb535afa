package interop

import (
	"database/sql"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// Player is the class Player of testdata/sql_models.py.
type Player struct {
	store.Snapshot
	ID        int64          `db:"id" store:"key"`
	Name      string         `db:"name" store:"size=60"`
	Bio       string         `db:"bio"`
	Position  string         `db:"position" store:"size=10"` // the name of the member
	Active    bool           `db:"active"`
	Level     int32          `db:"level"`
	Gold      int64          `db:"gold"`
	Rating    float64        `db:"rating"`
	Wage      string         `db:"wage" store:"decimal=19.4"`
	Born      time.Time      `db:"born"` // at midnight in UTC
	Seen      time.Time      `db:"seen"`
	Token     [16]byte       `db:"token"`
	Avatar    []byte         `db:"avatar" store:"size=100"`
	Home      *Address       `db:"home"`
	Nicknames []string       `db:"nicknames"`
	Nick      *string        `db:"nick" store:"size=60"`
	Bonus     sql.NullString `db:"bonus" store:"decimal=19.4"`
	Retired   *time.Time     `db:"retired"`
}

// Address is a JSON object in a column.
type Address struct {
	Street string `json:"street"`
	Town   string `json:"town"`
}

// Players is the table of them.
type Players = store.Repository[Player, int64]

// sqlServers are the products on which the tests of SQLAlchemy run.
var sqlServers = map[string]func(testing.TB) *testbed.Server{"MariaDB": testbed.MariaDB, "MySQL": testbed.MySQL}

// sqlGame is a database that a Python service has made its tables in, and both write.
type sqlGame struct {
	dsn      string
	settings arguments // how the service connects
	python   *client
	columns  map[string]string // the type of each column as SQLAlchemy prints it
	db       *store.DB
	players  *Players
	rivals   *rivals[Player]
}

// newSQLGame has the service make its tables.
func newSQLGame(t *testing.T, server *testbed.Server, o *mysql.Options) *sqlGame {
	t.Helper()
	dsn := server.Database(t)
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	host, port, err := net.SplitHostPort(cfg.Addr)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	g := &sqlGame{dsn: dsn, settings: arguments{
		"username": cfg.User, "password": cfg.Passwd, "host": host, "port": number, "database": cfg.DBName,
		"mariadb": server.Product() == "MariaDB",
	}}
	g.python = start(t, "sql_client.py", g.settings)
	g.columns = must[map[string]string](t, g.python, "create", nil)
	g.db, err = mysql.Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.db.Close() })
	g.players, err = store.NewRepository[Player, int64](g.db, "players", nil)
	require.NoError(t, err)
	g.rivals = &rivals[Player]{
		python: g.python, repo: g.players,
		player: func(id int64) Player { p, _ := ann(id); return p },
		gold:   func(p *Player) *int64 { return &p.Gold },
	}
	return g
}

// ann is a player as both languages have her, and what she is in texts.
func ann(id int64) (Player, map[string]*string) {
	fields := map[string]*string{}
	for name, text := range map[string]string{
		"name": "Ann", "bio": "", "position": "WING", "active": "false", "level": "0", "gold": "0", "rating": "0.0",
		"wage": "0.0000", "born": "1970-01-01", "seen": "1970-01-01T00:00:00",
		"token": "00000000-0000-0000-0000-000000000000",
	} {
		fields[name] = &text
	}
	for _, name := range []string{"avatar", "home", "nicknames", "nick", "bonus", "retired"} {
		fields[name] = nil
	}
	epoch := time.Unix(0, 0).UTC()
	return Player{
		ID: id, Name: "Ann", Position: "WING", Wage: "0.0000", Born: epoch, Seen: epoch,
	}, fields
}

// sqlCase is a value that goes both ways.
type sqlCase struct {
	what, column, text string
	set                func(*Player)
	field              string // by which a query finds the value; empty where it cannot be compared
}

// at is a time in UTC, from the form that Python gives it too.
func at(text string) time.Time {
	layout := "2006-01-02T15:04:05.999999"
	return must1(time.ParseInLocation(layout[:max(10, min(len(text), len(layout)))], text, time.UTC))
}

// must1 is for values that are written here.
func must1[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

var uuidOfTests = [16]byte{
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
}

const (
	beyondDoubles = 1<<53 + 1
	emoji         = "Zoë 👩‍🚀 Łukasz"
)

var long = strings.Repeat("é", 70_000)

// sqlCases are the values of TestSQLValues.
var sqlCases = []sqlCase{
	{"letters, marks and emoji", "name", emoji, func(p *Player) { p.Name = emoji }, "Name"},
	{
		"a text of 70,000 characters", "bio", long,
		func(p *Player) { p.Bio = long }, "",
	},
	{"a member of an enum", "position", "GOAL", func(p *Player) { p.Position = "GOAL" }, "Position"},
	{"true", "active", "true", func(p *Player) { p.Active = true }, "Active"},
	{"the least of 32 bits", "level", "-2147483648", func(p *Player) { p.Level = -1 << 31 }, "Level"},
	{"2^53 + 1", "gold", "9007199254740993", func(p *Player) { p.Gold = beyondDoubles }, "Gold"},
	{
		"the least of 64 bits", "gold", "-9223372036854775808",
		func(p *Player) { p.Gold = -1 << 63 }, "Gold",
	},
	{"0.1", "rating", "0.1", func(p *Player) { p.Rating = 0.1 }, "Rating"},
	{"5e-324", "rating", "5e-324", func(p *Player) { p.Rating = 5e-324 }, "Rating"},
	{
		"19 digits", "wage", "123456789012345.6789",
		func(p *Player) { p.Wage = "123456789012345.6789" }, "Wage",
	},
	{"a negative amount", "wage", "-0.0100", func(p *Player) { p.Wage = "-0.0100" }, "Wage"},
	{"a day", "born", "1884-02-29", func(p *Player) { p.Born = at("1884-02-29") }, "Born"},
	{
		"a microsecond", "seen", "2026-10-25T01:30:00.000001",
		func(p *Player) { p.Seen = at("2026-10-25T01:30:00.000001") }, "Seen",
	},
	{
		"the year 9999", "seen", "9999-12-31T23:59:59.999999",
		func(p *Player) { p.Seen = at("9999-12-31T23:59:59.999999") }, "Seen",
	},
	{
		"a UUID", "token", "00112233-4455-4677-8899-aabbccddeeff",
		func(p *Player) { p.Token = uuidOfTests }, "Token",
	},
	{
		"bytes", "avatar", "00ff275c0a1a",
		func(p *Player) { p.Avatar = []byte("\x00\xff'\\\n\x1a") }, "Avatar",
	},
	{
		"an object", "home", `{"street": "Filbert \"Way\"", "town": "` + emoji + `"}`,
		func(p *Player) { p.Home = &Address{`Filbert "Way"`, emoji} }, "",
	},
	{
		"a list", "nicknames", `["` + emoji + `", ""]`,
		func(p *Player) { p.Nicknames = []string{emoji, ""} }, "",
	},
	{"an empty list", "nicknames", "[]", func(p *Player) { p.Nicknames = []string{} }, ""},
	{"an empty text, not NULL", "nick", "", func(p *Player) { p.Nick = new(string) }, "Nick"},
	{
		"a decimal, or NULL", "bonus", "1.2500",
		func(p *Player) { p.Bonus = sql.NullString{String: "1.2500", Valid: true} }, "Bonus",
	},
	{
		"a time, or NULL", "retired", "2026-01-02T03:04:05.600000",
		func(p *Player) { p.Retired = new(at("2026-01-02T03:04:05.600000")) }, "Retired",
	},
}

// TestSQLValues has each kind of value go both ways: the service writes and Go reads and finds it, and Go writes and
// the service reads it, by an insert and by a change. The guide's table has the columns, and what went through them.
func TestSQLValues(t *testing.T) {
	t.Parallel()
	columns := map[string][]string{} // on each server
	var types map[string]string
	for _, name := range []string{"MariaDB", "MySQL"} {
		g := newSQLGame(t, sqlServers[name](t), nil)
		found, err := g.players.CheckSchema(t.Context())
		require.NoError(t, err)
		for _, d := range found {
			assert.NotEqual(t, store.SeverityMust, d.Severity, d)
		}
		for i, c := range sqlCases {
			g.passes(t, c, int64(i)*4)
		}
		types = g.columns
		for column := range types {
			made := strings.TrimSuffix(g.column(t, "players", column), "(11)")
			if made = strings.TrimSuffix(made, "(20)"); !slices.Contains(columns[column], made) {
				columns[column] = append(columns[column], made)
			}
		}
	}
	b := newTable("column", "SQLAlchemy", "makes", "in Go", "went both ways, by insert and change")
	for f := range reflect.TypeFor[Player]().Fields() {
		column := f.Tag.Get("db")
		var went []string
		for _, c := range sqlCases {
			if c.column == column {
				went = append(went, c.what)
			}
		}
		if _, texts := ann(0); column != "" && texts[column] == nil && len(went) > 0 {
			went = append(went, "NULL")
		}
		if len(went) > 0 {
			b.row("`"+column+"`", "`"+types[column]+"`", "`"+strings.Join(columns[column], "`, `")+"`",
				fieldOf(reflect.TypeFor[Player](), f.Name), strings.Join(went, "; "))
		}
	}
	testbed.Documented(t, "SQLALCHEMY.md", "values", b.text.String(), *update)
	program, err := os.ReadFile(filepath.Join("testdata", "sql_models.py"))
	require.NoError(t, err)
	_, models, _ := strings.Cut(string(program), "\n\n\n")
	testbed.Documented(t, "SQLALCHEMY.md", "models", "```python\n"+strings.TrimSpace(models)+"\n```", *update)
}

// passes has a value go both ways, in rows of its own.
func (g *sqlGame) passes(t *testing.T, c sqlCase, id int64) {
	t.Helper()
	for i, isInsert := range []bool{true, false} {
		theirs, ours := id+int64(i), id+2+int64(i)
		want, fields := ann(theirs)
		texts := maps.Clone(fields)
		texts[c.column] = &c.text
		if isInsert {
			must[any](t, g.python, "insert", arguments{"id": theirs, "fields": texts})
		} else {
			must[any](t, g.python, "insert", arguments{"id": theirs, "fields": fields})
			must[any](t, g.python, "change", arguments{"id": theirs, "fields": arguments{c.column: c.text}})
		}
		c.set(&want)
		got, err := g.players.Get(t.Context(), theirs)
		require.NoError(t, err, c.what)
		require.EqualValues(t, i+1, got.Version, c.what)
		want.Snapshot = got.Snapshot
		require.Equal(t, want, got, "%s: from Python to Go", c.what)
		if c.field != "" {
			value := reflect.ValueOf(want).FieldByName(c.field).Interface()
			n, err := g.players.Count(t.Context(), store.Where("ID", store.Eq, theirs).And(c.field, store.Eq, value))
			require.NoError(t, err, c.what)
			require.EqualValues(t, 1, n, "%s: Go finds what Python has written", c.what)
		}

		mine, _ := ann(ours)
		if isInsert {
			c.set(&mine)
		}
		require.NoError(t, g.players.Insert(t.Context(), &mine), c.what)
		if !isInsert {
			_, err := g.players.Modify(t.Context(), ours, func(p *Player) error { c.set(p); return nil })
			require.NoError(t, err, c.what)
		}
		texts["version"] = new(fmt.Sprint(i + 1))
		require.Equal(t, texts, must[map[string]*string](t, g.python, "read", arguments{"id": ours}),
			"%s: from Go to Python", c.what)
	}
	// A change back to NULL goes both ways too.
	if _, base := ann(0); base[c.column] == nil {
		must[any](t, g.python, "change", arguments{"id": id, "fields": arguments{c.column: nil}})
		want, texts := ann(id)
		got, err := g.players.Get(t.Context(), id)
		require.NoError(t, err)
		want.Snapshot = got.Snapshot
		require.Equal(t, want, got, "%s: NULL from Python to Go", c.what)
		_, err = g.players.Modify(t.Context(), id+2, func(p *Player) error { setNull(p); return nil })
		require.NoError(t, err)
		texts["version"] = new("2")
		require.Equal(t, texts, must[map[string]*string](t, g.python, "read", arguments{"id": id + 2}),
			"%s: NULL from Go to Python", c.what)
	}
}

// setNull takes away what may be missing.
func setNull(p *Player) {
	p.Avatar, p.Home, p.Nicknames, p.Nick, p.Bonus, p.Retired = nil, nil, nil, nil, sql.NullString{}, nil
}
