package testbed

import (
	"bufio"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toy is a server that answers each line with "did " and the line, and remembers the lines.
type toy struct {
	listener net.Listener
	group    sync.WaitGroup
	mu       sync.Mutex
	lines    []string
}

// startToy starts a toy on a port of its own. It ends with the test, which waits until the proxy has closed its
// connections to it.
func startToy(t *testing.T) *toy {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	s := &toy{listener: listener}
	s.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.group.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		s.group.Wait()
	})
	return s
}

// serve answers one connection. A line that starts with "quiet" gets no answer, like the closing of a statement in
// MySQL's protocol.
func (s *toy) serve(conn net.Conn) {
	defer conn.Close()
	scanner := bufio.NewScanner(conn)
	for scanner.Scan() {
		line := scanner.Text()
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if strings.HasPrefix(line, "quiet") {
			continue
		}
		if _, err := io.WriteString(conn, "did "+line+"\n"); err != nil {
			return
		}
	}
}

func (s *toy) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.lines...)
}

type toyClient struct {
	t    *testing.T
	conn net.Conn
	*bufio.Reader
}

func dialToy(t *testing.T, p *Proxy) *toyClient {
	t.Helper()
	conn, err := net.Dial("tcp4", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &toyClient{t, conn, bufio.NewReader(conn)}
}

func (c *toyClient) send(line string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, line+"\n")
	require.NoError(c.t, err)
}

func (c *toyClient) ask(line string) (string, error) {
	c.t.Helper()
	c.send(line)
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(Patience)))
	answer, err := c.ReadString('\n')
	return strings.TrimSpace(answer), err
}

// silent asserts that nothing arrives for a moment.
func (c *toyClient) silent() {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := c.ReadByte()
	require.ErrorIs(c.t, err, os.ErrDeadlineExceeded)
}

func (c *toyClient) receive() string {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(Patience)))
	answer, err := c.ReadString('\n')
	require.NoError(c.t, err)
	return strings.TrimSpace(answer)
}

func TestProxyCount(t *testing.T) {
	t.Parallel()
	s := startToy(t)
	p := NewProxy(t, s.listener.Addr().String())
	c, other := dialToy(t, p), dialToy(t, p)
	for range 3 {
		answer, err := c.ask("one")
		require.NoError(t, err)
		assert.Equal(t, "did one", answer)
	}
	assert.Equal(t, 3, p.Count())
	require.Eventually(t, func() bool { return p.Connections() == 2 }, Patience, time.Millisecond)
	p.Reset()

	// What is sent without waiting for an answer is one trip with what follows, also in separate segments.
	c.send("quiet close")
	require.Eventually(t, func() bool { return slices.Contains(s.seen(), "quiet close") },
		Patience, time.Millisecond)
	_, err := c.ask("two")
	require.NoError(t, err)
	assert.Equal(t, 1, p.Count())

	// Connections are counted apart: neither hides the other's trip.
	_, err = other.ask("three")
	require.NoError(t, err)
	_, err = c.ask("four")
	require.NoError(t, err)
	assert.Equal(t, 3, p.Count())

	p.Reset()
	p.Ignore(func(data []byte) bool { return strings.HasPrefix(string(data), "heartbeat") })
	for _, line := range []string{"heartbeat", "five", "heartbeat"} {
		_, err = c.ask(line)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, p.Count())
}

func TestProxyFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		action  Action
		server  bool // the matcher is of the server's bytes
		wantErr error
		arrived bool // the server saw the request
	}{
		{"ClientCut", Cut, false, io.EOF, false},
		{"ClientReset", Reset, false, syscall.ECONNRESET, false},
		{"ClientCutAfter", CutAfter, false, io.EOF, true},
		{"ClientResetAfter", ResetAfter, false, syscall.ECONNRESET, true},
		{"ServerCut", Cut, true, io.EOF, true},
		{"ServerReset", Reset, true, syscall.ECONNRESET, true},
		{"ServerCutAfter", CutAfter, true, nil, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startToy(t)
			p := NewProxy(t, s.listener.Addr().String())
			set := p.OnClient
			if test.server {
				set = p.OnServer
			}
			set(Once("COMMIT", test.action))
			c := dialToy(t, p)
			answer, err := c.ask("before")
			require.NoError(t, err)
			require.Equal(t, "did before", answer)
			answer, err = c.ask("COMMIT")
			require.ErrorIs(t, err, test.wantErr)
			if test.wantErr != nil {
				assert.Empty(t, answer, "the answer got past")
			} else {
				assert.Equal(t, "did COMMIT", answer)
				_, err = c.ReadByte()
				require.ErrorIs(t, err, io.EOF)
			}
			want := []string{"before"}
			if test.arrived {
				want = append(want, "COMMIT")
			}
			assert.Equal(t, want, s.seen())
			assert.Zero(t, p.Connections())

			again := dialToy(t, p)
			answer, err = again.ask("COMMIT")
			require.NoError(t, err, "the fault happens once")
			assert.Equal(t, "did COMMIT", answer)
		})
	}
}

