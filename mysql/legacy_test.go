package mysql_test

import (
	"context"
	"database/sql"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// legacyTables are of a program that knows nothing of this library, and uses what the server has.
var legacyTables = []string{
	`CREATE TABLE guilds (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) NOT NULL)`,
	`CREATE TABLE players (
 id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
 state ENUM('new','active','it''s; over') NOT NULL DEFAULT 'new' COMMENT 'what; state it''s in',
 name VARCHAR(20) CHARACTER SET latin1 NOT NULL DEFAULT 'anon' COMMENT 'shown, everywhere',
 tag CHAR(4) NOT NULL DEFAULT 'none',
 gold BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'never below (0)',
 level SMALLINT NOT NULL DEFAULT 1 CHECK (level > 0),
 ratio DOUBLE(10,2) NOT NULL DEFAULT 1.5 COMMENT 'rounded',
 price DECIMAL(6,1) NOT NULL DEFAULT 0.5,
 seen DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP COMMENT 'last, seen',
 born TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
 nick VARCHAR(30) DEFAULT NULL COMMENT 'may be; none',
 note TEXT, note2 VARCHAR(9) DEFAULT NULL,
 big BIGINT GENERATED ALWAYS AS (level * 2) STORED COMMENT 'made',
 hidden INT NOT NULL DEFAULT 7 $invisible,
 secret VARCHAR(9) NOT NULL COMMENT 'the old program''s',
 guild BIGINT UNSIGNED NULL,
 UNIQUE KEY players_nick (nick),
 KEY by_level (level DESC, gold),
 CONSTRAINT players_guild FOREIGN KEY (guild) REFERENCES guilds (id) ON DELETE SET NULL ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='the players'`,
}

// legacyPlayer maps most of them, as somebody would who looks at the table.
type legacyPlayer struct {
	store.Snapshot
	ID    int64     `db:"id" store:"key,auto"`
	State string    `db:"state"`
	Name  string    `db:"name" store:"size=40"`
	Tag   string    `db:"tag" store:"size=4"`
	Gold  int64     `db:"gold"`
	Level int64     `db:"level" store:"index"`
	Ratio float64   `db:"ratio"`
	Price string    `db:"price" store:"decimal=9.2"`
	Seen  time.Time `db:"seen"`
	Born  time.Time `db:"born"`
	Nick  string    `db:"nick" store:"size=30"`
	Note  *string   `db:"note"`
	Note2 string    `db:"note2" store:"size=9"`
	Guild *int64    `db:"guild"`
	Fresh string    `db:"fresh" store:"size=9"` // which the table does not have yet
}

// oldProgram does what it has always done.
type oldProgram struct{ db *sql.DB }

func (o oldProgram) run(t *testing.T, secret string) {
	t.Helper()
	sqltest.Do(t, o.db, "INSERT INTO players (secret, guild) VALUES (?, NULL)", secret)
	sqltest.Do(t, o.db, "INSERT INTO players (name, state, gold, ratio, price, level, secret) "+
		"VALUES (?, 'active', 18446744073709551000 - ?, 2.25, 12.5, 3, ?)", "Málaga", 1, secret)
	sqltest.Do(t, o.db, "UPDATE players SET gold = 5, level = level + 1, state = 'it''s; over' WHERE secret = "+
		"?", secret)
	var name, state, tag, seen string
	var hidden, big, level int
	row := o.db.QueryRow("SELECT name, state, tag, hidden, big, level, seen FROM players WHERE secret = ? AND level "+
		"= 4", secret)
	require.NoError(t, row.Scan(&name, &state, &tag, &hidden, &big, &level, &seen))
	require.Equal(t, []any{"Málaga", "it's; over", "none", 7, 8, 4}, []any{name, state, tag, hidden, big, level})
}

// verbs has the repository do everything to a row of its own, and to one of the old program's.
func (o oldProgram) verbs(t *testing.T, r *store.Repository[legacyPlayer, int64], number int64) {
	t.Helper()
	ctx := t.Context()
	at := time.Date(2020, 1, 2, 3, 4, 5, 123456000, time.UTC)
	want := legacyPlayer{
		State: "active", Name: strings.Repeat("n", 40), Tag: "a  ", Gold: 1 << 60, Level: 1 << 40, Ratio: 1.23456789,
		Price: "1234567.25", Seen: at, Born: at, Nick: "nick" + string(rune('0'+number)), Fresh: "f",
	}
	require.NoError(t, r.Insert(ctx, &want))
	got, err := r.Get(ctx, want.ID)
	require.NoError(t, err)
	want.Snapshot = got.Snapshot
	require.Equal(t, want, got)
	got.Ratio = 0.125
	require.NoError(t, r.Save(ctx, &got))
	got, err = r.Modify(ctx, want.ID, func(p *legacyPlayer) error { p.Level = 7; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 3, got.Version)
	require.NoError(t, r.Touch(ctx, &got))
	require.NoError(t, r.Reload(ctx, &got))
	n, err := r.Count(ctx, store.Where("Price", store.Eq, "1234567.25"))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, r.Delete(ctx, got))
	theirs, err := store.Collect(r.Find(ctx, store.Where("Name", store.Eq, "Málaga").Limit(1)))
	require.NoError(t, err)
	require.Len(t, theirs, 1)
	_, err = r.Modify(ctx, theirs[0].ID, func(p *legacyPlayer) error { p.Gold++; return nil })
	require.NoError(t, err)
}

func createTable(ctx context.Context, t *testing.T, db *sql.DB) string {
	t.Helper()
	var name, text string
	require.NoError(t, db.QueryRowContext(ctx, "SHOW CREATE TABLE players").Scan(&name, &text))
	return text
}

// TestLegacyTable adopts a table of odd types, which an old program goes on writing to: with what must be mended, and
// then with all that CheckSchema has a statement for. Nothing that the mapping does not speak of is lost.
func TestLegacyTable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dsn string) {
		behind := direct(t, dsn)
		old := oldProgram{behind}
		db := open(t, dsn, &mysql.Options{VersionTriggers: true})
		invisible := "/*!80023 INVISIBLE */"
		if strings.HasPrefix(db.Info().Server, "MariaDB") {
			invisible = "INVISIBLE"
		}
		for _, text := range legacyTables {
			sqltest.Do(t, behind, strings.ReplaceAll(text, "$invisible", invisible))
		}
		old.run(t, "one")
		r := store.MustRepository[legacyPlayer, int64](db, "players", nil)
		found, err := r.CheckSchema(t.Context())
		require.NoError(t, err)
		said := map[string]string{}
		for _, d := range found {
			t.Log(d)
			said[d.Name] += d.Severity.String() + ": " + d.Problem + "\n"
		}
		for name, words := range map[string][]string{
			"version":         {"must: the column does not exist"},
			"fresh":           {"must: the column does not exist"},
			"secret":          {"must: ", "get '', from other programs too"},
			"players_version": {"must: the trigger"},
			"state":           {"weaker: it is enum", "sorts them by their position"},
			"name": {
				"must: it is VARCHAR(20)", "weaker: ", "latin1 refuses", "upper and lower case", "all programs compare",
			},
			"tag":           {"must: it is CHAR(4)", "trailing spaces"},
			"gold":          {"weaker: ", "refuses numbers below 0", "9223372036854775807 cannot be read"},
			"level":         {"must: it is SMALLINT"},
			"ratio":         {"must: it is DOUBLE(10,2), which rounds"},
			"price":         {"must: it is DECIMAL(6,1)"},
			"seen":          {"must: it is DATETIME", "weaker: ", "each UPDATE", "store:\"generated\""},
			"born":          {"must: it is TIMESTAMP", "weaker: ", "before 1970"},
			"nick":          {"weaker: ", "it can be NULL", "map a pointer"},
			"note2":         {"weaker: ", "it can be NULL", "the fix stores '' there", "refuses NULL from them"},
			"note":          {"weaker: it is TEXT"},
			"players_nick":  {"weaker: the index is unique over (nick)"},
			"players_guild": {"weaker: ", "ON DELETE SET NULL, ON UPDATE CASCADE", "no trigger moves the version"},
		} {
			for _, w := range words {
				assert.Contains(t, said[name], w, name)
			}
		}
		before := createTable(t.Context(), t, behind)
		statements, err := r.Migration(t.Context())
		require.NoError(t, err)
		for _, text := range statements {
			sqltest.Do(t, behind, text)
		}
		after := createTable(t.Context(), t, behind)
		t.Log(after)
		keeps(t, before, after)
		old.run(t, "two")
		old.verbs(t, r, 1)
		const folds = "SELECT COUNT(*) FROM players WHERE name = 'MÁLAGA'"
		require.NotZero(t, sqltest.Value[int](t, behind, folds), "what must be mended changes no comparison")
		sqltest.Do(t, behind, "UPDATE players SET note2 = NULL WHERE secret = 'two'")

		found, err = r.CheckSchema(t.Context())
		require.NoError(t, err)
		for _, d := range found {
			require.NotEqual(t, store.SeverityMust, d.Severity, d)
		}
		require.True(t, sqltest.Mend(t, r, behind, found))
		all := createTable(t.Context(), t, behind)
		t.Log(all)
		keeps(t, before, all)
		old.run(t, "three")
		old.verbs(t, r, 2)
		// The differences have said so.
		_, err = behind.Exec("UPDATE players SET note2 = NULL")
		require.Error(t, err)
		require.Zero(t, sqltest.Value[int](t, behind, folds), "all programs compare by code point")
		require.NotZero(t, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM players WHERE note2 = ''"))
		require.NotZero(t, sqltest.Value[int](t, behind, "SELECT COUNT(*) FROM players WHERE name = 'Málaga'"))
	})
}

