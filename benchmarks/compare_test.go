package benchmarks

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
)

var comparing = flag.Bool("compare", false, "compare with hand-written code on real servers and print a table")

// side is one way to do the same work.
type side func() error

// pair is the same work done twice: through the library and by hand.
type pair struct {
	name          string
	library, hand side
}

// row is the comparison of a pair.
type row struct {
	name                      string
	library, hand             time.Duration // of one operation, the median over the rounds
	ratio                     float64       // the median of the rounds' ratios
	libraryAllocs, handAllocs float64
}

const (
	compareRounds = 41
	roundTime     = 60 * time.Millisecond
)

// compare lets both sides do their work in turn, in many short rounds, so that whatever else the
// machine does meets both. It warms both up first, and changes who begins in each round.
func compare(t *testing.T, p pair) row {
	t.Helper()
	start := time.Now()
	n := 0
	for ; n < 3 || time.Since(start) < roundTime; n++ {
		require.NoError(t, p.library())
		require.NoError(t, p.hand())
	}
	n = max(1, n/2)
	var library, hand, ratios []float64
	for round := range compareRounds {
		var a, b float64
		if round%2 == 0 {
			a, b = timed(t, p.library, n), timed(t, p.hand, n)
		} else {
			b, a = timed(t, p.hand, n), timed(t, p.library, n)
		}
		library, hand, ratios = append(library, a), append(hand, b), append(ratios, a/b)
	}
	return row{
		name: p.name, ratio: median(ratios),
		library: time.Duration(median(library)), hand: time.Duration(median(hand)),
		libraryAllocs: allocations(t, p.library), handAllocs: allocations(t, p.hand),
	}
}

// timed returns the nanoseconds of one operation.
func timed(t *testing.T, work side, n int) float64 {
	runtime.GC()
	start := time.Now()
	for range n {
		if err := work(); err != nil {
			t.Fatal(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}

func allocations(t *testing.T, work side) float64 {
	return testing.AllocsPerRun(20, func() { require.NoError(t, work()) })
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func printRows(title string, rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\tlibrary\tby hand\tratio\tallocs\tby hand\t\n", title)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%v\t%v\t%.3f\t%.0f\t%.0f\t\n", r.name, r.library.Round(100), r.hand.Round(100), r.ratio, r.libraryAllocs, r.handAllocs)
	}
	_ = w.Flush()
}
