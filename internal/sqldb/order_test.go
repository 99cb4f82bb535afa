package sqldb

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestReadsAs compares the bounds of a float32 with what Go rounds to it.
func TestReadsAs(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	values := []float32{0, 1, -1, 0.1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 16777216}
	for range 10000 {
		if x := math.Float32frombits(random.Uint32()); !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) {
			values = append(values, x)
		}
	}
	for _, x := range values {
		low, high, isWithin := readsAs(x)
		for _, bound := range []float64{low, high} {
			inside, outside := math.Nextafter(bound, float64(x)), math.Nextafter(bound, bound+bound-float64(x))
			assert.Equal(t, x, float32(inside), "inside %v of %v", bound, x)
			assert.NotEqual(t, x, float32(outside), "outside %v of %v", bound, x)
			assert.Equal(t, isWithin, float32(bound) == x, "%v of %v", bound, x)
		}
	}
}

// TestSortedPart never says more than what is in a sort key of any collation.
func TestSortedPart(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 4, sortedPart([]byte("abcd"), 64))
	assert.Equal(t, 4, sortedPart([]byte("abcdefgh"), 16))
	assert.Equal(t, 8, sortedPart([]byte("abcdefgh"), 32))
	assert.Equal(t, 2, sortedPart([]byte("éé"), 16))
	assert.Equal(t, 0, sortedPart([]byte("é"), 15))
}
