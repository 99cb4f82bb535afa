package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stillframe/stillframe/internal/testbed"
)

var update = flag.Bool("update", false, "write the tables of the guides anew")

// client is a process of Python that stands for a service. It answers one request after the other.
type client struct {
	mu      sync.Mutex
	in      io.WriteCloser
	out     *bufio.Reader
	process *exec.Cmd
	stderr  bytes.Buffer
}

// raised is an exception of Python.
type raised struct{ Class, Text string }

func (r *raised) Error() string { return r.Class + ": " + r.Text }

// start starts a program of testdata, which ends with the test.
func start(t testing.TB, program string, settings any) *client {
	t.Helper()
	text, err := json.Marshal(settings)
	require.NoError(t, err)
	c := &client{}
	c.process = exec.CommandContext(t.Context(), testbed.Python(t), "-I", "-B", "-W", "error", "-c",
		"import runpy, sys; sys.path.insert(0, 'testdata'); runpy.run_path('testdata/"+program+"')", string(text))
	c.process.Stderr = &c.stderr
	c.in, err = c.process.StdinPipe()
	require.NoError(t, err)
	out, err := c.process.StdoutPipe()
	require.NoError(t, err)
	c.out = bufio.NewReader(out)
	require.NoError(t, c.process.Start())
	t.Cleanup(func() {
		_ = c.in.Close()
		_ = c.process.Wait() // its context has ended it by then
		if t.Failed() && c.stderr.Len() > 0 {
			t.Logf("%s: %s", filepath.Base(program), strings.TrimSpace(c.stderr.String()))
		}
	})
	return c
}

// arguments are those of a request, by name.
type arguments map[string]any

// ask has the service do something, and returns what it answers. An exception is a [*raised].
func ask[T any](c *client, do string, args arguments) (value T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	request := arguments{"do": do}
	for name, value := range args {
		request[name] = value
	}
	text, err := json.Marshal(request)
	if err != nil {
		return value, err
	}
	if _, err := c.in.Write(append(text, '\n')); err != nil {
		return value, fmt.Errorf("the service is gone: %w", err)
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return value, fmt.Errorf("the service is gone: %w", err)
	}
	var answer struct {
		Value       T
		Error, Text string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return value, err
	}
	if answer.Error != "" {
		return value, &raised{answer.Error, answer.Text}
	}
	return answer.Value, nil
}

// must is ask where an exception fails the test.
func must[T any](t testing.TB, c *client, do string, args arguments) T {
	t.Helper()
	value, err := ask[T](c, do, args)
	require.NoError(t, err)
	return value
}
