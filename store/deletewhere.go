package store

import (
	"context"
	"errors"
)

// DeleteWhere removes what the query selects, batch entities at a time: for rows that are kept for a while,
// such as receipts and journals. It returns how many it has removed, also with an error: what was removed before
// stays removed.
//
// Each batch is a transaction of its own where the backend has transactions, so that no lock is held for long
// and an end of ctx loses little. Every entity is removed by the version that was read: one that another has
// written or removed since is passed over, and so is one that comes to match meanwhile. A Limit of the query
// bounds the whole. In a Tx everything is removed in that Tx. A batch of 0 is one of 100; a negative one is
// ErrInvalid.
func (r *Repository[T, K]) DeleteWhere(ctx context.Context, q Query, batch int) (int64, error) {
	if batch < 0 {
		return 0, r.call("delete where", nil, true).fail(invalidf("the batch is negative (%d)", batch))
	}
	if q.hasLimit && q.limit < 1 {
		_, _, err := r.Page(ctx, q) // which says what is wrong
		return 0, err
	}
	batch = orDefault(batch, 100)
	left := q.limit
	var removed int64
	for {
		n := batch
		if left > 0 {
			n = min(n, left)
		}
		items, next, err := r.Page(ctx, q.Limit(n))
		if err != nil {
			return removed, err
		}
		done, err := r.deleteAll(ctx, items)
		removed += done
		if err != nil || next == "" || n == left {
			return removed, err
		}
		left = max(left-n, 0)
		q = q.From(next)
	}
}

// deleteAll removes one batch and returns how many of it were still there as they were read. Mostly that is all of
// them, which are removed together; else each is looked at by itself.
func (r *Repository[T, K]) deleteAll(ctx context.Context, items []T) (removed int64, err error) {
	if len(items) > 1 && r.repo.db.info.Transactions {
		err := r.DeleteMany(ctx, items)
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			if err == nil {
				removed = int64(len(items))
			}
			return removed, err
		}
	}
	remove := func(ctx context.Context, r *Repository[T, K]) error {
		removed = 0
		for _, entity := range items {
			switch err := r.Delete(ctx, entity); {
			case err == nil:
				removed++
			case !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound):
				return err
			}
		}
		return nil
	}
	db := r.repo.db
	if r.tx != nil || !db.info.Transactions || len(items) < 2 {
		return removed, remove(ctx, r)
	}
	err = db.Atomic(ctx, nil, func(ctx context.Context, tx *Tx) error { return remove(ctx, r.In(tx)) })
	if err != nil {
		removed = 0
	}
	return removed, err
}
