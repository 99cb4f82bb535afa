package main

import (
	"errors"
	"time"

	"github.com/stillframe/stillframe/store"
)

// A ClubKey names a club in one season. As a key it is two columns in SQL, and would be a
// subdocument _id in MongoDB.
type ClubKey struct {
	Season string `db:"season" bson:"season" store:"size=100"`
	Club   string `db:"club"   bson:"club"   store:"size=100"`
}

// A MatchKey names a match. The date is part of it: there are leagues in which a club receives
// another twice in one season.
type MatchKey struct {
	Season string `db:"season" bson:"season" store:"size=100"`
	Home   string `db:"home"   bson:"home"   store:"size=100"`
	Away   string `db:"away"   bson:"away"   store:"size=100"`
	Date   string `db:"date"   bson:"date"   store:"size=10"`
}

// A Club is kept in MySQL.
type Club struct {
	store.Snapshot `bson:",inline"`
	ID             ClubKey    `bson:"_id" store:"key"`
	LastPlayed     *time.Time `db:"last_played" bson:"last_played"` // NULL before the first match
}

// played moves the date of the last match forward. Matches are replayed in any order, so that it
// may have nothing to do; then Modify writes nothing.
func (c *Club) played(day time.Time) {
	if c.LastPlayed == nil || c.LastPlayed.Before(day) {
		c.LastPlayed = &day
	}
}

// A Standing is a club's row of the table, kept in MySQL.
type Standing struct {
	store.Snapshot `bson:",inline"`
	ID             ClubKey `bson:"_id" store:"key"`
	Tally          `bson:",inline"`
}

// Validate runs before each write: a row that does not add up is never stored.
func (s *Standing) Validate() error {
	if s.Played != s.Won+s.Drawn+s.Lost {
		return errors.New("matches played are not those won, drawn and lost")
	}
	return nil
}

// An Account holds a club's gate money, kept in SQL Server.
type Account struct {
	store.Snapshot `bson:",inline"`
	ID             ClubKey `bson:"_id" store:"key"`
	Matches        int64   `db:"matches" bson:"matches"` // how many were paid in
	Balance        int64   `db:"balance" bson:"balance"` // pence
}

// pay adds the gate money of one match.
func (a *Account) pay(pence int64) {
	a.Matches++
	a.Balance += pence
}

// A Report is the document of one match, kept in MongoDB.
type Report struct {
	store.Snapshot `bson:",inline"`
	ID             MatchKey `bson:"_id" store:"key"`
	HomeGoals      int64    `db:"home_goals" bson:"home_goals"`
	AwayGoals      int64    `db:"away_goals" bson:"away_goals"`
}
