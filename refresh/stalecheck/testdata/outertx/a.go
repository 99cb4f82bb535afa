package outertx

import (
	"context"

	"github.com/stillframe/stillframe/store"
)

func run(outer context.Context, db *store.DB, repo *store.Repository[int, int]) error {
	return db.Atomic(outer, nil, func(ctx context.Context, tx *store.Tx) error {
		if _, err := repo.In(tx).Get(outer, 1); err != nil { // want `takes the ctx from outside`
			return err
		}
		if _, err := repo.Get(ctx, 1); err != nil { // want `Get in the function of Atomic is not part of the Tx`
			return err
		}
		bound := repo.In(tx)
		_ = repo.KeyOf(1)
		_, err := bound.Get(ctx, 1)
		return err
	})
}
