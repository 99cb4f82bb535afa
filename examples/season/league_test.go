package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file builds a season file of the given matches.
func file(matches ...string) string {
	return `{"name": "Cup 1", "matches": [` + strings.Join(matches, ",\n") + `]}`
}

const good = `{"date": "2020-01-01", "team1": "A", "team2": "B", "score": {"ft": [1, 0]}}`

// fixture builds one match; a part that is empty is left out.
func fixture(home, away, date, score string) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%q: %s", key, value))
		}
	}
	add("team1", home)
	add("team2", away)
	add("date", date)
	add("score", score)
	return "{" + strings.Join(parts, ", ") + "}"
}

func TestParseLeagueOfTheEmbeddedFile(t *testing.T) {
	t.Parallel()
	l, err := loadLeague("")
	require.NoError(t, err)
	assert.Equal(t, "English Premier League 2015/16", l.Season)
	assert.Len(t, l.Matches, 380)
	assert.Empty(t, l.Skipped)
	assert.Len(t, l.clubs(), 20)
	assert.Equal(t, match{"Manchester United", "Tottenham Hotspur", "2015-08-08", 1, 0}, l.Matches[0])
	assert.Equal(t, match{"Manchester United", "AFC Bournemouth", "2016-05-17", 3, 1}, l.Matches[379])
}

func TestParseLeagueAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		file        string
		wantMatches int
		wantSkipped int
	}{
		{"OneMatch", file(good), 1, 0},
		{"ByteOrderMark", "\xef\xbb\xbf" + file(good), 1, 0},
		{"SpaceAfter", file(good) + "\n\n", 1, 0},
		{"MatchesBeforeName", `{"matches": [` + good + `], "name": "Cup 1"}`, 1, 0},
		{"UnknownFields", `{"version": 2, "x": {"y": [1]}, "name": "Cup 1", "matches": [
			{"round": "1", "stage": "Playoffs", "status": "awarded", "time": "15:00", "num": 7, "date": "2020-01-01", "team1": "A", "team2": "B",
			 "goals1": [{"name": "X", "minute": 3}], "score": {"ht": [0, 0], "ft": [1, 1], "et": [2, 1], "p": [4, 3]}}]}`, 1, 0},
		{"SamePairOnAnotherDay", file(good, strings.ReplaceAll(good, "2020-01-01", "2020-01-02")), 2, 0},
		{"ReturnMatch", file(good, fixture(`"B"`, `"A"`, `"2020-01-01"`, `{"ft": [1, 0]}`)), 2, 0},
		{"NoScore", file(good, fixture(`"A"`, `"C"`, `"2020-01-01"`, "")), 1, 1},
		{"NullScore", file(fixture(`"A"`, `"C"`, `"2020-01-01"`, "null")), 0, 1},
		{"EmptyScore", file(fixture(`"A"`, `"C"`, `"2020-01-01"`, "{}")), 0, 1},
		{"NullFullTime", file(fixture(`"A"`, `"C"`, `"2020-01-01"`, `{"ft": null}`)), 0, 1},
		{"HalfTimeOnly", file(fixture(`"A"`, `"C"`, `"2020-01-01"`, `{"ht": [1, 0]}`)), 0, 1},
		{"UnscoredTwice", file(fixture(`"N.N."`, `"N.N."`, `"2020-01-01"`, "{}"), fixture(`"N.N."`, `"N.N."`, `"2020-01-01"`, "{}")), 0, 2},
		{"UnscoredThenScored", file(fixture(`"A"`, `"B"`, `"2020-01-01"`, "{}"), good), 1, 1},
		{"MostGoals", file(fixture(`"A"`, `"B"`, `"2020-01-01"`, `{"ft": [999, 0]}`)), 1, 0},
		{"LongestName", file(fixture(`"`+strings.Repeat("é", 100)+`"`, `"B"`, `"2020-01-01"`, `{"ft": [1, 0]}`)), 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := parseLeague([]byte(tt.file))
			require.NoError(t, err)
			assert.Len(t, l.Matches, tt.wantMatches)
			assert.Len(t, l.Skipped, tt.wantSkipped)
			assert.Equal(t, "Cup 1", l.Season)
		})
	}
}

func TestParseLeagueTrimsNames(t *testing.T) {
	t.Parallel()
	l, err := parseLeague([]byte(file(fixture(`" A "`, `"B "`, `"2020-01-01"`, `{"ft": [1, 0]}`))))
	require.NoError(t, err)
	assert.Equal(t, []string{"A", "B"}, l.clubs())
}

