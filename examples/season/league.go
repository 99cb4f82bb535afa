package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a file may hold. A name is part of a key, and every database bounds its keys.
const (
	maxName  = 100 // characters
	maxGoals = 999 // of one club in one match
)

// A league is one season as its file tells it.
type league struct {
	Season  string
	Matches []match  // those with a score, in the file's order
	Skipped []string // those without one, as text
}

// A match is one fixture and its score after full time.
type match struct {
	Home, Away           string
	Date                 string // "2015-08-08"
	HomeGoals, AwayGoals int64
}

func (m match) String() string {
	return fmt.Sprintf("%s - %s, %s", m.Home, m.Away, m.Date)
}

// day returns the match's date, at midnight UTC.
func (m match) day() time.Time {
	t, _ := time.Parse(time.DateOnly, m.Date) // parseLeague admits nothing else
	return t
}

// clubs returns the clubs of all matches, each once, in the order of their first match.
func (l *league) clubs() []string {
	var names []string
	seen := map[string]bool{}
	for _, m := range l.Matches {
		for _, name := range []string{m.Home, m.Away} {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// parseLeague reads a season in the JSON format of openfootball and checks every match of it. Its
// error is one line that names the first match that is wrong. A match without a score was not
// played yet and is no error. Fields that the replay has no use for are passed over, among them
// the scores of extra time and of a shoot-out: a league counts the score after full time.
func parseLeague(data []byte) (*league, error) {
	raw, err := readLeague(data)
	if err != nil {
		return nil, err
	}
	l := &league{}
	if l.Season, err = name("name", raw.name); err != nil {
		return nil, err
	}
	if len(raw.matches) == 0 {
		return nil, errors.New("the file holds no matches")
	}
	type fixture struct{ home, away, date string }
	first := map[fixture]int{}
	for i, data := range raw.matches {
		m, played, err := parseMatch(data)
		if err != nil {
			return nil, fmt.Errorf("match %d (%s): %w", i+1, label(data), err)
		}
		if !played {
			l.Skipped = append(l.Skipped, fmt.Sprintf("match %d (%s)", i+1, m))
			continue
		}
		f := fixture{m.Home, m.Away, m.Date}
		if n, found := first[f]; found {
			return nil, fmt.Errorf("match %d (%s): it is in the file twice, as match %d before", i+1, m, n)
		}
		first[f] = i + 1
		l.Matches = append(l.Matches, m)
	}
	return l, nil
}

// A rawMatch leaves each field as it stands in the file, so that a fault in one of them does not
// hide the others, which name the match.
type rawMatch struct {
	Date, Team1, Team2, Score json.RawMessage
}

// parseMatch checks one match. A match that was not played has its teams and date only.
func parseMatch(data []byte) (m match, played bool, err error) {
	if !utf8.Valid(data) {
		return m, false, errors.New("it is not valid UTF-8")
	}
	var raw rawMatch
	if err := json.Unmarshal(data, &raw); err != nil {
		return m, false, errors.New("it is not a JSON object")
	}
	if m.Home, err = name("team1", raw.Team1); err != nil {
		return m, false, err
	}
	if m.Away, err = name("team2", raw.Team2); err != nil {
		return m, false, err
	}
	if m.Date, err = date(raw.Date); err != nil {
		return m, false, err
	}
	goals, err := score(raw.Score)
	if err != nil || goals == nil {
		return m, false, err
	}
	if m.Home == m.Away {
		return m, false, errors.New("team1 and team2 are the same club")
	}
	m.HomeGoals, m.AwayGoals = goals[0], goals[1]
	return m, true, nil
}

// score returns the goals after full time, nil when there are none yet.
func score(raw json.RawMessage) ([]int64, error) {
	if absent(raw) {
		return nil, nil
	}
	var s struct{ FT json.RawMessage }
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, errors.New(`score needs to be an object such as {"ft": [2, 1]}`)
	}
	if absent(s.FT) {
		return nil, nil
	}
	wrong := fmt.Errorf("score.ft needs two whole numbers from 0 to %d", maxGoals)
	var goals []*int64 // a null among them stays nil
	if json.Unmarshal(s.FT, &goals) != nil || len(goals) != 2 {
		return nil, wrong
	}
	for _, n := range goals {
		if n == nil || *n < 0 || *n > maxGoals {
			return nil, wrong
		}
	}
	return []int64{*goals[0], *goals[1]}, nil
}

func date(raw json.RawMessage) (string, error) {
	if absent(raw) {
		return "", errors.New("date is missing")
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if t, err := time.Parse(time.DateOnly, s); err == nil && t.Year() >= 1800 {
			return s, nil
		}
	}
	return "", errors.New("date needs to be a day such as 2015-08-31")
}

// name reads the name of a club or of the season. Spaces around it are no part of it.
func name(field string, raw json.RawMessage) (string, error) {
	if absent(raw) {
		return "", fmt.Errorf("%s is missing", field)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s needs to be a text", field)
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", fmt.Errorf("%s is empty", field)
	case utf8.RuneCountInString(s) > maxName:
		return "", fmt.Errorf("%s is longer than %d characters", field, maxName)
	case !utf8.Valid(raw), strings.ContainsRune(s, utf8.RuneError):
		return "", fmt.Errorf("%s is not valid UTF-8", field)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("%s holds a control character", field)
	}
	return s, nil
}

func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// label names a match that is wrong by what can be read of it, on one line.
func label(data []byte) string {
	var raw rawMatch
	_ = json.Unmarshal(data, &raw) // what cannot be read shows as "?"
	text := func(raw json.RawMessage) string {
		var s string
		if json.Unmarshal(raw, &s) != nil || s == "" {
			return "?"
		}
		s = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, s)
		if r := []rune(s); len(r) > 40 {
			s = string(r[:40]) + "…"
		}
		return s
	}
	return fmt.Sprintf("%s - %s, %s", text(raw.Team1), text(raw.Team2), text(raw.Date))
}
