package recipes

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestPlayer looks at what is stored where, and at what one changed field writes.
func TestPlayer(t *testing.T) {
	t.Parallel()
	player := func() *Player {
		return &Player{
			ID: PlayerID{"2015/16", 9}, Contract: Contract{Wage: "1500"},
			Home: Address{Street: "Filbert Way", Town: "Leicester"}, Nicknames: []string{"Vards"},
		}
	}
	t.Run("MySQL", func(t *testing.T) {
		db, err := mysql.Open(t.Context(), testbed.MySQL(t).Database(t), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		players := store.MustRepository[Player, PlayerID](db, "players", nil)
		require.NoError(t, players.EnsureSchema(t.Context()))
		p := player()
		require.NoError(t, players.Insert(t.Context(), p))
		assert.Equal(t, "1500.0000", p.Wage)
		pool, _ := mysql.Native(db)
		var columns []string
		require.NoError(t, pool.SelectContext(t.Context(), &columns, `SELECT COLUMN_NAME
			FROM information_schema.COLUMNS WHERE TABLE_NAME = 'players' AND TABLE_SCHEMA = DATABASE()`))
		slices.Sort(columns)
		assert.Equal(t, []string{
			"changed", "home", "joined", "nicknames", "number", "season", "until", "version", "wage",
		}, columns)
		var home string
		require.NoError(t, pool.GetContext(t.Context(), &home, "SELECT home FROM players"))
		assert.JSONEq(t, `{"street": "Filbert Way", "town": "Leicester"}`, home)
	})
	t.Run("MongoDB", func(t *testing.T) {
		set := testbed.Mongo(t)
		db, err := mongo.Open(t.Context(), set.URI(), set.Database(t), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		players := store.MustRepository[Player, PlayerID](db, "players", nil)
		require.NoError(t, players.EnsureSchema(t.Context()))
		require.NoError(t, players.Insert(t.Context(), player()))
		native, _ := mongo.Native(db)
		document, err := native.Collection("players").FindOne(t.Context(), bson.D{}).Raw()
		require.NoError(t, err)
		elements, err := document.Elements()
		require.NoError(t, err)
		var fields []string
		for _, e := range elements {
			fields = append(fields, e.Key())
		}
		slices.Sort(fields)
		assert.Equal(t, []string{"_id", "changed", "home", "joined", "nicknames", "until", "version", "wage"}, fields)
		assert.Equal(t, "2015/16", document.Lookup("_id", "season").StringValue())
		assert.Equal(t, "Leicester", document.Lookup("home", "town").StringValue())
	})
}