func TestParseLeagueRefuses(t *testing.T) {
	t.Parallel()
	ft := func(score string) string { return file(good, fixture(`"A"`, `"C"`, `"2020-01-02"`, score)) }
	const second, goals = "match 2 (A - C, 2020-01-02): ", "score.ft needs two whole numbers from 0 to 999"
	tests := []struct {
		name    string
		file    string
		wantErr string
	}{
		{"Empty", "", "the file is empty"},
		{"Blank", " \n", "the file is empty"},
		{"NotJSON", "name: Cup", "line 1 is not valid JSON: invalid character 'a' in literal null (expecting 'u')"},
		{"NotAnObject", "[1]", "the file is not a JSON object with a name and matches"},
		{"NoName", `{"matches": [` + good + `]}`, "name is missing"},
		{"NameIsANumber", `{"name": 5, "matches": [` + good + `]}`, "name needs to be a text"},
		{"NameIsBlank", `{"name": " ", "matches": [` + good + `]}`, "name is empty"},
		{"NameIsNotUTF8", "{\"name\": \"Cup \xff\", \"matches\": [" + good + "]}", "name is not valid UTF-8"},
		{"NoMatches", `{"name": "Cup 1"}`, "the file holds no matches"},
		{"EmptyMatches", file(), "the file holds no matches"},
		{"MatchesIsAnObject", `{"name": "Cup 1", "matches": {"a": 1}}`, "matches is not a list"},
		{"MatchesIsNull", `{"name": "Cup 1", "matches": null}`, "matches is not a list"},
		{"MatchesTwice", `{"matches": [` + good + `], "matches": []}`, "matches is in the file twice"},
		{"SomethingFollows", file(good) + "{}", "something follows the JSON object of the season"},
		{"CutOff", file(good, good)[:140], "match 2: line 2 is not valid JSON: the file ends too early"},
		{
			"CutOffAtTheEnd", strings.TrimSuffix(file(good), "]}"),
			"after match 1: line 1 is not valid JSON: the file ends too early",
		},
		{
			"BrokenMatch", file(good, strings.Replace(good, ":", "!", 1)),
			"match 2: line 2 is not valid JSON: invalid character '!' after object key",
		},
		{"MatchIsANumber", file(good, "7"), "match 2 (? - ?, ?): it is not a JSON object"},
		{"MatchIsNull", file(good, "null"), "match 2 (? - ?, ?): team1 is missing"},
		{"NoTeam1", file(fixture("", `"B"`, `"2020-01-01"`, "")), "match 1 (? - B, 2020-01-01): team1 is missing"},
		{"NoTeam2", file(fixture(`"A"`, "", `"2020-01-01"`, "")), "match 1 (A - ?, 2020-01-01): team2 is missing"},
		{"NullTeam", file(fixture("null", `"B"`, `"2020-01-01"`, "")), "match 1 (? - B, 2020-01-01): team1 is missing"},
		{"EmptyTeam", file(fixture(`""`, `"B"`, `"2020-01-01"`, "")), "match 1 (? - B, 2020-01-01): team1 is empty"},
		{"TeamIsAnObject", file(fixture(`"A"`, `{"name": "B"}`, `"2020-01-01"`, "")), "match 1 (A - ?, 2020-01-01): team2 needs to be a text"},
		{
			"TeamIsTooLong", file(fixture(`"A"`, `"`+strings.Repeat("b", 101)+`"`, `"2020-01-01"`, "")),
			"match 1 (A - " + strings.Repeat("b", 40) + "…, 2020-01-01): team2 is longer than 100 characters",
		},
		{"TeamHasALineBreak", file(fixture(`"A\nB"`, `"C"`, `"2020-01-01"`, "")), "match 1 (A?B - C, 2020-01-01): team1 holds a control character"},
		{"TeamIsNotUTF8", file(good, fixture("\"A\xff\"", `"C"`, `"2020-01-01"`, "")), "match 2 (A\ufffd - C, 2020-01-01): it is not valid UTF-8"},
		{"TeamHasALoneSurrogate", file(fixture(`"A\ud800"`, `"C"`, `"2020-01-01"`, "")), "match 1 (A\ufffd - C, 2020-01-01): team1 is not valid UTF-8"},
		{"SameTeamTwice", file(fixture(`"A"`, `"A "`, `"2020-01-01"`, `{"ft": [1, 0]}`)), "match 1 (A - A , 2020-01-01): team1 and team2 are the same club"},
		{"MatchTwice", file(good, good), "match 2 (A - B, 2020-01-01): it is in the file twice, as match 1 before"},
		{
			"MatchTwiceAnotherScore", file(good, strings.Replace(good, "1, 0", "2, 2", 1)),
			"match 2 (A - B, 2020-01-01): it is in the file twice, as match 1 before",
		},
		{"NoDate", file(fixture(`"A"`, `"B"`, "", "")), "match 1 (A - B, ?): date is missing"},
		{"BadDate", file(fixture(`"A"`, `"B"`, `"2020-02-30"`, "")), "match 1 (A - B, 2020-02-30): date needs to be a day such as 2015-08-31"},
		{"DateOfAnotherForm", file(fixture(`"A"`, `"B"`, `"8/1/2020"`, "")), "match 1 (A - B, 8/1/2020): date needs to be a day such as 2015-08-31"},
		{"DateIsANumber", file(fixture(`"A"`, `"B"`, `20200101`, "")), "match 1 (A - B, ?): date needs to be a day such as 2015-08-31"},
		{"DateBeforeFootball", file(fixture(`"A"`, `"B"`, `"0001-01-01"`, "")), "match 1 (A - B, 0001-01-01): date needs to be a day such as 2015-08-31"},
		{"ScoreIsAList", ft("[1, 0]"), second + `score needs to be an object such as {"ft": [2, 1]}`},
		{"ScoreIsAText", ft(`"1-0"`), second + `score needs to be an object such as {"ft": [2, 1]}`},
		{"NegativeGoals", ft(`{"ft": [1, -1]}`), second + goals},
		{"OneNumber", ft(`{"ft": [1]}`), second + goals},
		{"NoNumbers", ft(`{"ft": []}`), second + goals},
		{"ThreeNumbers", ft(`{"ft": [1, 0, 0]}`), second + goals},
		{"NullGoals", ft(`{"ft": [1, null]}`), second + goals},
		{"Fraction", ft(`{"ft": [1, 0.5]}`), second + goals},
		{"GoalsAreTexts", ft(`{"ft": ["1", "0"]}`), second + goals},
		{"FullTimeIsAText", ft(`{"ft": "1-0"}`), second + goals},
		{"FullTimeIsAnObject", ft(`{"ft": {"home": 1}}`), second + goals},
		{"TooManyGoals", ft(`{"ft": [1000, 0]}`), second + goals},
		{"HugeNumber", ft(`{"ft": [1, 99999999999999999999999]}`), second + goals},
		{"Exponent", ft(`{"ft": [1, 1e400]}`), second + goals},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseLeague([]byte(tt.file))
			require.EqualError(t, err, tt.wantErr)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestLoadLeague(t *testing.T) {
	t.Parallel()
	_, err := loadLeague(filepath.Join(t.TempDir(), "absent.json"))
	require.ErrorIs(t, err, os.ErrNotExist)

	_, err = loadLeague(t.TempDir())
	require.Error(t, err)

	path := filepath.Join(t.TempDir(), "cup.json")
	require.NoError(t, os.WriteFile(path, []byte(file(good, "7")), 0o600))
	_, err = loadLeague(path)
	require.EqualError(t, err, path+": match 2 (? - ?, ?): it is not a JSON object")

	require.NoError(t, os.WriteFile(path, []byte(file(good)), 0o600))
	l, err := loadLeague(path)
	require.NoError(t, err)
	assert.Len(t, l.Matches, 1)

	require.NoError(t, os.Truncate(path, maxFile+1))
	_, err = loadLeague(path)
	require.EqualError(t, err, path+": the file is larger than 16 MB")
}

// FuzzParseLeague: whatever the file, there is one line of error or a season that can be replayed.
func FuzzParseLeague(f *testing.F) {
	f.Add([]byte(file(good)))
	f.Add([]byte(file(good, "7")))
	f.Add([]byte(file(fixture(`"A\ud800"`, `"C"`, `"2020-01-01"`, `{"ft": [1, null]}`))))
	f.Add(premierLeague[:2000])
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLeague(data)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		b := compute(l)
		keys := map[MatchKey]bool{}
		s := &season{name: l.Season}
		for _, m := range l.Matches {
			assert.NotEqual(t, m.Home, m.Away)
			assert.False(t, m.day().IsZero())
			keys[s.matchKey(m)] = true
		}
		assert.Len(t, keys, len(l.Matches))
		assert.Len(t, b.results, len(l.Matches))
		matches, _ := b.total()
		assert.EqualValues(t, 2*len(l.Matches), matches)
	})
}
