package main

import (
	"context"
	"fmt"
	"time"

	"github.com/stillframe/stillframe/store"
)

// A season is the rows of one season in the three databases.
type season struct {
	name string

	// In MySQL:
	clubs     *store.Repository[Club, ClubKey]
	standings *store.Repository[Standing, ClubKey]
	table     part
	// In MongoDB:
	reports *store.Repository[Report, MatchKey]
	archive part
	// In SQL Server:
	accounts *store.Repository[Account, ClubKey]
	bank     part
}

// A part is one database's part in the matches of a season: where it stands, and which matches it
// is done for.
type part struct {
	db     *store.DB
	posted *store.Repository[store.OnceReceipt, string] // of what is done
}

// openSeason binds the season's repositories to their tables, whose names begin with prefix, and
// makes the tables that do not exist.
func openSeason(ctx context.Context, dbs databases, name, prefix string) (*season, error) {
	mysql, mongo, sqlserver := dbs[mysqlBackend], dbs[mongoBackend], dbs[sqlserverBackend]
	s := &season{
		name:      name,
		clubs:     store.MustRepository[Club, ClubKey](mysql, prefix+"clubs", nil),
		standings: store.MustRepository[Standing, ClubKey](mysql, prefix+"standings", nil),
		reports:   store.MustRepository[Report, MatchKey](mongo, prefix+"reports", nil),
		accounts:  store.MustRepository[Account, ClubKey](sqlserver, prefix+"accounts", nil),
		table:     newPart(mysql, prefix),
		archive:   newPart(mongo, prefix),
		bank:      newPart(sqlserver, prefix),
	}
	for _, ensure := range []func(context.Context) error{
		s.clubs.EnsureSchema, s.standings.EnsureSchema, s.table.posted.EnsureSchema,
		s.reports.EnsureSchema, s.archive.posted.EnsureSchema,
		s.accounts.EnsureSchema, s.bank.posted.EnsureSchema,
	} {
		if err := ensure(ctx); err != nil {
			return nil, fmt.Errorf("making the tables: %w", err)
		}
	}
	return s, nil
}

func newPart(db *store.DB, prefix string) part {
	return part{db, store.MustRepository[store.OnceReceipt, string](db, prefix+"posted", nil)}
}

func (s *season) clubKey(club string) ClubKey { return ClubKey{s.name, club} }

func (s *season) matchKey(m match) MatchKey { return MatchKey{s.name, m.Home, m.Away, m.Date} }

// register makes the rows that each club starts the season with. A row that is there already stays
// as it is, with its version: an Upsert that changes nothing writes nothing.
func (s *season) register(ctx context.Context, clubs []string) error {
	for _, club := range clubs {
		key := s.clubKey(club)
		if _, err := s.clubs.Upsert(ctx, key, keep[Club]); err != nil {
			return err
		}
		if _, err := s.standings.Upsert(ctx, key, keep[Standing]); err != nil {
			return err
		}
		if _, err := s.accounts.Upsert(ctx, key, keep[Account]); err != nil {
			return err
		}
	}
	return nil
}

// keep leaves an entity as it is stored, or as it is when it is new: zero but for its key.
func keep[T any](*T, bool) error { return nil }

// rows selects what belongs to the season.
func (s *season) rows() store.Query { return store.Where("ID.Season", store.Eq, s.name) }

// receiptKey names a match among the receipts of a part. The quotes say where the season's name ends.
func receiptKey(k MatchKey) string {
	return fmt.Sprintf("%q %s: %s - %s", k.Season, k.Date, k.Home, k.Away)
}

// receipts selects those of the season.
func (s *season) receipts() store.Query {
	return store.Where("Key", store.Prefix, fmt.Sprintf("%q ", s.name))
}

// patient lets a transaction take its time. Nobody waits for the answer, as somebody would who has
// sent a request; but 64 workers may have to wait for each other, and for a connection.
var patient = &store.TxOptions{RunTimeout: time.Minute, Timeout: 5 * time.Minute}

// clear deletes the season's rows, and no other season's. In each database it is one transaction:
// a season is there as it was, or it is gone, and never half of it under rows that say it is done.
func (s *season) clear(ctx context.Context) error {
	err := s.table.db.Atomic(ctx, patient, func(ctx context.Context, tx *store.Tx) error {
		if err := deleteAll(ctx, s.clubs.In(tx), s.rows()); err != nil {
			return err
		}
		if err := deleteAll(ctx, s.standings.In(tx), s.rows()); err != nil {
			return err
		}
		return deleteAll(ctx, s.table.posted.In(tx), s.receipts())
	})
	if err != nil {
		return err
	}
	err = s.archive.db.Atomic(ctx, patient, func(ctx context.Context, tx *store.Tx) error {
		if err := deleteAll(ctx, s.reports.In(tx), s.rows()); err != nil {
			return err
		}
		return deleteAll(ctx, s.archive.posted.In(tx), s.receipts())
	})
	if err != nil {
		return err
	}
	return s.bank.db.Atomic(ctx, patient, func(ctx context.Context, tx *store.Tx) error {
		if err := deleteAll(ctx, s.accounts.In(tx), s.rows()); err != nil {
			return err
		}
		return deleteAll(ctx, s.bank.posted.In(tx), s.receipts())
	})
}

// deleteAll deletes what a query selects, each row only as the version that was read. The loop may
// write to what it reads: Find holds nothing open while the body runs.
func deleteAll[T any, K comparable](ctx context.Context, r *store.Repository[T, K], q store.Query) error {
	for entity, err := range r.Find(ctx, q) {
		if err != nil {
			return err
		}
		if err := r.Delete(ctx, entity); err != nil {
			return err
		}
	}
	return nil
}
