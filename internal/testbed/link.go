package testbed

import (
	"net"
	"sync"
)

// gate holds goroutines up while it is shut.
type gate struct {
	mu sync.Mutex
	ch chan struct{} // closed while the gate is open
}

func newGate() *gate {
	g := &gate{ch: make(chan struct{})}
	close(g.ch)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.ch:
		g.ch = make(chan struct{})
	default:
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.ch:
	default:
		close(g.ch)
	}
}

func (g *gate) opened() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ch
}

// link is one client's connection to the server.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn
	gate           *gate

	once sync.Once
	done chan struct{} // closed when the link has ended

	answered bool // the last bytes were the server's; guarded by Proxy.mu

	mu    sync.Mutex
	after Action // what to do when the server answers, or Pass
}

// run moves bytes in both directions until either side ends the connection, or a fault does.
func (l *link) run() {
	var group sync.WaitGroup
	group.Go(func() { l.pump(l.client, l.server, true) })
	group.Go(func() { l.pump(l.server, l.client, false) })
	group.Wait()
}

// pump moves bytes in one direction. Its end ends the link.
func (l *link) pump(from, to *net.TCPConn, fromClient bool) {
	defer l.end(false)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !l.forward(to, buffer[:n], fromClient) {
			return
		}
		if err != nil {
			return
		}
	}
}

// forward does with bytes what the matchers say. It reports whether the link goes on.
func (l *link) forward(to *net.TCPConn, data []byte, fromClient bool) bool {
	action := l.proxy.match(l, fromClient, data)
	if !fromClient {
		if after := l.takeAfter(); action == Pass {
			action = after
		}
	}
	switch action {
	case Stall:
		l.gate.shut()
	case Cut, Reset:
		l.end(action == Reset)
		return false
	case StallAfter, CutAfter, ResetAfter:
		if fromClient {
			// Before the bytes are on their way: the answer must not get past.
			l.setAfter(action)
		}
	case Pass:
	}
	if !l.wait() {
		return false
	}
	if _, err := to.Write(data); err != nil {
		return false
	}
	if fromClient {
		return true
	}
	switch action {
	case StallAfter:
		l.gate.shut()
	case CutAfter, ResetAfter:
		l.end(action == ResetAfter)
		return false
	case Pass, Stall, Cut, Reset:
	}
	return true
}

// wait holds bytes up while the link or the whole proxy is stalled. It reports whether the link goes on.
func (l *link) wait() bool {
	for {
		for _, g := range []*gate{l.proxy.gate, l.gate} {
			select {
			case <-g.opened():
			case <-l.done:
				return false
			}
		}
		// The first gate may have been shut while the second held.
		select {
		case <-l.proxy.gate.opened():
			return true
		default:
		}
	}
}

// setAfter notes what a request has asked to be done with its answer.
func (l *link) setAfter(action Action) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.after = action
}

// takeAfter returns what is to be done with an answer, as the action that keeps it back.
func (l *link) takeAfter() Action {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := l.after
	l.after = Pass
	switch after {
	case StallAfter:
		return Stall
	case CutAfter:
		return Cut
	case ResetAfter:
		return Reset
	default:
		return Pass
	}
}

// end closes both sides, once. With reset the sockets are closed with nothing left to linger, which makes the
// kernel send RST.
func (l *link) end(reset bool) {
	l.once.Do(func() {
		close(l.done)
		l.proxy.forget(l)
		for _, conn := range []*net.TCPConn{l.client, l.server} {
			if reset {
				_ = conn.SetLinger(0) // A connection that is gone cannot be reset.
			}
			conn.Close()
		}
	})
}
