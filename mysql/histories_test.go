package mysql_test

import (
	"bytes"
	"flag"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// faultsFor is asked for by make test-faults, which has ten minutes of it.
var faultsFor = flag.Duration("faults", 0, "how long to run histories under faults, at least")

// TestHistoriesUnderFaults has connections cut, reset and stalled at random and at the moments that
// matter, and the server killed and paused, while clients make random calls.
func TestHistoriesUnderFaults(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *testbed.Server{
		"MariaDB": testbed.StartMariaDB,
		"MySQL":   testbed.StartMySQL,
	} {
		t.Run(name, func(t *testing.T) {
			if *faultsFor == 0 {
				t.Skip("runs with -faults")
			}
			t.Parallel()
			s := start(t)
			p := testbed.NewProxy(t, s.Addr())
			dsn := s.Database(t)
			h := newHarness(t, dsn)
			h.Open = func(tb testing.TB, o store.Options) *store.DB {
				return open(
					tb, p.DSN(dsn),
					&mysql.Options{Store: o, Connections: connections, LockTimeout: time.Second},
				)
			}
			report := storetest.UnderFaults(
				t, storetest.FaultRun{Harness: h, Strikes: strikesOn(s, p), Duration: *faultsFor},
			)
			require.Positive(t, report.Unknown)
			require.Positive(t, report.Conflicts)
		})
	}
}

// strikesOn are the faults of one server and of the network before it.
func strikesOn(s *testbed.Server, p *testbed.Proxy) []storetest.Strike {
	at := func(name string, match func(data []byte) bool, action testbed.Action) storetest.Strike {
		return storetest.Strike{
			Name: name,
			Begin: func(testing.TB) {
				var met atomic.Int32
				p.OnClient(func(data []byte) testbed.Action {
					if !match(data) || met.Add(1) > 2 {
						return testbed.Pass
					}
					return action
				})
			},
			End: func(testing.TB) { p.OnClient(nil); p.Resume() },
		}
	}
	commit := func(data []byte) bool { return bytes.Contains(data, []byte("COMMIT")) }
	statement := func(data []byte) bool { return len(data) > 4 && data[4] == comExecute }
	return []storetest.Strike{
		{Name: "cuts", Begin: func(testing.TB) { p.CutAll() }},
		{Name: "resets", Begin: func(testing.TB) { p.ResetAll() }},
		{Name: "stalls", Begin: func(testing.TB) { p.Stall() }, End: func(testing.TB) { p.Resume() }},
		at("commits cut before the server", commit, testbed.Cut),
		at("commits cut after the server", commit, testbed.CutAfter),
		at("commits stalled after the server", commit, testbed.StallAfter),
		at("statements cut before the server", statement, testbed.Cut),
		at("statements cut after the server", statement, testbed.CutAfter),
		at("statements reset after the server", statement, testbed.ResetAfter),
		at("statements stalled", statement, testbed.Stall),
		{
			Name: "kills", Alone: true, Crash: true,
			Begin: func(tb testing.TB) { require.NoError(tb, s.Kill()) },
			End:   func(tb testing.TB) { require.NoError(tb, s.Restart(tb.Context())) },
		},
		{
			Name:  "pauses",
			Begin: func(tb testing.TB) { require.NoError(tb, s.Pause()) },
			End:   func(tb testing.TB) { require.NoError(tb, s.Resume()) },
		},
	}
}
