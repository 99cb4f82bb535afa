package sqlserver_test

import (
	"bytes"
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/sqlserver"
	"github.com/stillframe/stillframe/store"
	"github.com/stillframe/stillframe/store/storetest"
)

// utf16le is text as it is on the wire.
func utf16le(text string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

var (
	wireWrites = [][]byte{utf16le("UPDATE ["), utf16le("INSERT INTO ["), utf16le("DELETE FROM [")}
	wireCommit = utf16le("COMMIT TRANSACTION")
)

// breaker has the proxy break the next write or commit that a handle of one connection sends.
type breaker struct {
	mu    sync.Mutex
	armed *storetest.Fault
}

// faults opens a handle behind a proxy.
func faults(tb testing.TB, p *testbed.Proxy, dsn string, o store.Options) (*store.DB, func(storetest.Fault)) {
	b := &breaker{}
	p.OnClient(b.client)
	db := open(tb, p.DSN(dsn), &sqlserver.Options{Store: o, Connections: 1})
	return db, func(f storetest.Fault) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.armed = &f
	}
}

// client looks at what the client sends, for faults: it cuts the connection at the request that the test has armed
// it for, before or after the server has it. On this wire the text of a statement is in its packet.
func (b *breaker) client(data []byte) testbed.Action {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed == nil {
		return testbed.Pass
	}
	hit := b.armed.Commit && bytes.Contains(data, wireCommit)
	for _, write := range wireWrites {
		hit = hit || !b.armed.Commit && bytes.Contains(data, write)
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

// TestCommitAnswerIsLost has the connection end, in three ways, after the server was sent a COMMIT.
func TestCommitAnswerIsLost(t *testing.T) {
	s := server(t)
	dsn := s.Database(t)
	p := testbed.NewProxy(t, s.Addr())
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
		p.OnClient(testbed.Once(string(wireCommit), c.action))
		sqltest.LoseCommit(t, db, kept, c.name)
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
}

// TestWriteIsNeverSentTwice cuts a write before and after the server has it. database/sql would
// send a statement again after driver.ErrBadConn.
func TestWriteIsNeverSentTwice(t *testing.T) {
	s := server(t)
	dsn := s.Database(t)
	db, arm := faults(t, testbed.NewProxy(t, s.Addr()), dsn, store.Options{})
	sqltest.WriteIsNeverSentTwice(t, db, direct(t, dsn), func(landed bool) { arm(storetest.Fault{Landed: landed}) })
}

// blocked is how many sessions wait for a lock in the database, 0 where that cannot be told.
func blocked(db *sql.DB) (n int) {
	_ = db.QueryRow("SELECT COUNT(*) FROM sys.sysprocesses WHERE blocked <> 0 AND dbid = DB_ID()").Scan(&n)
	return n
}

// TestCancelledTx cancels a transaction while one of its statements waits for a lock. The rollback
// has a context of its own, and leaves nothing.
func TestCancelledTx(t *testing.T) {
	onServer(t, func(t *testing.T, dsn string) {
		db := open(t, dsn, &sqlserver.Options{LockTimeout: 4 * time.Second})
		r := sqltest.Clubs(t, db, 100, 100)
		behind := direct(t, dsn)
		holder := sqltest.Hold(t, behind, 2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
			if _, err := r.In(tx).Modify(ctx, 1, sqltest.Credit(-1)); err != nil {
				return err
			}
			go func() {
				defer cancel()
				for ctx.Err() == nil && blocked(behind) == 0 {
				}
			}()
			_, err := r.In(tx).Modify(ctx, 2, sqltest.Credit(1))
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, holder.Rollback())
		require.Eventually(t, func() bool { // the row is free, and as it was
			_, err := behind.Exec("SET LOCK_TIMEOUT 100; UPDATE clubs SET balance = balance WHERE id = 1")
			return err == nil
		}, testbed.Patience, 10*time.Millisecond)
		require.EqualValues(t, 100, sqltest.Balance(t, behind, 1))
		_, err = r.Modify(t.Context(), 1, sqltest.Credit(1))
		require.NoError(t, err, "the pool has a connection that works")
	})
}
