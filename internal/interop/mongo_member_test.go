package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// Member is the class Member of testdata/mongo_models.py.
type Member struct {
	store.Snapshot `bson:",inline"`
	ID             int64            `bson:"_id" store:"key"`
	Class          string           `bson:"_cls"` // "Member", or "Member.Keeper"
	Name           string           `bson:"name"`
	Position       string           `bson:"position"` // the value of the member of the enum
	Active         bool             `bson:"active"`
	Level          int64            `bson:"level"`
	Gold           int64            `bson:"gold"`
	Rating         float64          `bson:"rating"`
	Wage           string           `bson:"wage" store:"decimal=19.4"`
	Born           time.Time        `bson:"born"` // at midnight in UTC
	Seen           time.Time        `bson:"seen"`
	Token          [16]byte         `bson:"token"`
	Crest          *bson.ObjectID   `bson:"crest"`
	Avatar         []byte           `bson:"avatar"`
	Club           *int64           `bson:"club"` // the key of the one that is referred to
	Nicknames      []string         `bson:"nicknames"`
	Scores         map[string]int64 `bson:"scores"`
	Contract       *Contract        `bson:"contract"`
	Seasons        []Season         `bson:"seasons"`
	Nick           *string          `bson:"nick"`
	Retired        *time.Time       `bson:"retired"`
}

// Contract has what Go knows of the class Contract, and nothing of the class Loan.
type Contract struct {
	Class string     `bson:"_cls"`
	Fee   int64      `bson:"fee"`
	Until *time.Time `bson:"until"`
}

// Season has all that the class Season has: a list is written whole.
type Season struct {
	Year  int32 `bson:"year"`
	Goals int32 `bson:"goals"`
}

// Members is the collection of them.
type Members = store.Repository[Member, int64]

// mongoGame is a database that a Python service and Go write.
type mongoGame struct {
	settings arguments // how the service connects
	python   *client
	fields   map[string]string // the class of each field
	db       *store.DB
	native   *mongodriver.Database
	members  *Members
	rivals   *rivals[Member]
}

// newMongoGame has the service make what it refers to.
func newMongoGame(t *testing.T) *mongoGame {
	t.Helper()
	set := testbed.Mongo(t)
	database := set.Database(t)
	g := &mongoGame{settings: arguments{"db": database, "host": set.URI()}}
	g.python = start(t, "mongo_client.py", g.settings)
	g.fields = must[map[string]string](t, g.python, "create", nil)
	var err error
	g.db, err = mongo.Open(t.Context(), set.URI(), database, &mongo.Options{WriteTimeout: testbed.Patience})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.db.Close() })
	g.native, _ = mongo.Native(g.db)
	g.members, err = store.NewRepository[Member, int64](g.db, "members", nil)
	require.NoError(t, err)
	g.rivals = &rivals[Member]{
		python: g.python, repo: g.members,
		player: func(id int64) Member { m, _ := bob(id); return m },
		gold:   func(m *Member) *int64 { return &m.Gold },
	}
	return g
}

// bob is a member as both languages have him, and what he is in texts.
func bob(id int64) (Member, map[string]*string) {
	fields := map[string]*string{}
	for name, text := range map[string]string{
		"name": "Bob", "position": "WING", "active": "false", "level": "0", "gold": "0", "rating": "0.0",
		"wage": "0.0000", "born": "1970-01-01", "seen": "1970-01-01T00:00:00",
		"token": "00000000-0000-0000-0000-000000000000", "nicknames": "[]", "scores": "{}", "seasons": "[]",
	} {
		fields[name] = &text
	}
	for _, name := range []string{"crest", "avatar", "club", "contract", "nick", "retired"} {
		fields[name] = nil
	}
	epoch := time.Unix(0, 0).UTC()
	return Member{
		ID: id, Class: "Member", Name: "Bob", Position: "wing", Wage: "0.0000", Born: epoch, Seen: epoch,
		Nicknames: []string{}, Scores: map[string]int64{}, Seasons: []Season{},
	}, fields
}

// mongoCase is a value that goes both ways.
type mongoCase struct {
	what, column, text string
	set                func(*Member)
	field              string // by which a query finds the value; empty where it cannot be compared
}

