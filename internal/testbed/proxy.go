package testbed

import (
	"net"
	"sync"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
)

// Proxy is a TCP proxy between a client and one server. It counts round trips on the wire and makes faults. Its
// methods are safe for concurrent use. It ends with its test, and no goroutine of it is left then.
//
// A round trip is counted when a client's bytes follow a server's on the same connection, or are the first of a
// connection: bytes that are sent without waiting for an answer belong to one trip. So every wait of the client is
// counted, also for what hides below database/sql: the login, preparing a statement, BEGIN. The commands of MySQL
// that get no answer, which are the closing of a statement (COM_STMT_CLOSE) and the goodbye (COM_QUIT), cost no
// trip, wherever they are sent; Closes counts the closings.
type Proxy struct {
	target   string
	listener net.Listener
	group    sync.WaitGroup

	matching sync.Mutex // held while a matcher runs

	mu       sync.Mutex
	onClient Matcher
	onServer Matcher
	ignore   func(data []byte) bool
	links    map[*link]struct{}
	gate     *gate
	trips    int
	closes   int
	closed   bool
}

// NewProxy starts a proxy on a free port of 127.0.0.1 that connects each client to target (host:port). A client
// whose target does not answer is accepted and then closed.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("testbed: starting a proxy: %v", err)
	}
	p := &Proxy{target: target, listener: listener, links: map[*link]struct{}{}, gate: newGate()}
	p.group.Go(p.accept)
	t.Cleanup(p.Close)
	return p
}

// Addr returns the host and port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// DSN returns a data source name of go-sql-driver/mysql or go-mssqldb with the proxy's address in place of the
// server's.
func (p *Proxy) DSN(dsn string) string {
	if isSQLServerDSN(dsn) {
		return sqlServerDSN(dsn, p.Addr())
	}
	cfg, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return ""
	}
	cfg.Net, cfg.Addr = "tcp", p.Addr()
	return cfg.FormatDSN()
}

// URI returns a connection string of MongoDB that leads to the proxy, and to it alone: without directConnection
// the driver would ask the server for the addresses of its set and go there, past the proxy.
func (p *Proxy) URI() string { return "mongodb://" + p.Addr() + "/?directConnection=true" }

// Count returns the round trips since the proxy was started or Reset was called. A trip is counted before its
// bytes reach the server, so a client that has its answer finds the trip counted.
func (p *Proxy) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips
}

// Closes returns how many statements of MySQL clients have closed since the proxy was started or Reset was called.
// Nobody waits for them, so those that are on their way are not counted yet.
func (p *Proxy) Closes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closes
}

// Reset sets the counts to zero.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trips, p.closes = 0, 0
}

// Ignore keeps the round trips that begin with matching bytes out of the count. Nil counts all. The function must
// not call the proxy.
func (p *Proxy) Ignore(match func(data []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ignore = match
}

// OnClient sets the matcher of what clients send, in place of the one before. Nil passes everything.
func (p *Proxy) OnClient(match Matcher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onClient = match
}

// OnServer sets the matcher of what the server sends, in place of the one before. Nil passes everything.
func (p *Proxy) OnServer(match Matcher) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onServer = match
}

// Connections returns the number of connections that are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// CutAll closes every connection now. New ones are accepted as before. What a client has sent and the server not
// yet read may be lost or not, as on a real network.
func (p *Proxy) CutAll() { p.endAll(false) }

// ResetAll is like CutAll, and the clients get a reset.
func (p *Proxy) ResetAll() { p.endAll(true) }

// Stall keeps back all bytes of all connections, in both directions and of new ones too, until Resume. Bytes that
// were read before it was called may still pass.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate.shut()
}

// Resume ends Stall, and every stall that a matcher began.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate.open()
	for l := range p.links {
		l.gate.open()
	}
}

// Close ends the proxy and its connections and returns when its goroutines are gone. It may be called more than
// once.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.endAll(false)
	p.group.Wait()
}

func (p *Proxy) endAll(reset bool) {
	p.mu.Lock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		l.end(reset)
	}
}

// accept makes a link of every client until the listener is closed.
func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.group.Go(func() { p.connect(conn.(*net.TCPConn)) })
	}
}

// connect leads one client to the target and returns when the connection has ended.
func (p *Proxy) connect(client *net.TCPConn) {
	server, err := net.DialTimeout("tcp", p.target, startLimit)
	if err != nil {
		client.Close()
		return
	}
	l := &link{
		proxy: p, client: client, server: server.(*net.TCPConn), gate: newGate(), done: make(chan struct{}),
		answered: true,
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.links[l] = struct{}{}
	}
	p.mu.Unlock()
	if closed {
		l.end(false)
		return
	}
	l.run()
}

// forget takes a link that ends off the list.
func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// match asks a direction's matcher about bytes, and counts the trip that they may begin.
func (p *Proxy) match(l *link, fromClient bool, data []byte) Action {
	p.mu.Lock()
	matcher := p.onServer
	if fromClient {
		matcher = p.onClient
		closes, more := unanswered(data)
		p.closes += closes
		if more {
			if l.answered && (p.ignore == nil || !p.ignore(data)) {
				p.trips++
			}
			l.answered = false
		}
	} else {
		l.answered = true
	}
	p.mu.Unlock()
	if matcher == nil {
		return Pass
	}
	p.matching.Lock()
	defer p.matching.Unlock()
	return matcher(data)
}
