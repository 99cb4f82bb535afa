package store

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stillframe/stillframe/store/driver"
)

// TestPagesGrow follows the sizes of pages: by four, to a hundred times the first or a megabyte, and never below the
// first.
func TestPagesGrow(t *testing.T) {
	for name, test := range map[string]struct {
		first, bytesOfRow int
		want              []int
	}{
		"short rows":      {100, 60, []int{400, 1600, 6400, 10_000, 10_000}},
		"long rows":       {100, 5_000, []int{209, 209}},
		"very long rows":  {100, 1 << 20, []int{100, 100}},
		"nobody knows":    {100, 0, []int{400, 1000, 1000}},
		"one row":         {1, 60, []int{4, 16, 64, 100, 100}},
		"more than there": {math.MaxInt, 60, []int{math.MaxInt}},
	} {
		t.Run(name, func(t *testing.T) {
			size := test.first
			for _, want := range test.want {
				rows := min(size, 1_000_000)
				size = nextSize(size, test.first, driver.FindResult{Rows: rows, Bytes: rows * test.bytesOfRow})
				assert.Equal(t, want, size)
			}
		})
	}
}
