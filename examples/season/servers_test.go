package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/internal/testbed"
)

// TestRunOnMySQL plays the season with clubs and standings on real servers: exactly, twice without a
// change, and wrongly when it is naive.
func TestRunOnMySQL(t *testing.T) {
	for name, server := range map[string]func(testing.TB) *testbed.Server{"MariaDB": testbed.MariaDB, "MySQL": testbed.MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := server(t).Database(t)
			exact := func(args ...string) {
				status, stdout, stderr := program(t, append(args, "-mysql", dsn, "-json")...)
				assert.Zero(t, status, stderr)
				r := parseResult(t, stdout)
				assert.Equal(t, row{Club: "Leicester City", Tally: Tally{Played: 38, Won: 23, Drawn: 12, Lost: 3, For: 68, Against: 36, Points: 81}}, r.Table[0])
				assert.Zero(t, *r.Lost)
			}
			exact("-workers", "64")
			exact()
			exact("-fresh")

			status, stdout, _ := program(t, "-mysql", dsn, "-naive", "-workers", "64", "-json")
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
}
