// Command fetch puts SQLAlchemy and mongoengine into .servers/python, for the tests of package interop. It installs
// nothing on the system and needs no rights. It prints one line, and exits with 0 either way: the tests decide by
// STILLFRAME_REQUIRE whether the clients must be there. A folder that is up to date is left as it is.
//
// Usage:
//
//	go run ./internal/testbed/python/fetch
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/stillframe/stillframe/internal/testbed/python"
)

// limit bounds the whole command, so that a registry which does not answer cannot hold up a test run for ever.
const limit = 8 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	fetched, err := python.Fetch(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Printf("interop: not to be had here: no answer within %s\n", limit)
	case err != nil:
		fmt.Println("interop: not to be had here:", strings.Join(strings.Fields(err.Error()), " "))
	case fetched:
		fmt.Printf("interop: SQLAlchemy and mongoengine by pip, in %.1f s\n", time.Since(began).Seconds())
	default:
		fmt.Println("interop: is there")
	}
}
