package mongo_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// faultsFor is asked for by make test-faults, which has ten minutes of it.
var faultsFor = flag.Duration("faults", 0, "how long to run each history under faults, at least")

// TestHistoriesUnderFaults has nodes of a set of three killed and paused while clients make random
// calls. A primary that was paused may answer with old data when it wakes: that is counted, and does
// not happen to Get, Reload and IsStale with LinearizableReads.
func TestHistoriesUnderFaults(t *testing.T) {
	for name, linearizable := range map[string]bool{"Majority": false, "Linearizable": true} {
		t.Run(name, func(t *testing.T) {
			if *faultsFor == 0 {
				t.Skip("runs with -faults")
			}
			set := testbed.StartMongoFailover(t, 3)
			database := set.Database(t)
			h := newHarnessIn(t, set.URI(), database)
			h.Open = func(tb testing.TB, o store.Options) *store.DB {
				return open(tb, set.URI(), database, &mongo.Options{
					Store: o, LinearizableReads: linearizable,
					ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second,
				})
			}
			report := storetest.UnderFaults(t, storetest.FaultRun{
				Harness: h, Strikes: strikesOn(set), Every: 30, Calls: 200,
				CallTimeout: 3 * time.Second, Duration: *faultsFor,
				OldReads: !linearizable, OldLooks: true,
			})
			require.Positive(t, report.Conflicts)
		})
	}
}

// strikesOn are the faults of a set of three nodes.
func strikesOn(set *testbed.MongoSet) []storetest.Strike {
	var struck *testbed.Server
	return []storetest.Strike{
		{
			Name: "kills of the primary",
			Begin: func(tb testing.TB) {
				struck = set.Primary(tb)
				require.NoError(tb, struck.Kill())
			},
			End: func(tb testing.TB) {
				set.Primary(tb)
				require.NoError(tb, struck.Restart(tb.Context()))
			},
		},
		{
			Name: "pauses of the primary",
			Begin: func(tb testing.TB) {
				struck = set.Primary(tb)
				require.NoError(tb, struck.Pause())
			},
			End: func(tb testing.TB) {
				set.Primary(tb) // another one
				require.NoError(tb, struck.Resume())
			},
		},
		{
			Name: "kills of a secondary",
			Begin: func(tb testing.TB) {
				struck = secondary(tb, set)
				require.NoError(tb, struck.Kill())
			},
			End: func(tb testing.TB) { require.NoError(tb, struck.Restart(tb.Context())) },
		},
	}
}

func secondary(tb testing.TB, set *testbed.MongoSet) *testbed.Server {
	tb.Helper()
	primary := set.Primary(tb)
	for _, node := range set.Nodes() {
		if node != primary {
			return node
		}
	}
	require.FailNow(tb, "the set has one node only")
	return nil
}
