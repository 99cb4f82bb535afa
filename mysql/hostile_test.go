package mysql_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/internal/testbed"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// An answer that no server gives ends the call with an error, and the next call works.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t)
	dsn := server.Database(t)
	sqltest.Clubs(t, open(t, dsn, nil), 100)
	packet := func(sequence byte, b []byte) []byte {
		return append([]byte{byte(len(b)), byte(len(b) >> 8), byte(len(b) >> 16), sequence}, b...)
	}
	column := []byte{3, 'd', 'e', 'f', 0, 0, 0, 1, 'a', 0, 0x0c, 45, 0, 255, 255, 0, 0, 0xfd, 0, 0, 0, 0, 0}
	one := append(packet(1, []byte{1, 1}), packet(2, column)...)
	answers := map[string][]byte{
		"NoColumns":   packet(1, []byte{0, 0, 0, 2, 0, 0, 0}),
		"ManyColumns": packet(1, []byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 63}),
		"FewColumns":  append(append(one, packet(3, []byte{0, 0, 1, 'x'})...), packet(4, []byte{0xfe, 0, 0, 2, 0})...),
		"LongValue": append(append([]byte{}, one...),
			packet(3, []byte{0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})...),
	}
	var answer atomic.Pointer[[]byte]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	serve := func(c net.Conn) {
		defer func() { _ = c.Close() }()
		up, err := net.Dial("tcp", server.Addr())
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		go func() { _, _ = io.Copy(c, up); _ = c.Close() }()
		for {
			var head [4]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return
			}
			body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
			if _, err := io.ReadFull(c, body); err != nil {
				return
			}
			to, what := net.Conn(up), append(head[:], body...)
			if hostile := answer.Load(); hostile != nil && len(body) > 0 && body[0] == 0x17 {
				to, what = c, *hostile
			}
			if _, err := to.Write(what); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	cfg, err := mysqldriver.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.Addr = l.Addr().String()
	db := open(t, cfg.FormatDSN(), &mysql.Options{Connections: 1})
	r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
	for name, hostile := range answers {
		for i, call := range []func(ctx context.Context) error{
			func(ctx context.Context) error { _, err := r.Get(ctx, 1); return err },
			func(ctx context.Context) error { _, err := r.Count(ctx, store.Query{}); return err },
			func(ctx context.Context) error { _, _, err := r.Page(ctx, store.Query{}); return err },
		} {
			if name == "FewColumns" && i == 1 { // one is what Count asks for
				continue
			}
			answer.Store(&hostile)
			// A server that says nothing more is waited for until the deadline.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := call(ctx)
			cancel()
			answer.Store(nil)
			require.Error(t, err, name)
			if !errors.Is(err, context.DeadlineExceeded) {
				require.ErrorContains(t, err, "the answer of the server cannot be read", name)
			}
			_, err = r.Get(t.Context(), 1)
			require.NoError(t, err, name)
		}
	}
}
