package recipes

import (
	"context"

	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// Debit changes what is stored now. It reads, runs the function, writes one column, and begins again where another
// was faster.
func Debit(ctx context.Context, clubs Clubs, id, fee int64) (Club, error) {
	return clubs.Modify(ctx, id, func(c *Club) error {
		if c.Balance < fee {
			return ErrPoor // nothing is written
		}
		c.Balance -= fee
		return nil
	})
}

// Rename writes back a copy that somebody has looked at for a while. It is store.ErrConflict, with both versions,
// where the stored one has moved since; club is then as it was.
func Rename(ctx context.Context, clubs Clubs, club *Club, name string) error {
	edited := *club
	edited.Name = name
	if err := clubs.Save(ctx, &edited); err != nil {
		return err
	}
	*club = edited
	return nil
}

// Refresh replaces a copy by what is stored now, in place, if it has moved.
func Refresh(ctx context.Context, clubs Clubs, club *Club) error {
	stale, err := clubs.IsStale(ctx, *club) // reads the version alone
	if err != nil || !stale {
		return err
	}
	return clubs.Reload(ctx, club)
}

// Transfer changes two clubs, or none. It runs again after a deadlock or a conflict.
func Transfer(ctx context.Context, db *store.DB, clubs Clubs, from, to, fee int64) error {
	return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
		inTx := Clubs{clubs.In(tx)}
		if _, err := Debit(ctx, inTx, from, fee); err != nil {
			return err
		}
		_, err := inTx.Modify(ctx, to, func(c *Club) error { c.Balance += fee; return nil })
		return err
	})
}

// Owing returns the clubs that owe, the poorest first.
func Owing(ctx context.Context, clubs Clubs) ([]Club, error) {
	return store.Collect(clubs.Find(ctx, store.Where("Balance", store.Lt, 0).OrderBy("Balance").Limit(50)))
}

// Town is a row of Towns.
type Town struct {
	Name    string
	Balance int64
}

// Towns asks in SQL what a repository does not: a sum over a join. sqlx is one call away, and so is its transaction.
func Towns(ctx context.Context, db *store.DB) ([]Town, error) {
	pool, ok := mysql.Native(db)
	if !ok {
		return nil, store.ErrUnsupported
	}
	var towns []Town
	err := pool.SelectContext(ctx, &towns, `SELECT t.name, SUM(c.balance) AS balance
		FROM clubs c JOIN towns t ON t.club = c.id GROUP BY t.name ORDER BY t.name`)
	return towns, err
}
