package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stillframe/stillframe/store"
)

// read returns what the databases hold of the season.
func (s *season) read(ctx context.Context) (books, error) {
	var b books
	err := view(ctx, s.table.db, func(ctx context.Context, tx *store.Tx) error {
		b = newBooks() // a View may run its function again
		for row, err := range in(tx, s.standings).Find(ctx, s.rows()) {
			if err != nil {
				return err
			}
			b.standings[row.ID.Club] = row.Tally
		}
		for row, err := range in(tx, s.clubs).Find(ctx, s.rows()) {
			if err != nil {
				return err
			}
			if row.LastPlayed != nil {
				b.lastPlayed[row.ID.Club] = row.LastPlayed.Format(time.DateOnly)
			}
		}
		return nil
	})
	if err != nil {
		return books{}, err
	}
	// Single finds of one table need no View for what they are used for here: nobody adds or
	// changes a report, and each account is compared by itself.
	for row, err := range s.reports.Find(ctx, s.rows()) {
		if err != nil {
			return books{}, err
		}
		m := match{Home: row.ID.Home, Away: row.ID.Away, Date: row.ID.Date}
		b.results[m.String()] = fmt.Sprintf("%d-%d", row.HomeGoals, row.AwayGoals)
	}
	for row, err := range s.accounts.Find(ctx, s.rows()) {
		if err != nil {
			return books{}, err
		}
		b.accounts[row.ID.Club] = takings{row.Matches, row.Balance}
	}
	return b, nil
}

// view runs fn in a View where the database has them, so that all its reads are of one moment, and
// without a transaction otherwise. (SQL Server needs ALLOW_SNAPSHOT_ISOLATION for it.)
func view(ctx context.Context, db *store.DB, fn func(ctx context.Context, tx *store.Tx) error) error {
	if !db.Info().Views {
		return fn(ctx, nil)
	}
	return db.View(ctx, nil, fn)
}

// in binds a repository to a transaction, if there is one.
func in[T any, K comparable](tx *store.Tx, r *store.Repository[T, K]) *store.Repository[T, K] {
	if tx == nil {
		return r
	}
	return r.In(tx)
}

// A verdict says how stored books differ from computed ones.
type verdict struct {
	// lost is the number of updates that are missing: a match in a club's standing, a match in a
	// club's account, a match report.
	lost int64
	// updates is the number that there should be.
	updates int64
	// wrong says for each kind of row how many are not as computed, of how many.
	wrong []wrongRows
	// differences are all that is not as computed, each on one line.
	differences []string
}

// wrongRows are the rows of one kind that are not as computed, missing and needless ones included.
type wrongRows struct {
	what        string
	wrong, rows int
}

// compare holds stored books against the computed ones.
func compare(stored, computed books) verdict {
	var v verdict
	differ(&v, "standing", stored.standings, computed.standings, func(t Tally) int64 { return t.Played })
	differ(&v, "last match", stored.lastPlayed, computed.lastPlayed, func(string) int64 { return 0 })
	differ(&v, "account", stored.accounts, computed.accounts, func(t takings) int64 { return t.matches })
	differ(&v, "report", stored.results, computed.results, func(result string) int64 {
		return int64(min(1, len(result)))
	})
	return v
}

// differ compares the rows of one kind, each of which counts some of the updates. A row that counts
// too many is wrong, but it does not make up for what another one lost.
func differ[V comparable](v *verdict, what string, stored, computed map[string]V, updates func(V) int64) {
	keys := map[string]bool{}
	for key := range stored {
		keys[key] = true
	}
	for key := range computed {
		keys[key] = true
	}
	wrong := 0
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		have, found := stored[key]
		want, wanted := computed[key]
		if wanted {
			v.updates += updates(want)
			v.lost += max(0, updates(want)-updates(have))
		}
		text := ""
		switch {
		case !found:
			text = "is not stored"
		case !wanted:
			text = "is stored, but it is not in the file"
		case have != want:
			text = fmt.Sprintf("is stored as %+v, computed as %+v", have, want)
		default:
			continue
		}
		wrong++
		v.differences = append(v.differences, fmt.Sprintf("%s of %s: %s", what, key, text))
	}
	v.wrong = append(v.wrong, wrongRows{what, wrong, len(computed)})
}
