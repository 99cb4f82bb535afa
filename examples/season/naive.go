package main

import (
	"context"
	"fmt"
)

// A naive season does the same work as a program does whose objects have no versions: it reads a
// row, changes its copy, and writes what it holds. The copy is a still frame too, but nobody looks
// at when it was taken: what others stored since then is gone.
//
// It keeps to tables of its own, and it cannot be run again from where it stopped: nothing in it says
// which matches were counted.
type naive struct {
	*season
	// pause stands between the read and the write: any work that a real program does there.
	pause func()
}

// play counts one match. The library has no write that ignores the version, so it is written here as
// what it is, an "UPDATE … SET … WHERE key = …": a Modify that does not look at the row it is given,
// and overwrites it with a copy that was read before.
func (n naive) play(ctx context.Context, m match) error {
	for _, side := range m.sides() {
		if err := n.playSide(ctx, m, side); err != nil {
			return err
		}
	}
	if err := n.reports.Insert(ctx,
		&Report{ID: n.matchKey(m), HomeGoals: m.HomeGoals, AwayGoals: m.AwayGoals}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// playSide counts the match for one of the two clubs: three times a read, a change of the copy, and a write of that
// copy, with a pause in between in which another worker's write is lost.
func (n naive) playSide(ctx context.Context, m match, side side) error {
	key := n.clubKey(side.club)

	standing, err := n.standings.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("standings: %w", err)
	}
	n.pause()
	standing.add(side.scored, side.conceded)
	if _, err = n.standings.Modify(ctx, key, func(stored *Standing) error {
		stored.Tally = standing.Tally
		return nil
	}); err != nil {
		return fmt.Errorf("standings: %w", err)
	}

	club, err := n.clubs.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("clubs: %w", err)
	}
	n.pause()
	club.played(m.day())
	if _, err = n.clubs.Modify(ctx, key, func(stored *Club) error {
		stored.LastPlayed = club.LastPlayed
		return nil
	}); err != nil {
		return fmt.Errorf("clubs: %w", err)
	}

	account, err := n.accounts.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	n.pause()
	account.pay(side.gate)
	if _, err = n.accounts.Modify(ctx, key, func(stored *Account) error {
		stored.Matches, stored.Balance = account.Matches, account.Balance
		return nil
	}); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}