func TestProxyStalls(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		action Action
		want   []string // what the server has seen while the connection is stalled
	}{
		{"Before", Stall, []string{}},
		{"After", StallAfter, []string{"COMMIT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startToy(t)
			p := NewProxy(t, s.listener.Addr().String())
			p.OnClient(Once("COMMIT", test.action))
			c, other := dialToy(t, p), dialToy(t, p)
			c.send("COMMIT")
			c.silent()
			assert.Equal(t, test.want, s.seen())
			answer, err := other.ask("two")
			require.NoError(t, err, "the stall is of one connection")
			assert.Equal(t, "did two", answer)
			p.Resume()
			assert.Equal(t, "did COMMIT", c.receive())
		})
	}
	t.Run("Everything", func(t *testing.T) {
		t.Parallel()
		s := startToy(t)
		p := NewProxy(t, s.listener.Addr().String())
		c := dialToy(t, p)
		_, err := c.ask("one")
		require.NoError(t, err)
		p.Stall()
		c.send("two")
		late := dialToy(t, p)
		late.send("three")
		c.silent()
		late.silent()
		assert.Equal(t, []string{"one"}, s.seen())
		p.Resume()
		assert.Equal(t, "did two", c.receive())
		assert.Equal(t, "did three", late.receive())
	})
}

func TestProxyCutAll(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, startToy(t).listener.Addr().String())
	for _, test := range []struct {
		end     func()
		wantErr error
	}{{p.CutAll, io.EOF}, {p.ResetAll, syscall.ECONNRESET}} {
		clients := []*toyClient{dialToy(t, p), dialToy(t, p)}
		for _, c := range clients {
			_, err := c.ask("one")
			require.NoError(t, err)
		}
		p.Stall()
		test.end()
		assert.Zero(t, p.Connections())
		for _, c := range clients {
			_, err := c.ReadByte()
			require.ErrorIs(t, err, test.wantErr)
		}
		p.Resume()
	}
}

func TestProxyTargetIsAway(t *testing.T) {
	t.Parallel()
	s := startToy(t)
	require.NoError(t, s.listener.Close())
	p := NewProxy(t, s.listener.Addr().String())
	_, err := dialToy(t, p).ReadByte()
	require.Error(t, err)
}

// TestProxyCloseWaits holds one of the proxy's goroutines in a matcher: Close must not return before it is gone.
func TestProxyCloseWaits(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, startToy(t).listener.Addr().String())
	entered, release, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	p.OnClient(func([]byte) Action {
		close(entered)
		<-release
		return Pass
	})
	dialToy(t, p).send("one")
	<-entered
	go func() {
		defer close(closed)
		p.Close()
	}()
	select {
	case <-closed:
		t.Error("Close has left a goroutine behind")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-closed
}

// TestProxyLeavesNothing looks for goroutines in the stacks of all, after a proxy ended in which they waited for
// everything that they can wait for.
func TestProxyLeavesNothing(t *testing.T) {
	s := startToy(t)
	var p *Proxy
	t.Run("Inner", func(t *testing.T) {
		p = NewProxy(t, s.listener.Addr().String())
		p.OnClient(Once("COMMIT", StallAfter))
		c := dialToy(t, p)
		c.send("COMMIT")
		c.silent()
		_, err := dialToy(t, p).ask("idle")
		require.NoError(t, err)
		p.Stall()
		dialToy(t, p).send("held")
	})
	p.Close()
	assert.Zero(t, p.Connections())
	_, err := net.Dial("tcp4", p.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	if left := proxyGoroutines(); left != "" {
		t.Errorf("still there:\n%s", left)
	}
}

// proxyGoroutines returns the stacks of goroutines that run a proxy. A goroutine that has told its group that it
// is done may need a moment to end, so it looks more than once.
func proxyGoroutines() string {
	var left []string
	for range 1000 {
		buffer := make([]byte, 4<<20)
		buffer = buffer[:runtime.Stack(buffer, true)]
		left = nil
		for stack := range strings.SplitSeq(string(buffer), "\n\n") {
			if strings.Contains(stack, "testbed.(*link)") || strings.Contains(stack, "testbed.(*Proxy).connect") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}
		runtime.Gosched()
	}
	return strings.Join(left, "\n\n")
}
