package mysql_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/sqldb"
	"github.com/stillframe/stillframe/internal/sqldb/sqltest"
	"github.com/stillframe/stillframe/mysql"
	"github.com/stillframe/stillframe/store"
)

// stackedNet is the network whose connections note the stack of each write.
const stackedNet = "stacked"

// stacks holds the deepest stack of the library's own frames at a write to the server, and how many
// writes there were.
type stacks struct {
	mu      sync.Mutex
	writes  int
	deepest []string
}

func (s *stacks) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes, s.deepest = 0, nil
}

// note takes the stack of its caller. What counts are the functions of package sqldb and of this backend,
// from the method of Collection on; what the compiler has put inline counts too.
func (s *stacks) note() {
	callers := make([]uintptr, 200)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	var own []string
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		for _, pkg := range []string{"internal/sqldb.", "mysql."} {
			if strings.HasPrefix(f.Function, "github.com/stillframe/stillframe/"+pkg) {
				own = append(own, f.Function[strings.LastIndexByte(f.Function, '/')+1:])
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if len(own) > len(s.deepest) {
		s.deepest = own
	}
}

// stackedConn is a connection that notes who writes to it.
type stackedConn struct {
	net.Conn
	stacks *stacks
}

func (c *stackedConn) Write(b []byte) (int, error) {
	c.stacks.note()
	return c.Conn.Write(b)
}

// TestFrames keeps the way from a call to the client short enough to be read: the library's own functions
// on the stack whenever the client writes to the server, be it to prepare a statement or to run it.
func TestFrames(t *testing.T) {
	var noted stacks
	dialer := new(sqldb.Dialer)
	mysqldriver.RegisterDialContext(stackedNet, func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		return &stackedConn{conn, &noted}, err
	})
	t.Cleanup(func() { mysqldriver.DeregisterDialContext(stackedNet) })
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			cfg, err := mysqldriver.ParseDSN(s.Database(t))
			require.NoError(t, err)
			cfg.Net, cfg.Addr = stackedNet, s.Addr()
			db := open(t, cfg.FormatDSN(), &mysql.Options{Connections: 1})
			r := store.MustRepository[sqltest.Club, int64](db, "clubs", nil)
			require.NoError(t, r.EnsureSchema(t.Context()))
			require.NoError(t, r.Insert(t.Context(), &sqltest.Club{ID: 1}))
			club, err := r.Get(t.Context(), 1)
			require.NoError(t, err)
			type clubs = *store.Repository[sqltest.Club, int64]
			get := func(ctx context.Context, r clubs) error { _, err := r.Get(ctx, 1); return err }
			save := func(ctx context.Context, r clubs) error { return r.Save(ctx, &club) }
			stale := func(ctx context.Context, r clubs) error {
				old := club
				old.Version += 1000
				if err := r.Save(ctx, &old); !errors.Is(err, store.ErrConflict) {
					return fmt.Errorf("no conflict: %w", err)
				}
				return nil
			}
			inTx := func(call func(context.Context, clubs) error) func(context.Context, clubs) error {
				return func(ctx context.Context, r clubs) error {
					return db.Atomic(ctx, nil, func(ctx context.Context, tx *store.Tx) error {
						return call(ctx, r.In(tx))
					})
				}
			}
			for _, c := range []struct {
				name string
				most int
				call func(context.Context, clubs) error
			}{
				// One of them is what catches the client's panics, away from the codecs of the user.
				{"Get", 9, get},
				{"Get in a Tx", 9, inTx(get)},
				{"Save", 11, save},
				{"Save in a Tx", 11, inTx(save)},
				{"stale Save", 11, stale},
			} {
				for _, state := range []string{"cold", "warm"} {
					noted.reset()
					require.NoError(t, c.call(t.Context(), r))
					assert.Positive(t, noted.writes)
					t.Logf("%s, %s: %d frames", c.name, state, len(noted.deepest))
					assert.LessOrEqual(t, len(noted.deepest), c.most, "%s, %s: %v", c.name, state, noted.deepest)
				}
			}
		})
	}
}
