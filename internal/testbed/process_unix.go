//go:build unix

package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// supervisor is the shell script that stands between the test binary and a server. It prints the server's
// process id and waits for its standard input to end, which happens when the test binary ends, however it ends:
// the kernel closes the pipe of a killed process too. Then it kills the server and removes its folder. A first
// line "keep" makes it leave the folder.
//
// The server inherits the supervisor's standard output as file 3 and never writes there. When the server is gone
// nobody holds that pipe any more, and so the test binary learns it without waiting for a child of a child.
const supervisor = `
folder=$1 log=$2
shift 2
"$@" 3>&1 >>"$log" 2>&1 </dev/null &
server=$!
echo "$server"
exec >/dev/null
read -r word
kill -9 "$server"
wait "$server"
[ "$word" = keep ] || rm -rf "$folder"
`

// process is a server that this test binary started. Its methods are safe for concurrent use.
type process struct {
	pid    int
	alive  io.WriteCloser // the supervisor's standard input
	exited chan struct{}  // closed when the server is gone
	ended  chan struct{}  // closed when the supervisor is gone
}

// startProcess runs a command under a supervisor, in a session of its own, so that a terminal's interrupt
// reaches the test binary only. What the command prints is added to the file log; folder is what goes with it.
func startProcess(folder, log string, command []string) (*process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisor, "supervisor", folder, log}, command...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// Not the folder: it may be removed, and not the package's: go test may want to.
	cmd.Dir = os.TempDir()
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A pipe of our own: Wait would close StdoutPipe's end while it is read.
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = theirs
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	p := &process{alive: alive, exited: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // The supervisor's exit code says nothing.
		close(p.ended)
	}()
	reader := bufio.NewReader(out)
	line, err := reader.ReadString('\n')
	if err == nil {
		p.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		alive.Close()
		out.Close()
		return nil, fmt.Errorf("the supervisor told no process id: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, reader)
		out.Close()
		close(p.exited)
	}()
	return p, nil
}

// watcher runs a command when its standard input ends, which is when the test binary does.
const watcher = `read -r word; exec "$@"`

// startWatch has a command run when the test binary is gone, or when the returned process is stopped.
func startWatch(command, env []string) (*process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", watcher, "watcher"}, command...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir, cmd.Env = os.TempDir(), env
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, alive: alive, exited: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // Nobody is left to be told.
		close(p.exited)
		close(p.ended)
	}()
	return p, nil
}

// signal sends a signal to the server.
func (p *process) signal(s syscall.Signal) error {
	select {
	case <-p.exited:
		return errors.New("the server is not running")
	default:
		return syscall.Kill(p.pid, s)
	}
}

// kill ends the server as a crash would, and returns when it is gone.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.exited
	return nil
}

// pause stops the server where it is: its connections stay open and nothing answers. The signal reaches the
// threads one by one, so it returns when all have stopped, where the system tells (Linux).
func (p *process) pause() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return until(ctx, func() error {
		if !p.stopped() {
			return errors.New("the server does not stop")
		}
		return nil
	})
}

// stopped reports whether no thread of the server runs: the state in proc(5) is T, after the name in brackets.
func (p *process) stopped() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
	if err != nil || len(threads) == 0 {
		return true
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // The thread has ended meanwhile.
		}
		if at := strings.LastIndex(string(text), ") "); at >= 0 && text[at+2] != 'T' {
			return false
		}
	}
	return true
}

// resume lets a paused server go on.
func (p *process) resume() error { return p.signal(syscall.SIGCONT) }

// stop ends the server and its supervisor and returns when both are gone. The folder goes too unless it is kept.
func (p *process) stop(keep bool) {
	if keep {
		_, _ = io.WriteString(p.alive, "keep\n") // A supervisor that is gone has nothing to keep.
	}
	p.alive.Close()
	<-p.ended
	<-p.exited
}
