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
	renew         func() // gives both sides new connections
}

// row is the comparison of a pair.
type row struct {
	name                      string
	library, hand             time.Duration // of one operation, the median
	libraryAllocs, handAllocs float64
}

const (
	compareRounds = 41
	roundTime     = 60 * time.Millisecond
	warmUps       = 3
	renewEvery    = 5
)

// compare lets both sides do their work in turn, one operation each, so that whatever else the
// machine and the server do meets both. It warms both up first, and changes who begins. Every few
// rounds both get new connections: one connection is up to a tenth slower than another for as long
// as it lives, whoever uses it. What is compared is the median operation of each side: one operation
// in ten takes twice as long, for reasons of the server's and the scheduler's, and decides a mean.
func compare(t *testing.T, p pair) row {
	t.Helper()
	start := time.Now()
	n := 0
	for ; n < warmUps || time.Since(start) < 2*roundTime; n++ {
		require.NoError(t, p.library())
		require.NoError(t, p.hand())
	}
	n = max(1, n/2)
	var library, hand []time.Duration
	for round := range compareRounds {
		if round%renewEvery == 0 {
			p.renew()
			for range warmUps {
				require.NoError(t, p.library())
				require.NoError(t, p.hand())
			}
		}
		runtime.GC()
		for i := range n {
			if (round+i)%2 == 0 {
				library = append(library, timed(t, p.library))
				hand = append(hand, timed(t, p.hand))
			} else {
				hand = append(hand, timed(t, p.hand))
				library = append(library, timed(t, p.library))
			}
		}
	}
	return row{
		name: p.name, library: median(library), hand: median(hand),
		libraryAllocs: allocations(t, p.library), handAllocs: allocations(t, p.hand),
	}
}

// timed returns how long one operation takes.
func timed(t *testing.T, work side) time.Duration {
	start := time.Now()
	if err := work(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

func allocations(t *testing.T, work side) float64 {
	return testing.AllocsPerRun(20, func() { require.NoError(t, work()) })
}

func median(values []time.Duration) time.Duration {
	slices.Sort(values)
	return values[len(values)/2]
}

func printRows(title string, rows []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\tlibrary\tby hand\tratio\tallocs\tby hand\t\n", title)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%v\t%v\t%.3f\t%.0f\t%.0f\t\n", r.name, r.library.Round(100), r.hand.Round(100),
			float64(r.library)/float64(r.hand), r.libraryAllocs, r.handAllocs)
	}
	_ = w.Flush()
}
