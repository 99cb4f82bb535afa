// Command reload tells the story of a method that is called Refresh and refreshes nothing: it reads the entity anew,
// and binds its own receiver to it, which is a variable that ends with the method. Reload replaces what the caller
// holds.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/memstore"
)

// Club is what two managers look at.
type Club struct {
	store.Snapshot
	ID      int64 `db:"id" store:"key"`
	Balance int64 `db:"balance"`
}

// Clubs is the table of them.
type Clubs = store.Repository[Club, int64]

// Refresh is the mistake. c is a copy of the pointer that the caller holds: to point it at a new club changes nothing
// but c.
func (c *Club) Refresh(ctx context.Context, clubs *Clubs) error {
	current, err := clubs.Get(ctx, c.ID)
	if err != nil {
		return err
	}
	c = &current //stalecheck:ignore the mistake is the story
	fmt.Println("inside Refresh: balance", c.Balance)
	return nil
}

// story has another manager spend while a club is in hand.
func story(ctx context.Context, clubs *Clubs) error {
	club, err := clubs.Get(ctx, 7)
	if err != nil {
		return err
	}
	other := &club // whoever else holds it
	if _, err := clubs.Modify(ctx, 7, func(c *Club) error { c.Balance -= 100; return nil }); err != nil {
		return err
	}
	if err := club.Refresh(ctx, clubs); err != nil {
		return err
	}
	fmt.Println("after Refresh: balance", club.Balance, "version", club.Version)
	if err := clubs.Reload(ctx, &club); err != nil {
		return err
	}
	fmt.Println("after Reload: balance", club.Balance, "version", club.Version)
	fmt.Println("who holds the same club sees balance", other.Balance)

	// On an error the copy is as it was, and the error says why.
	if err := clubs.DeleteKey(ctx, 7); err != nil {
		return err
	}
	err = clubs.Reload(ctx, &club)
	fmt.Println(err)
	fmt.Println("still in hand: balance", club.Balance, "version", club.Version)
	return nil
}

func main() {
	ctx := context.Background()
	db := memstore.Open(nil)
	defer func() { _ = db.Close() }()
	clubs := store.MustRepository[Club, int64](db, "clubs", nil)
	err := clubs.Insert(ctx, &Club{ID: 7, Balance: 500})
	if err == nil {
		err = story(ctx, clubs)
	}
	if err != nil {
		log.Fatal(err)
	}
}
