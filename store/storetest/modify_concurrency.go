package storetest

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// Many calls of Modify and Upsert on one row at once.
var _ = register(
	"Modify",
	Test{Name: "ManyOnOneEntity", run: manyModify},
	Test{Name: "ManyUpsertOneKey", run: manyUpsert},
)

// manyModify is the contended counter. The versions that the calls returned must be exactly those
// between the first and the last, each once: two calls that got the same one have lost an update.
func manyModify(e *env) {
	r := newAccounts(e, 0)
	workers, each := scaled(64, 16), repeated(200, 20)
	handles := []*accountRepository{r.on(e.db, patient), r.on(e.open(store.Options{}), patient)}
	var found collector
	e.parallel(workers, each, func(ctx context.Context, w, _ int) error {
		a, err := handles[w%2].Modify(ctx, 1, credit(1))
		if err == nil {
			found.add(a.Version)
		}
		return err
	})
	n := int64(workers * each)
	require.Equal(e, n, r.number(1, "amount"))
	require.Equal(e, n+1, r.number(1, "version"))
	slices.Sort(found.values)
	require.Equal(e, upTo(n + 1)[1:], found.values, "the versions that Modify returned")
}

// manyUpsert has workers upsert a row that is not there. One inserts it, the others find it, and each one's write is
// there once.
func manyUpsert(e *env) {
	r := newAccounts(e)
	workers := scaled(16, 8)
	ours := r.on(e.db, patient)
	var found collector
	var inserts atomic.Int64
	e.parallel(workers, 1, func(ctx context.Context, w, _ int) error {
		inserted := false
		a, err := ours.Upsert(ctx, 1, func(a *account, exists bool) error {
			inserted = !exists
			a.Amount++
			a.Marks = append(a.Marks, int64(w))
			return nil
		})
		if inserted {
			inserts.Add(1)
		}
		if err == nil {
			found.add(a.Version)
		}
		return err
	})
	require.EqualValues(e, 1, inserts.Load(), "one of them inserts")
	slices.Sort(found.values)
	require.Equal(e, upTo(int64(workers)), found.values)
	a := r.get(1)
	slices.Sort(a.Marks)
	for w := range a.Marks {
		require.EqualValues(e, w, a.Marks[w], "each write is there once")
	}
	require.Len(e, a.Marks, workers)
}