var kept = regexp.MustCompile(`(?i)COMMENT '(?:[^']|'')*'|ON UPDATE|GENERATED ALWAYS AS \([^\n]*STORED|CHECK \([^\n]*\)|` +
	`INVISIBLE|AUTO_INCREMENT,|enum\([^\n]*?\) |unsigned|` + "KEY `by_level` [^\n]*|CONSTRAINT `players_guild` [^\n]*|UNIQUE KEY [^\n]*")

// keeps checks that each part of a definition that the mapping does not speak of is there as often as before, and each
// default.
func keeps(t *testing.T, before, after string) {
	t.Helper()
	count := func(text string) map[string]int {
		n := map[string]int{}
		for _, part := range kept.FindAllString(text, -1) {
			n[strings.TrimRight(part, ",")]++
		}
		return n
	}
	have := count(after)
	for part, n := range count(before) {
		assert.GreaterOrEqual(t, have[part], n, part)
	}
	for line := range strings.SplitSeq(before, "\n") {
		column := strings.Trim(strings.Fields(line + " .")[0], "`")
		at := strings.Index(line, "DEFAULT ")
		if !strings.HasPrefix(line, "  `") || at < 0 || column == "note2" {
			continue
		}
		value := strings.Fields(line[at:])[1]
		now := regexp.MustCompile("(?m)^  `" + column + "` .*$").FindString(after)
		value = strings.Trim(strings.ToLower(strings.TrimRight(value, ",")), "()'0")
		assert.Regexp(t, "DEFAULT '?0*(?i:"+regexp.QuoteMeta(value)+")", now, column)
	}
}
