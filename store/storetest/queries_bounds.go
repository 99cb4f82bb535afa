package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store"
)

// queriesAtTheirBounds counts by queries that are as large as they may be, which each server must take, and has those
// that are larger refused before they are sent.
func queriesAtTheirBounds(e *env) {
	r := newAccounts(e, 10, 20, 30)
	leaf := store.Where("Amount", store.Ge, 20)
	chain := func(n int) store.Query {
		q := leaf
		for range n - 1 {
			q = q.And("Amount", store.Ge, 20)
		}
		return q
	}
	mixed := func(levels int) store.Query {
		q := leaf
		for i := range levels - 1 {
			if i%2 == 0 {
				q = store.AllOf(q, leaf)
			} else {
				q = store.AnyOf(q, store.Not(leaf))
			}
		}
		return q
	}
	for name, q := range map[string]store.Query{"a chain": chain(1000), "levels": mixed(40)} {
		n, err := r.Count(e.ctx, q)
		require.NoError(e, err, name)
		require.Positive(e, n, name)
	}
	for name, q := range map[string]store.Query{"a chain": chain(1001), "levels": mixed(60)} {
		_, err := r.Count(e.ctx, q)
		e.only(err, store.ErrInvalid, name)
	}
}
