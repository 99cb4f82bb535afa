package main

import (
	"cmp"
	"fmt"
	"slices"
)

// Tally is what a club's results add up to. It is stored in a [Standing] and printed in the table.
type Tally struct {
	Played  int64 `db:"played"        bson:"played"  json:"played"`
	Won     int64 `db:"won"           bson:"won"     json:"won"`
	Drawn   int64 `db:"drawn"         bson:"drawn"   json:"drawn"`
	Lost    int64 `db:"lost"          bson:"lost"    json:"lost"`
	For     int64 `db:"goals_for"     bson:"for"     json:"for"`
	Against int64 `db:"goals_against" bson:"against" json:"against"`
	Points  int64 `db:"points"        bson:"points"  json:"points"`
}

// add counts one match: three points for a win, one for a draw.
func (t *Tally) add(scored, conceded int64) {
	t.Played++
	t.For += scored
	t.Against += conceded
	switch {
	case scored > conceded:
		t.Won++
		t.Points += 3
	case scored == conceded:
		t.Drawn++
		t.Points++
	default:
		t.Lost++
	}
}

// difference is the goal difference.
func (t Tally) difference() int64 { return t.For - t.Against }

// A row is one line of the table.
type row struct {
	Club string `json:"club"`
	Tally
}

// rank returns the table in its order: points, goal difference, goals for, name.
func rank(standings map[string]Tally) []row {
	rows := make([]row, 0, len(standings))
	for club, t := range standings {
		rows = append(rows, row{club, t})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(b.Points, a.Points),
			cmp.Compare(b.difference(), a.difference()),
			cmp.Compare(b.For, a.For),
			cmp.Compare(a.Club, b.Club),
		)
	})
	return rows
}

// Books are the facts of a season: those that the databases hold, or those that they should.
type books struct {
	standings  map[string]Tally   // by club
	lastPlayed map[string]string  // by club, a day
	accounts   map[string]takings // by club
	results    map[string]string  // by match: "4-2"
}

// takings are what a club's account shows.
type takings struct{ matches, pence int64 }

func newBooks() books {
	return books{map[string]Tally{}, map[string]string{}, map[string]takings{}, map[string]string{}}
}

// compute works out the books of a season with no database and no concurrency: one match after
// the other in plain maps.
func compute(l *league) books {
	b := newBooks()
	for _, m := range l.Matches {
		b.results[m.String()] = fmt.Sprintf("%d-%d", m.HomeGoals, m.AwayGoals)
		for _, s := range m.sides() {
			t := b.standings[s.club]
			t.add(s.scored, s.conceded)
			b.standings[s.club] = t

			a := b.accounts[s.club]
			b.accounts[s.club] = takings{a.matches + 1, a.pence + s.gate}

			b.lastPlayed[s.club] = max(b.lastPlayed[s.club], m.Date)
		}
	}
	return b
}

// Gate money, in pence: a base for each match and a bonus for each goal in it. The away club gets a
// fifth of the sum, the home club the rest.
const (
	gateBase    = 400_000_00
	gatePerGoal = 25_000_00
	gateText    = "£400,000 and £25,000 for each goal; four fifths to the home club, one to the away club"
)

// A side is one club's share of a match.
type side struct {
	club             string
	scored, conceded int64
	gate             int64 // pence
}

// sides returns the two shares of a match, home first.
func (m match) sides() [2]side {
	gate := gateBase + gatePerGoal*(m.HomeGoals+m.AwayGoals)
	away := gate / 5
	return [2]side{
		{m.Home, m.HomeGoals, m.AwayGoals, gate - away},
		{m.Away, m.AwayGoals, m.HomeGoals, away},
	}
}

// total adds up the matches and points of all clubs.
func (b books) total() (matches, points int64) {
	for _, t := range b.standings {
		matches += t.Played
		points += t.Points
	}
	return matches, points
}

// gateMoney adds up the accounts, in pence.
func (b books) gateMoney() (pence int64) {
	for _, t := range b.accounts {
		pence += t.pence
	}
	return pence
}
