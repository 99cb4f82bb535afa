package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// dockerLimit bounds the start of a container, with the download of its image.
const dockerLimit = 10 * time.Minute

// container is a service of compose.yaml that runs under a project name of its own, so that it meets neither
// another test binary's nor the one that a person has started.
type container struct {
	service string
	args    []string // of docker, up to the subcommand of compose
	env     []string
	watch   *process
}

// startDocker starts a service of compose.yaml on a free port of 127.0.0.1. Every error means that the server is
// not to be had this way.
func startDocker(ctx context.Context, service string) (c *container, addr, password string, err error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, "", "", errors.New("no Docker")
	}
	asked, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := exec.CommandContext(asked, "docker", "info", "--format", "{{.ServerVersion}}").Run(); err != nil {
		return nil, "", "", errors.New("no Docker daemon answers")
	}
	root, err := binary.Root()
	if err != nil {
		return nil, "", "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", "", err
	}
	password = "Sf1-" + rand.Text()
	project := fmt.Sprintf("stillframe-%s-%d-%d", service, os.Getpid(), port)
	c = &container{
		service: service,
		args:    []string{"compose", "-p", project, "-f", filepath.Join(root, "compose.yaml")},
		env: append(os.Environ(), "STILLFRAME_PASSWORD="+password,
			"STILLFRAME_"+strings.ToUpper(service)+"_PORT="+strconv.Itoa(port)),
	}
	if err := c.up(ctx); err != nil {
		c.down()
		return nil, "", "", err
	}
	return c, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), password, nil
}

// up starts the service and returns when its health check passes. A watcher takes the service down when the test
// binary is gone, and is there first, so that a test binary which is killed meanwhile leaves nothing.
func (c *container) up(ctx context.Context) error {
	down := append(append([]string{"docker"}, c.args...), "down", "--volumes", "--timeout", "1")
	watch, err := startWatch(down, c.env)
	if err != nil {
		return err
	}
	c.watch = watch
	ctx, cancel := context.WithTimeout(ctx, dockerLimit)
	defer cancel()
	return c.run(ctx, "up", "--detach", "--wait", c.service)
}

// compose runs a subcommand for the service.
func (c *container) compose(subcommand string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return c.run(ctx, subcommand, c.service)
}

// down ends the service and removes what it stored.
func (c *container) down() {
	if c.watch != nil {
		c.watch.stop(false)
	}
}

func (c *container) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", append(slices.Clone(c.args), args...)...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("docker compose %s %s: %w: %s", args[0], c.service, err, lines[len(lines)-1])
	}
	return nil
}
