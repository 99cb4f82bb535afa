package recipes

import (
	"context"
	"errors"

	"github.com/stillframe/stillframe/store"
)

// Receipt is stored with each payment, under the key that came with the request.
type Receipt struct {
	store.Snapshot `bson:",inline"`
	ID             string `db:"id" bson:"_id" store:"key,size=64"`
	From           int64  `db:"from_club" bson:"from_club"`
	To             int64  `db:"to_club" bson:"to_club"`
	Amount         int64  `db:"amount" bson:"amount"`
}

// Bank moves money between clubs, once for each request.
type Bank struct {
	DB       *store.DB
	Clubs    Clubs
	Receipts *store.Repository[Receipt, string]
}

// The ways in which a payment is refused.
var (
	ErrPoor  = errors.New("the balance is too low")
	ErrOther = errors.New("another payment was made under this key")
)

// Pay moves money. It may be called with the same key any number of times, by any number of processes and after
// any error: the money moves once.
func (b *Bank) Pay(ctx context.Context, key string, from, to, amount int64) error {
	var unknown error // of an earlier try
	for {
		err := b.DB.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			// The receipt comes first: whoever is second waits for it, or is told that it is there.
			err := b.Receipts.In(tx).Insert(ctx, &Receipt{ID: key, From: from, To: to, Amount: amount})
			if err != nil {
				return err
			}
			_, err = b.Clubs.In(tx).Modify(ctx, from, func(c *Club) error {
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
		switch {
		case err == nil:
			return nil
		case store.MayHaveHappened(err):
			unknown = err // so ask once more: the receipt's key tells the two tries apart
		case errors.Is(err, store.ErrExists):
			switch paid, err := b.isPaid(ctx, key, from, to, amount); {
			case err != nil:
				return errors.Join(err, unknown)
			case paid:
				return nil
			}
		default:
			return errors.Join(err, unknown) // what became of the earlier try is still not known
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), unknown)
		}
	}
}

// isPaid looks for the receipt that was in the way. It may be gone again, where its transaction was rolled back.
func (b *Bank) isPaid(ctx context.Context, key string, from, to, amount int64) (bool, error) {
	receipt, err := b.Receipts.Get(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err == nil && (receipt.From != from || receipt.To != to || receipt.Amount != amount):
		return false, ErrOther
	}
	return err == nil, err
}
