package testbed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// startLimit bounds how long a server may take until it answers. A loaded machine with two cores needs
	// some seconds; what takes longer hangs.
	startLimit = 90 * time.Second

	// pollEvery is how often a server that is starting is asked whether it answers yet.
	pollEvery = 20 * time.Millisecond

	// pingLimit bounds one such question: a server that is paused would never answer it.
	pingLimit = 5 * time.Second

	// attempts is how often a start is tried: another process may take the free port that was just found.
	attempts = 3
)

// Patience is how long a test waits for what must happen soon, on a machine whose processors have other work too. It
// passes only where the test fails.
const Patience = time.Minute

var errNotOurs = errors.New("testbed: this server was not started by the test binary")

// Server is one server that tests run against. Its methods are safe for concurrent use, but Kill, Pause, Resume
// and Restart change what every user of the server meets: use them on a server of the test's own only (StartMySQL,
// StartMariaDB, StartMongo).
type Server struct {
	product, version string
	addr, dsn        string

	folder  string
	command []string
	ping    func(ctx context.Context) error
	docker  *container // nil unless it runs in Docker

	mu   sync.Mutex
	proc *process // nil when it is not ours
}

// Product returns "MySQL", "MariaDB" or "MongoDB".
func (s *Server) Product() string { return s.product }

// Version returns the version as the server itself states it.
func (s *Server) Version() string { return s.version }

// Addr returns the host and port that the server listens on, for NewProxy.
func (s *Server) Addr() string { return s.addr }

// DSN returns the data source name of the server: of go-sql-driver/mysql, without a database, or a connection
// string of MongoDB for this one server (directConnection).
func (s *Server) DSN() string { return s.dsn }

// String returns product, version and address.
func (s *Server) String() string { return s.product + " " + s.version + " at " + s.addr }

// Pid returns the server's process id, or 0 when the server is not a process of this machine that the test
// binary started.
func (s *Server) Pid() int {
	if p := s.process(); p != nil {
		return p.pid
	}
	return 0
}

// Kill ends the server as a crash does (SIGKILL) and returns when it is gone. Its data stays.
func (s *Server) Kill() error {
	if s.docker != nil {
		return s.docker.compose("kill")
	}
	if p := s.process(); p != nil {
		return p.kill()
	}
	return errNotOurs
}

// Pause stops the server where it is (SIGSTOP): its connections stay open and it answers nothing until Resume.
func (s *Server) Pause() error {
	if s.docker != nil {
		return s.docker.compose("pause")
	}
	if p := s.process(); p != nil {
		return p.pause()
	}
	return errNotOurs
}

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() error {
	if s.docker != nil {
		return s.docker.compose("unpause")
	}
	if p := s.process(); p != nil {
		return p.resume()
	}
	return errNotOurs
}

// Restart kills the server if it runs and starts it again on the same data and the same port. It returns when
// the server answers.
func (s *Server) Restart(ctx context.Context) error {
	if s.docker != nil {
		if err := s.docker.compose("restart"); err != nil {
			return err
		}
		return s.await(ctx)
	}
	if s.process() == nil {
		return errNotOurs
	}
	s.process().stop(true)
	if err := s.launch(); err != nil {
		return err
	}
	return s.await(ctx)
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// launch starts the process, without waiting until it answers.
func (s *Server) launch() error {
	p, err := startProcess(s.folder, s.logFile(), s.command)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc = p
	return nil
}

// stop ends a server of ours and removes its folder.
func (s *Server) stop() {
	if s.docker != nil {
		s.docker.down()
	}
	if p := s.process(); p != nil {
		p.stop(false)
	}
}

func (s *Server) logFile() string { return filepath.Join(s.folder, "log") }

// await returns when the server answers a ping, or an error when it ended or did not answer in time.
func (s *Server) await(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if p := s.process(); p != nil {
		go func() {
			select {
			case <-p.exited:
				cancel()
			case <-within.Done():
			}
		}()
	}
	err := until(within, func() error {
		ctx, cancel := context.WithTimeout(within, pingLimit)
		defer cancel()
		return s.ping(ctx)
	})
	switch {
	case err == nil:
		return nil
	case s.ended():
		return fmt.Errorf("%s ended while it started: %s", s.product, s.lastLog())
	default:
		return fmt.Errorf("%s does not answer within %s: %w", s.product, startLimit, err)
	}
}

// until calls f, every pollEvery, until it succeeds. When the context ends first it returns f's last error.
func until(ctx context.Context, f func() error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}

// lastLog returns the end of what the server printed, on one line.
func (s *Server) lastLog() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}

// ended reports whether a server of ours is gone.
func (s *Server) ended() bool {
	p := s.process()
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// freePort returns a port of 127.0.0.1 that nobody listens on. It keeps below the range from which the kernel
// takes the ports of outgoing connections: a port from that range can be taken at any moment until the server
// listens on it, also while the server is restarted.
func freePort() (int, error) {
	var failed error
	for range 50 {
		port := 15000 + rand.IntN(17000)
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
		failed = err
	}
	return 0, failed
}
