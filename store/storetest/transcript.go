package storetest

import (
	"math/rand/v2"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/store/storetest/internal/script"
)

// transcripts runs one list of n random operations on package memstore and on the backend under test.
// What every operation says must be equal. The guarantees to which the kinds belong register it.
func transcripts(e *env, n int, kinds map[string]int) {
	result, err := script.Comparison{
		DB: e.db, Table: e.table, Steps: n, Kinds: kinds, Random: rand.New(rand.NewPCG(e.seed(), 0)),
	}.Compare(e.ctx)
	require.NoError(e, err)
	if result.Difference != "" {
		e.Fatal(result.Difference)
	}
	e.Logf("%d steps, %d of which came to something", n, result.Succeeded)
	require.Greater(e, result.Succeeded, n/5)
}
