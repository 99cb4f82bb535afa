package mongo_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/oncekill"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mongo"
	"github.com/stillframe/stillframe/store"
)

// openTarget opens the database of a target, "uri name".
func openTarget(ctx context.Context, target string) (*store.DB, error) {
	uri, name, _ := strings.Cut(target, " ")
	return mongo.Open(ctx, uri, name, &mongo.Options{ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second})
}

// TestOnceProcess is one of the processes of the tests below, and does nothing by itself.
func TestOnceProcess(t *testing.T) {
	if !oncekill.Ask(t, openTarget) {
		t.Skip("no test has started it")
	}
}

// TestOnceUnderKills has processes ask for the same keys and loses the answers to their commits. With -faults it also
// kills them.
func TestOnceUnderKills(t *testing.T) {
	set := testbed.Mongo(t)
	if *faultsFor > 0 {
		set = testbed.StartMongo(t, 1)
		set.ForgetSoon(t)
	}
	name := set.Database(t)
	p := testbed.NewProxy(t, set.Nodes()[0].Addr())
	p.OnClient(func(data []byte) testbed.Action {
		if !bytes.Contains(data, []byte("commitTransaction")) || rand.IntN(20) > 0 {
			return testbed.Pass
		}
		return []testbed.Action{testbed.Cut, testbed.CutAfter}[rand.IntN(2)]
	})
	db, err := openTarget(t.Context(), set.URI()+" "+name)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	r := oncekill.Run{
		Child: "TestOnceProcess", Target: p.URI() + " " + name, DB: db, Processes: 3, Keys: 40,
		Calm: func() { p.OnClient(nil) },
	}
	if *faultsFor > 0 {
		r.Processes, r.Keys, r.Kills = 8, 1_000, 60
	}
	r.Play(t)
}

// TestOnceThroughElections kills both secondaries of a set and then its primary, again and again, beside the processes.
func TestOnceThroughElections(t *testing.T) {
	if *faultsFor == 0 {
		t.Skip("runs with -faults")
	}
	set := testbed.StartMongoFailover(t, 3)
	name := set.Database(t)
	db, err := openTarget(t.Context(), set.URI()+" "+name)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	var down []*testbed.Server
	calm := func() {
		for _, s := range down {
			require.NoError(t, s.Restart(context.WithoutCancel(t.Context())))
		}
		down = nil
		set.ForgetSoon(t)
	}
	set.ForgetSoon(t)
	turn := 0
	oncekill.Run{
		Child: "TestOnceProcess", Target: set.URI() + " " + name, DB: db, Processes: 8, Keys: 1_000, Kills: 30,
		Trouble: func() {
			switch turn++; turn % 5 {
			case 1: // both secondaries: the primary's writes have no majority
				primary := set.Primary(t)
				for _, s := range set.Nodes() {
					if s != primary {
						require.NoError(t, s.Kill())
						down = append(down, s)
					}
				}
			case 2:
				calm()
			case 4:
				primary := set.Primary(t)
				require.NoError(t, primary.Kill())
				down = append(down, primary)
			case 0:
				calm()
			}
		},
		Calm: calm,
	}.Play(t)
}
