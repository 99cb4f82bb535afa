//go:build !unix

package testbed

import "errors"

var errNoProcess = errors.New("servers are started on Unix only; name one by its environment variable")

// process is never made on this system.
type process struct {
	pid    int
	exited chan struct{}
}

func startProcess(string, string, []string) (*process, error) { return nil, errNoProcess }

func startWatch(_, _ []string) (*process, error) { return nil, errNoProcess }

func (p *process) kill() error   { return errNoProcess }
func (p *process) pause() error  { return errNoProcess }
func (p *process) resume() error { return errNoProcess }
func (p *process) stop(bool)     {}
