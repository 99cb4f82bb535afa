package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// premierLeagueTable is the final table as it was published.
var premierLeagueTable = []row{
	{"Leicester City", Tally{38, 23, 12, 3, 68, 36, 81}},
	{"Arsenal FC", Tally{38, 20, 11, 7, 65, 36, 71}},
	{"Tottenham Hotspur", Tally{38, 19, 13, 6, 69, 35, 70}},
	{"Manchester City", Tally{38, 19, 9, 10, 71, 41, 66}},
	{"Manchester United", Tally{38, 19, 9, 10, 49, 35, 66}},
	{"Southampton FC", Tally{38, 18, 9, 11, 59, 41, 63}},
	{"West Ham United", Tally{38, 16, 14, 8, 65, 51, 62}},
	{"Liverpool FC", Tally{38, 16, 12, 10, 63, 50, 60}},
	{"Stoke City", Tally{38, 14, 9, 15, 41, 55, 51}},
	{"Chelsea FC", Tally{38, 12, 14, 12, 59, 53, 50}},
	{"Everton FC", Tally{38, 11, 14, 13, 59, 55, 47}},
	{"Swansea City", Tally{38, 12, 11, 15, 42, 52, 47}},
	{"Watford FC", Tally{38, 12, 9, 17, 40, 50, 45}},
	{"West Bromwich Albion", Tally{38, 10, 13, 15, 34, 48, 43}},
	{"Crystal Palace", Tally{38, 11, 9, 18, 39, 51, 42}},
	{"AFC Bournemouth", Tally{38, 11, 9, 18, 45, 67, 42}},
	{"Sunderland AFC", Tally{38, 9, 12, 17, 48, 62, 39}},
	{"Newcastle United", Tally{38, 9, 10, 19, 44, 65, 37}},
	{"Norwich City", Tally{38, 9, 7, 22, 39, 67, 34}},
	{"Aston Villa", Tally{38, 3, 8, 27, 27, 76, 17}},
}

func premierLeagueSeason(t *testing.T) *league {
	t.Helper()
	l, err := loadLeague("")
	require.NoError(t, err)
	return l
}

func TestComputePremierLeague(t *testing.T) {
	t.Parallel()
	b := compute(premierLeagueSeason(t))
	assert.Equal(t, premierLeagueTable, rank(b.standings))
	assert.Len(t, b.results, 380)
	assert.Equal(t, "4-2", b.results["Leicester City - Sunderland AFC, 2015-08-08"])
	assert.Equal(t, "2016-05-17", b.lastPlayed["Manchester United"])
	assert.Equal(t, "2016-05-15", b.lastPlayed["Leicester City"])

	var goals int64
	for _, row := range premierLeagueTable {
		goals += row.For
	}
	assert.EqualValues(t, 380*gateBase+goals*gatePerGoal, b.gateMoney(), "no penny is made or lost by the split")
}

func TestRank(t *testing.T) {
	t.Parallel()
	rows := rank(map[string]Tally{
		"Fewer points":     {Points: 5, For: 90},
		"Smaller distance": {Points: 6, For: 9, Against: 8},
		"Fewer goals":      {Points: 6, For: 4, Against: 1},
		"Name b":           {Points: 6, For: 5, Against: 2},
		"Name a":           {Points: 6, For: 5, Against: 2},
	})
	var clubs []string
	for _, r := range rows {
		clubs = append(clubs, r.Club)
	}
	assert.Equal(t, []string{"Name a", "Name b", "Fewer goals", "Smaller distance", "Fewer points"}, clubs)
}

func TestMatchSides(t *testing.T) {
	t.Parallel()
	sides := match{"A", "B", "2020-01-01", 2, 1}.sides()
	assert.Equal(t, side{"A", 2, 1, 380_000_00}, sides[0])
	assert.Equal(t, side{"B", 1, 2, 95_000_00}, sides[1])
}

func TestCompare(t *testing.T) {
	t.Parallel()
	l, err := parseLeague([]byte(file(good, fixture(`"B"`, `"A"`, `"2020-01-02"`, `{"ft": [0, 0]}`))))
	require.NoError(t, err)
	tests := []struct {
		name            string
		damage          func(b books)
		wantLost        int64
		wantWrongRows   int
		wantDifferences []string
	}{
		{"Nothing", func(books) {}, 0, 0, nil},
		{
			"StandingLost",
			func(b books) { b.standings["A"] = Tally{Played: 1, Won: 1, For: 1, Points: 3} },
			1, 1,
			[]string{"standing of A: is stored as {Played:1 Won:1 Drawn:0 Lost:0 For:1 Against:0 Points:3}, " +
				"computed as {Played:2 Won:1 Drawn:1 Lost:0 For:1 Against:0 Points:4}"},
		},
		{
			"OneLostOneDoubled", // they must not cancel
			func(b books) {
				a, c := b.accounts["A"], b.accounts["B"]
				a.matches, c.matches = a.matches-1, c.matches+1
				b.accounts["A"], b.accounts["B"] = a, c
			},
			1, 0,
			[]string{
				"account of A: is stored as {matches:1 pence:42000000}, computed as {matches:2 pence:42000000}",
				"account of B: is stored as {matches:3 pence:40500000}, computed as {matches:2 pence:40500000}",
			},
		},
		{
			"RowMissing", func(b books) { delete(b.standings, "B") }, 2, 1,
			[]string{"standing of B: is not stored"},
		},
		{
			"RowTooMany", func(b books) { b.standings["C"] = Tally{Played: 9} }, 0, 1,
			[]string{"standing of C: is stored, but it is not in the file"},
		},
		{
			"ReportMissing", func(b books) { delete(b.results, "A - B, 2020-01-01") }, 1, 0,
			[]string{"report of A - B, 2020-01-01: is not stored"},
		},
		{
			"ReportOfAnotherScore", func(b books) { b.results["A - B, 2020-01-01"] = "7-0" }, 0, 0,
			[]string{"report of A - B, 2020-01-01: is stored as 7-0, computed as 1-0"},
		},
		{
			"LastMatchWrong", func(b books) { b.lastPlayed["A"] = "2020-01-01" }, 0, 0,
			[]string{"last match of A: is stored as 2020-01-01, computed as 2020-01-02"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := compute(l)
			tt.damage(stored)
			v := compare(stored, compute(l))
			assert.Equal(t, tt.wantLost, v.lost)
			assert.EqualValues(t, 10, v.updates)
			assert.Equal(t, tt.wantWrongRows, v.wrong[0].wrong, "standings")
			assert.Equal(t, tt.wantDifferences, v.differences)
		})
	}
}
