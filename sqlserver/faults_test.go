package sqlserver_test

import (
	"bytes"
	"sync"
	"testing"
	"unicode/utf16"

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
