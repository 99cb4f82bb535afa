package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/testbed"
)

// TestRunOnServers plays the season on real servers: exactly, twice without a change, and wrongly when
// it is naive.
func TestRunOnServers(t *testing.T) {
	mongo := func(t *testing.T) string {
		set := testbed.Mongo(t)
		uri, options, _ := strings.Cut(set.URI(), "?")
		return strings.TrimSuffix(uri, "/") + "/" + set.Database(t) + "?" + options
	}
	for _, tt := range []struct {
		name  string
		flags func(t *testing.T) []string
	}{
		{"MariaDB", func(t *testing.T) []string { return []string{"-mysql", testbed.MariaDB(t).Database(t)} }},
		{"MongoDB", func(t *testing.T) []string { return []string{"-mongo", mongo(t)} }},
		{"SQLServer", func(t *testing.T) []string { return []string{"-sqlserver", testbed.SQLServer(t).Database(t)} }},
		{"AllThree", func(t *testing.T) []string {
			return []string{
				"-mysql", testbed.MySQL(t).Database(t), "-mongo", mongo(t),
				"-sqlserver", testbed.SQLServer(t).Database(t),
			}
		}},
		{"MySQLAndMongoDB", func(t *testing.T) []string {
			return []string{"-mysql", testbed.MySQL(t).Database(t), "-mongo", mongo(t)}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			flags := append(tt.flags(t), "-json")
			exact := func(args ...string) {
				status, stdout, stderr := program(t, append(args, flags...)...)
				assert.Zero(t, status, stderr)
				r := parseResult(t, stdout)
				assert.Equal(t, premierLeagueTable, r.Table)
				assert.Zero(t, *r.Lost)
			}
			exact("-workers", "64")
			exact()
			exact("-fresh")

			status, stdout, _ := program(t, append([]string{"-naive", "-workers", "64"}, flags...)...)
			assert.Equal(t, 1, status)
			assert.Positive(t, *parseResult(t, stdout).Lost)
		})
	}
}

func TestRunHidesThePassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"user:hunter2@tcp(127.0.0.1:1)/game", "user:hunter2@tcp(db/game", ""} {
		status, stdout, stderr := program(t, "-mysql", dsn, "-json")
		assert.NotZero(t, status)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "-mysql")
		assert.NotContains(t, stderr, "hunter2")
	}
	status, _, stderr := program(t, "-mongo", "user:hunter2@db/game")
	assert.NotZero(t, status)
	assert.Contains(t, stderr, "-mongo")
	assert.NotContains(t, stderr, "hunter2")
	for _, dsn := range []string{
		"sqlserver://user:hunter2@127.0.0.1:1?database=game", "sqlserver://user:hunter2@:game",
		"hunter2",
	} {
		status, _, stderr := program(t, "-sqlserver", dsn)
		assert.NotZero(t, status)
		assert.Contains(t, stderr, "-sqlserver")
		assert.NotContains(t, stderr, "hunter2")
	}
}

func TestMongoDatabase(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mongodb://a":                   "season",
		"mongodb://a:1,b:2/?w=majority": "season",
		"mongodb://u:p@a:1,b:2/game":    "game",
		"mongodb+srv://a/game?w=1":      "game",
		"":                              "season",
	} {
		assert.Equal(t, want, mongoDatabase(uri), uri)
	}
}
