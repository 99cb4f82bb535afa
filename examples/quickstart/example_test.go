package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// The thirty lines of the README.
func Example() {
	ctx := context.Background()
	db := memstore.Open(nil)                                         // or mysql.Open, sqlserver.Open, mongo.Open
	clubs, err := store.NewRepository[Club, int64](db, "clubs", nil) // reports every fault of the mapping at once
	check(err)
	check(clubs.InsertMany(ctx, []*Club{{ID: 7, Name: "Leicester City", Balance: 500}, {ID: 9, Name: "Stoke City"}}))

	club, err := clubs.Get(ctx, 7) // a copy: nothing changes it but you
	check(err)
	_, err = clubs.Modify(ctx, 7, func(c *Club) error { // runs again if another was faster
		c.Balance -= 100
		return nil
	})
	check(err)

	club.Name = "Leicester"
	err = clubs.Save(ctx, &club) // refused: it was changed since it was read
	fmt.Println(err)
	if errors.Is(err, store.ErrConflict) {
		check(clubs.Reload(ctx, &club)) // in place, or an error that says why not
	}

	err = db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error { // both, or none
		clubs := clubs.In(tx)
		if _, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance -= 50; return nil }); err != nil {
			return err
		}
		tx.OnCommit(func() { fmt.Println("paid") }) // once, after a known commit
		_, err := clubs.Modify(ctx, 9, func(c *Club) error { c.Balance += 50; return nil })
		return err
	})
	check(err)

	for club, err := range clubs.Find(ctx, store.Where("Balance", store.Gt, 0).OrderBy("Name").Limit(50)) {
		check(err)
		fmt.Println(club.Name, club.Balance, "version", club.Version)
	}
	// Output:
	// store: save clubs "7": version conflict (have 1, stored 2)
	// paid
	// Leicester City 350 version 3
	// Stoke City 50 version 2
}
