package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/stillframe/stillframe/store"
)

// play writes one match into the three databases, one part after the other. There is no transaction
// over all three, and none is needed: each part is done once, however often play is called, so that
// a match of which only some parts are done is finished by calling play again.
func (s *season) play(ctx context.Context, m match) error {
	if err := s.table.once(ctx, s.matchKey(m), s.count(m)); err != nil {
		return fmt.Errorf("standings: %w", err)
	}
	if err := s.archive.once(ctx, s.matchKey(m), s.report(m)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := s.bank.once(ctx, s.matchKey(m), s.pay(m)); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}

// work is what one database does for a match, inside a transaction.
type work func(ctx context.Context, tx *store.Tx) error

// count adds a match to the standings of its two clubs. Each Modify reads the row, runs the function
// on that copy, and stores it if nobody has stored another since; what it may not do is to use a copy
// that was read before.
//
// The clubs are taken in the order of the fixture, and another worker may hold them in the opposite
// one. Such a deadlock is found at once, and Atomic runs the function again.
func (s *season) count(m match) work {
	return func(ctx context.Context, tx *store.Tx) error {
		for _, side := range m.sides() {
			_, err := s.standings.In(tx).Modify(ctx, s.clubKey(side.club), func(t *Standing) error {
				t.add(side.scored, side.conceded)
				return nil
			})
			if err != nil {
				return err
			}
			_, err = s.clubs.In(tx).Modify(ctx, s.clubKey(side.club), func(c *Club) error {
				c.played(m.day())
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// report stores the document of a match.
func (s *season) report(m match) work {
	return func(ctx context.Context, tx *store.Tx) error {
		return s.reports.In(tx).Insert(ctx, &Report{
			ID:        s.matchKey(m),
			HomeGoals: m.HomeGoals,
			AwayGoals: m.AwayGoals,
		})
	}
}

// pay adds the gate money of a match to the accounts of its two clubs.
//
// Here every worker takes the clubs in the order of their names, so that no two of them can wait for
// each other: SQL Server looks for deadlocks only every few seconds.
func (s *season) pay(m match) work {
	return func(ctx context.Context, tx *store.Tx) error {
		sides := m.sides()
		slices.SortFunc(sides[:], func(a, b side) int { return strings.Compare(a.club, b.club) })
		for _, side := range sides {
			_, err := s.accounts.In(tx).Modify(ctx, s.clubKey(side.club), func(a *Account) error {
				a.pay(side.gate)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// maxTries bounds how often one part of one match is started again. Conflicts and deadlocks do not count: Atomic
// sees to them.
const maxTries = 10

// once does the work for a match if it was not done before. store.Once inserts a receipt in the transaction of
// the work itself, so that both are there or neither, and finds out what became of a commit without an answer.
func (p part) once(ctx context.Context, key MatchKey, do work) error {
	o := &store.OnceOptions{Receipts: p.posted, Tx: *patient, Timeout: patient.Timeout, Attempts: maxTries}
	for try := 1; ; try++ {
		_, err := store.Once(ctx, p.db, receiptKey(key), o, do)
		if err == nil || try == maxTries || ctx.Err() != nil || !store.Retryable(err) {
			return err
		}
	}
}

// replay gives every match to play, once, by so many workers at a time, in random order. It stops at
// the first error. It returns when no worker runs any more.
func replay(ctx context.Context, matches []match, workers int, play func(context.Context, match) error,
	played func(),
) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	queue := make(chan match, len(matches))
	for _, i := range rand.Perm(len(matches)) {
		queue <- matches[i]
	}
	close(queue)

	var running sync.WaitGroup
	for range min(workers, len(matches)) {
		running.Go(func() {
			for m := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := play(ctx, m); err != nil {
					stop(fmt.Errorf("%v: %w", m, err)) // the first one counts
					return
				}
				played()
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}
