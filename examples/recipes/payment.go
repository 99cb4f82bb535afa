package recipes

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store"
)

// Bank moves money between clubs, once for each request. store.Receipts(b.DB) has the receipts, whose table
// EnsureSchema or a migration makes.
type Bank struct {
	DB    *store.DB
	Clubs Clubs
}

// ErrPoor is returned where the balance is too low.
var ErrPoor = errors.New("the balance is too low")

// payment is what a key stands for: the same key with another one is store.ErrOtherRequest.
type payment struct{ From, To, Amount int64 }

// Pay moves money. It may be called with the same key any number of times, by any number of processes and after
// any error: the money moves once.
func (b *Bank) Pay(ctx context.Context, key string, from, to, amount int64) error {
	o := &store.OnceOptions{Request: payment{from, to, amount}}
	_, err := store.Once(ctx, b.DB, key, o, func(ctx context.Context, tx *store.Tx) error {
		_, err := b.Clubs.In(tx).Modify(ctx, from, func(c *Club) error {
			if c.Balance < amount {
				return ErrPoor
			}
			c.Balance -= amount
			return nil
		})
		if err != nil {
			return err
		}
		_, err = b.Clubs.In(tx).Modify(ctx, to, func(c *Club) error { c.Balance += amount; return nil })
		return err
	})
	return err
}
