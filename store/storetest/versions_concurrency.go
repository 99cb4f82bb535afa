package storetest

import (
	"context"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest/internal/draw"
)

// Many writers race for one version, of which one may win, and histories of all verbs at once.
var _ = register(
	"Versions",
	Test{Name: "OneOfManySavesWins", run: manySaves},
	Test{Name: "OneOfManyInsertsWins", run: manyInserts},
	Test{Name: "OneOfManyDeletesWins", run: manyDeletes},
	Test{Name: "HistoryIsLinearizable", run: historyOfCalls},
	Test{Name: "HistoryOfMadeVersions", needs: autoVersions, run: historyOfMadeVersions},
)

func manySaves(e *env) {
	r := newAccounts(e, 0)
	for range scaled(20, 5) {
		base := r.get(1)
		race(e, store.ErrConflict, func(ctx context.Context, w int) error {
			mine := base
			mine.Amount = int64(w)
			return r.Save(ctx, &mine)
		})
		require.Equal(e, base.Version+1, r.number(1, "version"))
	}
}

func manyInserts(e *env) {
	r := newAccounts(e)
	for id := range int64(scaled(20, 5)) {
		var winner atomic.Int64
		race(e, store.ErrExists, func(ctx context.Context, w int) error {
			err := r.Insert(ctx, &account{ID: id, Amount: int64(w)})
			if err == nil {
				winner.Store(int64(w))
			}
			return err
		})
		require.Equal(e, winner.Load(), r.number(id, "amount"), "what is stored is the winner's")
	}
}

func manyDeletes(e *env) {
	r := newAccounts(e)
	for id := range int64(scaled(20, 5)) {
		a := inserted(r, account{ID: id})
		race(e, store.ErrNotFound, func(ctx context.Context, _ int) error { return r.Delete(ctx, a) })
		r.gone(id)
	}
}

// singleCalls are the kinds of calls on one row, by weight.
var singleCalls = map[string]int{
	"get": 4, "get many": 1, "find": 1, "reload": 2, "is stale": 2, "insert": 3, "save": 4, "touch": 2, "delete": 2,
	"delete key": 1, "modify": 6, "upsert": 2,
}

// historyOfCalls has the verbs race on three rows, which are inserted and deleted too.
func historyOfCalls(e *env) {
	r := newAccounts(e)
	played(e, r, accountShape, 3, 3, draw.Spread(singleCalls))
}

// historyOfMadeVersions is the same where the database makes the versions, which then change by any
// amount.
func historyOfMadeVersions(e *env) {
	r := newRepository[stamped](e, "stamped", byID)
	played(e, r, stampedShape, 2, 2, draw.Spread(singleCalls))
}
