package mysql_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stillframe/stillframe/internal/oncekill"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// TestOnceProcess is one of the processes of TestOnceUnderKills, and does nothing by itself.
func TestOnceProcess(t *testing.T) {
	open := func(ctx context.Context, dsn string) (*store.DB, error) {
		return mysql.Open(ctx, dsn, &mysql.Options{LockTimeout: time.Second})
	}
	if !oncekill.Ask(t, open) {
		t.Skip("no test has started it")
	}
}

// TestOnceUnderKills has processes ask for the same keys, kills them, and loses the answers to COMMIT. With -faults it
// does that with 8 processes and 1,000 keys.
func TestOnceUnderKills(t *testing.T) {
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		p.OnClient(func(data []byte) testbed.Action {
			if !bytes.Contains(data, []byte("COMMIT")) || rand.IntN(20) > 0 {
				return testbed.Pass
			}
			return []testbed.Action{testbed.Cut, testbed.CutAfter}[rand.IntN(2)]
		})
		r := oncekill.Run{
			Child: "TestOnceProcess", Target: p.DSN(dsn), DB: open(t, dsn, nil), Processes: 3, Keys: 40, Kills: 4,
			Calm: func() { p.OnClient(nil) },
		}
		if *faultsFor > 0 {
			r.Processes, r.Keys, r.Kills = 8, 1_000, 60
		}
		r.Play(t)
	})
}