// mongoCases are the values of TestMongoValues.
var mongoCases = []mongoCase{
	{"letters, marks and emoji", "name", emoji, func(m *Member) { m.Name = emoji }, "Name"},
	{"a text of 70,000 characters", "name", long, func(m *Member) { m.Name = long }, "Name"},
	{"a member of an enum", "position", "GOAL", func(m *Member) { m.Position = "goal" }, "Position"},
	{"true", "active", "true", func(m *Member) { m.Active = true }, "Active"},
	{"the least of 32 bits", "level", "-2147483648", func(m *Member) { m.Level = -1 << 31 }, "Level"},
	{"2^53 + 1", "gold", "9007199254740993", func(m *Member) { m.Gold = beyondDoubles }, "Gold"},
	{"the least of 64 bits", "gold", "-9223372036854775808", func(m *Member) { m.Gold = -1 << 63 }, "Gold"},
	{"0.1", "rating", "0.1", func(m *Member) { m.Rating = 0.1 }, "Rating"},
	{"5e-324", "rating", "5e-324", func(m *Member) { m.Rating = 5e-324 }, "Rating"},
	{"19 digits", "wage", "123456789012345.6789", func(m *Member) { m.Wage = "123456789012345.6789" }, "Wage"},
	{"a negative amount", "wage", "-0.0100", func(m *Member) { m.Wage = "-0.0100" }, "Wage"},
	{"a day", "born", "1884-02-29", func(m *Member) { m.Born = at("1884-02-29") }, "Born"},
	{
		"a millisecond", "seen", "2026-10-25T01:30:00.001000",
		func(m *Member) { m.Seen = at("2026-10-25T01:30:00.001000") }, "Seen",
	},
	{"a UUID", "token", "00112233-4455-4677-8899-aabbccddeeff", func(m *Member) { m.Token = uuidOfTests }, "Token"},
	{
		"an ObjectId, or None", "crest", "0123456789abcdef01234567",
		func(m *Member) { m.Crest = new(must1(bson.ObjectIDFromHex("0123456789abcdef01234567"))) }, "",
	},
	{"bytes", "avatar", "00ff275c0a1a", func(m *Member) { m.Avatar = []byte("\x00\xff'\\\n\x1a") }, "Avatar"},
	{"a reference, or None", "club", "7", func(m *Member) { m.Club = new(int64(7)) }, "Club"},
	{"a list", "nicknames", `["` + emoji + `", ""]`, func(m *Member) { m.Nicknames = []string{emoji, ""} }, ""},
	{
		"a map", "scores", `{"2026": 9007199254740993}`,
		func(m *Member) { m.Scores = map[string]int64{"2026": beyondDoubles} }, "",
	},
	{
		"an embedded document, or None", "contract", `{"fee": 9007199254740993}`,
		func(m *Member) { m.Contract = &Contract{Class: "Contract", Fee: beyondDoubles} }, "",
	},
	{
		"a list of embedded documents", "seasons", `[{"goals": 7, "year": 2026}]`,
		func(m *Member) { m.Seasons = []Season{{2026, 7}} }, "",
	},
	{"an empty text, not None", "nick", "", func(m *Member) { m.Nick = new(string) }, "Nick"},
	{
		"a time, or None", "retired", "2026-01-02T03:04:05.600000",
		func(m *Member) { m.Retired = new(at("2026-01-02T03:04:05.600000")) }, "Retired",
	},
}

