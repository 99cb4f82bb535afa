package sqldb

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What the kept statements cost is bounded, whatever their number.
func TestStatementCacheHasACost(t *testing.T) {
	t.Parallel()
	s := newStatementCache(1000)
	const each = mostCostOfOne / 2
	for i := range 100 {
		s.makeRoom(each)
		s.add(cacheKey{fmt.Sprint(i), false}, &stmt{}, each)
		assert.LessOrEqual(t, s.cost, mostCost)
	}
	assert.Equal(t, mostCost/each, s.recent.Len())
	s.remove(cacheKey{"99", false})
	assert.Equal(t, mostCost-each, s.cost)
	s.clear()
	assert.Zero(t, s.cost)
	assert.Greater(t, costOf("", mostCost), mostCostOfOne)
}
