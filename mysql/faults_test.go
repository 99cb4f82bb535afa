package mysql_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// The commands of the protocol.
const (
	comQuery   = 0x03
	comPrepare = 0x16
	comExecute = 0x17
)

// breaker has the proxy break the next write or commit that a handle of one connection sends.
type breaker struct {
	mu       sync.Mutex
	armed    *storetest.Fault
	writes   map[uint32]bool // prepared statements that write
	prepared bool            // the next answer is that to the preparation of a write
}

// faults opens a handle behind a proxy.
func faults(tb testing.TB, p *testbed.Proxy, dsn string, o store.Options) (*store.DB, func(storetest.Fault)) {
	b := &breaker{writes: map[uint32]bool{}}
	p.OnServer(b.server)
	p.OnClient(b.client)
	db := open(tb, p.DSN(dsn), &mysql.Options{Store: o, Connections: 1})
	return db, func(f storetest.Fault) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.armed = &f
	}
}

// client looks at what the client sends, for faults: it cuts the connection at the request that the test has armed
// it for, before or after the server has it. On this wire a write is told from a
// read when it is prepared, and COMMIT is plain text.
func (b *breaker) client(data []byte) testbed.Action {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(data) >= 9 && data[4] == 0x19 { // a statement is closed
		data = data[9:]
	}
	if len(data) < 5 {
		return testbed.Pass
	}
	hit := false
	switch data[4] {
	case comPrepare:
		b.prepared = bytes.HasPrefix(data[5:], []byte("UPDATE")) || bytes.HasPrefix(data[5:], []byte("INSERT")) ||
			bytes.HasPrefix(data[5:], []byte("DELETE"))
	case comExecute:
		hit = b.armed != nil && !b.armed.Commit && b.writes[binary.LittleEndian.Uint32(data[5:])]
	case comQuery:
		hit = b.armed != nil && b.armed.Commit && bytes.HasPrefix(data[5:], []byte("COMMIT"))
	}
	if !hit {
		return testbed.Pass
	}
	action := testbed.Cut
	if b.armed.Landed {
		action = testbed.CutAfter
	}
	b.armed = nil
	return action
}

func (b *breaker) server(data []byte) testbed.Action {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(data) > 5 && data[3] == 0 && data[4] == 10 { // the greeting of a new connection
		clear(b.writes)
	}
	if b.prepared && len(data) >= 9 && data[4] == 0 {
		b.writes[binary.LittleEndian.Uint32(data[5:])] = true
	}
	b.prepared = false
	return testbed.Pass
}

// TestCommitAnswerIsLost has the connection end, in three ways, after the server was sent a COMMIT.
func TestCommitAnswerIsLost(t *testing.T) {
	t.Parallel()
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		db := open(t, p.DSN(dsn), nil)
		r := sqltest.Clubs(t, db, 100)
		behind := direct(t, dsn)
		for _, c := range []struct {
			name    string
			action  testbed.Action
			happens bool
		}{
			{"Cut", testbed.CutAfter, true},
			{"Reset", testbed.ResetAfter, true},
			{"NeverArrives", testbed.Cut, false},
			{"Stall", testbed.StallAfter, true},
		} {
			kept, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
			p.OnClient(testbed.Once("COMMIT", c.action))
			connections := p.Connections()
			sqltest.LoseCommit(t, db, kept, c.name)
			require.Eventually(t, func() bool { return p.Connections() < connections },
				testbed.Patience, time.Millisecond,
				"%s: the connection was kept", c.name)
			p.OnClient(nil)
			p.Resume()
			version := kept.Version
			if c.happens {
				version++
			}
			require.Eventually(t, func() bool {
				return sqltest.Version(t, behind, 1) == version
			}, testbed.Patience, time.Millisecond, c.name)
		}
	})
}

// TestWriteIsNeverSentTwice cuts a write before and after the server has it. database/sql would
// send a statement again after driver.ErrBadConn.
func TestWriteIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		db, arm := faults(t, p, dsn, store.Options{})
		sqltest.WriteIsNeverSentTwice(t, db, direct(t, dsn), func(landed bool) { arm(storetest.Fault{Landed: landed}) })
	})
}

// TestDeadConnectionsAreReplaced has the server close idle connections, as wait_timeout does. The
// next call notices before it sends anything.
func TestDeadConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		db := open(t, p.DSN(dsn), nil)
		r := sqltest.Clubs(t, db, 100)
		for range 3 {
			p.CutAll()
			require.Eventually(t, func() bool { return p.Connections() == 0 }, testbed.Patience, time.Millisecond)
			_, err := r.Modify(t.Context(), 1, sqltest.Credit(1))
			require.NoError(t, err)
		}
		p.ResetAll()
		require.Eventually(t, func() bool { return p.Connections() == 0 }, testbed.Patience, time.Millisecond)
		require.NoError(t, db.Close(), "a dead connection is closed")
	})
}

// TestSilenceEndsACall has a server say nothing more to calls without a deadline.
func TestSilenceEndsACall(t *testing.T) {
	t.Parallel()
	onEachWire(t, func(t *testing.T, p *testbed.Proxy, dsn string) {
		separator := "?"
		if strings.Contains(dsn, "?") {
			separator = "&"
		}
		db := open(t, p.DSN(dsn)+separator+"readTimeout=2s", nil)
		r := sqltest.Clubs(t, db, 100)
		c, err := r.Get(t.Context(), 1)
		require.NoError(t, err)
		p.Stall()
		defer p.Resume()
		_, err = r.Get(t.Context(), 1)
		require.ErrorIs(t, err, store.ErrTransient)
		require.Error(t, r.Save(t.Context(), &c))
	})
}

// TestServerIsAway has nothing listen where the DSN points.
func TestServerIsAway(t *testing.T) {
	t.Parallel()
	sqltest.ServerIsAway(t, func(address string) error {
		_, err := mysql.Open(t.Context(), "someone:secret@tcp("+address+")/game", nil)
		return err
	})
}