// TestMongoValues has each kind of value go both ways: the service writes and Go reads and finds it, and Go writes and
// the service reads it, by an insert and by a change. The guide's table has the fields, what is stored, and what went
// through them.
func TestMongoValues(t *testing.T) {
	t.Parallel()
	g := newMongoGame(t)
	for i, c := range mongoCases {
		g.passes(t, c, int64(i)*4)
	}
	found, err := g.members.CheckSchema(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
	b := newTable("field", "mongoengine", "in Go", "both store", "went both ways, by insert and change")
	for f := range reflect.TypeFor[Member]().Fields() {
		column := f.Tag.Get("bson")
		var went []string
		for _, c := range mongoCases {
			if c.column == column {
				went = append(went, c.what)
			}
		}
		if len(went) > 0 {
			b.row("`"+column+"`", "`"+g.fields[column]+"`", fieldOf(reflect.TypeFor[Member](), f.Name),
				g.stored(t, column), strings.Join(went, "; "))
		}
	}
	testbed.Documented(t, "MONGOENGINE.md", "values", b.text.String(), *update)
	program, err := os.ReadFile(filepath.Join("testdata", "mongo_models.py"))
	require.NoError(t, err)
	_, models, _ := strings.Cut(string(program), "\n\n\n")
	testbed.Documented(t, "MONGOENGINE.md", "models", "```python\n"+strings.TrimSpace(models)+"\n```", *update)
}

// stored are the types by which a field is stored, by whomever, but for null.
func (g *mongoGame) stored(t testing.TB, field string) string {
	t.Helper()
	cursor, err := g.native.Collection("members").Aggregate(t.Context(), bson.A{
		bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: bson.D{{Key: "$type", Value: "$" + field}}}}}},
		bson.D{{Key: "$match", Value: bson.D{{Key: "_id", Value: bson.D{
			{Key: "$nin", Value: bson.A{"null", "missing"}},
		}}}}},
		bson.D{{Key: "$sort", Value: bson.D{{Key: "_id", Value: 1}}}},
	})
	require.NoError(t, err)
	var types []struct {
		ID string `bson:"_id"`
	}
	require.NoError(t, cursor.All(t.Context(), &types))
	var names []string
	for _, found := range types {
		names = append(names, "`"+found.ID+"`")
	}
	return strings.Join(names, ", ")
}

// passes has a value go both ways, in documents of its own.
func (g *mongoGame) passes(t *testing.T, c mongoCase, id int64) {
	t.Helper()
	for i, isInsert := range []bool{true, false} {
		theirs, ours := id+int64(i), id+2+int64(i)
		want, fields := bob(theirs)
		texts := maps.Clone(fields)
		texts[c.column] = &c.text
		if isInsert {
			must[any](t, g.python, "insert", arguments{"id": theirs, "fields": texts})
		} else {
			must[any](t, g.python, "insert", arguments{"id": theirs, "fields": fields})
			must[any](t, g.python, "change", arguments{"id": theirs, "fields": arguments{c.column: c.text}})
		}
		c.set(&want)
		got, err := g.members.Get(t.Context(), theirs)
		require.NoError(t, err, c.what)
		require.EqualValues(t, 1, got.Version, c.what) // save moves none
		want.Snapshot = got.Snapshot
		require.Equal(t, want, got, "%s: from Python to Go", c.what)
		if c.field != "" {
			value := reflect.ValueOf(want).FieldByName(c.field).Interface()
			n, err := g.members.Count(t.Context(), store.Where("ID", store.Eq, theirs).And(c.field, store.Eq, value))
			require.NoError(t, err, c.what)
			require.EqualValues(t, 1, n, "%s: Go finds what Python has written", c.what)
		}

		mine, _ := bob(ours)
		if isInsert {
			c.set(&mine)
		}
		require.NoError(t, g.members.Insert(t.Context(), &mine), c.what)
		if !isInsert {
			_, err := g.members.Modify(t.Context(), ours, func(m *Member) error { c.set(m); return nil })
			require.NoError(t, err, c.what)
		}
		texts["version"] = new(fmt.Sprint(i + 1))
		require.Equal(t, texts, must[map[string]*string](t, g.python, "read", arguments{"id": ours}),
			"%s: from Go to Python", c.what)
	}
	// What may be missing goes back to None in both ways too.
	if _, base := bob(0); base[c.column] == nil {
		must[any](t, g.python, "change", arguments{"id": id, "fields": arguments{c.column: nil}})
		want, texts := bob(id)
		got, err := g.members.Get(t.Context(), id)
		require.NoError(t, err)
		want.Snapshot = got.Snapshot
		require.Equal(t, want, got, "%s: None from Python to Go", c.what)
		_, err = g.members.Modify(t.Context(), id+2, func(m *Member) error {
			m.Crest, m.Avatar, m.Club, m.Contract, m.Nick, m.Retired = nil, nil, nil, nil, nil, nil
			return nil
		})
		require.NoError(t, err)
		texts["version"] = new("2")
		require.Equal(t, texts, must[map[string]*string](t, g.python, "read", arguments{"id": id + 2}),
			"%s: nil from Go to Python", c.what)
	}
}
