package interop

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
)

// sqlWays are the classes of sql_client.py by which the service adds, and whether the version notices it.
var sqlWays = []struct {
	way, words string
}{
	{"Versioned", "`version_id_col`: read an object, change it, commit"},
	{"Filtered", "`update(…).where(version == v).values(version=v + 1)`, and look at `rowcount`"},
	{"Counted", "`update(…).values(gold=gold + 1, version=version + 1)`"},
	{"Unversioned", "an object of a mapping without `version_id_col`"},
	{"CountedUnversioned", "`update(…).values(gold=gold + 1)`"},
	{"Twice", "an `update` of the value, then one of the version"},
	{"TwiceInOne", "both in one transaction, without the version in a filter"},
}

// TestSQLWays has Go and a service meet on one row, by each way of writing, with and without the trigger that moves the
// version. The guide's table says what comes of it, on both servers.
func TestSQLWays(t *testing.T) {
	t.Parallel()
	made := map[string]string{}
	for name, server := range sqlServers {
		plain := newSQLGame(t, server(t), nil)
		triggered := newSQLGame(t, server(t), &mysql.Options{VersionTriggers: true})
		require.NoError(t, triggered.players.EnsureSchema(t.Context()))
		b := newTable("how Python adds 1", "the schema", "Go writes in between", "in between of Modify",
			"in between of Get and Save")
		for _, w := range sqlWays {
			for i, g := range []*sqlGame{plain, triggered} {
				inPython, inModify, inSave := g.rivals.meetings(t, w.way)
				b.row(w.words, []string{"as made", "with `VersionTriggers`"}[i], string(inPython), string(inModify),
					string(inSave))
				assert.False(t, i == 1 && (inModify.isLoss() || inSave.isLoss()),
					"%s: with the trigger nothing of Python's is overwritten", w.way)
			}
		}
		made[name] = b.text.String()
	}
	assert.Equal(t, made["MariaDB"], made["MySQL"])
	assert.Equal(t, 6, strings.Count(made["MySQL"], string(goLost)), "what no trigger can mend")
	testbed.Documented(t, "SQLALCHEMY.md", "ways", made["MySQL"], *update)
}

// TestSQLTogether has services and Go add to one row at the same time. What the guide calls safe must be exact after as
// many rounds as it takes until both sides have met conflicts; what it warns of must lose.
func TestSQLTogether(t *testing.T) {
	t.Parallel()
	for name, server := range sqlServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := newSQLGame(t, server(t), nil)
			triggered := newSQLGame(t, server(t), &mysql.Options{VersionTriggers: true})
			require.NoError(t, triggered.players.EnsureSchema(t.Context()))
			for _, tt := range []struct {
				way    string
				g      *sqlGame
				isTold bool // Python meets conflicts
				loses  bool
			}{
				{"Versioned", plain, true, false},
				{"Versioned", triggered, true, false},
				{"Filtered", plain, true, false},
				{"Counted", plain, false, false},
				{"Locked", plain, false, false},
				{"CountedUnversioned", triggered, false, false},
				{"Unversioned", plain, false, true},
				{"Unversioned", triggered, false, true},
				{"CountedUnversioned", plain, false, true},
				{"Twice", plain, false, true},
			} {
				services := []*client{tt.g.python, start(t, "sql_client.py", tt.g.settings)}
				c := tt.g.rivals.together(t, services, tt.way, func(c tally) bool {
					isMet := c.saveAgain > 0 && (c.pythonAgain > 0 || !tt.isTold)
					return c.rounds > 0 && isMet && (c.sum < c.expected || !tt.loses)
				})
				assert.Equal(t, tt.loses, c.sum < c.expected, tt.way)
				assert.Positive(t, c.saveAgain, tt.way)
				assert.Equal(t, tt.isTold, tt.isTold && c.pythonAgain > 0, tt.way)
			}
		})
	}
}

// TestSQLAdoption has a table go over from an old service, which knows no versions, to both: Go adds the column and the
// trigger, the old service goes on, a new one of Python maps the column, and Go writes.
func TestSQLAdoption(t *testing.T) {
	t.Parallel()
	for name, server := range sqlServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newSQLGame(t, server(t), &mysql.Options{VersionTriggers: true})
			pool := g.pool(t)
			do := func(statement string) {
				_, err := pool.ExecContext(t.Context(), statement)
				require.NoError(t, err, statement)
			}
			old := func(id int64) {
				_, texts := ann(id)
				must[any](t, g.python, "insert", arguments{"id": id, "fields": texts, "knows_versions": false})
			}
			whole := func(way string, id int64) {
				must[any](t, g.python, "begin", arguments{"way": way, "id": id})
				must[any](t, g.python, "finish", arguments{"way": way})
			}
			do("ALTER TABLE players DROP COLUMN version")
			old(1)
			statements, err := g.players.Migration(t.Context())
			require.NoError(t, err)
			require.Len(t, statements, 2, "the column and the trigger: %v", statements)
			for _, s := range statements {
				do(s)
			}

			old(2)
			for id := int64(1); id <= 2; id++ {
				ways := []string{"Unversioned", "Versioned"}
				whole(ways[id-1], id)
				whole(ways[2-id], id)
				_, err = g.players.Modify(t.Context(), id, func(p *Player) error { p.Gold++; return nil })
				require.NoError(t, err)
				player, err := g.players.Get(t.Context(), id)
				require.NoError(t, err)
				assert.EqualValues(t, 3, player.Gold)
				assert.EqualValues(t, 3, player.Version, "each write moved it")
			}

			// An old service overwrites the columns that it has changed and no others.
			must[any](t, g.python, "begin", arguments{"way": "Unversioned", "id": 1})
			_, err = g.players.Modify(t.Context(), 1, func(p *Player) error { p.Level = 7; return nil })
			require.NoError(t, err)
			must[any](t, g.python, "finish", arguments{"way": "Unversioned"})
			player, err := g.players.Get(t.Context(), 1)
			require.NoError(t, err)
			assert.EqualValues(t, []any{int64(4), int32(7)}, []any{player.Gold, player.Level})
		})
	}
}
