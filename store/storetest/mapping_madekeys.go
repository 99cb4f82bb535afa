package storetest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// A key that the database makes and that does not fit its field leaves no row, as part of Mapping.
var _ = register(
	"Mapping",
	Test{Name: "MadeKeyThatDoesNotFit", needs: autoKeys, run: madeKeysBeyond},
)

// madeKeyed has a key that the database makes, of any integer type.
type madeKeyed[K comparable] struct {
	store.Snapshot `bson:",inline"`

	ID   K      `db:"id" bson:"_id" store:"key,auto"`
	Note string `db:"note" bson:"note" store:"size=20"`
}

func madeKeysBeyond(e *env) {
	madeKeyBeyond[int8](e, "int8", 127, "-128 to 127")
	madeKeyBeyond[uint8](e, "uint8", 255, "0 to 255")
}

// madeKeyBeyond fills a table up to the last key that the field can hold, and then inserts further rows by
// each verb. The table's own column is wider: what it makes for them does not fit the field.
func madeKeyBeyond[K int8 | uint8](e *env, name string, most int, bounds string) {
	e.run(name, func(e *env) {
		r := newRepository[madeKeyed[K], K](e, "numbered", nil)
		all := func(n int) []*madeKeyed[K] {
			list := make([]*madeKeyed[K], n)
			for i := range list {
				list[i] = &madeKeyed[K]{Note: "n"}
			}
			return list
		}
		refused := func(about string, err error, entities ...*madeKeyed[K]) {
			e.Helper()
			e.only(err, store.ErrInvalid, about)
			e.names(err, "ID", name, bounds)
			require.False(e, store.MayHaveHappened(err), about)
			for _, entity := range entities {
				require.Equal(e, madeKeyed[K]{Note: "n"}, *entity, "%s: the entity is not as it was", about)
			}
			n, err := r.Count(e.ctx, store.Query{})
			require.NoError(e, err)
			require.LessOrEqual(e, n, int64(most), "%s: a row stays that no mapping can read", about)
			found, err := store.Collect(r.Find(e.ctx, store.Query{}))
			require.NoError(e, err, about)
			require.Len(e, found, int(n))
		}
		if e.info.Transactions {
			require.NoError(e, r.InsertMany(e.ctx, all(most-1)))
			some := all(3) // of which one would fit
			refused("InsertMany", r.InsertMany(e.ctx, some), some...)
		} else {
			for range most - 1 {
				require.NoError(e, r.Insert(e.ctx, all(1)[0]))
			}
		}
		// InsertMany may have used up the last key, as servers do, or not.
		_ = r.Insert(e.ctx, all(1)[0])
		one := all(1)
		refused("Insert", r.Insert(e.ctx, one[0]), one...)
		if !e.info.Transactions {
			return
		}
		kept := newRepository[keyed[int64], int64](e, "kept", nil)
		some := all(2)
		var given error
		err := e.db.Atomic(e.ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if err := kept.In(tx).Insert(ctx, &keyed[int64]{ID: 1}); err != nil {
				return err
			}
			given = r.In(tx).Insert(ctx, some[0])
			require.ErrorIs(e, r.In(tx).Insert(ctx, some[1]), store.ErrTxDone, "the Tx is not doomed")
			return nil
		})
		refused("Insert in a Tx", given, some[0])
		refused("Atomic", err, some...)
		_, err = kept.Get(e.ctx, 1)
		e.only(err, store.ErrNotFound, "the Tx has committed")
	})
}
